# SPDX-License-Identifier: GPL-2.0-or-later
"""Program: a tree with its translation units, and the summaries that one file gets of functions in others."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from qerrlint.model.environment import Environment
from qerrlint.model.fixpoint import Body
from qerrlint.model.include_graph import DeclarationCache
from qerrlint.model.lowering import LoweredContents
from qerrlint.model.reads import Reads
from qerrlint.model.seen_environment import SeenEnvironment
from qerrlint.model.summary import Summary
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.source import Source

T = TypeVar("T")


class Program:
    """A tree under analysis. Bodies are known across files for the files named in `at_hand`.

    `mentioning`, where it is set, tells which files mention a name, so that callers can be asked.
    """

    def __init__(
        self,
        source: Source,
        reach: str = "headers",
        at_hand: Iterable[str] = (),
        cache: DeclarationCache | None = None,
        age: str | None = None,
        partial: bool = False,
        lowered: LoweredContents | None = None,
    ) -> None:
        """`partial`: some of the code that the tree will have is not at hand (a patch is missing). `lowered`:
        where several programs share the lowered functions of files that are the same."""
        self.partial = partial or reach == "patch"
        self.source = source
        self.reach = reach
        self.mentioning: Callable[[str], Sequence[str]] | None = None
        self._cache = cache if cache is not None else DeclarationCache()
        self.lowered = lowered
        self.environment = Environment(source, reach, cache=self._cache, age=age)
        self._leaf: Program | None = None
        self._units: dict[str, TranslationUnit | None] = {}
        self.at_hand = tuple(at_hand)
        self.kept: dict[Hashable, tuple[Any, Reads]] = {}
        """What SeenProgram.once() has worked out, with what was asked for that."""
        self._defining: dict[str, TranslationUnit] | None = None

    def unit(self, path: str) -> TranslationUnit | None:
        """The unit of a C file, None when there is no such file."""
        if path not in self._units:
            self._units[path] = self.separate_unit(path)
        return self._units[path]

    def separate_unit(self, path: str) -> TranslationUnit | None:
        """A unit of a C file that unit() does not give; None when there is no such file."""
        data = self.source.read(path)
        if data is None:
            return None
        reads = Reads()
        return TranslationUnit(path, data, SeenProgram(self, reads), reads)

    def known_unit(self, path: str) -> TranslationUnit | None:
        """The unit of a file if it was requested before."""
        return self._units.get(path)

    def forget(self, path: str) -> None:
        """Drop a unit and what was found for it, to free their memory; asked for again they are made anew."""
        unit = self._units.pop(path, None)
        if unit is not None:
            unit.close()
        self.environment.forget(path)

    def keep_units(self, paths: Iterable[str]) -> None:
        """Forget all units but those of these paths."""
        for path in self._units.keys() - set(paths):
            self.forget(path)

    def close(self) -> None:
        """Drop everything; nothing must be asked afterwards. The parts of a program refer to each other, and
        would wait for the garbage collector."""
        for unit in self._units.values():
            if unit is not None:
                unit.close()
        self.environment.close()
        self.__dict__.clear()

    def summary(self, name: str) -> Summary | None:
        """The summary of a function with external linkage that a file at hand defines."""
        unit = self._defining_unit(name)
        if unit is None and self.reach == "tree":
            return self._elsewhere(name)
        return unit.interpretation.summary(name) if unit is not None else None

    def bodies(self, name: str) -> Sequence[Body]:
        """The definitions of a function with external linkage that a file at hand has."""
        unit = self._defining_unit(name)
        return unit.interpretation.bodies(name) if unit is not None else ()

    def defining_path(self, name: str) -> str | None:
        """The file at hand that defines a function with external linkage; None if none does."""
        unit = self._defining_unit(name)
        return unit.path if unit is not None else None

    def _elsewhere(self, name: str) -> Summary | None:
        """The summary of a function that some other file of the tree defines, if it never sets its Error.

        Its body is read with what its own file shows, and no further: so the answer is the same whatever was
        asked before. The convention tells better than a partly known body what it returns with an Error.
        """
        path = self.environment.files.defining_file(name)
        if path is None:
            return None
        if self._leaf is None:
            self._leaf = Program(self.source, "headers", cache=self._cache, lowered=self.lowered)
        unit = self._leaf.unit(path)
        if unit is None or not unit.definitions.deal_with_errors(name):
            return None
        summary = unit.interpretation.summary(name)
        return summary if summary is not None and not summary.may_set else None

    def _defining_unit(self, name: str) -> TranslationUnit | None:
        if self._defining is None:
            self._defining = {}
            for path in self.at_hand:
                unit = self.unit(path)
                if unit is None:
                    continue
                for piece in unit.definitions.functions:
                    if not unit.definitions.is_static(piece):
                        self._defining.setdefault(piece.name, unit)
        return self._defining.get(name)


class SeenProgram:
    """A Program as the analysis of one file sees it."""

    def __init__(self, program: Program, reads: Reads) -> None:
        self._program = program
        self._reads = reads
        self.environment: Environment = SeenEnvironment(program.environment, reads)
        self.partial = program.partial
        self.lowered = program.lowered

    @property
    def mentioning(self) -> Callable[[str], Sequence[str]] | None:
        """As of Program."""
        return self._mentioning if self._program.mentioning is not None else None

    def _mentioning(self, name: str) -> Sequence[str]:
        question = ("mentioning", name)
        if question not in self._reads.answers and self._program.mentioning is not None:
            self._reads.answers[question] = tuple(self._program.mentioning(name))
        found: tuple[str, ...] = self._reads.answers[question]
        return found

    def unit(self, path: str) -> TranslationUnit | None:
        """As of Program: another file, all of whose questions are this file's from now on."""
        unit = self._program.unit(path)
        self._look_into(path, unit)
        return unit

    def unit_about(self, path: str, word: str) -> TranslationUnit | None:
        """The unit of another file, whose questions are this file's; of its text counts what tells of a
        word."""
        unit = self._program.unit(path)
        if unit is None or unit.reads is not self._reads:
            self._reads.answers["about", path, word] = unit.about.digest(word) if unit is not None else None
        if unit is not None:
            self._reads.include(unit.reads)
        return unit

    def holds(self, path: str, pattern: bytes) -> bool:
        """Whether a regular expression is found in the bytes of a C file."""
        question = ("holds", path, pattern.decode("latin-1"))
        if question not in self._reads.answers:
            self._reads.answers[question] = holds(self._program, path, pattern)
        return bool(self._reads.answers[question])

    def separate_unit(self, path: str) -> TranslationUnit | None:
        """As of Program: another file, all of whose questions are this file's from now on."""
        unit = self._program.separate_unit(path)
        self._look_into(path, unit)
        return unit

    def containing(self, words: Sequence[str]) -> Sequence[str]:
        """The C files of the tree in which one of the words stands, sorted."""
        question = ("containing", *words)
        if question not in self._reads.answers:
            self._reads.answers[question] = tuple(self._program.source.containing(words))
        found: tuple[str, ...] = self._reads.answers[question]
        return found

    def summary(self, name: str) -> Summary | None:
        """As of Program."""
        self._look_for(name)
        return self._program.summary(name)

    def bodies(self, name: str) -> Sequence[Body]:
        """As of Program."""
        self._look_for(name)
        return self._program.bodies(name)

    def once(self, key: Hashable, compute: Callable[[SeenProgram], T]) -> T:
        """compute(this program), worked out once for all files; what it asked counts for each of them."""
        kept = self._program.kept
        if key not in kept:
            reads = Reads()
            kept[key] = compute(SeenProgram(self._program, reads)), reads
        value, reads = kept[key]
        self._reads.include(reads)
        found: T = value
        return found

    def _look_for(self, name: str) -> None:
        """Another file at hand may define a function, and its body then tells about it."""
        if self._program.reach == "tree":
            self._reads.answers["tree", name] = None
        if not self._program.at_hand:
            return
        path = self._program.defining_path(name)
        self._reads.answers["defining_path", name] = path
        unit = self._program.unit(path) if path is not None else None
        if unit is not None:
            self._reads.bodies[name] = unit.path, unit.digest, unit.reads

    def _look_into(self, path: str, unit: TranslationUnit | None) -> None:
        self._reads.answers["file", path] = unit.digest if unit is not None else None
        if unit is not None:
            self._reads.include(unit.reads)


def holds(program: Program, path: str, pattern: bytes) -> bool:
    """Whether a regular expression is found in the bytes of a file of the tree."""
    known = program.known_unit(path)
    data = known.data if known is not None else program.source.read(path)
    return data is not None and re.search(pattern, data) is not None
