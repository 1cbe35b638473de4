# SPDX-License-Identifier: GPL-2.0-or-later
"""VMStateDescriptions as data: fields, macros expanded, what they put on the wire, who uses them."""
