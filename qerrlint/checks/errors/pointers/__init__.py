# SPDX-License-Identifier: GPL-2.0-or-later
"""Pointers to Error objects: set twice, leaked, used after free, stale, NULL or uninitialized."""
