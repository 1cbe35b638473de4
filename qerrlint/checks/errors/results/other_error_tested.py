# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-error-test: a call gets errp, and the test after it asks a local Error that other calls got.

The failure of the call is then taken for a success, unless somebody looks at `*errp` or at its result.
"""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.absint.reachability import place_of
from qerrlint.checks.check import Check
from qerrlint.checks.errors.results.wrong_error_test import WRONG_ERROR_TEST
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded
from qerrlint.domain.error import ERROR, ErrorState
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import FALSE, NULL, ZERO, Addr, Assign, Call, Deref, Return, Var, text_of
from qerrlint.source.span import Span
from qerrlint.transfer.sites import traits


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The tests of a local Error right after a call that got errp instead, and whose result is dropped."""
    errp = analysed.errp
    if errp is None:
        return
    for call in analysed.function.calls:
        if call.used or not _gets(analysed, call, Var(errp)):
            continue
        effect = analysed.unit.effect(call)
        if effect.evidence == "setter" or not any(outcome.sets for outcome in effect.outcomes):
            continue
        found = _tested_after(analysed, call, errp)
        if found is None:
            continue
        local, test = found
        states = [c.states for c in analysed.result.conditions if c.span == test and c.cell == local]
        if all(set(seen) == {ErrorState.NULL} for seen in states):
            continue  # wrong-errp-argument
        if not _works_after(analysed, test):
            continue
        earlier = [
            c for c in analysed.function.calls if _gets(analysed, c, Addr(local)) and c.span < call.span
        ]
        if not earlier:
            continue
        yield Observation(
            WRONG_ERROR_TEST.name,
            analysed.name,
            call.span,
            f"{call.text} {local}",
            {"subject": local, "callee": call.name, "form": "other-error", "meant": errp},
            (
                Step(earlier[-1].span, f"{earlier[-1].name}() gets {local}"),
                Step(test, f"{folded(analysed.unit, test)} does not tell whether {call.name}() has failed"),
            ),
            "medium",
            whole=True,
            subject=Subject((call,)),
            group=test,
        )


def _gets(analysed: AnalysedFunction, call: Call, error: Var | Addr) -> bool:
    """Whether a call gets an Error pointer as its out-error."""
    at = analysed.unit.effect(call).errp
    return at is not None and at < len(call.args) and call.args[at] == error


def _tested_after(analysed: AnalysedFunction, call: Call, errp: str) -> tuple[str, Span] | None:
    """The local Error that the first test of an Error after a call asks, and the test.

    None where a path meets another call that sets an Error, a read of `*errp`, or the end before such a test.
    """
    function = analysed.function
    start = place_of(function, call.index)
    found: set[tuple[str, Span]] = set()
    todo = [(start[0], start[1] + 1)] if start is not None else []
    seen: set[int] = set()
    while todo:
        number, position = todo.pop()
        for event in function.blocks[number].events[position:]:
            if (isinstance(event, Deref) and event.path == errp) or isinstance(event, Return):
                return None
            if isinstance(event, Call) and _concerns_errors(analysed, event):
                return None
        edges = function.blocks[number].edges
        tested = {
            (text_of(test.subject), edge.span)
            for edge in edges
            for test in edge.tests
            if edge.span is not None
        }
        errors = {
            (name, span) for name, span in tested if function.locals.get(name) == ERROR and span is not None
        }
        if errors:
            found |= errors
            continue
        if any("*" + errp in name for name, _ in tested) or not edges:
            return None
        for edge in edges:
            if edge.target not in seen:
                seen.add(edge.target)
                todo.append((edge.target, 0))
    return found.pop() if len(found) == 1 else None


def _works_after(analysed: AnalysedFunction, test: Span) -> bool:
    """Whether the function calls something, or stores into an object, where a test finds no Error."""
    blocks = analysed.function.blocks
    todo = [
        edge.target
        for edge in analysed.function.edges()
        if edge.span == test and all(one.allow & ZERO for one in edge.tests)
    ]
    seen: set[int] = set()
    while todo:
        number = todo.pop()
        if number in seen:
            continue
        seen.add(number)
        for event in blocks[number].events:
            if isinstance(event, Call) and not traits(event.name).harmless:
                return True
            if isinstance(event, Assign) and "->" in event.target and event.value not in (NULL, FALSE):
                return True
        todo += [edge.target for edge in blocks[number].edges]
    return False


def _concerns_errors(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a call may set an Error that is tested, or takes one."""
    effect = analysed.unit.effect(call)
    if effect.consumes is not None or effect.clears is not None:
        return True
    return effect.errp is not None and not call.passes_null(effect.errp)


CHECKS = (Check("other-error-tested", "errors", (WRONG_ERROR_TEST,), run),)
