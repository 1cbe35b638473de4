# SPDX-License-Identifier: GPL-2.0-or-later
"""Predicates of exemptions: each public function of a module here is one, known to the rows by its name.

A predicate takes the analysed function and an observation, and says whether the exemption's reason holds.
"""
