# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows defects of QEMU by running a packaged QEMU: claims as data, and the program that runs them."""
