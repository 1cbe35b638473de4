# SPDX-License-Identifier: GPL-2.0-or-later
"""Which variables and members of a function depend on what a guest hands it, whatever the path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from qerrlint.ir.code import Assign, Call, Function, Result, Value, text_of
from qerrlint.model.translation_unit import TranslationUnit

_PATH = re.compile(r"(?<![\w.>$])[A-Za-z_$]\w*(?:(?:->|\.)\w+|\[\w*\])*")


def paths_in(text: str) -> frozenset[str]:
    """The names and member paths in the text of an expression."""
    return frozenset(_PATH.findall(text))


def depends(text: str, tainted: frozenset[str]) -> bool:
    """Whether an expression reads a tainted name or path, or a member of one."""
    return any(
        path in tainted
        or path.partition("[")[0] in tainted
        or re.split(r"->|\.|\[", path, maxsplit=1)[0] in tainted
        for path in paths_in(text)
    )


def tainted(function: Function, seeds: Iterable[str]) -> frozenset[str]:
    """The seeds and what is assigned from them, directly or not."""
    found = set(seeds)
    assigns = [event for block in function.blocks for event in block.events if isinstance(event, Assign)]
    while True:
        known = frozenset(found)
        found.update(a.target for a in assigns if a.target not in known and reads(function, a.value, known))
        if len(found) == len(known):
            return known


def reads(function: Function, value: Value, known: frozenset[str]) -> bool:
    """Whether a value depends on tainted names; the result of a call does so by the arguments."""
    if isinstance(value, Result):
        return any(reads(function, arg, known) for arg in function.calls[value.call].args)
    return depends(text_of(value), known)


def tainted_at(
    unit: TranslationUnit, entry: Function, seeds: frozenset[str], chain: Sequence[Call]
) -> frozenset[str]:
    """What depends on `seeds` of an entry in the function that a chain of calls from it ends in."""
    function, names = entry, tainted(entry, seeds)
    for call in chain:
        callee, signature = unit.lowered(call.name), unit.signature(call.name)
        if callee is None or signature is None:
            return frozenset()
        handed = {
            param.name
            for param, arg in zip(signature.params, call.args, strict=False)
            if param.name and reads(function, arg, names)
        }
        function, names = callee, tainted(callee, handed)
    return names
