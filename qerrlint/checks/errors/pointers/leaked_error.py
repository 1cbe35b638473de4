# SPDX-License-Identifier: GPL-2.0-or-later
"""leaked-error: an Error that no path frees, in a local at a return or in a parameter that others consume."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.absint.trace import is_joined, places
from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import is_of_glib, of_kind
from qerrlint.checks.errors.pointers.error_set_twice import first_sets
from qerrlint.checks.errors.value_source import is_result, tests_of
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded, path_steps
from qerrlint.domain.conventions import FAILURE
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import Occurrence
from qerrlint.findings import Observation, Step
from qerrlint.model.summary import leads_back


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The Errors of one function that are lost."""
    yield from _left_set(analysed)
    yield from _left_owned(analysed)


def _left_set(analysed: AnalysedFunction) -> Iterator[Observation]:
    """Locals that still hold an Error where the function returns, or where they get another value; one group
    for each setter. Where a second set of what it had set is told, that is the finding."""
    left = [
        (o, end)
        for kind, end in (
            (OccurrenceKind.LEFT_SET, "the function returns here"),
            (OccurrenceKind.OVERWRITTEN, "{error} gets another value here"),
        )
        for o in of_kind(analysed, kind)
        if o.first.origin >= 0 and (o.cell, o.first.origin) not in analysed.once(first_sets)
    ]
    for occurrence, end in sorted(left, key=lambda item: (not item[0].first.sure, item[0].span)):
        setter = analysed.function.calls[occurrence.first.origin]
        sure = occurrence.first.sure
        yield Observation(
            "leaked-error",
            analysed.name,
            setter.span,
            f"{occurrence.cell} {setter.text}",
            {
                "error": occurrence.cell,
                "callee": setter.name,
                "how": "definite" if sure else "noticed" if _is_noticed(analysed, occurrence) else "possible",
                "object": "GError" if is_of_glib(analysed, occurrence.cell) else "Error",
            },
            (
                *path_steps(analysed.unit, occurrence.trail, occurrence.cell, setter),
                Step(occurrence.span, end.format(error=occurrence.cell)),
            ),
            "high" if sure else "medium",
            whole=not is_joined(occurrence.trail),
            subject=Subject((setter,), occurrence),
            group=("local", occurrence.cell, setter.index),
        )


def _is_noticed(analysed: AnalysedFunction, occurrence: Occurrence) -> bool:
    """Whether the path takes the branch for a failure of the call that has set the Error."""
    setter = analysed.function.calls[occurrence.first.origin]
    failing = FAILURE.get(analysed.unit.effect(setter).kind, 0)
    return any(
        is_result(analysed, test.subject, setter, place.span) and bool(test.allow & failing)
        for place in places(occurrence.trail)
        if place.kind == "branch" and place.span.start > setter.span.start
        for test in tests_of(analysed, place)
    )


def _left_owned(analysed: AnalysedFunction) -> Iterator[Observation]:
    """An `Error *` parameter that the function consumes on one path and not on another.

    That a path does not consume it is known only where all paths were followed.
    """
    if not analysed.result.complete:
        return
    consumed: dict[str, Occurrence] = {}
    for occurrence in of_kind(analysed, OccurrenceKind.CONSUMED):
        if occurrence.first.origin in (-1, -2) and leads_back(
            analysed.function, occurrence.call, analysed.unit.effect
        ):
            consumed.setdefault(occurrence.cell, occurrence)
    for occurrence in of_kind(analysed, OccurrenceKind.LEFT_OWNED):
        if occurrence.cell not in consumed:
            continue
        call = analysed.function.calls[consumed[occurrence.cell].call]
        yield Observation(
            "leaked-error",
            analysed.name,
            occurrence.span,
            f"{occurrence.cell} {folded(analysed.unit, occurrence.span)}",
            {"error": occurrence.cell, "callee": "the caller", "how": "possible", "object": "Error"},
            (
                Step(call.span, f"{call.name}() takes {occurrence.cell} on another path"),
                *path_steps(analysed.unit, occurrence.trail, occurrence.cell, None),
            ),
            "medium",
            subject=Subject((), occurrence),
            group=("parameter", occurrence.cell),
        )


CHECKS = (
    Check(
        "leaked-error",
        "errors",
        # callee: who set it; how: whether a test has shown that it is set,
        # or that the call has failed; object: what sort of error.
        (
            event(
                "leaked-error",
                "error",
                "callee",
                path_sensitive=True,
                how="definite noticed possible",
                object="Error GError",
            ),
        ),
        run,
    ),
)
