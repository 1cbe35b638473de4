# SPDX-License-Identifier: GPL-2.0-or-later
"""What the exploration of a function writes down: occurrences, ways of returning; it draws no conclusion."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from qerrlint.absint.trace import Trail, is_joined
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.state import Cell, ErrorState
from qerrlint.ir.code import Function, Value
from qerrlint.source.span import Span


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something seen at `span` on some path.

    `cell` is the Error pointer (or other variable), `first` its state before, `call` the number of the
    call at the place (-1: none). Kinds: set-again, tolerated, deref, consumed, stale, uninit, gone-used,
    null-reported, empty-handed, nothing-handed, left-set, left-owned, left-gone, errp-tested, sign-tested,
    exits, dropped-result, goes-on, freed-argument, negative-errno.
    """

    kind: str
    span: Span
    cell: str
    first: Cell
    call: int
    trail: Trail | None


@dataclass(frozen=True, slots=True)
class ReturnState:
    """One way of returning: the result's signs, the out-error's state, the return itself.

    `origin` is the call whose result is returned (-1: none), `printed` the calls on the path that printed
    or freed an Error or a message, `soft` says that the value is a code that is no failure, `constant` which
    named constant the value is, `handed` that an Error (or none) was propagated to errp on the way.
    """

    signs: int
    value: Value | None
    error: Cell
    span: Span
    implicit: bool
    trail: Trail | None
    origin: int = -1
    printed: tuple[int, ...] = ()
    soft: bool = False
    constant: str = ""
    handed: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A test of an Error pointer: the states that paths arrive with."""

    span: Span
    cell: str
    states: frozenset[ErrorState]


@dataclass(frozen=True, slots=True)
class DeadBranch:
    """A test of a call's result that only goes one way because the call ends the program on failure."""

    span: Span
    call: int
    taken: bool


@dataclass(slots=True)
class FunctionResult:
    """What the exploration of one function brought to light."""

    function: Function
    signature: Signature | None
    occurrences: list[Occurrence] = field(default_factory=list)
    returns: list[ReturnState] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    dead_branches: list[DeadBranch] = field(default_factory=list)
    complete: bool = True
    states: int = 0

    @property
    def errp(self) -> str | None:
        """The name of the function's own out-parameter, None where it has none."""
        return self.signature.out_error if self.signature is not None else None


def _worth(trail: Trail | None, first: Cell) -> tuple[bool, bool]:
    return not is_joined(trail), first.sure


class Recorder:
    """Collects while the exploration runs; what is seen on many paths is written down once."""

    def __init__(self) -> None:
        self._sightings: dict[Hashable, Occurrence] = {}
        self._exits: dict[Hashable, ReturnState] = {}
        self._conditions: dict[tuple[Span, str], set[ErrorState]] = {}
        self._blocked: dict[tuple[Span, bool], int] = {}
        self._passed: set[tuple[Span, bool]] = set()

    def sight(self, kind: str, span: Span, cell: str, first: Cell, call: int, trail: Trail | None) -> None:
        """Write down a occurrence; of equal ones stays that on a single path, then the surest."""
        ident = (kind, span, cell, call, first.origin, first.state)
        old = self._sightings.get(ident)
        if old is None or _worth(trail, first) > _worth(old.trail, old.first):
            self._sightings[ident] = Occurrence(kind, span, cell, first, call, trail)

    def leave(self, leaving: ReturnState) -> None:
        """Write down a way of returning."""
        ident = (
            leaving.span,
            leaving.signs,
            leaving.error,
            leaving.origin,
            leaving.printed,
            leaving.soft,
            leaving.constant,
            leaving.handed,
        )
        old = self._exits.get(ident)
        if old is None or (is_joined(old.trail) and not is_joined(leaving.trail)):
            self._exits[ident] = leaving

    def condition(self, span: Span, cell: str, state: ErrorState) -> None:
        """An Error pointer is tested in this state."""
        self._conditions.setdefault((span, cell), set()).add(state)

    def way(self, span: Span, taken: bool, call: int, is_open: bool) -> None:
        """A test of the result of a call that does not return with a failure was, or was not, passed."""
        if is_open:
            self._passed.add((span, taken))
        else:
            self._blocked.setdefault((span, taken), call)

    def write_into(self, result: FunctionResult) -> None:
        """Hand everything over, in source order."""
        result.occurrences = sorted(self._sightings.values(), key=lambda s: (s.span, s.kind, s.cell))
        result.returns = list(self._exits.values())
        result.conditions = [Condition(s, c, frozenset(v)) for (s, c), v in sorted(self._conditions.items())]
        result.dead_branches = [
            DeadBranch(span, call, taken)
            for (span, taken), call in sorted(self._blocked.items())
            if (span, taken) not in self._passed
        ]
