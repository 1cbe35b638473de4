# SPDX-License-Identifier: GPL-2.0-or-later
"""Which calls of a function can come after which, by its blocks alone; tests prune only what they name."""

from __future__ import annotations

from collections.abc import Callable, Collection

from qerrlint.syntax.ir import Assign, Call, Edge, Event, Function, Result, Return, Var


def place_of(function: Function, call: int) -> tuple[int, int] | None:
    """Block and position of a call; None where it cannot be reached."""
    for number, block in enumerate(function.blocks):
        for position, event in enumerate(block.events):
            if isinstance(event, Call) and event.index == call:
                return number, position
    return None


def after(
    function: Function,
    call: int,
    stop: Callable[[Event], bool],
    failing: int | None = None,
) -> bool:
    """Whether an event for which `stop` holds can come after the call.

    With `failing` only the ways are followed on which the call's result may have one of these signs, as far
    as tests of the result, or of what it is stored in, tell.
    """
    start = place_of(function, call)
    if start is None:
        return False
    names = {Result(call)} | _stored(function, call)

    def is_open(edge: Edge) -> bool:
        return failing is None or all(t.subject not in names or t.allow & failing for t in edge.tests)

    seen: set[int] = set()
    waiting = [(start[0], start[1] + 1)]
    while waiting:
        number, position = waiting.pop()
        block = function.blocks[number]
        left = False
        for event in block.events[position:]:
            if stop(event):
                return True
            left = left or isinstance(event, Return)
            if left:
                break
        if left:
            continue
        for edge in block.edges:
            if edge.target not in seen and is_open(edge):
                seen.add(edge.target)
                waiting.append((edge.target, 0))
    return False


def _stored(function: Function, call: int) -> set[Var | Result]:
    """The variables that get the call's result and nothing else in the whole function."""
    sources: dict[str, set[object]] = {}
    for block in function.blocks:
        for event in block.events:
            if isinstance(event, Assign):
                sources.setdefault(event.target, set()).add(event.value)
    return {Var(name) for name, values in sources.items() if values == {Result(call)}}


def reaches(function: Function, call: int, others: Collection[int], failing: int | None = None) -> bool:
    """Whether one of the calls `others` can come after the call (through a loop: itself, too)."""
    return after(function, call, lambda e: isinstance(e, Call) and e.index in others, failing)
