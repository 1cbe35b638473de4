# SPDX-License-Identifier: GPL-2.0-or-later
"""uninitialized-error: a local Error pointer is tested, passed or consumed before it has a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import numbered, observed, of_locals
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.text.guard_edits import null_edits
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Declare
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Declarations of local Error pointers that are used before anything has been stored in them."""
    for occurrence in of_locals(analysed, OccurrenceKind.UNINIT):
        call = numbered(analysed, occurrence.call)
        if call is None:
            use = "tested"
        else:
            use = "consumed" if analysed.unit.effect(call).consumes is not None else "passed"
        at_use = observed(
            analysed,
            "uninitialized-error",
            occurrence,
            {"error": occurrence.cell, "callee": call.name if call is not None else "", "use": use},
            calls=(call,),
            group=(occurrence.cell, occurrence.first.origin),
        )
        at_use = replace(at_use, edits=null_edits(analysed, occurrence.cell))
        declared = _declaration(analysed, occurrence.cell, occurrence.span)
        if declared is None:
            yield at_use
        else:
            # The line to mend is that of the declaration; the use may be far below.
            step = Step(occurrence.span, f"{occurrence.cell} is {use} here")
            yield replace(at_use, primary=declared, trail=(*at_use.trail, step))


def _declaration(analysed: AnalysedFunction, name: str, use: Span) -> Span | None:
    """The last declaration of a local before a use."""
    spans = [
        event.span
        for event in analysed.function.events()
        if isinstance(event, Declare) and event.path == name and event.span < use
    ]
    return max(spans, default=None)


CHECKS = (
    Check(
        "uninitialized-error",
        "errors",
        # error: a local Error pointer; callee: who is handed it, "" for a test.
        (
            event(
                "uninitialized-error",
                "error",
                "callee",
                path_sensitive=True,
                use="passed tested consumed",
            ),
        ),
        run,
    ),
)
