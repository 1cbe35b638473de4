# SPDX-License-Identifier: GPL-2.0-or-later
"""TextAbout: a digest of the part of a C file that can tell how the file uses a word.

What callers make of a failure (model.missing_error) is told by the functions that mention a name, by the
functions of the same file that those call, and by the declarations of the file. The bodies of other functions
have no say: an edit of one of them, or of a comment between functions, leaves the digest as it is. Places are
no part of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property

from qerrlint.c.cut import Piece
from qerrlint.c.lexis import OPAQUE
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.definitions import Definitions
from qerrlint.model.file_text import FileText

_DIGEST_BYTES = 9
# What is searched for in a whole file may begin so inside of a body: declarations in the first column, and
# directives, those that a comment switches off among them.
_IN_FIRST_COLUMN = lazy_re(rb"\n[A-Za-z_][^;{}=]*")
_DIRECTIVE = lazy_re(rb"\n[ \t]*(?:/[/*][ \t]*)?#[^\n\\]*(?:\\\r?\n?[^\n\\]*)*")
# A comment with these may be taken for one of those, or for the end of one.
_NOT_PLAIN = lazy_re(rb"[#;={}]|\n[A-Za-z_]")
_EMPTY_LINES = lazy_re(rb"[ \t\r]*\n(?:[ \t\r]*\n)*")


class TextAbout:
    """The digests of one file's text by word."""

    def __init__(self, text: FileText, definitions: Definitions) -> None:
        self._data = text.data
        self._definitions = definitions
        self._known: dict[str, str] = {}

    def digest(self, word: str) -> str:
        """The same for two contents of the file only if its uses of the word are the same, places aside."""
        if word not in self._known:
            self._known[word] = self._made(word)
        return self._known[word]

    def _made(self, word: str) -> str:
        sought = word.encode("utf-8", "surrogateescape")
        digest = self._frame.copy()
        for comment in self._comments:
            if sought in comment:
                digest.update(comment)
        for piece in self._telling(sought):
            body = self._data[piece.body : piece.span.end]
            digest.update(b"%d %d\n" % (self._places[piece.span.start], len(body)))
            digest.update(body)
        return digest.hexdigest()

    def _telling(self, word: bytes) -> list[Piece]:
        """The definitions whose bodies mention a word, and those of the file that their bodies name."""
        found: dict[int, Piece] = {}
        at = self._data.find(word) if word else -1
        while at >= 0:
            piece = self._definitions.around(at)
            at += 1
            if piece is not None and at > piece.body:
                found[piece.span.start] = piece
                at = piece.span.end
            at = self._data.find(word, at)
        waiting = list(found.values())
        while waiting:
            for name in self._definitions.words(waiting.pop()) & self._names.keys():
                new = [piece for piece in self._names[name] if piece.span.start not in found]
                found.update((piece.span.start, piece) for piece in new)
                waiting += new
        return [piece for _, piece in sorted(found.items())]

    @cached_property
    def _names(self) -> dict[bytes, tuple[Piece, ...]]:
        by_name = self._definitions.by_name
        return {name.encode("utf-8", "surrogateescape"): pieces for name, pieces in by_name.items()}

    @cached_property
    def _places(self) -> dict[int, int]:
        """The numbers of the definitions in their file, by their starts."""
        return {piece.span.start: number for number, piece in enumerate(self._definitions.functions)}

    @cached_property
    def _outside(self) -> tuple[bytes, Sequence[bytes]]:
        """The text outside of the bodies of functions, and the plain comments that were taken out of it."""
        parts = []
        end = 0
        for piece in self._definitions.functions:
            parts.append(self._data[end : piece.body])
            end = piece.span.end
        parts.append(self._data[end:])
        comments: list[bytes] = []

        def without(match: re.Match[bytes]) -> bytes:
            text = match.group()
            if not text.startswith((b"/*", b"//")) or _NOT_PLAIN.search(text) is not None:
                return text
            comments.append(text)
            return b" "

        text = _EMPTY_LINES.sub(b"\n", OPAQUE.sub(without, b"{}".join(parts)))
        return text, comments

    @cached_property
    def _frame(self) -> hashlib.blake2b:
        """The digest of what counts for every word."""
        inside = (
            found.group()
            for piece in self._definitions.functions
            for pattern in (_IN_FIRST_COLUMN, _DIRECTIVE)
            for found in pattern.finditer(self._data, piece.body, piece.span.end)
        )
        text = b"\0".join((self._outside[0], *inside))
        return hashlib.blake2b(text, digest_size=_DIGEST_BYTES)

    @property
    def _comments(self) -> Sequence[bytes]:
        return self._outside[1]
