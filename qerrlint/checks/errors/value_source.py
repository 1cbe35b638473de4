# SPDX-License-Identifier: GPL-2.0-or-later
"""Which call a value comes from, and what a callee of the same file without errp may return."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.absint.trace import Trail, places
from qerrlint.c.declarations.types import result_kind
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.conventions import FAILURE
from qerrlint.domain.result import FunctionResult, ReturnState
from qerrlint.ir.code import ANY, Assign, Call, Const, Result, Test, Value, Var, identifiers
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span


def assignments(result: FunctionResult) -> list[Assign]:
    """All assignments of a function."""
    return [event for block in result.function.blocks for event in block.events if isinstance(event, Assign)]


def assigned_from(result: FunctionResult, path: str, before: Span) -> Call | None:
    """The call whose result was last assigned to a variable, by the order of the text.

    None if something else was assigned last, or nothing.
    """
    earlier = [event for event in assignments(result) if event.target == path and event.span < before]
    last = max(earlier, key=lambda event: event.span, default=None)
    return (
        result.function.calls[last.value.call]
        if last is not None and isinstance(last.value, Result)
        else None
    )


def branches(leaving: ReturnState) -> list[Trail]:
    """The branches of the path to a return, in their order."""
    return [place for place in places(leaving.trail) if place.kind == "branch"]


def tests_of(analysed: AnalysedFunction, place: Trail) -> Iterator[Test]:
    """The tests of a branch that a path has taken."""
    for block in analysed.function.blocks:
        for edge in block.edges:
            if edge.span == place.span and edge.taken == place.taken:
                yield from edge.tests


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
        seen = [test for test in tests if value.path in identifiers(analysed.unit.on_one_line(test))]
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
    kind = result_kind(signature, unit.typedefs) if signature is not None else "unknown"
    return any(leaving.signs & FAILURE.get(kind, ANY) for leaving in own_returns(unit, call))


def returned_code(leaving: ReturnState) -> str:
    """The constant that is returned, as it is written; "" for other values."""
    return leaving.constant or (leaving.value.text if isinstance(leaving.value, Const) else "")
