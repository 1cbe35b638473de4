# SPDX-License-Identifier: GPL-2.0-or-later
"""Source-to-source transformations of C functions that keep the meaning."""
