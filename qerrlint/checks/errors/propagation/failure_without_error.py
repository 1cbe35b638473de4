# SPDX-License-Identifier: GPL-2.0-or-later
"""failure-without-error: a function tells its caller that it failed and has not set the Error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.failing_labels import other_jumps, silent_jumps
from qerrlint.checks.errors.propagation.status_alone import statuses_alone
from qerrlint.checks.errors.return_states import passes_null_errp, unset_failures
from qerrlint.checks.errors.value_source import returned_call, returned_code, written_value
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded, path_steps
from qerrlint.domain.result import ReturnState
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Const, text_of
from qerrlint.model.missing_error import COPES, CRASH, SUCCESS, UNKNOWN, Fate, MissingErrors

# How many failures that leave by one return are listed.
_MOST_JUMPS = 9


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Failing returns without an Error that printed nothing, and silent jumps to a label of failures."""
    if analysed.errp is None:
        yield from _alone(analysed)
        return
    if analysed.kind == "void":
        yield from _jumps(analysed)
        return
    for leaving in analysed.once(unset_failures):
        origin = analysed.function.calls[leaving.origin] if leaving.origin >= 0 else None
        # What was printed, and what a callee with NULL for errp had to say, are dropped Errors.
        if not leaving.printed and not (origin is not None and passes_null_errp(analysed, origin)):
            yield _observation(analysed, leaving)


def _observation(analysed: AnalysedFunction, leaving: ReturnState) -> Observation:
    """The observation of a return that is a failure, with what its callers make of it."""
    unit = analysed.unit
    written = isinstance(written_value(analysed, leaving), Const)
    certainty = "high" if written or leaving.origin >= 0 else "medium"
    fate = MissingErrors(unit.program, unit.program.mentioning).fate(
        unit, analysed.name, returned_code(leaving)
    )
    return Observation(
        "failure-without-error",
        analysed.name,
        leaving.span,
        text_of(leaving.value or Const("", 0)),
        {
            "function": analysed.name,
            "value": folded(unit, leaving.span).removeprefix("return").strip(" ;"),
            "origin": _origin(analysed, leaving),
            "kind": analysed.kind,
            "errp": analysed.errp or "",
            "callers": fate.how,
            "caller": fate.caller,
            "reader": fate.reader,
        },
        (*path_steps(unit, leaving.trail, "", None), *_elsewhere(analysed, leaving), *_in_caller(fate)),
        certainty if analysed.kind == "int" else "medium",
        whole=not is_joined(leaving.trail),
        subject=Subject(returned=leaving),
        group=leaving.span,
    )


def _elsewhere(analysed: AnalysedFunction, leaving: ReturnState) -> Iterator[Step]:
    """The other failures that leave by the same return without an Error."""
    for span in other_jumps(analysed, leaving, analysed.once(unset_failures))[:_MOST_JUMPS]:
        yield Step(span, "this failure sets no Error either")


def _in_caller(fate: Fate) -> tuple[Step, ...]:
    """What a caller makes of the failure, as a step."""
    if fate.span is None:
        return ()
    if fate.how == CRASH:
        return (Step(fate.span, f"{fate.caller}() then calls {fate.reader}(), which dereferences NULL"),)
    if fate.how == SUCCESS:
        return (Step(fate.span, f"{fate.caller}() then goes on as if the call had succeeded"),)
    return (Step(fate.span, f"{fate.caller}() sees the failure in the result"),) if fate.how == COPES else ()


def _origin(analysed: AnalysedFunction, leaving: ReturnState) -> str:
    """Whose status is returned, by name; "" where it is nobody's."""
    if leaving.origin >= 0:
        return analysed.function.calls[leaving.origin].name
    call = None if leaving.constant else returned_call(analysed, leaving)
    return call.name if call is not None else ""


def _jumps(analysed: AnalysedFunction) -> Iterator[Observation]:
    """Jumps of void functions to an error label, and returns, on paths without an Error."""
    for jump in silent_jumps(analysed):
        origin = jump.call.name if jump.call is not None else ""
        others = ", where others come with an Error" if origin else ""
        left = f"leaves for {jump.label} from here{others}" if jump.label else "ends here without an Error"
        before = path_steps(analysed.unit, jump.branch.before, "", None) if jump.branch is not None else ()
        yield Observation(
            "failure-without-error",
            analysed.name,
            jump.place,
            f"{jump.label} {folded(analysed.unit, jump.place)} {origin}".strip(),
            {
                "function": analysed.name,
                "value": f"goto {jump.label}" if jump.label else "return",
                "origin": origin,
                "kind": "void",
                "errp": analysed.errp or "",
                "callers": UNKNOWN,
                "caller": "",
                "reader": "",
            },
            (*before, Step(jump.place, f"the path {left}")),
            "medium",
            subject=Subject(returned=jump.leaving),
            group=jump.place,
        )


def _alone(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A function without errp reports a local Error with its status, and one failure comes without it."""
    for found in statuses_alone(analysed):
        yield Observation(
            "failure-without-error",
            analysed.name,
            found.given.span,
            folded(analysed.unit, found.given.span),
            {
                "function": analysed.name,
                "value": text_of(found.given.value),
                "origin": "",
                "kind": "local",
                "errp": found.error,
                "callers": UNKNOWN,
                "caller": "",
                "reader": "",
            },
            (Step(found.test, "the function tests this, and no Error is set on any path to it"),),
            "medium",
            whole=True,
            subject=Subject(),
            group=found.given.span,
        )


CHECKS = (
    Check(
        "failure-without-error",
        "errors",
        # value: the returned expression; kind: what the result is by the convention; origin: the callee whose
        # status is passed on ("" if none); callers: what they make of it (model.missing_error), caller and
        # reader: the one that is meant, and what it hands the NULL Error to.
        (
            event(
                "failure-without-error",
                "function",
                "value",
                "origin",
                "errp",
                "caller",
                "reader",
                path_sensitive=True,
                kind="int bool pointer void local",
                callers="cope answer ignored unknown success crash",
            ),
        ),
        run,
    ),
)
