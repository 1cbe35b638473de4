# SPDX-License-Identifier: GPL-2.0-or-later
"""Variables that are one object under another type: `FooState *s = FOO(dev)` makes s the object dev."""

from __future__ import annotations

from qerrlint.ir.code import Assign, Function, Result, Var, root


def casts(function: Function) -> list[tuple[str, str]]:
    """(variable, the variable that it is under a QOM cast macro), one for each assignment of a cast."""
    out: list[tuple[str, str]] = []
    for block in function.blocks:
        for event in block.events:
            if isinstance(event, Assign) and isinstance(event.value, Result):
                call = function.calls[event.value.call]
                if call.name.isupper() and len(call.args) == 1 and isinstance(call.args[0], Var):
                    out.append((event.target, root(call.args[0].path)))
    return out
