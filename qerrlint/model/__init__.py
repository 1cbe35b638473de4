# SPDX-License-Identifier: GPL-2.0-or-later
"""A program: translation units, the declarations in scope, effects of calls and summaries of functions."""
