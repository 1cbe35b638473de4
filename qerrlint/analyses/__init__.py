# SPDX-License-Identifier: GPL-2.0-or-later
"""Analyses turn a function's flow graph and the facts into Observations; they know no output."""
