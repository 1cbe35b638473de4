# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks: each reads the result of the interpretation and emits observations; none words them."""
