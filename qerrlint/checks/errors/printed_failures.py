# SPDX-License-Identifier: GPL-2.0-or-later
"""Callees of the same file without errp that tell the user, not their caller, why they fail."""

from __future__ import annotations

from qerrlint.c.declarations.types import result_kind
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.conventions import fails_by
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import Call, Const, Return


def prints_failures(analysed: AnalysedFunction, call: Call) -> Call | None:
    """The call in a callee's body that prints why it fails; None unless all failures are printed.

    The callee is a function of the same file without errp. A failure is a constant, as it stands in a return;
    its message stands right before it. A warning counts as well.
    """
    unit = analysed.unit
    signature = unit.signature(call.name) if call.direct and call.name in unit.functions else None
    callee = unit.lowered(call.name) if signature is not None and signature.errp is None else None
    if signature is None or callee is None:
        return None
    kind = result_kind(signature, unit.typedefs)
    printers: list[Call] = []
    for block in callee.blocks:
        for event in block.events:
            value = event.value if isinstance(event, Return) else None
            if isinstance(value, Const) and fails_by(kind, value.signs):
                told = [e for e in block.events if isinstance(e, Call) and _tells(e)]
                if not told:
                    return None
                printers.append(told[-1])
    return printers[0] if printers else None


def _tells(call: Call) -> bool:
    return word_list("user-messages").matches(call.name) or word_list("warnings").matches(call.name)
