# SPDX-License-Identifier: GPL-2.0-or-later
"""FileText: the bytes of one C file, its lines, and the text at a place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cached_property

from qerrlint.c.lexis import WORD
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.span import LineIndex, Span

_ONLY_WORDS = bytes(c if c in WORD else 0x20 for c in range(256))
_MARGIN = lazy_re(rb"\n\s*\*(?!/)")
# How far above a function its comment may begin, in bytes.
_LONGEST_COMMENT = 2000
# How far before an offset the comment that it may lie in may begin, in bytes.
_FARTHEST = 1 << 15


def words_in(data: bytes) -> frozenset[bytes]:
    """The runs of letters, digits and underscores in a text, those in comments among them."""
    return frozenset(data.translate(_ONLY_WORDS).split())


class FileText:
    """One file's bytes; `path` is the file's name in its tree."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data

    @cached_property
    def lines(self) -> LineIndex:
        """The file's lines, indexed on first use."""
        return LineIndex(self.data)

    @cached_property
    def words(self) -> frozenset[bytes]:
        """The runs of letters, digits and underscores in the file, those in comments among them."""
        return words_in(self.data)

    @cached_property
    def vocabulary(self) -> bytes:
        """The same, one a line and sorted: quicker to search than word by word."""
        return b"\n".join(sorted(self.words))

    def of(self, span: Span) -> bytes:
        """The bytes of a span of this file."""
        return self.data[span.start : span.end]

    def in_comment(self, offset: int) -> bool:
        """Whether an offset lies in a block comment (marks in string literals count as well)."""
        opening = self.data.rfind(b"/*", max(0, offset - _FARTHEST), offset)
        return opening >= 0 and self.data.find(b"*/", opening + 2, offset) < 0

    def on_one_line(self, span: Span) -> str:
        """The text of a span of this file, each run of blanks replaced by one blank."""
        return " ".join(self.of(span).decode("utf-8", "replace").split())

    def comment_above(self, offset: int) -> str:
        """The block comment right above an offset, on one line and without its stars; "" for none."""
        text = self.data[max(0, offset - _LONGEST_COMMENT) : offset].rstrip()
        opening = text.rfind(b"/*")
        if not text.endswith(b"*/") or opening < 0:
            return ""
        return " ".join(_MARGIN.sub(b" ", text[opening:]).decode("utf-8", "replace").split())


class NamedPattern:
    """A pattern each of whose matches holds one of some words, or one of some pieces of text (`parts`).

    Those are looked for first: a pattern of many alternatives is slow, and few files have any of them.
    """

    def __init__(
        self, pattern: re.Pattern[bytes], words: Iterable[str] = (), parts: Collection[bytes] = ()
    ) -> None:
        self.pattern = pattern
        self.words = frozenset(word.encode() for word in words)
        self._parts = parts

    def may_be_in(self, text: FileText) -> bool:
        """Whether a file has one of the words or parts."""
        return not self.words.isdisjoint(text.words) or any(part in text.data for part in self._parts)

    def is_in(self, text: FileText) -> bool:
        """Whether a file has a match."""
        return self.may_be_in(text) and self.pattern.search(text.data) is not None

    def is_between(self, data: bytes, start: int, end: int, words: frozenset[bytes]) -> bool:
        """Whether there is a match between two offsets of a text, whose words there are given."""
        if self.words.isdisjoint(words) and not any(data.find(part, start, end) >= 0 for part in self._parts):
            return False
        return self.pattern.search(data, start, end) is not None


def calls_of(names: Iterable[str], parts: Collection[bytes] = ()) -> NamedPattern:
    """The pattern of a call of one of some functions. Names may be patterns, of which `parts` has the text
    that each of their matches holds."""
    words = sorted(names)
    pattern = lazy_re(rb"\b(?:%s)\s*\(" % "|".join(words).encode())
    return NamedPattern(pattern, words, parts)
