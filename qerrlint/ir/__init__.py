# SPDX-License-Identifier: GPL-2.0-or-later
"""The intermediate representation: values, events, blocks and functions, with no tree and no QEMU in it."""
