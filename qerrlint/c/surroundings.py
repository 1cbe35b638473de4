# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands around an expression in the text of a function: parentheses, a call, a comparison.

The text has no comments and no literals (c.lexis).
"""

from __future__ import annotations

import re

from qerrlint.lazy_patterns import lazy_re

_NEAR = 40
_OPENING = lazy_re(r"[^\w)\]\s]\s*(\()\s*\Z")
_CLOSING = lazy_re(r"\s*\)")
_CALLEE = lazy_re(r"(?<![\w.>])([A-Za-z_]\w*)\s*\Z")


def is_asked(before: str, after: str) -> bool:
    """Whether an expression is compared or read through, by what stands before and after it."""
    if before.endswith(("==", "!=", "!")) or after.startswith(("==", "!=", "?", "&&", "||")):
        return True
    if before.endswith(("&&", "||")):
        return after[:1] in (")", "&", "|", ";")
    # Read through, or declared.
    return before.endswith("*")


def without_parentheses(code: str, start: int, end: int) -> tuple[int, int]:
    """The offsets of an expression with the parentheses around it that belong to no call, as in a macro."""
    while True:
        opening, closed = _OPENING.search(code, max(start - _NEAR, 0), start), _CLOSING.match(code, end)
        if opening is None or closed is None:
            return start, end
        start, end = opening.start(1), closed.end()


def enclosing(code: str, at: int) -> int:
    """The offset of the parenthesis that encloses a place in its statement; 0 for none."""
    depth = 0
    for offset in range(at - 1, max(at - 2000, 0), -1):
        char = code[offset]
        if char == ")":
            depth += 1
        elif char == "(":
            if not depth:
                return offset
            depth -= 1
        elif char in ";{}" and not depth:
            return 0
    return 0


def callee_before(code: str, opened: int) -> re.Match[str] | None:
    """The name before the parenthesis at an offset; None where there is none, or no parenthesis (0)."""
    return _CALLEE.search(code, max(opened - 100, 0), opened) if opened > 0 else None


def call_around(code: str, at: int) -> tuple[str, int] | None:
    """The function whose argument a place is a part of, and the position of the argument, from 0 on; None
    where it stands in no call."""
    opened = enclosing(code, at)
    callee = callee_before(code, opened)
    return (callee[1], argument_position(code, opened, at)) if callee is not None else None


def closing(code: str, opened: int) -> int:
    """The offset after the parenthesis that closes the one at an offset; -1 for none."""
    depth = 0
    for offset in range(opened, min(opened + 4000, len(code))):
        depth += (code[offset] == "(") - (code[offset] == ")")
        if not depth:
            return offset + 1
    return -1


def argument_position(code: str, opened: int, at: int) -> int:
    """Which argument of a call a place stands in, from 0 on."""
    depth = position = 0
    for offset in range(opened + 1, at):
        char = code[offset]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and not depth:
            position += 1
    return position
