# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads comments `qerrlint: allow RULE reason` of a file, and which code each covers; it knows no rule."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from qerrlint.c.cut import FUNCTION, Piece
from qerrlint.c.lexis import OPAQUE, bare, next_code
from qerrlint.source.span import Span

MARK = b"qerrlint:"

_TEXT = re.compile(r"qerrlint:\s*(?P<rest>.*)\Z", re.DOTALL)
_ALLOW = re.compile(r"allow\b\s*(?P<rule>[\w*?-]*)[\s:,.-]*(?P<reason>.*)\Z", re.DOTALL)
_MARGIN = re.compile(r"\n[ \t]*\*?")


@dataclass(frozen=True, slots=True)
class Allowance:
    """One such comment.

    `covers`: the lines (or, if `whole`, the function) whose findings it allows. `function`: the one that it
    stands in or covers, "" outside of one. `rule` and `reason` as written, "" where they are missing;
    `is_allow`: whether it says "allow" at all.
    """

    span: Span
    is_allow: bool
    rule: str
    reason: str
    covers: Span
    function: str
    whole: bool


def allowances(path: str, data: bytes, pieces: Iterable[Piece]) -> tuple[Allowance, ...]:
    """The comments of a file that speak to this program, in source order.

    A comment beside code covers the lines that it stands on. One alone on its lines covers the next line of
    code; in or above a function's head it covers the whole function.
    """
    if MARK not in data:
        return ()
    functions = [piece for piece in pieces if piece.kind == FUNCTION]
    code = bare(data)
    out = []
    for found in OPAQUE.finditer(data):
        text = found.group()
        if text[:1] != b"/" or MARK not in text:
            continue
        words = _TEXT.match(_words(text))
        if words is None:
            continue
        out.append(_allowance(path, code, functions, found.start(), found.end(), words["rest"].strip()))
    return tuple(out)


def _words(comment: bytes) -> str:
    """A comment's text without its marks and margin."""
    text = comment.decode("utf-8", "surrogateescape")
    text = text[2:] if text.startswith("//") else text[2:].removesuffix("*/")
    return _MARGIN.sub("\n", text).lstrip("*").strip()


def _allowance(path: str, code: bytes, functions: list[Piece], start: int, end: int, words: str) -> Allowance:
    allow = _ALLOW.match(words)
    first = code.rfind(b"\n", 0, start) + 1
    last = _line_end(code, end)
    whole = False
    if code[first:start].strip() or code[end:last].strip():
        covers = Span(path, first, last)
        home = _around(functions, start)
        whole = home is not None and start < home.body
    else:
        at = next_code(code, end)
        covers = Span(path, code.rfind(b"\n", 0, at) + 1, _line_end(code, at))
        home = _around(functions, start) or _around(functions, at)
        whole = home is not None and at <= home.body
    if whole and home is not None:
        covers = home.span
    return Allowance(
        span=Span(path, start, end),
        is_allow=allow is not None,
        rule=allow["rule"] if allow is not None else "",
        reason=" ".join(allow["reason"].split()) if allow is not None else "",
        covers=covers,
        function=home.name if home is not None else "",
        whole=whole,
    )


def _around(functions: list[Piece], at: int) -> Piece | None:
    return next((piece for piece in functions if piece.span.start <= at < piece.span.end), None)


def _line_end(code: bytes, at: int) -> int:
    end = code.find(b"\n", at)
    return end if end >= 0 else len(code)
