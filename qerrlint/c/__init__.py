# SPDX-License-Identifier: GPL-2.0-or-later
"""The C front end: cut, normalise, parse and lower functions; read declarations.

No other package imports tree_sitter or pycparser.
"""
