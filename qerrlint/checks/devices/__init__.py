# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of device models: type tables, region tables, what the phases of a device take and give back."""
