# SPDX-License-Identifier: GPL-2.0-or-later
"""Error objects: set twice, lost, leaked, used after free, tested wrongly, printed and not passed on."""
