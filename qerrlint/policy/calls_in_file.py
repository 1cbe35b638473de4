# SPDX-License-Identifier: GPL-2.0-or-later
"""All calls of a function, for predicates that ask whether something holds of every caller."""

from __future__ import annotations

from qerrlint.ir.code import Call, Function
from qerrlint.model.translation_unit import TranslationUnit


def calls_in_file(unit: TranslationUnit, name: str) -> list[tuple[Function, Call]]:
    """The calls of a function in its file, each with its caller.

    None are given where something else mentions the function: that may call it, too.
    """
    calls = [
        (function, call)
        for caller in unit.uses.callers_of(name)
        if (function := unit.lowered(caller)) is not None
        for call in function.calls
        if call.name == name
    ]
    return calls if len(calls) == unit.uses.mentions(name) else []
