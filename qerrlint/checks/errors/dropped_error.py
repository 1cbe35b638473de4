# SPDX-License-Identifier: GPL-2.0-or-later
"""dropped-error: an Error is printed, freed or never asked for, and the caller gets none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.c.declarations.types import result_kind
from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import of_kind
from qerrlint.checks.errors.return_states import passes_null_errp, printed_calls, unset_failures
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.result import ReturnState
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, Var
from qerrlint.model.summary import Summary


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Errors that end in the function itself, in a callee, or in a callback that gets NULL."""
    yield from _at_failures(analysed)
    yield from _of_callbacks(analysed)
    yield from _below(analysed)


def _at_failures(analysed: AnalysedFunction) -> Iterator[Observation]:
    """Failing returns without an Error where a callee had one, or would have had one."""
    for leaving in analysed.once(unset_failures):
        for call in printed_calls(analysed, leaving):
            effect = analysed.unit.effect(call)
            if passes_null_errp(analysed, call):
                yield _dropped(analysed, leaving, call, call.name, "null")
            elif effect.consumes is not None:
                how = "report" if effect.how == "report" else "free"
                yield _dropped(analysed, leaving, call, _setter(analysed, call), how)
        if leaving.printed or analysed.kind == "void" or leaving.origin < 0:
            continue
        origin = analysed.function.calls[leaving.origin]
        if passes_null_errp(analysed, origin):
            yield _dropped(analysed, leaving, origin, origin.name, "null")


def _dropped(
    analysed: AnalysedFunction, leaving: ReturnState, call: Call, setter: str, how: str
) -> Observation:
    """The Error of `setter` ends in `call`; `how` is null where it was never asked for (no more than likely
    a mistake), report or free where it is consumed."""
    return Observation(
        "dropped-error",
        analysed.name,
        call.span,
        call.text,
        _slots(analysed, call.name, setter, how),
        (Step(leaving.span, "the function fails here without an Error"),),
        "medium" if how == "null" else "high",
        whole=not is_joined(leaving.trail),
        subject=Subject((call,), returned=leaving),
        group=call.span,
    )


def _setter(analysed: AnalysedFunction, consumer: Call) -> str:
    """Who had set the Error that a consumer took, "" where that is not known."""
    for occurrence in of_kind(analysed, "consumed"):
        if occurrence.call == consumer.index and occurrence.first.origin >= 0:
            return analysed.function.calls[occurrence.first.origin].name
    return ""


def _of_callbacks(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A call that runs a callback with errp gets NULL, and its failure is acted on without words."""
    for call in analysed.function.calls:
        if not call.used or not passes_null_errp(analysed, call):
            continue
        callback = next(_callbacks(analysed, call), None)
        if callback is None:
            continue
        yield Observation(
            "dropped-error",
            analysed.name,
            call.span,
            call.text,
            _slots(analysed, call.name, callback, "callback") | {"errp": "NULL"},
            (),
            "medium",
            subject=Subject((call,)),
        )


def _callbacks(analysed: AnalysedFunction, call: Call) -> Iterator[str]:
    """The functions with errp among the arguments; not those whose body is known and sets no Error."""
    for arg in call.args:
        if not isinstance(arg, Var) or not arg.path.isidentifier():
            continue
        signature = analysed.unit.signature(arg.path)
        if signature is None or signature.out_error is None:
            continue
        summary = _summary(analysed, arg.path)
        if summary is None or summary.may_set:
            yield arg.path


def _below(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A callee without errp prints or frees an Error and fails, and a caller with errp drops its result."""
    if analysed.errp is None:
        return
    unit = analysed.unit
    for occurrence in of_kind(analysed, "dropped-result"):
        call = analysed.function.calls[occurrence.call]
        callee, summary = unit.signature(call.name), _summary(analysed, call.name)
        if callee is None or summary is None or not summary.swallows or not summary.fails:
            continue
        if result_kind(callee, unit.typedefs) not in ("int", "bool"):
            continue
        swallow = summary.swallows[0]
        yield Observation(
            "dropped-error",
            analysed.name,
            call.span,
            call.text,
            _slots(analysed, call.name, swallow.setter, "below"),
            (
                Step(swallow.setter_span, f"{call.name}() receives an Error from {swallow.setter}() here"),
                Step(swallow.printer_span, f"and keeps it from its caller here, with {swallow.printer}()"),
            ),
            "medium",
            whole=not is_joined(occurrence.trail),
            subject=Subject((call,), occurrence),
        )


def _summary(analysed: AnalysedFunction, name: str) -> Summary | None:
    """The summary of a function of this file, or of another file that is read."""
    unit = analysed.unit
    return unit.summary(name) if name in unit.functions else unit.program.summary(name)


def _slots(analysed: AnalysedFunction, printer: str, setter: str, how: str) -> dict[str, str]:
    return {
        "function": analysed.name,
        "printer": printer,
        "setter": setter,
        "how": how,
        "errp": analysed.errp or "",
    }


CHECKS = (
    Check(
        "dropped-error",
        "errors",
        # printer: who prints or frees; setter: whose Error it was ("" where that is not known).
        (
            event(
                "dropped-error",
                "function",
                "printer",
                "setter",
                "errp",
                path_sensitive=True,
                how="report free null callback below",
            ),
        ),
        run,
    ),
)
