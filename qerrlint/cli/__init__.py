# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: click commands, one file each, and exit codes."""
