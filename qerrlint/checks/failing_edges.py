# SPDX-License-Identifier: GPL-2.0-or-later
"""Which call has failed where a branch is taken, by its tests and the blocks before it alone."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.absint.reachability import predecessors
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.conventions import FAILURE
from qerrlint.ir.code import NEG, ZERO, Addr, Assign, Call, Edge, Result, Test, Value, Var

_BACK = 6
"""How many blocks with one predecessor each are gone back over to find what a tested variable holds."""


def failed_call(analysed: AnalysedFunction, number: int, edge: Edge) -> Call | None:
    """The call whose failure an edge from a block asks for; None where it asks for anything else as well."""
    found = {_failed(analysed, number, test) for test in edge.tests}
    return found.pop() if len(found) == 1 else None


def _failed(analysed: AnalysedFunction, number: int, test: Test) -> Call | None:
    """The call that has failed where a test holds at the end of a block."""
    unit, subject = analysed.unit, test.subject
    if isinstance(subject, Var):
        if _is_error(analysed, subject.path):
            return _set_by(analysed, number, subject.path) if not test.allow & ZERO else None
        value = _value(analysed, number, subject.path)
    else:
        value = subject
    if not isinstance(value, Result):
        return None
    call = analysed.function.calls[value.call]
    signature = unit.signature(call.name) if call.direct else None
    kind = unit.scope.result_kind(signature)
    failing = FAILURE.get(kind, 0)
    if kind == "int" and not test.allow & ZERO:
        return call
    if kind == "unknown" and _fails_as_libraries_do(analysed, test):
        return call
    return call if failing and test.allow == failing else None


def _fails_as_libraries_do(analysed: AnalysedFunction, test: Test) -> bool:
    """Whether a test asks an undeclared callee, such as one of the C library, for -1 or NULL."""
    if isinstance(test.subject, Var) and analysed.function.locals.get(test.subject.path, "").endswith("*"):
        return test.allow == ZERO
    return test.allow == NEG


def _is_error(analysed: AnalysedFunction, path: str) -> bool:
    return path == f"*{analysed.errp}" or analysed.function.locals.get(path) == "Error *"


def _before(analysed: AnalysedFunction, number: int) -> Iterator[int]:
    """A block and those before it, as long as each has one predecessor."""
    before = analysed.once(_predecessors)
    for _ in range(_BACK):
        yield number
        ways = set(before.get(number, ()))
        if len(ways) != 1:
            return
        (number,) = ways


def _predecessors(analysed: AnalysedFunction) -> dict[int, list[int]]:
    return predecessors(analysed.function)


def _value(analysed: AnalysedFunction, number: int, path: str) -> Value | None:
    """What a variable got last, at the end of a block."""
    for one in _before(analysed, number):
        for event in reversed(analysed.function.blocks[one].events):
            if isinstance(event, Assign) and event.target == path:
                return event.value
    return None


def _set_by(analysed: AnalysedFunction, number: int, path: str) -> Call | None:
    """The call that was handed an Error last, at the end of a block."""
    handed: Value = Var(path[1:]) if path.startswith("*") else Addr(path)
    for one in _before(analysed, number):
        for event in reversed(analysed.function.blocks[one].events):
            if isinstance(event, Call) and handed in event.args:
                return event
    return None
