# SPDX-License-Identifier: GPL-2.0-or-later
"""unchecked-call: nothing asks whether a call failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import numbered, of_kind
from qerrlint.checks.errors.return_states import passes_null_errp, set_successes
from qerrlint.checks.errors.untested_results import first_untested_use
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import shown
from qerrlint.domain.result import Occurrence
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Assign, Call, Result


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Calls that may have set errp, and calls with NULL for errp, whose outcome is not tested."""
    yield from _before_success(analysed)
    yield from _before_tolerant(analysed)
    yield from _result_dropped(analysed)
    yield from _result_untested(analysed)


def _before_success(analysed: AnalysedFunction) -> Iterator[Observation]:
    """The function returns success behind a call that may have set errp."""
    for leaving in analysed.once(set_successes):
        if leaving.error.sure:
            continue  # success-with-error
        setter = analysed.function.calls[leaving.error.origin]
        yield Observation(
            "unchecked-call",
            analysed.name,
            setter.span,
            setter.text,
            _slots(analysed, setter, analysed.errp or ""),
            (Step(leaving.span, "the function returns success here"),),
            "medium",
            whole=not is_joined(leaving.trail),
            subject=Subject((setter,), returned=leaving),
            group=("success", setter.span),
        )


def _before_tolerant(analysed: AnalysedFunction) -> Iterator[Observation]:
    """An Error that may be set is handed to a callee that accepts one that is set already."""
    for occurrence in of_kind(analysed, "tolerated"):
        first = numbered(analysed, occurrence.first.origin)
        if first is not None and not first.used:
            yield _tolerated(analysed, occurrence, first)


def _tolerated(analysed: AnalysedFunction, occurrence: Occurrence, first: Call) -> Observation:
    error = shown(occurrence.cell)
    return Observation(
        "unchecked-call",
        analysed.name,
        first.span,
        first.text,
        _slots(analysed, first, error),
        (Step(occurrence.span, f"{error} is handed on here, perhaps set"),),
        "medium",
        subject=Subject((first,), occurrence),
        group=("tolerated", occurrence.cell, first.index),
    )


def _result_dropped(analysed: AnalysedFunction) -> Iterator[Observation]:
    """errp is NULL and the result is dropped: nothing can tell the failure."""
    for call in analysed.function.calls:
        told_by_result = analysed.unit.effect(call).kind in ("int", "bool", "pointer")
        if told_by_result and not call.used and passes_null_errp(analysed, call):
            yield Observation(
                "unchecked-call",
                analysed.name,
                call.span,
                call.text,
                _slots(analysed, call, "NULL"),
                certainty="medium",
                subject=Subject((call,)),
            )


def _result_untested(analysed: AnalysedFunction) -> Iterator[Observation]:
    """errp is NULL, and the result is kept and used but never tested: a failure is taken for a value."""
    function = analysed.function
    for number, block in enumerate(function.blocks):
        for position, at in enumerate(block.events):
            if (
                not isinstance(at, Assign)
                or not isinstance(at.value, Result)
                or at.target not in function.locals
            ):
                continue
            call = function.calls[at.value.call]
            kind = analysed.unit.effect(call).kind
            if kind not in ("int", "pointer") or not passes_null_errp(analysed, call):
                continue
            use = first_untested_use(function, number, position + 1, at.target, kind)
            if use is None:
                continue
            yield Observation(
                "unchecked-call",
                function.name,
                call.span,
                call.text,
                _slots(analysed, call, "NULL", at.target),
                (Step(use, f"{at.target} is used here, and no test of it comes before or after"),),
                "medium",
                subject=Subject((call,)),
            )


def _slots(analysed: AnalysedFunction, call: Call, errp: str, kept: str = "") -> dict[str, str]:
    return {"function": analysed.name, "callee": call.name, "errp": errp, "kept": kept}


CHECKS = (
    Check(
        "unchecked-call",
        "errors",
        # kept: the variable that holds the result where one does ("" else).
        (event("unchecked-call", "function", "callee", "errp", "kept", path_sensitive=True),),
        run,
    ),
)
