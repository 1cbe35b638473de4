# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages around reviews of series: an index, a feed, the lines that lead from a page to others."""
