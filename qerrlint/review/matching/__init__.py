# SPDX-License-Identifier: GPL-2.0-or-later
"""Which finding before a change is which after it."""
