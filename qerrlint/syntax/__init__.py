# SPDX-License-Identifier: GPL-2.0-or-later
"""The C front end, the only place that imports tree_sitter or pycparser; it knows no flow."""
