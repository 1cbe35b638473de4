# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of calls: statuses, lengths and error numbers that are dropped, overwritten or tested wrongly."""
