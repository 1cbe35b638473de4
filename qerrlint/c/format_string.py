# SPDX-License-Identifier: GPL-2.0-or-later
"""Format strings as written: their literals, the macros between them, and where each of them stands."""

from __future__ import annotations

from qerrlint.c.lexis import OPAQUE
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

_WORD = lazy_re(rb"[A-Za-z_]\w*")
_CONVERSION = lazy_re(r"%(?:%|[-+ #0]*(?:[1-9]\d*|\*)?(?:\.(?:\d+|\*)?)?(?:hh|h|ll|l|j|z|t|L)?[a-zA-Z])")


@record(frozen=True, slots=True)
class Literal:
    """One string literal: `text` is what stands between the quotes, escapes as written, at `span`."""

    text: str
    span: Span

    def part(self, start: int, end: int) -> Span:
        """The bytes of text[start:end]; only for ASCII text, where characters are bytes."""
        return Span(self.span.path, self.span.start + start, self.span.start + end)


@record(frozen=True, slots=True)
class Format:
    """A concatenation of literals and macros. `text` joins the literals, a macro shows as the byte 1.

    first, last: the literals at the two ends, None where a macro stands there.
    """

    text: str
    first: Literal | None
    last: Literal | None


def read_format(data: bytes, span: Span) -> Format | None:
    """The format string at `span` of the file `data`; None if it is not made of literals and names alone."""
    pieces: list[Literal | None] = []
    at = span.start
    for match in OPAQUE.finditer(data, span.start, span.end):
        if not _macros(data[at : match.start()], pieces):
            return None
        at = match.end()
        token = match.group()
        if token[:1] == b'"':
            inner = Span(span.path, match.start() + 1, match.end() - 1)
            pieces.append(Literal(token[1:-1].decode("latin-1"), inner))
        elif token[:1] == b"'":
            return None
    if not _macros(data[at : span.end], pieces) or not any(pieces):
        return None
    text = "".join("\1" if piece is None else piece.text for piece in pieces)
    return Format(text, pieces[0], pieces[-1])


def _macros(between: bytes, pieces: list[Literal | None]) -> bool:
    """Enter the names between two literals; False if anything but names stands there."""
    words = _WORD.findall(between)
    if _WORD.sub(b"", between).strip():
        return False
    pieces.extend([None] * len(words))
    return True


def ends_in_conversion(text: str) -> bool:
    """Whether the text ends with a conversion (%s, %d)."""
    return any(m.end() == len(text) and m.group() != "%%" for m in _CONVERSION.finditer(text))
