# SPDX-License-Identifier: GPL-2.0-or-later
"""Which calls of a function can come after which, by its blocks and the tests of one call's result alone; and
which tests stand before a block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator

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


def loops_around(function: Function, blocks: Collection[int]) -> dict[int, set[int]]:
    """For each of some blocks those of the loops that it lies in: which it leads to and which lead back to
    it."""
    if not blocks:
        return {}
    ahead, behind = _ahead(function), _behind(function)
    return {block: _from(ahead, block) & _from(behind, block) for block in blocks}


def loop_around(function: Function, block: int) -> frozenset[int]:
    """The blocks of the loops that a block lies in."""
    return frozenset(loops_around(function, (block,))[block])


def blocks_after(function: Function, block: int) -> frozenset[int]:
    """The blocks that a block leads to."""
    return frozenset(_from(_ahead(function), block))


def blocks_before(function: Function, span: Span) -> frozenset[int]:
    """The blocks that lead to an event at a place, its own among them; all where no event is there."""
    at = {n for n, block in enumerate(function.blocks) for event in block.events if event.span == span}
    return blocks_leading_to(function, at or range(len(function.blocks)))


def blocks_leading_to(function: Function, blocks: Collection[int]) -> frozenset[int]:
    """The blocks from which a path leads to one of some blocks, these among them."""
    behind = _behind(function)
    return frozenset(blocks).union(*(_from(behind, number) for number in blocks))


def events_before(function: Function, call: int) -> Iterator[Event]:
    """The events that some path has before a call: where a loop leads back to it, also those behind it."""
    place = place_of(function, call)
    if place is None:
        return
    before = _from(_behind(function), place[0])
    if place[0] not in before:
        yield from function.blocks[place[0]].events[: place[1]]
    for number in sorted(before):
        yield from function.blocks[number].events


def reaches_without(function: Function, block: int, avoiding: int, start: int = 0) -> bool:
    """Whether some path from the entry, or another block, to a block does not go through a third one."""
    seen, todo = {avoiding}, [start] if avoiding != start else []
    while todo:
        number = todo.pop()
        if number == block:
            return True
        if number not in seen:
            seen.add(number)
            todo += [edge.target for edge in function.blocks[number].edges]
    return False


def guards(function: Function, block: int) -> tuple[Edge, ...]:
    """The tested edges that every path from the entry to a block takes."""
    edges = [(number, edge) for number, one in enumerate(function.blocks) for edge in one.edges]
    return tuple(edge for _, edge in edges if edge.tests and not _is_reached(edges, block, edge))


def _is_reached(edges: Collection[tuple[int, Edge]], block: int, without: Edge) -> bool:
    """Whether a block is the entry, or some path leads there that does not take an edge."""
    ways: dict[int, set[int]] = {}
    for number, edge in edges:
        if edge is not without:
            ways.setdefault(number, set()).add(edge.target)
            ways.setdefault(edge.target, set())
    return block == 0 or (0 in ways and block in _from(ways, 0))


def _ahead(function: Function) -> dict[int, set[int]]:
    return {number: {edge.target for edge in one.edges} for number, one in enumerate(function.blocks)}


def _behind(function: Function) -> dict[int, set[int]]:
    out: dict[int, set[int]] = {number: set() for number in range(len(function.blocks))}
    for number, block in enumerate(function.blocks):
        for edge in block.edges:
            out[edge.target].add(number)
    return out


def incoming_edges(function: Function) -> dict[int, list[tuple[int, Edge]]]:
    """The edges that lead to a block, each with the block that it comes from; only blocks with such edges."""
    out: dict[int, list[tuple[int, Edge]]] = {}
    for number, block in enumerate(function.blocks):
        for edge in block.edges:
            out.setdefault(edge.target, []).append((number, edge))
    return out


def predecessors(function: Function) -> dict[int, list[int]]:
    """The blocks from which edges lead to a block, one for each edge; only blocks that some lead to."""
    return {target: [number for number, _ in edges] for target, edges in incoming_edges(function).items()}


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

    No path leads on from the end of a block in `closed`.

    Only the paths are followed on which the call's result may have one of the signs `failing`, as far as
    tests of the result, or of a variable that it was stored in, tell. Where there are too many paths to
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


def paths_ahead(
    function: Function, block: int, position: int, ends: Callable[[Event | Edge], bool]
) -> Iterator[Event | Edge]:
    """The events on all paths from a place on, and the edges behind them, in no order of the text.

    A path ends with the first of them for which `ends` is true.
    """
    seen: set[int] = set()
    todo = [(block, position)]
    while todo:
        number, start = todo.pop()
        for event in function.blocks[number].events[start:]:
            yield event
            if ends(event):
                break
        else:
            for edge in function.blocks[number].edges:
                yield edge
                if edge.target not in seen and not ends(edge):
                    seen.add(edge.target)
                    todo.append((edge.target, 0))


def first_ahead(
    function: Function,
    block: int,
    position: int,
    wanted: Callable[[Event | Edge], bool],
    barrier: Callable[[Event | Edge], bool],
) -> Span | None:
    """The first place in the text that is `wanted`, of the events and edges on all paths from a place on, up
    to a `barrier`; None for none."""
    ahead = paths_ahead(function, block, position, lambda one: wanted(one) or barrier(one))
    return min((one.span for one in ahead if one.span is not None and wanted(one)), default=None)


def straight_ahead(function: Function, block: int, position: int = 0) -> Iterator[Event]:
    """The events that follow in any case from a place on: up to a branch with two sides that go on.

    A side that ends the program, as that of an assertion, does not count, nor does what an assertion asks.
    """
    seen: set[int] = set()
    while block not in seen:
        seen.add(block)
        asked = _asserted(function, block)
        for event in function.blocks[block].events[position:]:
            if not (isinstance(event, Call) and event.index in asked):
                yield event
        ahead = _alive(function, block)
        if len(ahead) != 1:
            return
        block, position = ahead[0].target, 0


def branch_events(function: Function, block: int) -> Iterator[Event]:
    """The events of one side of a branch, from its first block to where other paths join or it branches."""
    joined = Counter(edge.target for edge in function.edges())
    asked = tested_at(function, assertions(function))
    while True:
        for event in function.blocks[block].events:
            if not (isinstance(event, Call) and event.index in asked):
                yield event
        ahead = _alive(function, block)
        if len(ahead) != 1 or joined[ahead[0].target] > 1:
            return
        block = ahead[0].target


def straight_back(
    function: Function, block: int, position: int
) -> tuple[tuple[Event, ...], tuple[Edge, ...]]:
    """The events before a place, the nearest first, back to where paths join or branch; then the edges from
    there."""
    incoming = incoming_edges(function)
    events: list[Event] = []
    seen: set[int] = set()
    while True:
        seen.add(block)
        asked = _asserted(function, block)
        before = reversed(function.blocks[block].events[:position])
        events += [one for one in before if not (isinstance(one, Call) and one.index in asked)]
        edges = incoming.get(block, [])
        number = edges[0][0] if edges else -1
        if len(edges) != 1 or number in seen or len(_alive(function, number)) != 1:
            return tuple(events), tuple(edge for _, edge in edges)
        block, position = number, len(function.blocks[number].events)


def assertions(function: Function) -> frozenset[int]:
    """The blocks that end in a test of which only one side goes on."""
    return frozenset(number for number in range(len(function.blocks)) if _is_assertion(function, number))


def _is_assertion(function: Function, block: int) -> bool:
    return len(function.blocks[block].edges) > 1 and len(_alive(function, block)) == 1


def tested_at(function: Function, blocks: Collection[int]) -> frozenset[int]:
    """The calls whose results the tests at the end of some blocks ask for."""
    return frozenset(
        test.subject.call
        for number in blocks
        for edge in function.blocks[number].edges
        for test in edge.tests
        if isinstance(test.subject, Result)
    )


def _asserted(function: Function, block: int) -> frozenset[int]:
    """The calls of a block whose results an assertion at its end tests: their other effects do not count."""
    return tested_at(function, (block,)) if _is_assertion(function, block) else frozenset()


def _alive(function: Function, block: int) -> list[Edge]:
    """The edges of a block that lead on: an assertion that fails leads to a block with nothing in it."""
    blocks = function.blocks
    edges = blocks[block].edges
    if len(edges) < 2:
        return list(edges)
    return [edge for edge in edges if blocks[edge.target].events or blocks[edge.target].edges]


def reaches(function: Function, call: int, others: Collection[int], failing: int = ANY) -> bool:
    """Whether one of the calls `others` can come after the call (through a loop: itself, too)."""
    return after(function, call, lambda e: isinstance(e, Call) and e.index in others, failing)
