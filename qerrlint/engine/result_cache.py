# SPDX-License-Identifier: GPL-2.0-or-later
"""What one file gave in `check`, and how it is kept between runs; how it was found it does not know."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qerrlint.engine.cache_key import Recipe
from qerrlint.engine.cache_store import Store
from qerrlint.engine.located import Located
from qerrlint.findings import Allowed, Edit, Finding, Fix, Step
from qerrlint.result import (
    Damaged,
    Place,
    ReportedEdit,
    ReportedExemption,
    ReportedFix,
    ReportedStep,
    Skipped,
)
from qerrlint.source.source import Source
from qerrlint.source.span import Span


@dataclass(frozen=True, slots=True)
class Health:
    """How well the front end read the functions, all of them and those about errors."""

    functions: int = 0
    damaged: int = 0
    errorish: int = 0
    errorish_damaged: int = 0

    def __add__(self, other: Health) -> Health:
        """The counts of both together."""
        return Health(
            self.functions + other.functions,
            self.damaged + other.damaged,
            self.errorish + other.errorish,
            self.errorish_damaged + other.errorish_damaged,
        )


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What one file gave."""

    found: tuple[Located, ...]
    functions: int
    explored: int
    damaged: tuple[Damaged, ...]
    incomplete: tuple[Damaged, ...]
    skipped: Skipped | None
    health: Health
    exempted: tuple[ReportedExemption, ...] = ()


class Kept:
    """The outcomes that a store has, and the keys under which the others go there."""

    def __init__(self, store: Store | None) -> None:
        self.store = store
        self.outcomes: dict[str, FileOutcome] = {}
        self._keys: dict[str, str] = {}

    def look_up(self, source: Source, recipe: Recipe, paths: Sequence[str]) -> None:
        """Read the outcomes of these files."""
        assert self.store is not None
        for path, data in source.read_many(paths):
            key = recipe.key(path, data)
            if key is not None:
                self._keys[path] = key
        results = self.store.get(self._keys.values())
        for path, key in self._keys.items():
            outcome = _thawed(results[key]) if key in results else None
            if outcome is not None:
                self.outcomes[path] = outcome

    def put(self, made: Mapping[str, FileOutcome]) -> None:
        """Keep new outcomes; not those of files that could not be analysed: another run may be able to."""
        if self.store is None:
            return
        whole = {p: o for p, o in made.items() if p in self._keys and o.skipped is None}
        self.store.put({self._keys[path]: pickle.dumps(outcome, 4) for path, outcome in whole.items()})


class _Outcomes(pickle.Unpickler):
    """Makes the classes of an outcome and nothing else, whatever the file holds."""

    def find_class(self, module: str, name: str) -> object:
        known = _FROZEN.get((module, name))
        if known is None:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return known


_FROZEN = {
    (kind.__module__, kind.__qualname__): kind
    for kind in (
        *(Located, Finding, Span, Step, Fix, Edit, Allowed),
        *(Place, ReportedStep, ReportedFix, ReportedEdit, ReportedExemption, Damaged, Skipped),
        *(Health, FileOutcome),
    )
}


def _thawed(data: bytes) -> FileOutcome | None:
    try:
        outcome = _Outcomes(io.BytesIO(data)).load()
    except Exception:  # what is no outcome is as good as none
        return None
    return outcome if isinstance(outcome, FileOutcome) else None
