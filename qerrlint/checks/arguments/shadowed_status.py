# SPDX-License-Identifier: GPL-2.0-or-later
"""shadowed-status: the status of a failed call is in an inner variable of the name that the function returns.

Every function is looked at, also those that know no Errors; the bytes tell which of them declare a number
twice. Then only the graph of the function is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.reachability import predecessors
from qerrlint.c.cut import Piece
from qerrlint.c.lexis import bare, brace_end
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import (
    NEG,
    NONZERO,
    Assign,
    Call,
    Const,
    Edge,
    Event,
    Function,
    Result,
    Return,
    Value,
    Var,
)
from qerrlint.lazy_patterns import lazy_re

_NUMBERS = rb"(?:int|ssize_t|int64_t|long)[ \t]{1,9}"
_INNER = lazy_re(
    rb"\n(?: {8,80}|\t{2,9})" + _NUMBERS + rb"(\w{1,40})[ \t]{0,9}=[ \t\n]{0,80}\w{1,80}[ \t]{0,9}\("
)


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The failures whose status is in an inner variable of the name that the function returns."""
    unit = file.unit
    for found in file.asked.matches(_INNER):
        piece = unit.definitions.around(found.start())
        if piece is None:
            continue
        name, at = found[1], found.start(1)
        if not _is_declared_twice(unit.data, piece, name, at):
            continue
        function = unit.with_definition(piece).lowering.function(piece)
        if function is not None:
            code = bare(unit.data[at : piece.span.end])
            end = brace_end(b"{" + code, 0) - 1
            yield from _hidden(function, name.decode(), at, at + end)


def _is_declared_twice(data: bytes, piece: Piece, name: bytes, at: int) -> bool:
    """Whether a function declares a number before an offset, and returns one of that name."""
    head = data[piece.body : at]
    outer = re.compile(
        rb"\n(?: {4}|\t)" + _NUMBERS + rb"(?:[^;{}()\n]{1,200},[ \t]{0,9})?" + name + rb"[ \t]{0,9}[;,=]"
    )
    returned = re.compile(rb"\breturn[ \t]{1,9}" + name + rb"[ \t]{0,9};")
    return outer.search(head) is not None and returned.search(data, at, piece.span.end) is not None


def _hidden(function: Function, name: str, start: int, end: int) -> Iterator[Observation]:
    """The failing branch inside of a scope after which the outer variable is returned as it is."""
    blocks = function.blocks
    declared = next(
        (
            (number, one)
            for number, block in enumerate(blocks)
            for one in block.events
            if isinstance(one, Assign)
            and one.target == name
            and isinstance(one.value, Result)
            and one.span.start <= start < one.span.end
        ),
        None,
    )
    if declared is None:
        return
    home, inner = declared
    assert isinstance(inner.value, Result)
    failed = function.calls[inner.value.call]
    if not _holds_no_failure(function, home, inner, name):
        return
    for edge in function.edges():
        if edge.span is None or not start <= edge.span.start < end or not _asks_failure(edge, name):
            continue
        returned = _returned(function, edge.target, name, (start, end))
        if returned is not None:
            yield _shadow(function, failed, edge, returned, name)
            return


def _asks_failure(edge: Edge, name: str) -> bool:
    return any(test.subject == Var(name) and test.allow in (NEG, NONZERO) for test in edge.tests)


def _holds_no_failure(function: Function, home: int, inner: Event, name: str) -> bool:
    """Whether the outer variable holds 0, or what a call returned, on each path to an inner declaration."""
    before = predecessors(function)
    at = function.blocks[home].events.index(inner)
    waiting, seen, given = [(home, at)], set[int](), False
    while waiting:
        number, limit = waiting.pop()
        for one in reversed(function.blocks[number].events[:limit]):
            if one is inner:
                break
            if isinstance(one, Assign) and one.target == name:
                if not isinstance(one.value, Result) and not _is_zero(one.value):
                    return False
                given = True
                break
        else:
            for other in before.get(number, ()):
                if other not in seen:
                    seen.add(other)
                    waiting.append((other, len(function.blocks[other].events)))
    return given


def _is_zero(value: Value) -> bool:
    return isinstance(value, Const) and value.number == 0


def _returned(function: Function, number: int, name: str, scope: tuple[int, int]) -> Return | None:
    """Where the paths from a block return the outer variable; None where one of them gives it a value."""
    waiting, seen = [number], {number}
    found: Return | None = None
    while waiting:
        block = function.blocks[waiting.pop()]
        ended = False
        for one in block.events:
            inside = scope[0] <= one.span.start < scope[1]
            if isinstance(one, Assign) and one.target == name and not isinstance(one.value, Var):
                return None
            if isinstance(one, Return):
                if inside or one.value != Var(name):
                    return None
                found, ended = one, True
                break
        if ended:
            continue
        if block.loop:
            return None
        for edge in block.edges:
            if edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)
    return found


def _shadow(function: Function, failed: Call, edge: Edge, returned: Return, name: str) -> Observation:
    assert edge.span is not None
    return Observation(
        "shadowed-status",
        function.name,
        failed.span,
        f"inner {name} {failed.text}",
        {
            "function": function.name,
            "value": name,
            "callee": failed.name,
        },
        (
            Step(edge.span, f"the failure of {failed.name}() is noticed in the inner {name}"),
            Step(returned.span, f"the outer {name} is returned"),
        ),
        "high",
        group=("shadowed", failed.index),
    )


CHECKS = (
    # value: the name that both variables have; callee: the call whose status the inner one holds.
    FileCheck(
        "shadowed-status", "arguments", (event("shadowed-status", "function", "value", "callee"),), run
    ),
)
