# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of locks that no path may release a second time."""
