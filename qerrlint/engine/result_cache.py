# SPDX-License-Identifier: GPL-2.0-or-later
"""The outcome of one file in `check`, and how it is kept between runs."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qerrlint.engine.cache_key import CacheKeys
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
    """The findings and the coverage of one file; `uses` is what engine.callers.uses_of() says of it."""

    found: tuple[Located, ...]
    functions: int
    explored: int
    damaged: tuple[Damaged, ...]
    incomplete: tuple[Damaged, ...]
    skipped: Skipped | None
    health: Health
    exempted: tuple[ReportedExemption, ...] = ()
    uses: frozenset[str] = frozenset()


class CachedOutcomes:
    """The outcomes that a store has, and the keys under which new ones are stored."""

    def __init__(self, store: Store | None) -> None:
        self.store = store
        self.outcomes: dict[str, FileOutcome] = {}
        self._keys: dict[str, str] = {}

    def look_up(self, source: Source, keys: CacheKeys, paths: Sequence[str]) -> None:
        """Read the outcomes of these files."""
        assert self.store is not None
        for path, data in source.read_many(paths):
            key = keys.key(path, data)
            if key is not None:
                self._keys[path] = key
        results = self.store.get(self._keys.values())
        for path, key in self._keys.items():
            outcome = _unpickled(results[key]) if key in results else None
            if outcome is not None:
                self.outcomes[path] = outcome

    def put(self, made: Mapping[str, FileOutcome]) -> None:
        """Store new outcomes, but not those of files that could not be analysed: another run may succeed."""
        if self.store is None:
            return
        whole = {p: o for p, o in made.items() if p in self._keys and o.skipped is None}
        self.store.put({self._keys[path]: pickle.dumps(outcome, 4) for path, outcome in whole.items()})


class _Outcomes(pickle.Unpickler):
    """Unpickles the classes of an outcome and refuses every other one."""

    def find_class(self, module: str, name: str) -> object:
        known = _CLASSES.get((module, name))
        if known is None:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return known


_CLASSES = {
    (kind.__module__, kind.__qualname__): kind
    for kind in (
        *(Located, Finding, Span, Step, Fix, Edit, Allowed),
        *(Place, ReportedStep, ReportedFix, ReportedEdit, ReportedExemption, Damaged, Skipped),
        *(Health, FileOutcome),
    )
}


def _unpickled(data: bytes) -> FileOutcome | None:
    try:
        outcome = _Outcomes(io.BytesIO(data)).load()
    except Exception:  # what is no outcome is as good as none
        return None
    return outcome if isinstance(outcome, FileOutcome) else None
