# SPDX-License-Identifier: GPL-2.0-or-later
"""Declarations: functions, types, macros and enumerators of a file, read without a full parse."""
