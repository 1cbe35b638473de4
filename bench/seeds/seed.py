# SPDX-License-Identifier: GPL-2.0-or-later
"""What a seeded defect is, what an edit sees of a file, and the registry of the kinds of defects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from rewrites.body import Body, Change, Declared

from qerrlint.c.cut import FUNCTION, Piece, cut
from qerrlint.model.translation_unit import TranslationUnit

_ERRP = re.compile(r"\bError\s*\*\s*\*\s*(\w+)")


@dataclass(frozen=True, slots=True)
class Splice:
    """The bytes from `start` to `end`, offsets in a file, become `new`."""

    start: int
    end: int
    new: bytes


@dataclass(frozen=True, slots=True)
class Defect:
    """Edits of a file that make one thing in it wrong.

    function: the function or table that is wrong then. places: offsets in the file where the fault may be
    told, beside the edits themselves. anywhere: it counts as told wherever in the file the finding is, as
    with a release that is missing in one function and is told where another one acquires.
    """

    function: str
    splices: tuple[Splice, ...]
    places: tuple[int, ...] = ()
    anywhere: bool = False

    def applied(self, data: bytes) -> bytes:
        """The file with the defect in it."""
        for one in sorted(self.splices, key=lambda one: one.start, reverse=True):
            data = data[: one.start] + one.new + data[one.end :]
        return data

    def moved(self, offset: int) -> int:
        """Where an offset in the file is after the edits."""
        return offset + sum(len(one.new) - (one.end - one.start) for one in self.splices if one.end <= offset)


class SeedFunction(Body):
    """A function as edits see it: its tree, its variables, its errp, what its callees are declared as."""

    def __init__(self, piece: Piece, file: SeedFile) -> None:
        super().__init__(piece, file.data, file.declared)
        self.piece = piece
        self.file = file
        found = _ERRP.search(self.text[: piece.body - piece.span.start])
        self.errp = found[1] if found else None

    @cached_property
    def own_errors(self) -> list[str]:
        """The local variables that are an Error pointer and are not freed by themselves."""
        return [
            one.name
            for one in self.locals.values()
            if one.base in ("Error", "static Error")
            and one.stars == 1
            and not one.array
            and not one.parameter
        ]

    def returns(self, function: str) -> str | None:
        """The type that a function is declared to return, seen from this file."""
        signature = self.file.unit.signature(function)
        return signature.returns if signature is not None else None

    def defect(self, change: Change, places: Iterable[int] = ()) -> Defect:
        """The change of the function as one of its file; places are offsets in the function's text."""
        start = self.piece.span.start
        splices = tuple(
            Splice(start + edit.start, start + edit.end, edit.new.encode("latin-1")) for edit in change.edits
        )
        return Defect(self.piece.name, splices, tuple(start + place for place in places))


@dataclass
class SeedFile:
    """A file that defects are put into; `unit` tells what the tree declares."""

    path: str
    data: bytes
    unit: TranslationUnit

    @cached_property
    def declared(self) -> Declared:
        return Declared(self.data.decode("latin-1"))

    @cached_property
    def text(self) -> str:
        return self.data.decode("latin-1")

    @cached_property
    def pieces(self) -> list[Piece]:
        """The functions and the other braced things of the file."""
        return cut(self.path, self.data)

    @cached_property
    def functions(self) -> list[SeedFunction]:
        """The functions that can be parsed."""
        every = [SeedFunction(piece, self) for piece in self.pieces if piece.kind == FUNCTION]
        return [one for one in every if not one.damaged]


Defects = Callable[[SeedFile], Iterator[Defect]]
Changes = Callable[[SeedFunction], Iterator[Change | Defect]]


@dataclass(frozen=True)
class Kind:
    """A kind of defect: its name, its subject, words that a file has to have, and the edits that make it."""

    name: str
    subject: str
    needs: re.Pattern[bytes]
    defects: Defects
    says: str


KINDS: dict[str, Kind] = {}


def file_kind(name: str, subject: str, needs: str, says: str = "") -> Callable[[Defects], Defects]:
    """Registers a kind whose edits are made on a whole file; without `says` its docstring says what it is."""

    def register(defects: Defects) -> Defects:
        assert name not in KINDS, name
        KINDS[name] = Kind(
            name, subject, re.compile(needs.encode()), defects, says or (defects.__doc__ or "").strip()
        )
        return defects

    return register


def function_kind(name: str, subject: str, needs: str) -> Callable[[Changes], Changes]:
    """Registers a kind whose edits are made in one function; only functions with the words are asked."""

    def register(changes: Changes) -> Changes:
        wanted = re.compile(needs)

        def defects(file: SeedFile) -> Iterator[Defect]:
            for function in file.functions:
                if wanted.search(function.text):
                    for change in changes(function):
                        yield function.defect(change) if isinstance(change, Change) else change

        defects.__doc__ = changes.__doc__
        file_kind(name, subject, needs)(defects)
        return changes

    return register
