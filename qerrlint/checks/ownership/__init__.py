# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of the family `ownership`: what is acquired and not released, by the pairs of the rule files."""
