# SPDX-License-Identifier: GPL-2.0-or-later
"""success-with-error of a function without errp: a callee fails, its Error is printed, and the variable with
its status, which is what the function returns, gets another value.

Only the graph of the function is looked at. Where the status is tested once more, or the failing branch ends
the function, nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.absint.reachability import branch_events, loop_around
from qerrlint.checks.check import Check
from qerrlint.checks.errors.propagation.success_with_error import SUCCESS_WITH_ERROR
from qerrlint.checks.failing_edges import failed_call
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Assign, Call, Const, Event, Result, Return, Var
from qerrlint.transfer.sites import is_trace

_PRINTS = frozenset({"error_report_err", "error_reportf_err"})


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The failures of callees that an int function prints and then forgets."""
    function = analysed.function
    if analysed.errp is not None or analysed.kind != "int":
        return
    printing = [call for call in function.calls if call.name in _PRINTS]
    if not printing:
        return
    events = list(function.events())
    returned = {one.value.path for one in function.returns() if isinstance(one.value, Var)}
    seen: set[int] = set()
    for number, block in enumerate(function.blocks):
        for edge in block.edges:
            failed = failed_call(analysed, number, edge) if edge.tests else None
            if failed is None or failed.index in seen or loop_around(function, number):
                continue
            status = next((s for s in sorted(returned) if _is_kept_in(events, failed, s)), None)
            printed = _printed(analysed, edge.target, failed)
            if status is None or printed is None:
                continue
            lost = _lost(analysed, edge.target, status)
            if lost is not None:
                seen.add(failed.index)
                yield _observation(analysed, failed, printed, lost, status)


def _is_kept_in(events: Iterable[Event], call: Call, name: str) -> bool:
    """Whether a variable gets the result of a call."""
    return any(isinstance(e, Assign) and e.target == name and e.value == Result(call.index) for e in events)


def _printed(analysed: AnalysedFunction, number: int, failed: Call) -> Call | None:
    """The only call of a branch, if it prints the Error of a call that has failed.

    What else the branch calls may deal with the failure; trace points do not.
    """
    errors = {Var(arg.path) for arg in failed.args if isinstance(arg, Addr)}
    events = branch_events(analysed.function, number)
    calls = [event for event in events if isinstance(event, Call) and not is_trace(event)]
    only = calls[0] if len(calls) == 1 else None
    return (
        only
        if only is not None and only.name in _PRINTS and only.args[:1] and only.args[0] in errors
        else None
    )


def _lost(analysed: AnalysedFunction, number: int, status: str) -> Event | None:
    """Where a status is overwritten, or success returned instead of it; None where it counts after all."""
    found: list[Event] = []
    for event in _first_uses(analysed, number, status):
        if event is None:
            return None
        found.append(event)
    lost = [e for e in found if not _keeps_failure(e, status)]
    return min(lost, key=lambda e: e.span) if lost else None


def _keeps_failure(event: Event, status: str) -> bool:
    """Whether an assignment or a return still tells of a failure."""
    value = event.value if isinstance(event, (Assign, Return)) else None
    if isinstance(value, Const):
        return value.number != 0
    return isinstance(event, Return) and (value == Var(status) or not isinstance(value, Result))


def _first_uses(analysed: AnalysedFunction, number: int, status: str) -> Iterator[Event | None]:
    """The first assignments to a variable and the first returns after the start of a block; None for a test
    of it, for its use in a call, and for the beginning of another iteration of a loop."""
    function = analysed.function
    waiting, seen = [number], {number}
    while waiting:
        block = function.blocks[waiting.pop()]
        if block.loop:
            yield None
        ended = False
        for event in block.events:
            if isinstance(event, Return) or (isinstance(event, Assign) and event.target == status):
                yield event
                ended = True
                break
            if isinstance(event, Call) and Var(status) in event.args:
                yield None
        if ended:
            continue
        for edge in block.edges:
            if any(test.subject == Var(status) for test in edge.tests):
                yield None
            elif edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)


def _observation(
    analysed: AnalysedFunction, failed: Call, printed: Call, lost: Event, status: str
) -> Observation:
    what = "is overwritten here" if isinstance(lost, Assign) else "is not what the function returns here"
    return Observation(
        "success-with-error",
        analysed.name,
        printed.span,
        f"{status} {failed.text}",
        {
            "function": analysed.name,
            "value": status,
            "callee": failed.name,
            "kind": "status",
            "errp": status,
        },
        (
            Step(failed.span, f"{failed.name}() returns its status into {status}"),
            Step(printed.span, "the failure is printed, and the function goes on"),
            Step(lost.span, f"{status} {what}"),
        ),
        "medium",
        subject=Subject((failed,)),
        group=("status", failed.index),
    )


CHECKS = (Check("lost-status", "errors", (SUCCESS_WITH_ERROR,), run),)
