# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a function looks at what came of a call: at its result, its Error, or what it has written.

Blocks are walked, not paths: a look anywhere after the call counts.
"""

from __future__ import annotations

import re

from qerrlint.absint.reachability import place_of
from qerrlint.domain.error import ERROR
from qerrlint.ir.code import (
    Addr,
    Assign,
    Call,
    Deref,
    Event,
    Function,
    Result,
    Return,
    Value,
    Var,
    identifiers,
    text_of,
)
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


def first_look_into(function: Function, block: int, position: int, name: str, asked: set[str]) -> Span | None:
    """The first place where some way from event `position` of a block on looks into what a pointer points to.

    A way ends where it hands the pointer or one of the places `asked` on, and where a test names one of them.
    """
    looks: list[Span] = []
    wanted = {name, *asked}
    seen: set[int] = set()
    todo = [(block, position)]
    while todo:
        number, start = todo.pop()
        for event in function.blocks[number].events[start:]:
            if (use := _use(event, name, "pointer")) is not None:
                looks.append(use)
                break
            if any(_hands_on(event, one) for one in wanted) or (
                isinstance(event, Assign) and event.target == name
            ):
                break
        else:
            for edge in function.blocks[number].edges:
                tested = any(_mentions(text_of(test.subject), wanted) for test in edge.tests)
                if not tested and edge.target not in seen:
                    seen.add(edge.target)
                    todo.append((edge.target, 0))
    return min(looks) if looks else None


_EXPECTS_ERROR = "error_free_or_abort"
"""It ends the program where there is no Error (include/qapi/error.h)."""


def asks_for_error(function: Function, call: Call, error: str) -> bool:
    """Whether some way from a call on tests the Error that the call may have set, `error` or `*errp`, before
    another call may set it."""
    start = place_of(function, call.index)
    seen: set[int] = set()
    todo = [(start[0], start[1] + 1)] if start is not None else []
    while todo:
        number, position = todo.pop()
        block = function.blocks[number]
        given = error[1:] if error.startswith("*") else "&" + error
        taking = (
            event.name
            for event in block.events[position:]
            if isinstance(event, Call) and any(text_of(arg) == given for arg in event.args)
        )
        taken = next(taking, None)
        if taken == _EXPECTS_ERROR:
            return True
        if taken is not None:
            continue
        for edge in block.edges:
            if any(text_of(test.subject) == error for test in edge.tests):
                return True
            if edge.target not in seen:
                seen.add(edge.target)
                todo.append((edge.target, 0))
    return False


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


def is_looked_at(function: Function, call: Call, errp: str) -> bool:
    """Whether anything after a call that was handed errp reads the Error, tests what the call gave back or
    wrote to the addresses that it was given, or hands the result on. The test of a local Error counts: where
    it is the wrong one, that is another rule's finding."""
    start = place_of(function, call.index)
    if start is None:
        return False
    results: set[str] = {text_of(Result(call.index))}
    written = {arg.path for arg in call.args if isinstance(arg, Addr)}
    events: list[Event] = []
    subjects: set[str] = set()
    seen: set[int] = set()
    todo = [(start[0], start[1] + 1)]
    while todo:
        number, position = todo.pop()
        block = function.blocks[number]
        events += block.events[position:]
        for edge in block.edges:
            subjects |= {text_of(test.subject) for test in edge.tests}
            if edge.target not in seen:
                seen.add(edge.target)
                todo.append((edge.target, 0))
    for event in sorted((e for e in events if isinstance(e, Assign)), key=lambda e: e.span):
        for kept in (results, written):
            if text_of(event.value) in kept:
                kept.add(event.target)
    wanted = {*results, *written, "*" + errp}
    # A local Error that a later call gets tells of that call.
    later = {
        arg.path for event in events if isinstance(event, Call) for arg in event.args if isinstance(arg, Addr)
    }
    local = {name for name in subjects - later if function.locals.get(name) == ERROR}
    if local or any(_mentions(subject, wanted) for subject in subjects):
        return True
    return any(_looks(event, results, errp) for event in events)


def _mentions(text: str, paths: set[str]) -> bool:
    """Whether an expression names one of the places, whole or in a part."""
    return any(re.search(rf"(?<![\w.>]){re.escape(path)}(?!\w)", text) for path in paths)


def _looks(event: Event, results: set[str], errp: str) -> bool:
    """Whether an event reads the Error that errp points to, or hands the result on."""
    if isinstance(event, Deref):
        return event.path == errp
    if isinstance(event, Call):
        return any(text_of(arg) in results or text_of(arg) == "*" + errp for arg in event.args)
    return isinstance(event, Return) and event.value is not None and text_of(event.value) in results
