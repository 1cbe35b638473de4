# SPDX-License-Identifier: GPL-2.0-or-later
"""null-error-reported: a function that needs an Error is handed NULL."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import numbered, observed, of_kind
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.trace_steps import shown
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.findings import Observation
from qerrlint.ir.code import Var


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Reports of local Errors that are NULL, and of the function's own errp after a call that set none."""
    for occurrence in of_kind(analysed, OccurrenceKind.NULL_REPORTED):
        call = numbered(analysed, occurrence.call)
        cell = occurrence.cell
        if call is None or not (cell in analysed.function.locals or _is_own(analysed, cell)):
            continue
        yield observed(
            analysed,
            "null-error-reported",
            occurrence,
            {"error": shown(cell), "callee": call.name},
            calls=(call,),
            group=(cell, occurrence.call),
        )


def _is_own(analysed: AnalysedFunction, cell: str) -> bool:
    """Whether a cell is what the function's own errp points to, and the function has it set by some call.

    A function that passes its errp to no call is made for Errors that are set already.
    """
    errp = analysed.errp
    if errp is None or cell != "*" + errp:
        return False
    for call in analysed.function.calls:
        position = analysed.unit.effect(call).errp
        if position is not None and position < len(call.args) and call.args[position] == Var(errp):
            return True
    return False


CHECKS = (
    Check(
        "null-error-reported",
        "errors",
        (event("null-error-reported", "error", "callee", path_sensitive=True),),
        run,
    ),
)
