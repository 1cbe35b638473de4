# SPDX-License-Identifier: GPL-2.0-or-later
"""Constants in memory that a callee may change before they are tested.

A call is assumed to change only what it is passed by address. Where a function stores a constant in a member,
calls something, and then tests the member, the constant would decide the test, and the code after the other
outcome would count as unreachable. A test whose outcome is known would not have been written: the callee
changes the member.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from qerrlint.ir.code import ANY, Addr, Assign, Call, Const, Function, Var, text_of
from qerrlint.transfer.sites import traits


def unsteady(function: Function, types: Mapping[str, str]) -> frozenset[int]:
    """The assignments of constants, by the start of their text, that calls before a test may undo."""
    candidates = [
        (number, position, event)
        for number, block in enumerate(function.blocks)
        for position, event in enumerate(block.events)
        if isinstance(event, Assign)
        and event.stated
        and isinstance(event.value, Const)
        and "->" in event.target
    ]
    if not candidates:
        return frozenset()
    asked = [
        [text_of(test.subject) for edge in block.edges for test in edge.tests] for block in function.blocks
    ]
    every = "\n".join(text for texts in asked for text in texts)
    return frozenset(
        event.span.start
        for number, position, event in candidates
        if event.target in every and _tested_after_a_call(function, types, asked, (number, position), event)
    )


def _tested_after_a_call(
    function: Function,
    types: Mapping[str, str],
    asked: list[list[str]],
    place: tuple[int, int],
    given: Assign,
) -> bool:
    """Whether a path from an assignment leads through a call to a test of its target.

    A test before the call has the outcome that the constant gives it.
    """
    target = given.target
    signs = given.value.signs if isinstance(given.value, Const) else ANY
    named = _mention_of(target)
    seen: set[tuple[int, bool]] = set()
    todo = [(place[0], place[1] + 1, False)]
    while todo:
        number, position, called = todo.pop()
        for event in function.blocks[number].events[position:]:
            if isinstance(event, Assign) and event.target == target:
                break
            called = called or (isinstance(event, Call) and _may_change(event, types))
        else:
            if called and any(named.search(text) for text in asked[number]):
                return True
            for edge in function.blocks[number].edges:
                decided = not called and any(
                    test.subject == Var(target) and not test.allow & signs for test in edge.tests
                )
                if not decided and (edge.target, called) not in seen:
                    seen.add((edge.target, called))
                    todo.append((edge.target, 0, called))
    return False


@lru_cache(maxsize=1024)
def _mention_of(target: str) -> re.Pattern[str]:
    """What finds a member in the text of a test. Functions of one file test the same members."""
    return re.compile(rf"(?<![\w.>]){re.escape(target)}(?!\w)")


def _may_change(call: Call, types: Mapping[str, str]) -> bool:
    """Whether a callee gets a pointer through which it may change memory."""
    kind = traits(call.name)
    if kind.harmless or kind.predicate or kind.prints:
        return False
    return any(
        (isinstance(arg, Addr) and "->" in arg.path)
        or (isinstance(arg, Var) and types.get(arg.path, "").endswith("*") and "char" not in types[arg.path])
        for arg in call.args
    )
