# SPDX-License-Identifier: GPL-2.0-or-later
"""Control-flow graphs and their bounded path exploration; it knows nothing of QEMU."""
