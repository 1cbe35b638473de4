# SPDX-License-Identifier: GPL-2.0-or-later
"""Divisions in the text of a function: where `/` and `%` stand, and what they divide by."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.c.lexis import closing_bracket
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

_OPERATOR = lazy_re(r"[/%]")
_TYPE = lazy_re(r"\(\s*(?:const\s+)?[A-Za-z_][\w\s]*\**\s*\)\s*(?=[\w(*&~!])")
_NAME = lazy_re(r"[A-Za-z_]\w*|\d\w*")
_MEMBER = lazy_re(r"\s*(?:->|\.)\s*[A-Za-z_]\w*")
_CAST_WORD = lazy_re(r"(?:unsigned|signed|const|int|long|short|char|double|float|\w+_t|hwaddr|size_t)\b")


@record(frozen=True, slots=True)
class Division:
    """One division: the offset of its operator; the text of the divisor, where it starts and ends."""

    at: int
    divisor: str
    start: int
    end: int


def divisions(code: str) -> Iterator[Division]:
    """The divisions in a text whose comments and literals are blanked."""
    for found in _OPERATOR.finditer(code):
        at = found.start()
        start = at + 1
        if code[start : start + 1] == "=":
            end = _statement_end(code, start + 1)
            start += 1
        else:
            end = _operand_end(code, start)
        text = code[start:end]
        start += len(text) - len(text.lstrip())
        if text.strip():
            yield Division(at, " ".join(text.split()), start, start + len(text.strip()))


def _operand_end(code: str, at: int) -> int:
    """The end of the operand that begins at an offset: signs and casts, then a name, number or group with
    what is selected from it."""
    while True:
        while at < len(code) and (code[at] in "-+~!*&" or code[at].isspace()):
            at += 1
        cast = _TYPE.match(code, at)
        if cast is None or not _is_cast(cast[0]):
            break
        at = cast.end()
    if code[at : at + 1] == "(":
        at = closing_bracket(code, at, "()[]")
    else:
        name = _NAME.match(code, at)
        if name is None:
            return at
        at = name.end()
    while True:
        member = _MEMBER.match(code, at)
        if member is not None:
            at = member.end()
            continue
        following = _past_blanks(code, at)
        if code[following : following + 1] not in ("(", "["):
            return at
        at = closing_bracket(code, following, "()[]")


def _past_blanks(code: str, at: int) -> int:
    while at < len(code) and code[at].isspace():
        at += 1
    return at


def _is_cast(text: str) -> bool:
    inside = text.strip().strip("()").strip()
    return inside.endswith("*") or all(_CAST_WORD.match(word) for word in inside.split())


def _statement_end(code: str, at: int) -> int:
    depth = 0
    for place in range(at, len(code)):
        char = code[place]
        depth += (char in "([{") - (char in ")]}")
        if depth < 0 or (not depth and char in ";,"):
            return place
    return len(code)
