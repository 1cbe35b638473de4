# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the rules against labelled defects of QEMU's history."""
