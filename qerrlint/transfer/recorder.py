# SPDX-License-Identifier: GPL-2.0-or-later
"""Recorder: the observer of an interpretation. Transfer functions tell it what they meet; it never
answers."""

from __future__ import annotations

from collections.abc import Hashable

from qerrlint.absint.trace import Trail, is_joined
from qerrlint.domain.error import Cell, ErrorState
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import (
    Condition,
    DeadBranch,
    FunctionResult,
    Occurrence,
    ReturnState,
)
from qerrlint.source.span import Span


class Recorder:
    """Keeps what is met on many paths once: an occurrence on a path that was not joined, then the surest
    one."""

    listens = True
    """Whether it keeps what it is told; nothing needs to be told to one that does not."""

    def __init__(self) -> None:
        self._occurrences: dict[Hashable, Occurrence] = {}
        self._returns: dict[Hashable, ReturnState] = {}
        self._conditions: dict[tuple[Span, str], set[ErrorState]] = {}
        self._blocked: dict[tuple[Span, bool], int] = {}
        self._passed: set[tuple[Span, bool]] = set()

    def occur(
        self, kind: OccurrenceKind, span: Span, name: str, before: Cell, call: int, trail: Trail | None
    ) -> None:
        """Record that something happens at a place to the pointer (or variable) `name`, with the state
        before."""
        ident = (kind, span, name, call, before.origin, before.state)
        old = self._occurrences.get(ident)
        if old is None or (not is_joined(trail), before.sure) > (not is_joined(old.trail), old.first.sure):
            self._occurrences[ident] = Occurrence(kind, span, name, before, call, trail)

    def leave(self, state: ReturnState) -> None:
        """Record the state of a return."""
        ident = (
            state.span,
            state.signs,
            state.error,
            state.origin,
            state.printed,
            state.soft,
            state.constant,
            state.propagated,
        )
        old = self._returns.get(ident)
        if old is None or (is_joined(old.trail) and not is_joined(state.trail)):
            self._returns[ident] = state

    def condition(self, span: Span, name: str, state: ErrorState) -> None:
        """Record that an Error pointer is tested in this state."""
        self._conditions.setdefault((span, name), set()).add(state)

    def branch(self, span: Span, taken: bool, call: int, is_open: bool) -> None:
        """Record whether a branch on the result of a call can be taken: not where the call ends the program
        on failure."""
        if is_open:
            self._passed.add((span, taken))
        else:
            self._blocked.setdefault((span, taken), call)

    def write_into(self, result: FunctionResult) -> None:
        """Write all that was recorded into a result, in source order."""
        result.occurrences = sorted(self._occurrences.values(), key=lambda o: (o.span, o.kind.value, o.cell))
        result.returns = list(self._returns.values())
        result.conditions = [
            Condition(span, name, frozenset(states))
            for (span, name), states in sorted(self._conditions.items())
        ]
        result.dead_branches = [
            DeadBranch(span, call, taken)
            for (span, taken), call in sorted(self._blocked.items())
            if (span, taken) not in self._passed
        ]


class _Silent(Recorder):
    """Keeps nothing: for one who asks for the states alone."""

    listens = False

    def occur(
        self, kind: OccurrenceKind, span: Span, name: str, before: Cell, call: int, trail: Trail | None
    ) -> None:
        """Nothing is kept."""

    def leave(self, state: ReturnState) -> None:
        """Nothing is kept."""

    def condition(self, span: Span, name: str, state: ErrorState) -> None:
        """Nothing is kept."""

    def branch(self, span: Span, taken: bool, call: int, is_open: bool) -> None:
        """Nothing is kept."""


SILENT = _Silent()
