# SPDX-License-Identifier: GPL-2.0-or-later
"""Accesses to arrays of a device that a guest can move beyond them, by what decides the index."""
