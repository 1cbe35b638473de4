# SPDX-License-Identifier: GPL-2.0-or-later
"""stale-error: a local Error pointer is handed to a callee after its Error was freed or handed on."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import numbered, observed, of_locals
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.findings import Observation


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Calls that are handed a pointer to an Error that is gone."""
    for occurrence in of_locals(analysed, OccurrenceKind.STALE):
        call, first = numbered(analysed, occurrence.call), numbered(analysed, occurrence.first.origin)
        if call is None:
            continue
        yield observed(
            analysed,
            "stale-error",
            occurrence,
            {
                "error": occurrence.cell,
                "callee": call.name,
                "by": first.name if first is not None else "",
            },
            calls=(call,),
            before="frees or takes",
            group=(occurrence.cell, occurrence.first.origin),
        )


CHECKS = (
    Check(
        "stale-error",
        "errors",
        # error: a local Error pointer; callee: who is handed it now; by: who took it before.
        (event("stale-error", "error", "callee", "by", path_sensitive=True),),
        run,
    ),
)
