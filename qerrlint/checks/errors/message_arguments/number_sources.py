# SPDX-License-Identifier: GPL-2.0-or-later
"""Which calls may have given a variable the value that it has at a place."""

from __future__ import annotations

from collections.abc import Callable

from qerrlint.absint.reachability import incoming_edges, place_of
from qerrlint.ir.code import POS, Addr, Assign, Call, Edge, Event, Function, Result, Var


def sources_of(function: Function, call: Call, name: str, is_source: Callable[[Call], bool]) -> list[Call]:
    """The calls of which a local variable holds the result at a call; none where it may hold anything else
    than the result of such calls, or is tested to be positive. Walks the blocks backwards to the assignments.
    """
    place = place_of(function, call.index)
    if place is None or name not in function.locals:
        return []
    found: dict[int, Call] = {}
    before = incoming_edges(function)
    seen: set[int] = set()
    todo = [place]
    while todo:
        number, end = todo.pop()
        events = function.blocks[number].events[:end]
        if any(_may_write(event, name) for event in events):
            return []
        given = next((one for one in reversed(events) if _gives(one, name)), None)
        if isinstance(given, Assign):
            source = function.calls[given.value.call] if isinstance(given.value, Result) else None
            if source is None or not is_source(source):
                return []
            found[source.index] = source
            continue
        if number == 0:
            return []
        for earlier, edge in before.get(number, ()):
            if _is_positive(edge, name):
                return []
            if earlier not in seen:
                seen.add(earlier)
                todo.append((earlier, len(function.blocks[earlier].events)))
    return list(found.values())


def _gives(event: Event, name: str) -> bool:
    return isinstance(event, Assign) and event.target == name


def _may_write(event: Event, name: str) -> bool:
    """Whether a callee is handed the address of a variable."""
    return isinstance(event, Call) and any(isinstance(one, Addr) and one.path == name for one in event.args)


def _is_positive(edge: Edge, name: str) -> bool:
    return any(test.subject == Var(name) and test.allow == POS for test in edge.tests)
