# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts that are QEMU's own: device phases, registrations, migration modes and events."""
