# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings over the commits of a range: which commit introduced and fixed which, and who introduced one."""
