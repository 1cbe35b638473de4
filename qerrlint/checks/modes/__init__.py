# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of the family `modes`: the migration modes that blockers and notifiers are registered for."""
