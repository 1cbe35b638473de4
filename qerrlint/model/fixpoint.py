# SPDX-License-Identifier: GPL-2.0-or-later
"""Summaries as a least fixpoint: functions are interpreted bottom-up, those that call each other together.

A function that calls none that leads back to it is interpreted once, after its callees. The functions of a
strongly connected component of the call graph start from BOTTOM (no way of returning) and are interpreted
until no summary changes. Components, the order inside of them and the start do not depend on which function
is asked for first, so neither do the results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from qerrlint.c.cut import Piece
from qerrlint.domain.result import FunctionResult
from qerrlint.model.components import components, postorder
from qerrlint.model.summary import BOTTOM, Summary, join

# How often a function of a component is interpreted before the component is given up. Three to four are
# needed: one for the paths that do not recurse, one with these known, one to see that nothing changes.
_MOST_ROUNDS = 8
# From this interpretation on a summary only grows. Sums of results are not monotone (a convention fills in
# what the body leaves open), so without that two summaries might change each other without end.
_GROWING = 4


class BodyReader(Protocol):
    """The file that a body stands in."""

    def callees(self, piece: Piece) -> Sequence[Body]:
        """The bodies whose summaries the interpretation of a definition asks for."""

    def interpret(self, piece: Piece) -> FunctionResult | None:
        """Interpret a definition with the summaries as they are now; None where it is damaged."""

    def sum_up(self, result: FunctionResult) -> Summary:
        """The summary of a definition that was interpreted, with the summaries as they are now."""


class Body:
    """One definition of a function and what is known of it so far.

    `solved`: result and summary are final. Before that `summary` is the last approximation. Both are None for
    a damaged function. `cut`: the fixpoint was given up.
    """

    __slots__ = ("_summary", "_unsummed", "callees", "cut", "piece", "reader", "result", "solved", "started")

    def __init__(self, piece: Piece, reader: BodyReader) -> None:
        self.piece = piece
        self.reader = reader
        self.callees: Sequence[Body]
        self.started: bool
        self.solved: bool
        self.cut: bool
        self.result: FunctionResult | None
        self._summary: Summary | None
        self._unsummed: bool
        self.forget()

    def forget(self) -> None:
        """Go back to what is known of a body that was not requested."""
        self.callees = ()
        self.started = self.solved = self.cut = False
        self.result = None
        self._summary = BOTTOM
        self._unsummed = False

    @property
    def summary(self) -> Summary | None:
        """What callers may know of the body."""
        if self._unsummed:
            self._unsummed = False
            self._summary = self._summed()
        return self._summary

    @summary.setter
    def summary(self, summary: Summary | None) -> None:
        self._summary = summary
        self._unsummed = False

    def settle(self) -> None:
        """Interpret a body whose callees are all solved. Its summary is worked out when somebody asks for it:
        nobody asks for that of most functions."""
        self.result = self.reader.interpret(self.piece)
        self._unsummed = True

    def interpret(self) -> Summary | None:
        """Interpret the body, keep its result, and give the summary that comes of it."""
        self.result = self.reader.interpret(self.piece)
        return self._summed()

    def _summed(self) -> Summary | None:
        return self.reader.sum_up(self.result) if self.result is not None else None


def solved(body: Body) -> Body:
    """The body with its final result and summary, those of its callees worked out first.

    A body that is being solved is given back as it is: with its last approximation.
    """
    if body.started:
        return body
    entered: list[Body] = []

    def enter(one: Body) -> Sequence[Body]:
        entered.append(one)
        one.started = True
        one.callees = [callee for callee in one.reader.callees(one.piece) if not callee.solved]
        return one.callees

    try:
        for component in components(body, enter):
            _solve(component)
    finally:
        # Only after an error: what was begun counts as not requested.
        for one in entered:
            if not one.solved:
                one.forget()
    return body


def _solve(component: list[Body]) -> None:
    first = component[0]
    if len(component) == 1 and first not in first.callees:
        first.settle()
    else:
        _iterate(sorted(component, key=lambda body: body.piece.span))
    for body in component:
        body.solved = True
        body.callees = ()


def _iterate(component: list[Body]) -> None:
    """Interpret the bodies of a component, in source order, until their summaries do not change."""
    callers: dict[Body, list[Body]] = {body: [] for body in component}
    for body in component:
        for callee in body.callees:
            if callee in callers:
                callers[callee].append(body)
    order = postorder(component, lambda body: body.callees)
    pending = set(component)
    rounds: Counter[Body] = Counter()
    while pending:
        for body in order:
            if body not in pending:
                continue
            if rounds[body] == _MOST_ROUNDS:
                _give_up(order)
                return
            pending.discard(body)
            rounds[body] += 1
            summary = body.interpret()
            if rounds[body] >= _GROWING and summary is not None and body.summary is not None:
                summary = join(body.summary, summary)
            if summary != body.summary:
                body.summary = summary
                pending.update(callers[body])


def _give_up(component: list[Body]) -> None:
    """Let the convention stand for what the bodies of a component do, and say that they are incomplete."""
    for body in component:
        if body.summary is not None:
            body.summary = replace(body.summary, noreturn=False, clears=False, complete=False)
    for body in component:
        body.interpret()
        body.cut = body.result is not None
        if body.result is not None:
            body.result.complete = False
