# SPDX-License-Identifier: GPL-2.0-or-later
"""Lowering: the control-flow graph of each definition of one file, or why the front end cannot make one."""

from __future__ import annotations

from collections.abc import Callable

from qerrlint.c.cut import Piece
from qerrlint.c.lower.function import lower
from qerrlint.c.parse import parse_piece
from qerrlint.ir.code import Function
from qerrlint.model.file_text import FileText

TOO_DEEP = "nested too deeply"


class Lowering:
    """Parses and lowers each definition once, when it is asked for."""

    def __init__(self, text: FileText, constant: Callable[[str], int | None]) -> None:
        """`constant` gives the number behind a name, None where it is not known."""
        self._data = text.data
        self._constant = constant
        self._lowered: dict[int, Function | str] = {}

    def function(self, piece: Piece) -> Function | None:
        """The lowered function; None where it is damaged."""
        lowered = self._of(piece)
        return None if isinstance(lowered, str) else lowered

    def damage(self, piece: Piece) -> str | None:
        """Why a definition has no lowered function; None where it has one."""
        lowered = self._of(piece)
        return lowered if isinstance(lowered, str) else None

    def parses(self, piece: Piece) -> bool:
        """Whether the front end makes sense of a definition; it is parsed for that, and not lowered."""
        lowered = self._lowered.get(piece.span.start)
        if lowered is None:
            return parse_piece(piece, self._data).damage is None
        return not isinstance(lowered, str)

    def _of(self, piece: Piece) -> Function | str:
        known = self._lowered.get(piece.span.start)
        if known is None:
            parsed = parse_piece(piece, self._data)
            known = parsed.damage or lower(parsed, self._data, self._constant) or TOO_DEEP
            self._lowered[piece.span.start] = known
        return known
