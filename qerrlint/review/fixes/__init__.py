# SPDX-License-Identifier: GPL-2.0-or-later
"""Mechanical fixes: put together for each file, checked by a second analysis, arranged as commits."""
