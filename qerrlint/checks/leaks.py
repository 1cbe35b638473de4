# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors that nobody frees: locals that hold one at a return, parameters consumed on some paths only."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.checks.trace_steps import folded, path_steps
from qerrlint.domain.result import FunctionResult, Occurrence
from qerrlint.findings import Observation, Step
from qerrlint.model.translation_unit import TranslationUnit


def observe(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """The Errors of one function that are lost."""
    yield from _leaks(unit, result)
    yield from _owned(unit, result)


def _leaks(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """Locals that still hold an Error where the function returns; one finding for each setter."""
    left = [s for s in result.occurrences if s.kind == "left-set" and s.first.origin >= 0]
    told: set[tuple[str, int]] = set()
    for occurrence in sorted(left, key=lambda s: (not s.first.sure, s.span)):
        setter = result.function.calls[occurrence.first.origin]
        effect = unit.effect(setter)
        if (occurrence.cell, setter.index) in told or effect.evidence == "guess":
            continue
        told.add((occurrence.cell, setter.index))
        yield Observation(
            "leaked-error",
            result.function.name,
            setter.span,
            f"{occurrence.cell} {setter.text}",
            {
                "error": occurrence.cell,
                "callee": setter.name,
                "how": "definite" if occurrence.first.sure else "possible",
            },
            (
                *path_steps(unit, occurrence.trail, occurrence.cell, setter),
                Step(occurrence.span, "the function returns here"),
            ),
            "high" if occurrence.first.sure else "medium",
            whole=not is_joined(occurrence.trail),
        )


def _owned(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """An `Error *` parameter that the function consumes on one path and forgets on another."""
    consumed: dict[str, Occurrence] = {}
    for occurrence in result.occurrences:
        if occurrence.kind == "consumed" and occurrence.first.origin in (-1, -2):
            consumed.setdefault(occurrence.cell, occurrence)
    for occurrence in result.occurrences:
        if occurrence.kind != "left-owned" or occurrence.cell not in consumed or not result.complete:
            continue
        consumer = consumed.pop(occurrence.cell)
        call = result.function.calls[consumer.call]
        yield Observation(
            "leaked-error",
            result.function.name,
            occurrence.span,
            f"{occurrence.cell} {folded(unit, occurrence.span)}",
            {"error": occurrence.cell, "callee": "the caller", "how": "possible"},
            (
                Step(call.span, f"{call.name}() takes {occurrence.cell} on another path"),
                *path_steps(unit, occurrence.trail, occurrence.cell, None),
            ),
            "medium",
        )
