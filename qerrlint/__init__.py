# SPDX-License-Identifier: GPL-2.0-or-later
"""A patch-aware static analyzer for QEMU's C sources: errors, device models, migration."""

__version__ = "0.2.0"
