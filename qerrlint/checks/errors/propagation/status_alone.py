# SPDX-License-Identifier: GPL-2.0-or-later
"""A status and a local Error that go together to one report, and a path that brings only the status.

The function has no errp: it reports the local Error itself, where there is one, in front of its end. Where
other failures set both, one that sets only the status ends without a word. Only failures that the function
finds itself count: a callee that failed may have printed the reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.absint.reachability import blocks_leading_to
from qerrlint.checks.errors.value_source import assigned_from
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.error import ERROR
from qerrlint.ir.code import NEG, Addr, Assign, Block, Call, Const, Edge, Result, Var, identifiers
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span
from qerrlint.transfer.sites import traits

_CODE = lazy_re(r"-E[A-Z0-9]+\Z")


@record(frozen=True, slots=True)
class StatusAlone:
    """`given`: the assignment of the status, `error`: the local Error that stays NULL, `test`: what is asked
    before."""

    given: Assign
    error: str
    test: Span


def statuses_alone(analysed: AnalysedFunction) -> Iterator[StatusAlone]:
    """Each assignment of a failure that leads to the report of a local Error, with no Error on any path.

    The blocks of the function are walked: nothing before it may have set the Error.
    """
    errors = [name for name, kind in analysed.function.locals.items() if kind == ERROR]
    if analysed.errp is not None or len(errors) != 1:
        return
    error, blocks = errors[0], analysed.function.blocks
    for number, block in enumerate(blocks):
        for edge in block.edges:
            given = _status(analysed, edge.target, error) if edge.span is not None else None
            if given is None or edge.span is None or not _own_finding(analysed, edge):
                continue
            if (
                _is_reported(analysed, edge.target, error)
                and _companion(analysed, edge.target, given, error)
                and not any(_touches(blocks[at], error) for at in _before(analysed, number))
            ):
                yield StatusAlone(given, error, edge.span)


def _touches(block: Block, error: str) -> bool:
    """Whether a block hands the address of the Error to a call."""
    return any(isinstance(event, Call) and Addr(error) in event.args for event in block.events)


def _before(analysed: AnalysedFunction, number: int) -> frozenset[int]:
    return blocks_leading_to(analysed.function, [number])


def _is_reported(analysed: AnalysedFunction, number: int, error: str) -> bool:
    """Whether the path from a block leads, without a branch before it, to the test and report of an Error."""
    blocks, seen = analysed.function.blocks, set()
    while number not in seen:
        seen.add(number)
        edges = blocks[number].edges
        if len(edges) == 1:
            number = edges[0].target
            continue
        asked = any(test.subject == Var(error) for edge in edges for test in edge.tests)
        return asked and any(
            isinstance(event, Call)
            and analysed.unit.effect(event).how == "report"
            and Var(error) in event.args
            for edge in edges
            for event in blocks[edge.target].events
        )
    return False


def _status(analysed: AnalysedFunction, number: int, error: str) -> Assign | None:
    """The error number that a block assigns before it jumps; None where it also sets the Error or prints."""
    block = analysed.function.blocks[number]
    told = any(isinstance(event, Call) and traits(event.name).prints for event in block.events)
    return None if len(block.edges) != 1 or told or _touches(block, error) else _code_of(block)


def _code_of(block: Block) -> Assign | None:
    """The assignment of a negative named error number in a block."""
    return next(
        (
            event
            for event in block.events
            if isinstance(event, Assign)
            and isinstance(event.value, Const)
            and event.value.signs == NEG
            and _CODE.match(event.value.text)
        ),
        None,
    )


def _own_finding(analysed: AnalysedFunction, edge: Edge) -> bool:
    """Whether a branch asks for nothing that a call has returned."""
    if edge.span is None or any(isinstance(test.subject, Result) for test in edge.tests):
        return False
    names = identifiers(analysed.unit.text.on_one_line(edge.span))
    return all(assigned_from(analysed.result, name, edge.span) is None for name in names)


def _companion(analysed: AnalysedFunction, number: int, given: Assign, error: str) -> bool:
    """Whether another block that jumps to the same place sets the Error and the same status."""
    blocks = analysed.function.blocks
    target = blocks[number].edges[0].target
    return any(
        at != number
        and [edge.target for edge in block.edges] == [target]
        and (code := _code_of(block)) is not None
        and code.target == given.target
        and _touches(block, error)
        for at, block in enumerate(blocks)
    )
