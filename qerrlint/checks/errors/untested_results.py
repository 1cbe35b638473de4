# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the kept result of a call is used and no path behind it tests it; walks blocks, not paths."""

from __future__ import annotations

import re

from qerrlint.ir.code import Assign, Call, Event, Function, Return, Value, Var, identifiers, text_of
from qerrlint.source.span import Span


def first_untested_use(function: Function, block: int, position: int, name: str, kind: str) -> Span | None:
    """The first place from event `position` of a block on that uses a variable; None where any path tests it.

    `kind` is int or pointer: a use calculates with the number, or looks into what the pointer points to.
    """
    uses: list[Span] = []
    seen: set[int] = set()
    todo = [(block, position)]
    while todo:
        number, start = todo.pop()
        ended = False
        for event in function.blocks[number].events[start:]:
            if _hands_on(event, name):
                return None
            use = _use(event, name, kind)
            if use is not None:
                uses.append(use)
            if isinstance(event, Assign) and event.target == name:
                ended = True
                break
        if ended:
            continue
        for edge in function.blocks[number].edges:
            if any(name in identifiers(text_of(test.subject)) for test in edge.tests):
                return None
            if edge.target not in seen:
                seen.add(edge.target)
                todo.append((edge.target, 0))
    return min(uses) if uses else None


def _hands_on(event: Event, name: str) -> bool:
    """Whether an event hands the value on to something that may test it."""
    if isinstance(event, Return):
        return event.value is not None and name in identifiers(text_of(event.value))
    if isinstance(event, Call):
        return any(text_of(arg).lstrip("&") == name for arg in event.args)
    return isinstance(event, Assign) and event.value == Var(name)


def _use(event: Event, name: str, kind: str) -> Span | None:
    """The place where an event calculates with a number, or looks into what a pointer points to."""
    values: tuple[Value, ...] = ()
    if isinstance(event, Assign):
        values = (event.value, Var(event.target))
    elif isinstance(event, Call):
        values = event.args
    wanted = re.compile(
        rf"(?<![\w.>]){re.escape(name)}->" if kind == "pointer" else rf"(?<![\w.>]){re.escape(name)}\b"
    )
    for value in values:
        text = text_of(value)
        if text != name and wanted.search(text):
            return event.span
    return None
