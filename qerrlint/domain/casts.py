# SPDX-License-Identifier: GPL-2.0-or-later
"""Variables that are one object under another type: `FooState *s = FOO(dev)` makes s the object dev.

So do DO_UPCAST() and container_of()."""

from __future__ import annotations

from qerrlint.ir.code import Assign, Call, Function, Result, Var, root

AROUND = {"DO_UPCAST": (2, 0), "container_of": (0, 1)}
"""Macros that give the object around a member: which argument points to the member, and which is the type of
the object (include/qemu/osdep.h, compiler.h)."""


def casts(function: Function) -> list[tuple[str, str]]:
    """(variable, the variable that it is under a QOM cast macro), one for each assignment of a cast."""
    out: list[tuple[str, str]] = []
    for block in function.blocks:
        for event in block.events:
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
