# SPDX-License-Identifier: GPL-2.0-or-later
"""Exemptions: when an observation is not reported, or with less confidence, as rows of rules/exemptions.toml.

A row names the events it covers, a predicate (a function of policy/predicates/), its effect, its reason with
a source, the word lists that the predicate reads (`words`, which may be left out), and the fixture that fails
without it. Checks emit everything; what a row takes away is counted and listed.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from typing import Any

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.registry import events
from qerrlint.domain.word_lists import word_lists
from qerrlint.errors import UsageError
from qerrlint.findings import CONFIDENCES, Observation
from qerrlint.source.bundled import read_table, rules_folder

# A predicate is asked about the function or the file (AnalysedFunction, AnalysedFile) that a check ran on.
Predicate = Callable[[Any, Observation], bool]

DROP = "drop"
EFFECTS = (DROP, "low", "medium")
"""What an exemption does: drop the observation, or bound its certainty."""

_KEYS = frozenset(("id", "events", "predicate", "effect", "reason", "source", "fixture"))
_OPTIONAL = frozenset(("words",))


@dataclass(frozen=True, slots=True)
class Exemption:
    """One row. `fixture` is a path below fixtures/ whose expectations fail without the exemption; `words` are
    the names of the word lists that the predicate reads."""

    id: str
    events: frozenset[str]
    predicate: str
    effect: str
    reason: str
    source: str
    fixture: str
    words: tuple[str, ...] = ()


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
    """The bundled exemptions.

    Raises UsageError naming the file and the row when the file cannot be read, or a row lacks a key, has one
    that is not known, or names an event, a predicate or an effect that does not exist.
    """
    file = rules_folder() / "exemptions.toml"
    tables = read_table(file, "exemptions").get("exemption", [])
    rows = [_row(table, f"{file}: exemption {number}") for number, table in enumerate(tables, 1)]
    idents = [row.id for row in rows]
    for ident in idents:
        if idents.count(ident) > 1:
            raise UsageError(f"{file}: two exemptions have the id {ident!r}")
    return Exemptions(rows, predicates())


def _row(table: Mapping[str, Any], at: str) -> Exemption:
    if not isinstance(table, dict) or set(table) - _OPTIONAL != _KEYS:
        raise UsageError(f"{at}: needs exactly the keys {', '.join(sorted(_KEYS))}")
    at = f"{at} ({table['id']})"
    known = {name for family in events().values() for name in family}
    for event in table["events"]:
        if event not in known:
            raise UsageError(f"{at}: unknown event {event!r}")
    if table["predicate"] not in predicates():
        raise UsageError(f"{at}: unknown predicate {table['predicate']!r}")
    if table["effect"] not in EFFECTS:
        raise UsageError(f"{at}: effect {table['effect']!r} is none of {', '.join(EFFECTS)}")
    for key in ("reason", "source", "fixture"):
        if not isinstance(table[key], str) or not table[key].strip():
            raise UsageError(f"{at}: {key!r} is empty")
    words = tuple(table.get("words", ()))
    lists = {known.name for known in word_lists()}
    for name in words:
        if name not in lists:
            raise UsageError(f"{at}: unknown word list {name!r}")
    return Exemption(**{**table, "events": frozenset(table["events"]), "words": words})


@lru_cache(maxsize=1)
def predicates() -> Mapping[str, Predicate]:
    """Every public function of policy/predicates/, by its name."""
    import qerrlint.policy.predicates as package

    found: dict[str, Predicate] = {}
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        module = import_module(info.name)
        for name, value in vars(module).items():
            own = callable(value) and getattr(value, "__module__", None) == module.__name__
            if own and not name.startswith("_") and not isinstance(value, type):
                found[name] = value
    return found
