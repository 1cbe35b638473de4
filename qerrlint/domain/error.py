# SPDX-License-Identifier: GPL-2.0-or-later
"""The typestate of an Error object, or of the pointer that may hold one: a table, a lattice, and interned
cells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from qerrlint.domain.occurrence_kind import OccurrenceKind

# The types by which a pointer to an Error object and an out-parameter are known (include/qapi/error.h).
ERROR = "Error *"
ERRP = "Error **"
# GLib's errors (g_file_get_contents() and its like) live as Error objects do: whoever gets one frees it.
GERROR = "GError *"
GERRP = "GError **"
OBJECTS = frozenset({ERROR, GERROR})
# Objects whose address makes a failure end the program.
FATAL = frozenset({"error_abort", "error_fatal"})
# The object whose address has the Error printed and freed (2023 to 2025): the caller sees the result alone.
WARN = "error_warn"


class ErrorState(Enum):
    """What an `Error *` holds on one path. MAYBE is the top of the lattice, the others are unordered."""

    UNINIT = "uninitialised"
    NULL = "NULL"
    SET = "set"
    MAYBE = "unknown"
    GONE = "freed"

    # Identity is equality here; Enum's own hash goes by the name and is slow.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """An Error pointer's state; made by `cell()`, which gives equal ones the same object.

    `origin` is the number of the call that brought the state about (-1: none, or no longer known; -2: an
    `Error *` parameter that nothing has touched yet). `sure`: the path has taken a branch that only this
    outcome takes, or the setter cannot but set. `propagated`: the Error came by error_propagate(), where the
    first of two Errors wins without complaint.
    """

    state: ErrorState
    origin: int = -1
    sure: bool = False
    propagated: bool = False

    @property
    def known_null(self) -> bool:
        """Whether it is NULL for certain: by assignment, or by a call whose result was looked at."""
        return self.state is ErrorState.NULL and (self.sure or self.origin < 0)


_CELLS: dict[tuple[ErrorState, int, bool, bool], Cell] = {}


def cell(state: ErrorState, origin: int = -1, sure: bool = False, propagated: bool = False) -> Cell:
    """The one Cell with these values."""
    key = (state, origin, sure, propagated)
    found = _CELLS.get(key)
    if found is None:
        found = _CELLS[key] = Cell(state, origin, sure, propagated)
    return found


NULL_CELL = cell(ErrorState.NULL)
UNINIT_CELL = cell(ErrorState.UNINIT)
UNKNOWN_CELL = cell(ErrorState.MAYBE)
# What a state says of a pointer that it does not hold: above all other cells.
TOP_CELL = cell(ErrorState.MAYBE, propagated=True)
# An `Error *` parameter that nothing has touched yet: the body shows whether the function owns it.
OWNED_CELL = cell(ErrorState.MAYBE, origin=-2)
# The path has found that the out-parameter is NULL: the caller did not ask for an Error.
NOT_ASKED_CELL = cell(ErrorState.MAYBE, origin=-3)


def leq(one: Cell, other: Cell) -> bool:
    """The product order: a flat lattice of states under MAYBE, a flat one of origins under -1, and the
    flags."""
    return (
        (one.state is other.state or other.state is ErrorState.MAYBE)
        and other.origin in (one.origin, -1)
        and one.sure >= other.sure
        and one.propagated <= other.propagated
    )


def join(one: Cell, other: Cell) -> Cell:
    """The least cell above both."""
    return cell(
        one.state if one.state is other.state else ErrorState.MAYBE,
        one.origin if one.origin == other.origin else -1,
        one.sure and other.sure,
        one.propagated or other.propagated,
    )


# Use of a pointer -> the states in which that is a fault. A pointer in any other state is fine.
_FAULTS: dict[str, dict[ErrorState, OccurrenceKind]] = {
    # Handed over by address to a callee that may set it (include/qapi/error.h: it has to hold NULL).
    "pass": {ErrorState.UNINIT: OccurrenceKind.UNINIT, ErrorState.GONE: OccurrenceKind.STALE},
    # Set without tolerance for an Error that is there: error_setv() asserts that there is none.
    "set": {ErrorState.SET: OccurrenceKind.SET_AGAIN},
    # Handed over by value, consumed, or extended.
    "use": {ErrorState.UNINIT: OccurrenceKind.UNINIT, ErrorState.GONE: OccurrenceKind.GONE_USED},
    "extend": {ErrorState.GONE: OccurrenceKind.GONE_USED},
    "test": {ErrorState.UNINIT: OccurrenceKind.UNINIT},
}


def fault_of(use: str, held: Cell, looks_inside: bool = False) -> OccurrenceKind | None:
    """What is wrong with `use` ("pass", "set", "use", "extend", "test") of a pointer in this state.

    `looks_inside`: the use reads the Error object, so that a pointer known to be NULL crashes.
    Raises KeyError for an unknown use.
    """
    found = _FAULTS[use].get(held.state)
    if found is None and looks_inside and held.known_null:
        return OccurrenceKind.NULL_REPORTED
    return found
