# SPDX-License-Identifier: GPL-2.0-or-later
"""uninitialized-error: a local Error pointer is tested, passed or consumed before it has a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import numbered, observed, of_locals
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.text.guard_edits import null_edits
from qerrlint.findings import Observation


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Uses of local Error pointers that nothing has been stored in."""
    for occurrence in of_locals(analysed, "uninit"):
        call = numbered(analysed, occurrence.call)
        if call is None:
            use = "tested"
        else:
            use = "consumed" if analysed.unit.effect(call).consumes is not None else "passed"
        seen = observed(
            analysed,
            "uninitialized-error",
            occurrence,
            {"error": occurrence.cell, "callee": call.name if call is not None else "", "use": use},
            calls=(call,),
            group=(occurrence.cell, occurrence.first.origin),
        )
        yield replace(seen, edits=null_edits(analysed, occurrence.cell))


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
