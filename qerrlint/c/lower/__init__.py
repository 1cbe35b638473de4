# SPDX-License-Identifier: GPL-2.0-or-later
"""Lowering: a parsed function becomes events and blocks (qerrlint.ir.code)."""
