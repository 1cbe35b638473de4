# SPDX-License-Identifier: GPL-2.0-or-later
"""int-as-bool: a bool function returns an error number, or an int function a bool."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.c.declarations.types import Signature
from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.result import ReturnState
from qerrlint.findings import Observation
from qerrlint.ir.code import FALSE, NEG, TRUE, Const, Result, Return, Value, Var
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The returns whose value follows the convention of another type than the function's.

    For an expression at the return the types alone decide, whether or not a path leads there; for a variable
    the paths show what it holds.
    """
    signature = analysed.signature
    if signature is None or analysed.kind not in ("bool", "int"):
        return
    if analysed.kind == "int" and signature.errp is None:
        return
    wrong: dict[Span, Subject] = {
        event.span: Subject()
        for event in analysed.function.events()
        if isinstance(event, Return) and _is_written_wrong(analysed, signature, event.value)
    }
    for leaving in analysed.result.returns:
        if leaving.value is not None and leaving.span not in wrong and _is_wrong(analysed, leaving):
            wrong[leaving.span] = Subject(returned=leaving)
    for span, subject in wrong.items():
        text = analysed.unit.text.on_one_line(span)
        yield Observation(
            event="int-as-bool",
            function=analysed.name,
            primary=span,
            key=text,
            slots={
                "value": text.removeprefix("return").strip(" ;"),
                "type": signature.returns,
                "direction": (
                    "int-from-bool-function" if analysed.kind == "bool" else "bool-from-int-function"
                ),
            },
            subject=subject,
            group=span,
        )


def _is_written_wrong(analysed: AnalysedFunction, signature: Signature, value: Value | None) -> bool:
    """Whether a return names a constant, or a call, of the other type."""
    if analysed.kind == "bool":
        return isinstance(value, Const) and value.signs == NEG
    if isinstance(value, Result):
        return _is_bool_call(analysed, value.call)
    return value in (TRUE, FALSE) and signature.returns == "int"


def _is_wrong(analysed: AnalysedFunction, leaving: ReturnState) -> bool:
    """Whether the value of a variable or expression is of the other type on a path."""
    if analysed.kind == "bool":
        return leaving.signs == NEG
    value = leaving.value
    plain = isinstance(value, Var) and value.path[0] != "$"
    return plain and leaving.origin >= 0 and _is_bool_call(analysed, leaving.origin)


def _is_bool_call(analysed: AnalysedFunction, call: int) -> bool:
    """Whether a call is of a fallible function that returns bool."""
    callee = analysed.function.calls[call]
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
