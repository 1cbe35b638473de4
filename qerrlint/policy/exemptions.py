# SPDX-License-Identifier: GPL-2.0-or-later
"""Exemptions applied: when an observation is not reported, or with less confidence (policy.exemption_rows).

Checks emit everything; what a row takes away is counted and listed.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from typing import Any

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.registry import events
from qerrlint.errors import UsageError
from qerrlint.findings import CONFIDENCES, Observation
from qerrlint.policy.exemption_rows import DROP, Exemption, exemption_rows, exemptions_file

# A predicate is asked about the function or the file (AnalysedFunction, AnalysedFile) that a check ran on.
Predicate = Callable[[Any, Observation], bool]


class Exemptions:
    """The rows by event, in the order of the file."""

    def __init__(self, rows: Iterable[Exemption], predicates: Mapping[str, Predicate]) -> None:
        self.rows = tuple(rows)
        self._by_event: dict[str, list[tuple[Exemption, Predicate]]] = {}
        for row in self.rows:
            for event in row.events:
                self._by_event.setdefault(event, []).append((row, predicates[row.predicate]))

    def of(self, event: str) -> tuple[Exemption, ...]:
        """The exemptions of an event."""
        return tuple(row for row, _ in self._by_event.get(event, ()))

    def without(self, ident: str) -> Exemptions:
        """All exemptions but one: for tests and for measuring what it takes away."""
        return Exemptions((row for row in self.rows if row.id != ident), predicates())

    def apply(
        self, analysed: AnalysedFunction | AnalysedFile, observation: Observation
    ) -> tuple[Observation | None, tuple[Exemption, ...]]:
        """The observation as it is to be reported (None: not at all), and the exemptions that changed it.

        The first row that drops it decides; rows that lower its certainty add up to the lowest one.
        """
        applied: list[Exemption] = []
        for row, predicate in self._by_event.get(observation.event, ()):
            if row.effect != DROP and _at_most(observation.certainty, row.effect):
                continue
            if not predicate(analysed, observation):
                continue
            if row.effect == DROP:
                return None, (row,)
            observation = replace(observation, certainty=row.effect)
            applied.append(row)
        return observation, tuple(applied)


def _at_most(certainty: str, bound: str) -> bool:
    return CONFIDENCES.index(certainty) <= CONFIDENCES.index(bound)


@lru_cache(maxsize=1)
def load_exemptions() -> Exemptions:
    """The bundled exemptions with their predicates.

    Raises UsageError naming the file and the row, as exemption_rows(), and when a row names an event or a
    predicate that does not exist.
    """
    rows, known = exemption_rows(), {name for family in events().values() for name in family}
    for number, row in enumerate(rows, 1):
        at = f"{exemptions_file()}: exemption {number} ({row.id})"
        for event in sorted(row.events - known):
            raise UsageError(f"{at}: unknown event {event!r}")
        if row.predicate not in predicates():
            raise UsageError(f"{at}: unknown predicate {row.predicate!r}")
    return Exemptions(rows, predicates())


@lru_cache(maxsize=1)
def predicates() -> Mapping[str, Predicate]:
    """Every public function of policy/predicates/, by its name."""
    import qerrlint.policy.predicates as package

    found: dict[str, Predicate] = {}
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = import_module(info.name)
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == module.__name__
            if own and not name.startswith("_") and not isinstance(value, type):
                found[name] = value
    return found
