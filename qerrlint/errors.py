# SPDX-License-Identifier: GPL-2.0-or-later
"""The exceptions that end in one line on stderr; every layer may raise them, only cli/ prints them."""

from __future__ import annotations


class QerrlintError(Exception):
    """Something the user can mend; its text is one clear line that names the file or argument."""

    exit_code = 2


class UsageError(QerrlintError):
    """A wrong argument, option, configuration or rule file (exit code 2)."""


class InputError(QerrlintError):
    """Input that had to be analysed and could not be: unreadable, not a patch, not a tree (exit code 3)."""

    exit_code = 3
