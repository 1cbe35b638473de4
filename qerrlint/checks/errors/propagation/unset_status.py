# SPDX-License-Identifier: GPL-2.0-or-later
"""success-with-error, unset: a status that nothing has been stored in is returned with an Error."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.absint.reachability import after, events_before
from qerrlint.checks.check import Check
from qerrlint.checks.errors.propagation.success_with_error import SUCCESS_WITH_ERROR, success_slots
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.error import ErrorState
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import ANY, Addr, Assign, Call, Event, Function, Return, Var


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Returns of a local number that no path to the error_setg() has stored anything in."""
    if analysed.kind not in ("int", "bool") or analysed.errp is None:
        return
    for leaving in analysed.result.returns:
        error, value = leaving.error, leaving.value
        if not isinstance(value, Var) or leaving.signs != ANY or not error.sure or error.origin < 0:
            continue
        if error.state is not ErrorState.SET or value.path not in analysed.function.locals:
            continue
        setter = analysed.function.calls[error.origin]
        if analysed.unit.effect(setter).evidence != "setter" or value.path in analysed.function.autos:
            continue
        if not _stored_before(analysed.function, setter, value.path) and _comes_out(
            analysed.function, setter, value.path
        ):
            yield Observation(
                "success-with-error",
                analysed.name,
                leaving.span,
                f"{value.path} {setter.text}",
                success_slots(analysed, value.path, setter, "unset"),
                (Step(setter.span, f"{value.path} has no value here"),),
                whole=True,
                subject=Subject((setter,), returned=leaving),
                group=("unset", setter.span),
            )


def _stores(event: Event, name: str) -> bool:
    """Whether an event may store something in a variable."""
    if isinstance(event, Assign):
        return event.target == name
    return isinstance(event, Call) and Addr(name) in event.args


def _stored_before(function: Function, setter: Call, name: str) -> bool:
    """Whether any path to a call may store something in a variable."""
    return any(_stores(event, name) for event in events_before(function, setter.index))


def _comes_out(function: Function, setter: Call, name: str) -> bool:
    """Whether a path from a call to a return of a variable stores nothing in it."""

    def returned(event: Event) -> bool:
        return isinstance(event, Return) and event.value == Var(name)

    return after(function, setter.index, returned, barrier=lambda event: _stores(event, name))


CHECKS = (Check("unset-status", "errors", (SUCCESS_WITH_ERROR,), run),)
