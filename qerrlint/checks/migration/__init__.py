# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of what migrates: the VMStateDescriptions of a file, and the state that none of them holds."""
