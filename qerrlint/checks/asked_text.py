# SPDX-License-Identifier: GPL-2.0-or-later
"""AskedText: the text of those functions of a file that a run asks about.

A review of a change asks about a few functions of each file. A check that looks for something inside of a
function looks for it here: what stands in another function would be dropped later.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cached_property

from qerrlint.c.cut import Piece
from qerrlint.c.lexis import occurrences
from qerrlint.model.translation_unit import TranslationUnit


class AskedText:
    """The definitions of some functions of a file, and what stands in them; all of the file for None."""

    def __init__(self, unit: TranslationUnit, only: Collection[str] | None) -> None:
        self._unit = unit
        self._only = only

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The definitions of the functions, in source order."""
        only, every = self._only, self._unit.definitions.functions
        return every if only is None else tuple(piece for piece in every if piece.name in only)

    @cached_property
    def words(self) -> frozenset[bytes]:
        """The words in the bodies, those in comments among them; all words of the file where all is asked."""
        if self._only is None:
            return self._unit.text.words
        return frozenset().union(*map(self._unit.definitions.words, self.pieces))

    @cached_property
    def vocabulary(self) -> bytes:
        """The same, one a line and sorted."""
        return self._unit.text.vocabulary if self._only is None else b"\n".join(sorted(self.words))

    def matches(self, pattern: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
        """The matches of a pattern in the definitions; all in the file where all is asked."""
        data = self._unit.data
        if self._only is None:
            yield from pattern.finditer(data)
            return
        for piece in self.pieces:
            yield from pattern.finditer(data, piece.span.start, piece.span.end)

    def matching(self, pattern: re.Pattern[bytes]) -> list[Piece]:
        """The definitions in which a match of a pattern begins, in source order."""
        around = self._unit.definitions.around
        found = (around(match.start()) for match in self.matches(pattern))
        pieces = {piece.span.start: piece for piece in found if piece is not None}
        return [piece for _, piece in sorted(pieces.items())]

    def naming(self, word: bytes) -> Iterator[tuple[int, Piece]]:
        """The offsets at which a word stands in the bodies, each with the definition."""
        if word not in self.words:
            return
        data, definitions = self._unit.data, self._unit.definitions
        if self._only is None:
            for at in occurrences(data, word):
                piece = definitions.around(at)
                if piece is not None and at >= piece.body:
                    yield at, piece
            return
        for piece in self.pieces:
            if word in definitions.words(piece):
                for at in occurrences(data, word, piece.body, piece.span.end):
                    yield at, piece
