# SPDX-License-Identifier: GPL-2.0-or-later
"""A patch-aware static analyzer for the error handling of QEMU's C sources."""

__version__ = "0.2.0"
