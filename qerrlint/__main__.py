# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m qerrlint`: the same as the command."""

from qerrlint.cli.main import main

main()
