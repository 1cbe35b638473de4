# SPDX-License-Identifier: GPL-2.0-or-later
"""TranslationUnit: one C file of a program, put together of the objects that each know one thing of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

from qerrlint.c.cut import Piece
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.effects import Effect
from qerrlint.domain.result import FunctionResult
from qerrlint.ir.code import Call, Function
from qerrlint.model.definitions import Definitions, NameUses
from qerrlint.model.environment import Environment
from qerrlint.model.file_scope import FileScope
from qerrlint.model.file_text import FileText
from qerrlint.model.fixpoint import Body
from qerrlint.model.lowering import LoweredContents, Lowering
from qerrlint.model.reads import Reads
from qerrlint.model.receivers import Receivers
from qerrlint.model.summary import Summary
from qerrlint.model.text_about import TextAbout
from qerrlint.source.source import git_blob_id

if TYPE_CHECKING:
    from qerrlint.model.interpretation import Interpretation

T = TypeVar("T")


class WholeProgram(Protocol):
    """The program that a unit belongs to, as it sees it (model.program.SeenProgram)."""

    @property
    def environment(self) -> Environment:
        """What the program's tree declares."""

    @property
    def lowered(self) -> LoweredContents | None:
        """The lowered functions that several programs share."""

    @property
    def partial(self) -> bool:
        """Whether some of the code that the tree will have is not at hand."""

    @property
    def mentioning(self) -> Callable[[str], Sequence[str]] | None:
        """The paths of the files that mention a name; None where callers in other files are not at hand."""

    def unit(self, path: str) -> TranslationUnit | None:
        """The unit of a C file, None when there is no such file."""

    def containing(self, words: Sequence[str]) -> Sequence[str]:
        """The C files of the tree in which one of the words stands, sorted."""

    def once(self, key: Hashable, compute: Callable[[WholeProgram], T]) -> T:
        """compute(this program), worked out once for all files."""

    def unit_about(self, path: str, word: str) -> TranslationUnit | None:
        """The unit of a C file, of which only what tells of a word is looked at (model.text_about)."""

    def holds(self, path: str, pattern: bytes) -> bool:
        """Whether a regular expression is found in the bytes of a C file."""

    def separate_unit(self, path: str) -> TranslationUnit | None:
        """A unit of a C file that nobody else asks; the caller closes it."""

    def summary(self, name: str) -> Summary | None:
        """The summary of a function with external linkage that a file at hand defines."""

    def bodies(self, name: str) -> Sequence[Body]:
        """The definitions of a function with external linkage in a file at hand."""


class TranslationUnit:
    """One file of a program, and the objects that each know one thing of it.

    They are `text` (bytes, lines, comments), `definitions` (the functions that the file defines), `uses`
    (where it uses their names), `scope` (the declarations that it sees), `lowering` (its functions as
    control-flow graphs) and `interpretation` (their results, summaries, and the effects of calls).
    `functions` holds the first definition of each name; `is_static`, `signature`, `lowered` and `result`
    speak of that one.
    """

    def __init__(self, path: str, data: bytes, program: WholeProgram, reads: Reads) -> None:
        """`program` is the one that the file belongs to, and records in `reads` what it is asked."""
        self.path = path
        self.reads = reads
        self.data = data
        self.program = program
        self.environment = program.environment
        self.text = FileText(path, data)
        self.scope = FileScope(program.environment, path)
        shared = program.lowered.of(path, self.digest) if program.lowered is not None else None
        self.lowering = Lowering(self.text, self.scope.constant, shared)

    @cached_property
    def definitions(self) -> Definitions:
        """The functions that the file defines."""
        return Definitions(self.text)

    @cached_property
    def functions(self) -> dict[str, Piece]:
        """The first definition of each name."""
        return {name: pieces[0] for name, pieces in self.definitions.by_name.items()}

    @cached_property
    def receivers(self) -> Receivers:
        """The types of the expressions of the file."""
        return Receivers(self.environment, self.path, self.data)

    @cached_property
    def interpretation(self) -> Interpretation:
        """The results of the file's functions, their summaries, and the effects of its calls."""
        # A unit is also made for its digest, where the store has what an analysis would say.
        from qerrlint.model.interpretation import Interpretation

        return Interpretation(
            self.definitions,
            self.scope,
            self.lowering,
            self.receivers,
            self.program.bodies,
            self.program.summary,
        )

    def close(self) -> None:
        """Drop all that the unit holds; it must not be asked anything afterwards.

        The parts of a unit refer to each other. Without this they would wait for the garbage collector, whose
        walks over them cost a whole-tree check a quarter of its time.
        """
        made = [self.__dict__.get(name) for name in ("interpretation", "definitions")]
        for part in (*made, self.lowering, self.scope, self.text, self):
            if part is not None:
                part.__dict__.clear()

    @cached_property
    def digest(self) -> str:
        """A digest of the file's bytes: git's id of the blob."""
        return git_blob_id(self.data)

    @cached_property
    def uses(self) -> NameUses:
        """Where the file uses the names of its functions."""
        return NameUses(self.text, self.definitions)

    @cached_property
    def about(self) -> TextAbout:
        """Digests of what tells how the file uses a word."""
        return TextAbout(self.text, self.definitions)

    def with_definition(self, piece: Piece) -> TranslationUnit:
        """This unit with `piece` as the definition of its name, where the file has several of that name.

        `is_static`, `signature`, `lowered` and `result` then speak of this definition. Callers still see the
        join over all definitions in `interpretation.summary()` and `effect`.
        """
        if self.functions.get(piece.name) is piece:
            return self
        _ = self.interpretation  # made once, for all views
        view = copy(self)
        view.functions = {**self.functions, piece.name: piece}
        return view

    def is_static(self, name: str) -> bool:
        """Whether a function of this file has internal linkage."""
        return self.definitions.is_static(self.functions[name])

    def signature(self, name: str) -> Signature | None:
        """A function's signature as seen from this file: its own definition's first, then the scope's."""
        piece = self.functions.get(name)
        return self.interpretation.signature_of(piece) if piece is not None else self.scope.signature(name)

    def lowered(self, name: str) -> Function | None:
        """The control-flow graph of a function of this file; None where there is none or it is damaged."""
        piece = self.functions.get(name)
        return self.lowering.function(piece) if piece is not None else None

    def result(self, name: str) -> FunctionResult | None:
        """The interpretation of a function of this file; None where there is none or it is damaged."""
        piece = self.functions.get(name)
        return self.interpretation.result(piece) if piece is not None else None

    def effect(self, call: Call) -> Effect:
        """What a call in this file may do with Errors."""
        return self.interpretation.effects.effect(call)
