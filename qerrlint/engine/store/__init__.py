# SPDX-License-Identifier: GPL-2.0-or-later
"""The file in which results of runs are kept: its keys, its entries, objects out of them."""
