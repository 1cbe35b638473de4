# SPDX-License-Identifier: GPL-2.0-or-later
"""A history in words, as JSON and as a plot."""
