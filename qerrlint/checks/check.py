# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a value that names the events it emits and runs over one analysed function; EventType: one event.

FileCheck: the same for a whole file: what its tables and its functions say together.

A module of this package that defines `CHECKS` is found by listing (registry.py); no other list names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from qerrlint.records import record

if TYPE_CHECKING:
    from qerrlint.checks.file import AnalysedFile
    from qerrlint.checks.function import AnalysedFunction
    from qerrlint.findings import Observation

ANALYSES = (
    *("arguments", "devices", "errors", "gate", "guest", "migration", "modes", "notifiers", "ownership"),
    *("suppressions", "text"),
)
"""The families of events, the values of `analysis` in a rule file."""

SUBJECTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Errors, statuses, pointers and numbers", ("errors", "arguments", "text")),
    ("Migration notifiers and modes", ("notifiers", "modes")),
    ("What a function acquires and releases", ("ownership",)),
    ("Device models: tables and life cycle", ("devices",)),
    ("Device models: state that migrates", ("migration",)),
    ("Device models: what a guest can reach", ("guest",)),
    ("Comments and files of this tool", ("suppressions", "gate")),
)
"""The families by what they are about, in the order in which lists of rules show them."""


@record(frozen=True, slots=True)
class EventType:
    """One event that a check may emit: its slots, and for a slot with a closed set of values that set.

    `path_sensitive`: the event rests on a path of the function, so that it is less certain where paths were
    merged (an incomplete exploration).
    """

    name: str
    slots: Mapping[str, frozenset[str] | None]
    path_sensitive: bool = False


def event(name: str, *free: str, path_sensitive: bool = False, **closed: str) -> EventType:
    """An EventType with `free` slots of any text and `closed` ones, their values separated by blanks."""
    slots: dict[str, frozenset[str] | None] = dict.fromkeys(free)
    slots.update({slot: frozenset(values.split()) for slot, values in closed.items()})
    return EventType(name, slots, path_sensitive)


def _refuse_unknown(name: str, analysis: str) -> None:
    if analysis not in ANALYSES:
        raise ValueError(f"check {name!r}: unknown analysis {analysis!r}")


@record(frozen=True, slots=True)
class Check:
    """One check. `analysis` is its family (one of ANALYSES), `events` all that `run` may emit.

    Raises ValueError for an unknown family.
    """

    name: str
    analysis: str
    events: tuple[EventType, ...]
    run: Callable[[AnalysedFunction], Iterable[Observation]]

    def __post_init__(self) -> None:
        """Refuse a family that no rule file can name."""
        _refuse_unknown(self.name, self.analysis)


@record(frozen=True, slots=True)
class FileCheck:
    """One check that runs once over a file; the rest is as for Check.

    The `function` of its observations is that of a function or of a variable (a table) of the file. It has to
    look at the bytes of the file first: most files have nothing to do with it.
    """

    name: str
    analysis: str
    events: tuple[EventType, ...]
    run: Callable[[AnalysedFile], Iterable[Observation]]

    def __post_init__(self) -> None:
        """Refuse a family that no rule file can name."""
        _refuse_unknown(self.name, self.analysis)
