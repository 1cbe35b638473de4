# SPDX-License-Identifier: GPL-2.0-or-later
"""Which calls of a function can come after which, by its blocks and the tests of one call's result alone; and
which tests stand before a block."""

from __future__ import annotations

from collections.abc import Callable, Collection

from qerrlint.ir.code import ANY, Assign, Call, Edge, Event, Function, Result, Return, Value, Var
from qerrlint.source.span import Span

# Blocks times sets of names; a result copied under one `if` after another doubles the sets each time.
_MOST_WAYS = 4000


# The function asked about last, with the places of its calls: questions about one function come together.
_LAST: list[tuple[Function, dict[int, tuple[int, int]]]] = []


def place_of(function: Function, call: int) -> tuple[int, int] | None:
    """Block and position of a call; None where it cannot be reached."""
    if not _LAST or _LAST[0][0] is not function:
        _LAST[:] = [(function, _places(function))]
    return _LAST[0][1].get(call)


def _places(function: Function) -> dict[int, tuple[int, int]]:
    """Block and position of each call, by its number."""
    return {
        event.index: (number, position)
        for number, block in enumerate(function.blocks)
        for position, event in enumerate(block.events)
        if isinstance(event, Call)
    }


def loop_around(function: Function, block: int) -> frozenset[int]:
    """The blocks of the loops that a block lies in: those that it leads to and that lead back to it."""
    ahead = _ahead(function)
    behind: dict[int, set[int]] = {number: set() for number in ahead}
    for number, targets in ahead.items():
        for target in targets:
            behind[target].add(number)
    return frozenset(_from(ahead, block) & _from(behind, block))


def blocks_behind(function: Function, block: int) -> frozenset[int]:
    """The blocks that a block leads to."""
    return frozenset(_from(_ahead(function), block))


def blocks_before(function: Function, span: Span) -> frozenset[int]:
    """The blocks that lead to an event at a place, its own among them; all where no event is there."""
    at = {n for n, block in enumerate(function.blocks) for event in block.events if event.span == span}
    ahead = _ahead(function)
    return frozenset(n for n in ahead if n in at or at & _from(ahead, n)) if at else frozenset(ahead)


def guards(function: Function, block: int) -> tuple[Edge, ...]:
    """The tested edges that every way from the entry to a block takes."""
    edges = [(number, edge) for number, one in enumerate(function.blocks) for edge in one.edges]
    return tuple(edge for _, edge in edges if edge.tests and not _is_reached(edges, block, edge))


def _is_reached(edges: Collection[tuple[int, Edge]], block: int, without: Edge) -> bool:
    """Whether a block is the entry, or some way leads there that does not take an edge."""
    ways: dict[int, set[int]] = {}
    for number, edge in edges:
        if edge is not without:
            ways.setdefault(number, set()).add(edge.target)
            ways.setdefault(edge.target, set())
    return block == 0 or (0 in ways and block in _from(ways, 0))


def _ahead(function: Function) -> dict[int, set[int]]:
    return {number: {edge.target for edge in one.edges} for number, one in enumerate(function.blocks)}


def _from(ways: dict[int, set[int]], block: int) -> set[int]:
    """The blocks that one or more edges lead to."""
    found: set[int] = set()
    waiting = list(ways[block])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += ways[one]
    return found


def after(
    function: Function,
    call: int,
    wanted: Callable[[Event], bool],
    failing: int = ANY,
    barrier: Callable[[Event], bool] | None = None,
    closed: Collection[int] = (),
) -> bool:
    """Whether an event that is `wanted` can come after the call, before any that is a `barrier`.

    No way leads on from the end of a block in `closed`.

    Only the ways are followed on which the call's result may have one of the signs `failing`, as far as
    tests of the result, or of a variable that it was stored in, tell. Where there are too many ways to
    follow them all the answer is yes: who asks is silent then.
    """
    start = place_of(function, call)
    if start is None:
        return False
    result: Value = Result(call)
    seen: set[tuple[int, frozenset[Value]]] = set()
    waiting = [(start[0], start[1] + 1, frozenset((result,)))]
    while waiting:
        if len(seen) > _MOST_WAYS:
            return True
        number, position, names = waiting.pop()
        block = function.blocks[number]
        ended = False
        for event in block.events[position:]:
            if wanted(event):
                return True
            if isinstance(event, Return) or (barrier is not None and barrier(event)):
                ended = True
                break
            if isinstance(event, Assign):
                target = Var(event.target)
                names = names | {target} if event.value in names else names - {target}
        if ended or number in closed:
            continue
        for edge in block.edges:
            if any(test.subject in names and not test.allow & failing for test in edge.tests):
                continue
            if (edge.target, names) not in seen:
                seen.add((edge.target, names))
                waiting.append((edge.target, 0, names))
    return False


def reaches(function: Function, call: int, others: Collection[int], failing: int = ANY) -> bool:
    """Whether one of the calls `others` can come after the call (through a loop: itself, too)."""
    return after(function, call, lambda e: isinstance(e, Call) and e.index in others, failing)
