# SPDX-License-Identifier: GPL-2.0-or-later
"""Program: a tree with its translation units, and the summaries that one file gets of functions in others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from qerrlint.model.environment import Environment
from qerrlint.model.fixpoint import Body
from qerrlint.model.include_graph import DeclarationCache
from qerrlint.model.summary import Summary
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.source import Source


class Program:
    """A tree under analysis. Bodies are known across files for the files named in `at_hand`.

    `mentioning`, where somebody sets it, tells which files mention a name, so that callers can be asked.
    """

    def __init__(
        self,
        source: Source,
        reach: str = "headers",
        at_hand: Iterable[str] = (),
        cache: DeclarationCache | None = None,
        age: str | None = None,
        partial: bool = False,
    ) -> None:
        """`partial`: some of the code that the tree will have is not at hand (a patch is missing)."""
        self.partial = partial or reach == "patch"
        self.source = source
        self.reach = reach
        self.mentioning: Callable[[str], Sequence[str]] | None = None
        self._cache = cache if cache is not None else DeclarationCache()
        self.environment = Environment(source, reach, cache=self._cache, age=age)
        self._leaf: Program | None = None
        self._units: dict[str, TranslationUnit | None] = {}
        self._at_hand = tuple(at_hand)
        self._defining: dict[str, TranslationUnit] | None = None

    def unit(self, path: str) -> TranslationUnit | None:
        """The unit of a C file, None when there is no such file."""
        if path not in self._units:
            data = self.source.read(path)
            self._units[path] = TranslationUnit(path, data, self) if data is not None else None
        return self._units[path]

    def known_unit(self, path: str) -> TranslationUnit | None:
        """The unit of a file if somebody has asked for it before."""
        return self._units.get(path)

    def forget(self, path: str) -> None:
        """Drop a unit, to free its memory; asked for again it is made anew."""
        unit = self._units.pop(path, None)
        if unit is not None:
            unit.close()

    def summary(self, name: str) -> Summary | None:
        """The summary of a function with external linkage that a file at hand defines."""
        unit = self._defining_unit(name)
        if unit is None and self.reach == "tree":
            return self._elsewhere(name)
        return unit.summary(name) if unit is not None else None

    def bodies(self, name: str) -> Sequence[Body]:
        """The definitions of a function with external linkage that a file at hand has."""
        unit = self._defining_unit(name)
        return unit.interpretation.bodies(name) if unit is not None else ()

    def _elsewhere(self, name: str) -> Summary | None:
        """The summary of a function that some other file of the tree defines, if it never sets its Error.

        Its body is read with what its own file shows, and no further: so the answer is the same whatever was
        asked before. What it returns with an Error the convention tells better than a body seen in part.
        """
        path = self.environment.files.defining_file(name)
        if path is None:
            return None
        if self._leaf is None:
            self._leaf = Program(self.source, "headers", cache=self._cache)
        unit = self._leaf.unit(path)
        if unit is None or not unit.deals_with_errors(name):
            return None
        summary = unit.summary(name)
        return summary if summary is not None and (not summary.may_set or summary.noreturn) else None

    def _defining_unit(self, name: str) -> TranslationUnit | None:
        if self._defining is None:
            self._defining = {}
            for path in self._at_hand:
                unit = self.unit(path)
                if unit is None:
                    continue
                for piece in unit.definitions.functions:
                    if not unit.definitions.is_static(piece):
                        self._defining.setdefault(piece.name, unit)
        return self._defining.get(name)
