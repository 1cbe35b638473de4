# SPDX-License-Identifier: GPL-2.0-or-later
"""Abstract interpretation in general: solver, liveness, reachability and traces over a CFG."""
