# SPDX-License-Identifier: GPL-2.0-or-later
"""Printable text: makes text of a patch harmless on a terminal and known in width.

Bytes that are not UTF-8 arrive as lone surrogates (surrogateescape) and leave as `\\xNN`. Control
characters would let a patch steer the terminal, bidirectional ones show code in another order than the
compiler reads it, and of others a reader sees nothing; all of them leave as escapes.
"""

from __future__ import annotations

from codecs import lookup
from typing import TextIO
from unicodedata import combining, east_asian_width

from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

# What no font shows: Unicode's Default_Ignorable_Code_Point, line separators, annotation marks, the blank of
# Braille.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSAFE = lazy_re(f"[\x00-\x1f\x7f-\x9f{_INVISIBLE}\ud800-\udfff]")
_HIDDEN = lazy_re(f"[\x7f-\x9f{_INVISIBLE}]")
_SURROGATE = lazy_re("[\ud800-\udfff]")
_TAB = 8
LONGEST = 100
"""How many cells of a line of code are shown at most."""
_BEFORE_MARK = 24
_DOTS = "..."


def escaped(char: str) -> str:
    """The escape that stands for an unprintable character: the byte it came from, or its code point."""
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def hidden_escaped(document: str) -> str:
    """A JSON document with invisible characters as JSON's own escapes; its meaning is unchanged."""
    if document.isascii() and "\x7f" not in document:
        return document
    return _HIDDEN.sub(lambda match: _json_escape(ord(match[0])), document)


def _json_escape(code: int) -> str:
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def printable(text: str) -> str:
    """The text without control characters."""
    return _UNSAFE.sub(lambda match: escaped(match[0]), text)


def printable_code(text: str) -> str:
    """A line of code, printable except that its tabs stay."""
    return "\t".join(map(printable, text.split("\t")))


def one_line(text: str) -> str:
    """Prose as one printable line, its blanks and line ends folded."""
    return printable(" ".join(text.split()))


def without_surrogates(text: str, backslash: str = "\\") -> str:
    """The text with each lone surrogate as an escape whose backslash is written as given."""
    if text.isascii():
        return text
    return _SURROGATE.sub(lambda match: backslash + escaped(match[0])[1:], text)


def is_utf8(stream: TextIO) -> bool:
    """Whether what is written comes out as UTF-8, as JSON has to and a page says of itself."""
    return lookup(getattr(stream, "encoding", None) or "utf-8").name == "utf-8"


def with_references(text: str, stream: TextIO) -> str:
    """Markup that declares itself as UTF-8, for this stream: with character references if that is not so."""
    return text if is_utf8(stream) else text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def fitted(text: str, stream: TextIO) -> str:
    """The text with every character that the stream's encoding lacks as an escape."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def characters(line: str, column: int) -> int:
    """The column in characters, of one in bytes; both count from 1. A byte that is not UTF-8 is one."""
    raw = line.encode("utf-8", "surrogateescape")
    if column - 1 > len(raw):
        return column
    return len(raw[: column - 1].decode("utf-8", "surrogateescape")) + 1


@record(frozen=True, slots=True)
class Excerpt:
    """A code line as shown, and the mark under it: blanks before it and its length, in terminal cells."""

    text: str
    indent: int
    length: int


def excerpt(source: str, column: int, end_column: int | None, longest: int = LONGEST) -> Excerpt:
    """A line of code ready to show with the bytes [column, end_column) marked.

    Columns count bytes from 1; without an end the mark goes to the line's end. Tabs are expanded, wide and
    combining characters measured, and a line over `longest` cells is cut round the mark.
    """
    raw = source.rstrip().encode("utf-8", "surrogateescape" if _bytes_only(source) else "replace")
    start = min(max(column - 1, 0), len(raw))
    end = len(raw) if end_column is None else min(max(end_column - 1, start), len(raw))
    # A span over several lines may begin in the indentation; the blanks are not marked.
    start = end - len(raw[start:end].lstrip()) if raw[start:end].strip() else start
    before, marked, after = (
        part.decode("utf-8", "surrogateescape") for part in (raw[:start], raw[start:end], raw[end:])
    )
    shown_cells: list[tuple[str, int]] = []
    at = 0
    bounds = []
    for part in (before, marked, after):
        for char in part:
            shown, width = _cell(char, at)
            shown_cells.append((shown, width))
            at += width
        bounds.append(len(shown_cells))
    first, last = bounds[0], bounds[1]
    low, high = _window(shown_cells, first, longest)
    text = "".join(shown for shown, _ in shown_cells[low:high])
    indent = sum(width for _, width in shown_cells[low:first])
    length = sum(width for _, width in shown_cells[first : min(last, high)])
    if low:
        text, indent = _DOTS + text, indent + len(_DOTS)
    if high < len(shown_cells):
        text += _DOTS
    return Excerpt(text, indent, max(length, 1))


def _bytes_only(source: str) -> bool:
    return all("\udc80" <= char <= "\udcff" for char in _SURROGATE.findall(source))


def cells(text: str) -> int:
    """The width of printable text on a terminal."""
    return len(text) if text.isascii() else sum(_cell(char, 0)[1] for char in text)


def _cell(char: str, at: int) -> tuple[str, int]:
    if " " <= char <= "~":
        return char, 1
    if char == "\t":
        width = _TAB - at % _TAB
        return " " * width, width
    if _UNSAFE.match(char):
        shown = escaped(char)
        return shown, len(shown)
    if combining(char):
        return char, 0
    return char, 2 if east_asian_width(char) in "WF" else 1


def _window(cells: list[tuple[str, int]], first: int, longest: int) -> tuple[int, int]:
    """The range of cells to show: from the line's start if the mark is near it, else from a little before.

    The dots that stand for what is left out come on top of `longest`.
    """
    if sum(width for _, width in cells) <= longest:
        return 0, len(cells)
    before = sum(width for _, width in cells[:first])
    low = 0
    if before > longest * 2 // 3:
        while before > min(_BEFORE_MARK, longest // 4):
            before -= cells[low][1]
            low += 1
    high, used = low, 0
    while high < len(cells) and used + cells[high][1] <= longest:
        used += cells[high][1]
        high += 1
    return low, high
