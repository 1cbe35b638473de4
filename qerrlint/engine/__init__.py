# SPDX-License-Identifier: GPL-2.0-or-later
"""One run: what to analyse, in which order, and how its facts and findings are put together."""
