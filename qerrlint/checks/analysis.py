# SPDX-License-Identifier: GPL-2.0-or-later
"""Analysis: a value that describes one analysis and how to run it over one function of a unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from qerrlint.c.cut import Piece
from qerrlint.checks.catalog import CATALOG
from qerrlint.findings import Observation
from qerrlint.model.translation_unit import TranslationUnit


@dataclass(frozen=True, slots=True)
class Analysis:
    """`run` gives the observations of one function; `version` is read by nothing yet."""

    name: str
    version: int
    run: Callable[[TranslationUnit, Piece], Iterable[Observation]]

    def __post_init__(self) -> None:
        """Refuse an analysis that the catalogue does not know."""
        if self.name not in CATALOG:
            raise ValueError(f"analysis {self.name!r} is not in the catalogue")
