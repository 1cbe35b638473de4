# SPDX-License-Identifier: GPL-2.0-or-later
"""AnalysedFile: what a check of a whole file is run on, and what an exemption's predicate is asked about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import cached_property
from typing import Any, TypeVar, cast

from qerrlint.checks.asked_text import AskedText
from qerrlint.domain.ownership import Pair
from qerrlint.model.translation_unit import TranslationUnit

T = TypeVar("T")


class AnalysedFile:
    """One file, with the facts that its checks have asked for; `pairs` are those of all rule files.

    `only`: the functions and variables of which something is to be said, None for all. `before`: the file as
    it was, where a change is analysed.
    """

    def __init__(
        self,
        unit: TranslationUnit,
        pairs: tuple[Pair, ...] = (),
        only: Collection[str] | None = None,
        before: TranslationUnit | None = None,
    ) -> None:
        self.unit = unit
        self.pairs = pairs
        self.only = only
        self.before = before
        self._kept: dict[object, Any] = {}

    @cached_property
    def asked(self) -> AskedText:
        """The text of the functions of which something is to be said."""
        return AskedText(self.unit, self.only)

    def asks(self, names: Iterable[str]) -> bool:
        """Whether something is to be said of one of some functions or variables."""
        return self.only is None or any(name in self.only for name in names)

    def once(self, compute: Callable[[AnalysedFile], T]) -> T:
        """compute(self), remembered: for facts that several checks or predicates ask for."""
        if compute not in self._kept:
            self._kept[compute] = compute(self)
        return cast("T", self._kept[compute])
