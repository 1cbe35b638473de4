# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors that never are: locals handed on or tested though nobody sets them, failures that cannot come."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.steps import folded
from qerrlint.domain.error import ErrorState
from qerrlint.domain.result import FunctionResult
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Var
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

_ASSERTED = re.compile(rb"assert\w*\s*\([\s!(]*\Z")


def observe(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """The uses of Errors in one function that only ever see NULL."""
    yield from _never_set(unit, result)
    yield from _conditions(unit, result)


def _addressed(result: FunctionResult, cell: str) -> bool:
    """Whether the address of a local stands in any call."""
    word = re.compile(rf"&{re.escape(cell)}\b")
    return any(word.search(call.text) for call in result.function.calls)


def _never_set(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """A local Error that is handed on although nobody is given its address: the callee got errp instead."""
    errp, calls = result.errp, result.function.calls
    if errp is None:
        return
    if not any(isinstance(a, Var) and a.path == errp for c in calls for a in c.args):
        return
    states: dict[tuple[str, int], set[ErrorState]] = {}
    places: dict[tuple[str, int], Span] = {}
    for occurrence in result.occurrences:
        if occurrence.kind == "consumed" and occurrence.cell in result.function.locals:
            states.setdefault((occurrence.cell, occurrence.call), set()).add(occurrence.first.state)
            places[occurrence.cell, occurrence.call] = occurrence.span
    empty = {(s.cell, s.call) for s in result.occurrences if s.kind == "empty-handed"}
    # An exit that the good way shares is no place for this one failure.
    empty -= {(s.cell, s.call) for s in result.occurrences if s.kind == "nothing-handed"}
    for (cell, number), seen in states.items():
        if seen != {ErrorState.NULL} or not result.complete:
            continue
        # Nobody has its address, or an Error is there and the callee that set it was given errp.
        if (_addressed(result, cell) and (cell, number) not in empty) or unit.effect(
            calls[number]
        ).how == "free":
            continue
        yield Observation(
            "wrong-errp-argument",
            result.function.name,
            places[cell, number],
            f"{cell} {calls[number].text}",
            {
                "callee": calls[number].name,
                "argument": cell,
                "position": "",
                "count": "",
                "wanted": "",
                "prototype": errp,
                "problem": "never-set",
            },
        )


def _conditions(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """Tests that only ever see NULL, and tests that a fatal Error has decided before."""
    # Paths that a second set has ended would have come here with an Error.
    ended = {s.cell for s in result.occurrences if s.kind == "set-again"}
    by_span: dict[Span, set[ErrorState]] = {}
    cells: dict[Span, str] = {}
    for condition in result.conditions:
        if condition.cell in result.function.locals and condition.cell not in ended:
            by_span.setdefault(condition.span, set()).update(condition.states)
            cells[condition.span] = condition.cell
    for span, states in sorted(by_span.items()):
        if states != {ErrorState.NULL} or not result.complete:
            continue
        if _ASSERTED.search(unit.data, max(0, span.start - 40), span.start):
            continue  # an assertion says just that
        cell = cells[span]
        if _addressed(result, cell):
            continue  # what is handed over may be set one day, even if the callee cannot fail now
        yield Observation(
            "wrong-error-test",
            result.function.name,
            span,
            f"{cell} {folded(unit, span)}",
            {"subject": cell, "callee": "", "form": "error-never-set"},
            (),
            "high",
        )
    for way in result.dead_branches:
        call = result.function.calls[way.call]
        if _ASSERTED.search(unit.data, max(0, way.span.start - 40), way.span.start):
            continue
        if unit.effect(call).kind not in ("int", "bool"):
            continue  # NULL may be an empty list
        fatal = "error_abort" if "&error_abort" in call.text else "error_fatal"
        yield Observation(
            "dead-branch-after-abort",
            result.function.name,
            way.span,
            folded(unit, way.span),
            {"condition": folded(unit, way.span), "callee": call.name, "fatal": fatal},
            (Step(call.span, f"{call.name}() with &{fatal} does not come back with a failure"),),
            "high",
        )
