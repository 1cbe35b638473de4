# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of structs on the heap, and of what their members hold."""
