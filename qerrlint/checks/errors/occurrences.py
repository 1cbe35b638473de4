# SPDX-License-Identifier: GPL-2.0-or-later
"""Occurrences of one kind on the paths of a function, and the observations that are made of them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping

from qerrlint.absint.trace import is_joined
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded, path_steps, shown
from qerrlint.domain.error import GERROR
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import Occurrence
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call


def of_kind(analysed: AnalysedFunction, kind: OccurrenceKind) -> Iterator[Occurrence]:
    """The occurrences of a kind, in source order."""
    return (occurrence for occurrence in analysed.result.occurrences if occurrence.kind is kind)


def of_locals(analysed: AnalysedFunction, kind: OccurrenceKind) -> Iterator[Occurrence]:
    """Those of them that are about a local Error pointer: of a member the function sees only a part."""
    return (o for o in of_kind(analysed, kind) if o.cell in analysed.function.locals)


def is_of_glib(analysed: AnalysedFunction, cell: str) -> bool:
    """Whether a local is a GError: g_set_error() warns where one is set already, and goes on."""
    return analysed.function.locals.get(cell) == GERROR


def numbered(analysed: AnalysedFunction, number: int) -> Call | None:
    """The call of that number; None for a negative one."""
    return analysed.function.calls[number] if number >= 0 else None


def is_addressed(analysed: AnalysedFunction, cell: str) -> bool:
    """Whether the address of a local stands in any call."""
    word = re.compile(rf"&{re.escape(cell)}\b")
    return any(word.search(call.text) for call in analysed.function.calls)


def observed(
    analysed: AnalysedFunction,
    event: str,
    occurrence: Occurrence,
    slots: Mapping[str, str],
    *,
    calls: tuple[Call | None, ...] = (),
    certainty: str = "high",
    before: str = "",
    group: Hashable = None,
) -> Observation:
    """An observation at an occurrence, with the last branches of its path.

    `before` says what happened to the Error in the call that the occurrence's earlier state comes from.
    """
    unit = analysed.unit
    first = numbered(analysed, occurrence.first.origin)
    steps = path_steps(unit, occurrence.trail, occurrence.cell, None)[-3:]
    if first is not None and before:
        steps = (Step(first.span, f"{first.name}() {before} {shown(occurrence.cell)} here"), *steps)
    return Observation(
        event,
        analysed.name,
        occurrence.span,
        f"{occurrence.cell} {folded(unit, occurrence.span)}",
        slots,
        steps,
        certainty,
        whole=not is_joined(occurrence.trail),
        subject=Subject(tuple(call for call in calls if call is not None), occurrence),
        group=group,
    )
