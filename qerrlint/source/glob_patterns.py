# SPDX-License-Identifier: GPL-2.0-or-later
"""Glob patterns that users write for rules and paths."""

from __future__ import annotations

from qerrlint.errors import UsageError

LONGEST = 250
"""Characters of a pattern: fnmatch takes a time that grows with the square of the number of brackets."""


def check_length(pattern: str) -> None:
    """Raise UsageError for a pattern that is longer than any rule or path needs."""
    if len(pattern) > LONGEST:
        raise UsageError(
            f"a pattern of {len(pattern)} characters ({pattern[:20]!r}...), at most {LONGEST} are allowed"
        )
