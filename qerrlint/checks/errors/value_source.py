# SPDX-License-Identifier: GPL-2.0-or-later
"""Which call a value comes from, and what a callee of the same file without errp may return."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qerrlint.absint.reachability import straight_ahead
from qerrlint.absint.trace import Trail, places
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.conventions import FAILURE
from qerrlint.domain.result import FunctionResult, ReturnState
from qerrlint.ir.code import (
    ANY,
    Assign,
    Call,
    Const,
    Edge,
    Function,
    Result,
    Return,
    Test,
    Value,
    Var,
    identifiers,
    text_of,
)
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span
from qerrlint.transfer.sites import traits

# A result is handed from one variable to the next at most so often.
_MOST_COPIES = 4


def assignments(result: FunctionResult) -> list[Assign]:
    """All assignments of a function."""
    return [event for event in result.function.events() if isinstance(event, Assign)]


def assigned_from(result: FunctionResult, path: str, before: Span) -> Call | None:
    """The call whose result was last assigned to a variable, by the order of the text, in the test itself or
    by way of other variables.

    None if something else was assigned last, or nothing.
    """
    for _ in range(_MOST_COPIES):
        earlier = [
            event
            for event in assignments(result)
            if event.target == path and (event.span < before or event.span.end <= before.end)
        ]
        last = max(earlier, key=lambda event: event.span, default=None)
        if last is None or not isinstance(last.value, Result | Var):
            return None
        if isinstance(last.value, Result):
            return result.function.calls[last.value.call]
        path, before = last.value.path, last.span
        if path not in result.function.locals:
            return None
    return None


def written_value(analysed: AnalysedFunction, leaving: ReturnState) -> Value | None:
    """The value that a path returns: of a variable that has been given a constant after the last branch of
    the path, the constant. A side of ?: is no constant here: NULL is chosen there, and may be an answer."""
    value = leaving.value
    if not isinstance(value, Var) or value.path not in analysed.function.locals:
        return value
    tests = branches(leaving)
    found: set[Value | None] = set()
    for start in [edge.target for edge in _edges_of(analysed, tests[-1])] if tests else [0]:
        given: dict[str, Value] = {}
        for event in straight_ahead(analysed.function, start):
            if isinstance(event, Return):
                found.add(given.get(value.path) if event.span == leaving.span else None)
                break
            if isinstance(event, Assign):
                stored = event.value
                copied = isinstance(stored, Var) and not stored.path.startswith("$")
                given[event.target] = given.get(text_of(stored), stored) if copied else stored
        else:
            return value
    only = found.pop() if len(found) == 1 else None
    return only if isinstance(only, Const) else value


def branches(leaving: ReturnState) -> list[Trail]:
    """The branches of the path to a return, in their order, but for assertions, which choose no path."""
    return [place for place in places(leaving.trail) if place.kind == "branch" and not place.note]


def tests_of(analysed: AnalysedFunction, place: Trail) -> Iterator[Test]:
    """The tests of a branch that a path has taken."""
    for edge in _edges_of(analysed, place):
        yield from edge.tests


def deciding(analysed: AnalysedFunction, tests: Sequence[Trail]) -> Sequence[Trail]:
    """The branches of a path up to the one that decides the last of them.

    `bool failed = ret < 0; if (failed)` is decided where the variable gets its value.
    """
    while len(tests) > 1:
        names = {test.subject.path for test in tests_of(analysed, tests[-1]) if isinstance(test.subject, Var)}
        stored = {
            event.target
            for edge in _edges_of(analysed, tests[-2])
            for event in straight_ahead(analysed.function, edge.target)
            if isinstance(event, Assign) and _is_choice(event.value)
        }
        if not names & stored:
            break
        tests = tests[:-1]
    return tests


def _is_choice(value: Value) -> bool:
    """Whether a value is that of a condition: a constant, or the temporary of one."""
    return isinstance(value, Const) or (isinstance(value, Var) and value.path.startswith("$"))


def leaves_right_after(analysed: AnalysedFunction, place: Trail, leaving: ReturnState) -> bool:
    """Whether a path leaves right after a branch: between them is nothing but the choice of the result.

    Code that the other side of the branch reaches as well does not count as after it.
    """
    function = analysed.function
    for block in function.blocks:
        for edge in block.edges:
            if edge.span != place.span or edge.taken != place.taken:
                continue
            others = (other for other in block.edges if other is not edge)
            if _leaves(function, edge.target, leaving) and not any(
                _leaves(function, other.target, leaving) for other in others
            ):
                return True
    return False


def _leaves(function: Function, block: int, leaving: ReturnState) -> bool:
    """Whether nothing is done from a block on before the function returns as a path does."""
    for event in straight_ahead(function, block):
        if isinstance(event, Return):
            return event.span == leaving.span
        if isinstance(event, Call) and not traits(event.name).harmless:
            return False
        if isinstance(event, Assign) and not (
            isinstance(event.value, Const) and event.target in function.locals
        ):
            return False
    return False


def _edges_of(analysed: AnalysedFunction, place: Trail) -> list[Edge]:
    """The edges that a branch of a path may be."""
    edges = analysed.function.edges()
    return [edge for edge in edges if edge.span == place.span and edge.taken == place.taken]


def is_result(analysed: AnalysedFunction, subject: Value, call: Call, test: Span) -> bool:
    """Whether what is tested is the result of a call, or the variable that it was assigned to last."""
    if isinstance(subject, Var):
        return assigned_from(analysed.result, subject.path, test) is call
    return subject == Result(call.index)


def returned_call(analysed: AnalysedFunction, leaving: ReturnState) -> Call | None:
    """The call whose status is returned; of a variable the one that its last test on the path was about."""
    value = leaving.value
    if isinstance(value, Result):
        return analysed.function.calls[value.call]
    if not isinstance(value, Var):
        return None
    if leaving.signs != ANY:
        tests = [place.span for place in branches(leaving)]
        seen = [test for test in tests if value.path in identifiers(analysed.unit.text.on_one_line(test))]
        tested = assigned_from(analysed.result, value.path, seen[-1]) if seen else None
        if tested is not None:
            return tested
    return assigned_from(analysed.result, value.path, leaving.span)


def own_returns(unit: TranslationUnit, call: Call) -> tuple[ReturnState, ...]:
    """The returns of a callee of this file without errp; () for any other, and where paths are missing."""
    if not call.direct or call.name not in unit.functions:
        return ()
    signature = unit.signature(call.name)
    if signature is None or signature.errp is not None:
        return ()
    result = unit.result(call.name)
    return tuple(result.returns) if result is not None and result.complete else ()


def may_fail(unit: TranslationUnit, call: Call) -> bool:
    """Whether a callee with own_returns() may fail by one of them; of an unknown kind any value may."""
    signature = unit.signature(call.name)
    kind = unit.scope.result_kind(signature)
    return any(leaving.signs & FAILURE.get(kind, ANY) for leaving in own_returns(unit, call))


def returned_code(leaving: ReturnState) -> str:
    """The constant that is returned, as it is written; "" for other values."""
    return leaving.constant or (leaving.value.text if isinstance(leaving.value, Const) else "")
