# SPDX-License-Identifier: GPL-2.0-or-later
"""Variables that are one object under another type: `FooState *s = FOO(dev)` makes s the object dev.

DO_UPCAST() and container_of() do the same."""

from __future__ import annotations

from functools import lru_cache

from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import Assign, Call, Function, Result, Value, Var, root

AROUND = {"DO_UPCAST": (2, 0), "container_of": (0, 1)}
"""Macros that give the object around a member: which argument points to the member, and which is the type of
the object (include/qemu/osdep.h, compiler.h)."""


def casts(function: Function) -> list[tuple[str, str]]:
    """(variable, the variable that it is under a QOM cast macro), one for each assignment of a cast."""
    out: list[tuple[str, str]] = []
    for event in function.events():
        if isinstance(event, Assign) and isinstance(event.value, Result):
            call = function.calls[event.value.call]
            position = _object_of(call)
            cast = call.args[position] if position is not None and position < len(call.args) else None
            if isinstance(cast, Var):
                out.append((event.target, root(cast.path)))
    return out


def _object_of(call: Call) -> int | None:
    """Which argument of a cast is the object; None for any other call."""
    if call.name in AROUND:
        return AROUND[call.name][0]
    return 0 if call.name.isupper() and len(call.args) == 1 else None


def cast_if_it_is(call: Call) -> Value | None:
    """What a call casts to another type if it is of that type (its result is NULL otherwise); None for other
    calls."""
    position = _position(call.name) if call.direct else None
    return call.args[position] if position is not None and position < len(call.args) else None


@lru_cache(maxsize=4096)
def _position(name: str) -> int | None:
    """Which argument of a function is the object that it casts if it is of the type."""
    for word in word_list("casts-that-may-fail").words:
        called, _, place = word.partition("/")
        if called == name:
            return int(place) - 1
    return None
