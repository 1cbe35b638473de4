# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of what a guest can make a device do: end the program, divide by zero, fill the log."""
