# SPDX-License-Identifier: GPL-2.0-or-later
"""Which event or test of a function a part of its text belongs to."""

from __future__ import annotations

from qerrlint.ir.code import Assign, Call, Edge, Event, Function, text_of


def owner(function: Function | None, at: int, written: str) -> Event | Edge | None:
    """The event or the test of a function that an operand at the offset `at` is part of: that with the
    shortest text. `written` is the operand's text, which tells the arms of a conditional expression apart."""
    best: Event | Edge | None = None
    arms: list[Assign] = []
    for block in function.blocks if function is not None else ():
        for one in (*block.events, *block.edges):
            span = one.span
            if span is None or isinstance(one, Call) or not span.start <= at < span.end:
                continue
            if isinstance(one, Assign) and not one.stated:
                arms.append(one)
            shortest = (
                best is None or best.span is None or span.end - span.start < best.span.end - best.span.start
            )
            if shortest:
                best = one
    if isinstance(best, Assign) and not best.stated:
        same = [one for one in arms if one.span == best.span]
        return (
            same[0]
            if len(same) == 1
            else next(
                (
                    o
                    for o in same
                    if written.replace(" ", "") in text_of(o.value)
                    or written.strip("() ").replace(" ", "") in text_of(o.value)
                ),
                best,
            )
        )
    if best is None:
        calls = [
            one
            for block in (function.blocks if function is not None else ())
            for one in block.events
            if isinstance(one, Call) and one.span.start <= at < one.span.end
        ]
        return min(calls, key=lambda one: one.span.end - one.span.start, default=None)
    return best
