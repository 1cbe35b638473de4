# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutated inputs for each part of qerrlint that reads bytes of a stranger's: `make fuzz SECONDS=60`."""
