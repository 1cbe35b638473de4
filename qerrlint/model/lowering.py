# SPDX-License-Identifier: GPL-2.0-or-later
"""Lowering: the control-flow graph of each definition of one file, or why the front end cannot make one."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import field

from qerrlint.c.cut import Piece
from qerrlint.c.lower.function import lower
from qerrlint.c.parse import parse_piece
from qerrlint.domain.result import FunctionResult
from qerrlint.ir.code import Function
from qerrlint.model.file_text import FileText
from qerrlint.records import record

TOO_DEEP = "nested too deeply"


@record(frozen=True, slots=True)
class Lowered:
    """A definition as a control-flow graph, or why there is none, and what that was made from.

    `constants`: the numbers of the names that were asked for, None for a name without one. `results`: what
    interpretations of it gave, by signature and effects of the calls (model.interpretation).
    """

    function: Function | str
    constants: dict[str, int | None] = field(default_factory=dict)
    results: dict[Hashable, FunctionResult] = field(default_factory=dict)


class LoweredContents:
    """The lowered definitions of files by path and content, which the programs of one review share: most of
    the files that they look at are the same. Nothing of it is dropped."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, str], dict[int, Lowered]] = {}

    def of(self, path: str, digest: str) -> dict[int, Lowered]:
        """Those of one file, by the offset at which they begin; a Lowering adds to them."""
        return self._files.setdefault((path, digest), {})


class Lowering:
    """Parses and lowers each definition once, when it is asked for."""

    def __init__(
        self,
        text: FileText,
        constant: Callable[[str], int | None],
        shared: dict[int, Lowered] | None = None,
    ) -> None:
        """`constant` gives the number behind a name, None where it is not known. `shared`: what other trees
        with the same file have made of it (LoweredContents)."""
        self._data = text.data
        self._constant = constant
        self._shared = shared
        self._lowered: dict[int, Lowered] = {}

    def function(self, piece: Piece) -> Function | None:
        """The lowered function; None where it is damaged."""
        lowered = self._of(piece).function
        return None if isinstance(lowered, str) else lowered

    def damage(self, piece: Piece) -> str | None:
        """Why a definition has no lowered function; None where it has one."""
        lowered = self._of(piece).function
        return lowered if isinstance(lowered, str) else None

    def results(self, piece: Piece) -> dict[Hashable, FunctionResult] | None:
        """What interpretations of a definition have given in the trees that share it; None where none do."""
        return self._of(piece).results if self._shared is not None else None

    def parses(self, piece: Piece) -> bool:
        """Whether the front end makes sense of a definition; it is parsed for that, and not lowered."""
        lowered = self._lowered.get(piece.span.start)
        if lowered is None:
            return parse_piece(piece, self._data).damage is None
        return not isinstance(lowered.function, str)

    def _of(self, piece: Piece) -> Lowered:
        start = piece.span.start
        known = self._lowered.get(start)
        if known is None and self._shared is not None:
            known = self._shared.get(start)
            if known is not None and any(self._constant(n) != v for n, v in known.constants.items()):
                known = None
        if known is None:
            known = self._made(piece)
            if self._shared is not None:
                self._shared[start] = known
        self._lowered[start] = known
        return known

    def _made(self, piece: Piece) -> Lowered:
        asked: dict[str, int | None] = {}

        def constant(name: str) -> int | None:
            if name not in asked:
                asked[name] = self._constant(name)
            return asked[name]

        parsed = parse_piece(piece, self._data)
        return Lowered(parsed.damage or lower(parsed, self._data, constant) or TOO_DEEP, asked)
