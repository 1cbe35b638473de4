# SPDX-License-Identifier: GPL-2.0-or-later
"""The expressions in which an operator stands, cut out of a function's text with what gets their value.

The text has comments, literals and directives blanked. What is no plain statement is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.c.lexis import closing_bracket
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

# Longer statements are tables, or no code.
_LONGEST = 1200
_LABEL = lazy_re(r"\s*(?:(?:case\b[^:;]{0,200}|default\s*|\w+\s*)(?<!:):(?!:)|else\b|do\b)")
_HEAD = lazy_re(r"\s*(if|while|switch|for|assert|g_assert)\s*(?=\()")
_RETURN = lazy_re(r"\s*return\b")
_ASSIGNS = lazy_re(r"(?<![=!<>+\-*/%&|^])(?:[+\-*/%&|^]|<<|>>)?=(?!=)")
_DECLARES = lazy_re(
    r"\s*(?:(?:static|const|register|volatile)\s+)*([A-Za-z_]\w*(?:\s+(?:int|long|char|short|unsigned))*)\s+\w+\s*\Z"
)


@record(frozen=True, slots=True)
class Used:
    """An expression, where it stands, and what its value is for.

    how: "assigned", "returned" or "tested". `target` is the text that gets the value ("" where it is declared
    there), `declared` the type that it is declared with, `sign` the operator of the assignment.
    """

    text: str
    start: int
    end: int
    how: str
    target: str = ""
    declared: str = ""
    sign: str = ""


def using(code: str, operator: str) -> Iterator[Used]:
    """The expressions of a function's text in which an operator stands, each once."""
    seen: set[int] = set()
    at = code.find(operator)
    while at >= 0:
        start, end = _statement(code, at)
        if end - start <= _LONGEST:
            start, end, how = _part(code, start, end, at)
            if start not in seen:
                seen.add(start)
                yield _used(code, start, end, at, how)
        at = code.find(operator, at + len(operator))


def _statement(code: str, at: int) -> tuple[int, int]:
    """From the end of the statement before a place to the end of its own, or to a brace."""
    first = max(code.rfind(char, max(0, at - _LONGEST), at) for char in ";{}")
    ends = [end for char in ";{}" if (end := code.find(char, at, at + _LONGEST)) >= 0]
    return (first + 1 if first >= 0 else 0), (min(ends) if ends else len(code))


def _part(code: str, start: int, end: int, at: int) -> tuple[int, int, str]:
    """The condition or statement in which a place lies, of a text that may begin with labels and heads."""
    while True:
        label = _LABEL.match(code, start, end)
        if label is not None and label.end() <= at:
            start = label.end()
            continue
        head = _HEAD.match(code, start, end)
        if head is None:
            break
        closing = closing_bracket(code, head.end())
        if at < closing:
            # The parts of a for loop are statements.
            how = "assigned" if head[1] == "for" else "tested"
            return head.end() + 1, min(end, closing - 1), how
        start = closing
    returns = _RETURN.match(code, start, end)
    if returns is not None:
        return returns.end(), end, "returned"
    unbalanced = _unbalanced(code, start, end)
    if unbalanced >= 0:
        return _part(code, unbalanced + 1, end, at) if unbalanced < at else (start, unbalanced, "assigned")
    return start, end, "assigned"


def _unbalanced(code: str, start: int, end: int) -> int:
    """The bracket that closes one which is opened before a text; -1 for none."""
    depth = 0
    for at in range(start, end):
        depth += (code[at] in "([") - (code[at] in ")]")
        if depth < 0:
            return at
    return -1


def _used(code: str, start: int, end: int, at: int, how: str) -> Used:
    text = code[start:end]
    if how == "assigned":
        for found in _ASSIGNS.finditer(text):
            left = text[: found.start()]
            if start + found.end() > at:
                break
            if left.count("(") == left.count(")") and left.count("[") == left.count("]"):
                declares = _DECLARES.match(left)
                return Used(
                    text[found.end() :],
                    start + found.end(),
                    end,
                    how,
                    "" if declares is not None else left.strip(),
                    declares[1] if declares is not None else "",
                    found[0],
                )
    return Used(text, start, end, "tested" if how == "assigned" else how)
