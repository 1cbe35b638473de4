# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of the family `notifiers`: what the callbacks of notifiers do, and who calls and registers them."""
