# SPDX-License-Identifier: GPL-2.0-or-later
"""One run: what to analyse, in which order and processes, and how the findings are put together."""
