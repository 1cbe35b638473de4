# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint watch`: the runs, the processes that review, the files that are written."""
