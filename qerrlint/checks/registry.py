# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks and the events of this package, found by listing its modules."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module

import qerrlint.checks
from qerrlint.checks.check import Check, EventType, FileCheck, event

# Events that no check of a function emits: comments that allow a finding (policy.suppressions) and what a
# change does to the files that the tool itself is configured by (review.relaxations).
_ELSEWHERE: Mapping[str, tuple[EventType, ...]] = {
    "suppressions": tuple(
        # rule: what is allowed; scope: this line, or the whole of a function; fault: a sentence.
        event(name, "rule", "reason", "scope", "fault")
        for name in ("added-suppression", "unused-suppression", "invalid-suppression")
    ),
    "gate": (
        # what: the relaxed setting, with its values before and after.
        event("loosened-configuration", "what"),
        # count: how many findings, as words; entries: the first of them.
        event("extended-baseline", "count", "entries"),
    ),
}


@lru_cache(maxsize=1)
def checks() -> tuple[Check | FileCheck, ...]:
    """Every check, in the order of module names; each run makes all of them.

    Raises ValueError when two checks emit different events of the same name. One event may be seen by a check
    of functions and by one of files.
    """
    found: list[Check | FileCheck] = []
    for module in sorted(
        info.name
        for info in pkgutil.walk_packages(qerrlint.checks.__path__, f"{qerrlint.checks.__name__}.")
        if not info.ispkg
    ):
        found += getattr(import_module(module), "CHECKS", ())
    known: dict[str, EventType] = {}
    for emitted in (emitted for check in found for emitted in check.events):
        if known.setdefault(emitted.name, emitted) is not emitted:
            raise ValueError(f"the event {emitted.name!r} is emitted by two checks")
    return tuple(found)


def function_checks() -> tuple[Check, ...]:
    """The checks of one function each, in the order of checks()."""
    return tuple(check for check in checks() if isinstance(check, Check))


def file_checks() -> tuple[FileCheck, ...]:
    """The checks of a whole file, in the order of checks()."""
    return tuple(check for check in checks() if isinstance(check, FileCheck))


@lru_cache(maxsize=1)
def events() -> Mapping[str, Mapping[str, EventType]]:
    """Every event by its family (the `analysis` of a rule file) and name."""
    table: dict[str, dict[str, EventType]] = {
        analysis: {emitted.name: emitted for emitted in emissions}
        for analysis, emissions in _ELSEWHERE.items()
    }
    for check in checks():
        table.setdefault(check.analysis, {}).update({emitted.name: emitted for emitted in check.events})
    return table


@lru_cache(maxsize=1)
def path_sensitive() -> frozenset[str]:
    """The names of the events that rest on a path."""
    return frozenset(emitted.name for check in checks() for emitted in check.events if emitted.path_sensitive)
