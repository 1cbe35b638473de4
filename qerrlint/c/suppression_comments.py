# SPDX-License-Identifier: GPL-2.0-or-later
"""The comments `qerrlint: allow RULE reason` of a file, and which code each of them covers."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from qerrlint.c.cut import FUNCTION, Piece
from qerrlint.c.lexis import OPAQUE, bare, next_code
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

MARK = b"qerrlint:"

_TEXT = lazy_re(r"qerrlint:\s*(?P<rest>.*)\Z", re.DOTALL)
_ALLOW = lazy_re(r"allow\b\s*(?P<rule>[\w*?-]*)[\s:,.-]*(?P<reason>.*)\Z", re.DOTALL)
_MARGIN = lazy_re(r"\n[ \t]*\*?")


@record(frozen=True, slots=True)
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
    """The comments of a file that are addressed to this program, in source order.

    A comment beside code covers the lines that it stands on. One alone on its lines covers the next line of
    code; in or above a function's head it covers the whole function.
    """
    if MARK not in data:
        return ()
    places = _Places(path, bare(data), pieces)
    out = []
    for found in OPAQUE.finditer(data):
        text = found.group()
        if text[:1] != b"/" or MARK not in text:
            continue
        words = _TEXT.match(_words(text))
        if words is not None:
            out.append(_allowance(places, found.start(), found.end(), words["rest"].strip()))
    return tuple(out)


def _words(comment: bytes) -> str:
    """A comment's text without its marks and margin."""
    text = comment.decode("utf-8", "surrogateescape")
    text = text[2:] if text.startswith("//") else text[2:].removesuffix("*/")
    return _MARGIN.sub("\n", text).lstrip("*").strip()


def _allowance(places: _Places, start: int, end: int, words: str) -> Allowance:
    """The allowance of the comment at [start, end) whose text after the mark is `words`."""
    allow = _ALLOW.match(words)
    path = places.path
    before, behind = places.line(start), places.line(end)
    if before.code < start or behind.code_end > end:
        covers = Span(path, before.start, behind.end)
        function = places.function(start)
        whole = function is not None and start < function.body
    else:
        at = places.next_code(end)
        line = places.line(at)
        covers = Span(path, line.start, line.end)
        function = places.function(start) or places.function(at)
        whole = function is not None and at <= function.body
    if whole and function is not None:
        covers = function.span
    return Allowance(
        span=Span(path, start, end),
        is_allow=allow is not None,
        rule=allow["rule"] if allow is not None else "",
        reason=" ".join(allow["reason"].split()) if allow is not None else "",
        covers=covers,
        function=function.name if function is not None else "",
        whole=whole,
    )


@record(frozen=True, slots=True)
class _Line:
    """A line of a file, [start, end), and the place of its code, [code, code_end); empty for a blank line."""

    start: int
    end: int
    code: int
    code_end: int


class _Places:
    """A file's lines, code and functions; answers for places asked for in order, each part read once."""

    def __init__(self, path: str, code: bytes, pieces: Iterable[Piece]) -> None:
        """`code` is the file's text without comments."""
        self.path = path
        self._code = code
        self._functions = sorted((p for p in pieces if p.kind == FUNCTION), key=lambda p: p.span.start)
        self._starts = [piece.span.start for piece in self._functions]
        self._line = _Line(0, -1, 0, 0)
        self._skipped = (0, 0)

    def function(self, at: int) -> Piece | None:
        """The function around a place."""
        index = bisect_right(self._starts, at) - 1
        return self._functions[index] if index >= 0 and at < self._functions[index].span.end else None

    def line(self, at: int) -> _Line:
        """The line around a place."""
        line = self._line
        if not line.start <= at <= line.end:
            start = self._code.rfind(b"\n", 0, at) + 1
            end = self._code.find(b"\n", at)
            end = end if end >= 0 else len(self._code)
            text = self._code[start:end]
            code = start + len(text) - len(text.lstrip())
            line = self._line = _Line(start, end, code, start + len(text.rstrip()))
        return line

    def next_code(self, at: int) -> int:
        """The first code after a comment that ends at `at`."""
        start, end = self._skipped
        if not start <= at < end:
            end = next_code(self._code, at)
            self._skipped = (at, end)
        return end
