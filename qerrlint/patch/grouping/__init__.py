# SPDX-License-Identifier: GPL-2.0-or-later
"""How messages become series: what each is, which belong together, which patch an answer is to."""
