# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits that put a defect into right code, one module a subject; `seed.py` says what one is made of."""
