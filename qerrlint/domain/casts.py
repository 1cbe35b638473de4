# SPDX-License-Identifier: GPL-2.0-or-later
"""Variables that are one object under another type: `FooState *s = FOO(dev)` makes s the object dev.

So do DO_UPCAST() and container_of()."""

from __future__ import annotations

from qerrlint.ir.code import Assign, Function, Result, Var, root

# Cast macros with several arguments, and which of them is the object (include/qemu/osdep.h, compiler.h).
_MACROS = {"DO_UPCAST": 2, "container_of": 0}


def casts(function: Function) -> list[tuple[str, str]]:
    """(variable, the variable that it is under a QOM cast macro), one for each assignment of a cast."""
    out: list[tuple[str, str]] = []
    for block in function.blocks:
        for event in block.events:
            if isinstance(event, Assign) and isinstance(event.value, Result):
                call = function.calls[event.value.call]
                position = _MACROS.get(call.name, 0 if call.name.isupper() and len(call.args) == 1 else None)
                cast = call.args[position] if position is not None and position < len(call.args) else None
                if isinstance(cast, Var):
                    out.append((event.target, root(cast.path)))
    return out
