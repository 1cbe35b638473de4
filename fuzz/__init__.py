# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutated inputs for each door through which a stranger's bytes come in: `make fuzz SECONDS=60`."""
