# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known at one point of one path: Error objects, values and pointers; knows no call and no rule."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from qerrlint.absint.liveness import is_live
from qerrlint.absint.trace import Trail
from qerrlint.ir.code import (
    ANY,
    NEG,
    POS,
    ZERO,
    Addr,
    Const,
    Op,
    Opaque,
    Result,
    Str,
    Value,
    Var,
    identifiers,
    text_of,
)


class ErrorState(Enum):
    """The result of an Error object, or of the pointer that may hold one."""

    UNINIT = "uninitialised"
    NULL = "NULL"
    SET = "set"
    MAYBE = "unknown"
    GONE = "freed"

    # Identity is equality here; Enum's own hash goes by the name and is slow.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Cell:
    """An Error pointer's state. `origin` is the number of the call that brought it about (-1: none).

    `sure`: the path has taken a branch that only this outcome takes, or the setter cannot but set.
    `handed`: the Error came by error_propagate(), which lets a first Error win without complaint.
    """

    state: ErrorState
    origin: int = -1
    sure: bool = False
    handed: bool = False


NULL_CELL = Cell(ErrorState.NULL)
UNKNOWN_CELL = Cell(ErrorState.MAYBE)
# An `Error *` parameter that nobody has touched yet: whether the function owns it its body shows.
OWNED_CELL = Cell(ErrorState.MAYBE, origin=-2)


@dataclass(frozen=True, slots=True)
class Fact:
    """The signs a value may have; `origin` is the call that returned it (-1: not a call's result). `signed`:
    the path has asked whether it is negative."""

    signs: int
    origin: int = -1
    signed: bool = False


class PathState:
    """One state of a path; never changed in place (copy, change, hand on).

    cells: Error pointer -> Cell. facts: path or expression text -> Fact. points: a variable of type
    `Error **` -> the Error pointer that it points to. marks: what has happened on the way, as (what, where):
    ("printed", call number), ("freed", variable), ("set-by", call number) for an error_setg() of the function
    itself, ("handed", name of errp) for an Error, or none, propagated there.
    """

    __slots__ = ("_key", "cells", "facts", "marks", "points", "trail")

    def __init__(
        self,
        cells: dict[str, Cell],
        facts: dict[str, Fact],
        points: dict[str, str],
        trail: Trail | None = None,
        marks: frozenset[tuple[str, int | str]] = frozenset(),
    ) -> None:
        self.cells = cells
        self.facts = facts
        self.points = points
        self.trail = trail
        self.marks = marks
        self._key: Hashable = None

    def copy(self) -> PathState:
        """A state that may be changed until it is handed on."""
        return PathState(dict(self.cells), dict(self.facts), dict(self.points), self.trail, self.marks)

    def key(self) -> Hashable:
        """All but the trail; worked out once, so that the state must not change any more."""
        if self._key is None:
            self._key = (
                frozenset(self.cells.items()),
                frozenset(self.facts.items()),
                frozenset(self.points.items()),
                self.marks,
            )
        return self._key

    # -- changes, on a fresh copy only ---------------------------------------------------------

    def forget(self, path: str) -> None:
        """Drop every fact that depends on the content of `path`."""
        facts = self.facts
        gone = [text for text in facts if depends(text, path)]
        for text in gone:
            del facts[text]


@lru_cache(maxsize=65536)
def depends(text: str, path: str) -> bool:
    """Whether an expression text reads `path` or something below it."""
    if text == path:
        return True
    if path.isidentifier() or path.startswith("$"):
        return path in identifiers(text)
    return path in text


def live_only(state: PathState, live: frozenset[str]) -> PathState:
    """The state without facts that nothing will look at again."""
    facts = {text: fact for text, fact in state.facts.items() if is_live(text, live)}
    if len(facts) == len(state.facts):
        return state
    return PathState(state.cells, facts, state.points, state.trail, state.marks)


_NEGATED = {NEG: POS, POS: NEG, ZERO: ZERO}


def _combine(op: str, left: int, right: int) -> int:
    """The signs of `left op right` from the signs of its sides."""
    out = 0
    for a in (NEG, ZERO, POS):
        if not left & a:
            continue
        for b in (NEG, ZERO, POS):
            if not right & b:
                continue
            if op == "|":
                out |= NEG if NEG in (a, b) else (a | b) & ~ZERO or ZERO
            elif op == "&":
                out |= ZERO if ZERO in (a, b) else ANY
            else:
                if op == "-":
                    b = _NEGATED[b]
                out |= a if b == ZERO else b if a in (ZERO, b) else ANY
    return out


def signs_of(state: PathState, value: Value | None) -> Fact:
    """What the state knows of a value."""
    if value is None:
        return Fact(ANY)
    if isinstance(value, Const):
        return Fact(value.signs)
    if isinstance(value, (Addr, Str)):
        return Fact(POS)
    if isinstance(value, Var):
        cell = state.cells.get(value.path)
        if cell is not None:
            return Fact(_SIGNS_OF_STATE[cell.state])
        return state.facts.get(value.path, _ANYTHING)
    if isinstance(value, (Result, Opaque)):
        return state.facts.get(text_of(value), _ANYTHING)
    if isinstance(value, Op):
        left = signs_of(state, value.left)
        if value.right is None:
            signs = left.signs
            if value.op == "!":
                turned = (POS if signs & ZERO else 0) | (ZERO if signs & (NEG | POS) else 0)
            else:
                turned = (signs & ZERO) | (NEG if signs & POS else 0) | (POS if signs & NEG else 0)
            return Fact(turned, left.origin)
        right = signs_of(state, value.right)
        return Fact(_combine(value.op, left.signs, right.signs), max(left.origin, right.origin))
    return _ANYTHING


_ANYTHING = Fact(ANY)
_SIGNS_OF_STATE = {
    ErrorState.UNINIT: ANY,
    ErrorState.NULL: ZERO,
    ErrorState.SET: POS,
    ErrorState.MAYBE: ZERO | POS,
    ErrorState.GONE: POS,
}
