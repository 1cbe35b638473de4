# SPDX-License-Identifier: GPL-2.0-or-later
"""The calls in a file that take or release locks, found by text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from qerrlint.c.cut import Piece
from qerrlint.checks.file import AnalysedFile
from qerrlint.domain.ownership import Move, Pair
from qerrlint.ir.code import Call
from qerrlint.model.translation_unit import TranslationUnit


def shown_pairs(file: AnalysedFile) -> tuple[Pair, ...]:
    """The pairs that are followed in every function: those of locks."""
    return tuple(pair for pair in file.pairs if pair.shown)


def calling(file: AnalysedFile, moves: tuple[Move, ...]) -> Iterator[Piece]:
    """The function around each of the calls of some moves in the bodies that are asked about."""
    names, pattern = _calls(moves)
    for found in file.asked.matches(pattern) if names & file.asked.words else ():
        piece = file.unit.definitions.around(found.start())
        if piece is not None and found.start() >= piece.body:
            yield piece


def does_inside(unit: TranslationUnit, call: Call, does: re.Pattern[bytes]) -> bool | None:
    """Whether the body of a callee has a match of a pattern; None where the file does not define it."""
    piece = unit.functions.get(call.name) if call.direct else None
    return does.search(unit.data, piece.body, piece.span.end) is not None if piece is not None else None


@lru_cache(maxsize=8)
def _calls(moves: tuple[Move, ...]) -> tuple[frozenset[bytes], re.Pattern[bytes]]:
    """The names of the calls, and a pattern that finds them."""
    names = frozenset(move.call.encode() for move in moves)
    words = b"|".join(sorted(map(re.escape, names)))
    return names, re.compile(rb"\b(?:%s)[ \t]{0,9}\(" % (words or b"(?!)"))
