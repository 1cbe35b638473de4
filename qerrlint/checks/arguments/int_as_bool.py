# SPDX-License-Identifier: GPL-2.0-or-later
"""int-as-bool: a bool function returns an error number, or an int function a bool."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.result import ReturnState
from qerrlint.findings import Observation
from qerrlint.ir.code import FALSE, NEG, TRUE, Result, Var


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The returns whose value follows the convention of another type than the function's."""
    signature = analysed.signature
    if signature is None or analysed.kind not in ("bool", "int"):
        return
    if analysed.kind == "int" and signature.errp is None:
        return
    for leaving in analysed.result.returns:
        if leaving.value is None:
            continue
        if analysed.kind == "bool":
            wrong = leaving.signs == NEG
        else:
            literal = leaving.value in (TRUE, FALSE) and signature.returns == "int"
            wrong = literal or _passes_bool(analysed, leaving)
        if not wrong:
            continue
        text = analysed.unit.on_one_line(leaving.span)
        yield Observation(
            event="int-as-bool",
            function=analysed.name,
            primary=leaving.span,
            key=text,
            slots={
                "value": text.removeprefix("return").strip(" ;"),
                "type": signature.returns,
                "direction": (
                    "int-from-bool-function" if analysed.kind == "bool" else "bool-from-int-function"
                ),
            },
            subject=Subject(returned=leaving),
            group=leaving.span,
        )


def _passes_bool(analysed: AnalysedFunction, leaving: ReturnState) -> bool:
    """Whether the result of a fallible bool callee is returned as it is."""
    value = leaving.value
    if leaving.origin < 0 or not (
        isinstance(value, Result) or (isinstance(value, Var) and value.path[0] != "$")
    ):
        return False
    callee = analysed.function.calls[leaving.origin]
    signature = analysed.unit.signature(callee.name) if callee.direct else None
    return signature is not None and signature.errp is not None and signature.returns == "bool"


CHECKS = (
    Check(
        "int-as-bool",
        "arguments",
        # value: the returned expression; type: the function's declared return type.
        (event("int-as-bool", "value", "type", direction="int-from-bool-function bool-from-int-function"),),
        run,
    ),
)
