# SPDX-License-Identifier: GPL-2.0-or-later
"""Which facts a function may still judge by, from the start of a block on.

A fact is known by the text of what it is about. What is merely handed to a call, where nobody looks at its
value, does not count: that keeps apart only the paths that some later test can tell apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from qerrlint.ir.code import Assign, Call, Event, Function, Op, Opaque, Return, Value, Var, text_of


def live_texts(function: Function, reads: Callable[[Call], Iterable[str]]) -> list[frozenset[str]]:
    """For each block the texts that some way from its start tests, copies or returns before it assigns them.

    A test of `x == A` also keeps "x==" alive: facts of x being another constant decide it. `reads` gives
    the texts whose facts decide what a call does.
    """
    blocks = function.blocks
    used: list[set[str]] = []
    killed: list[set[str]] = []
    for block in blocks:
        uses: set[str] = set()
        kills: set[str] = set()
        for event in block.events:
            uses.update(text for text in _looked_at(event, reads) if text not in kills)
            if isinstance(event, Assign):
                kills.add(event.target)
        for edge in block.edges:
            for test in edge.tests:
                uses.update(text for text in _texts(test.subject) if text not in kills)
        used.append(uses)
        killed.append(kills)
    live: list[set[str]] = [set(u) for u in used]
    changed = True
    while changed:
        changed = False
        for index in range(len(blocks) - 1, -1, -1):
            now = live[index]
            before = len(now)
            for edge in blocks[index].edges:
                now |= live[edge.target] - killed[index]
            changed = changed or len(now) != before
    return [frozenset(texts) for texts in live]


def is_live(text: str, live: frozenset[str]) -> bool:
    """Whether a fact of that text can matter where `live` is live."""
    if text in live:
        return True
    left, equals, _ = text.rpartition("==")
    return bool(equals) and (left in live or left + "==" in live)


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, Var):
        yield value.path
    elif isinstance(value, Opaque):
        yield value.text
        left, equals, _ = value.text.rpartition("==")
        if equals:
            yield left + "=="
    elif isinstance(value, Op):
        yield text_of(value)
        yield from _texts(value.left)
        if value.right is not None:
            yield from _texts(value.right)


def _looked_at(event: Event, reads: Callable[[Call], Iterable[str]]) -> Iterator[str]:
    if isinstance(event, Call):
        yield from reads(event)
    elif isinstance(event, Assign) or (isinstance(event, Return) and event.value is not None):
        assert event.value is not None
        yield from _texts(event.value)
