# SPDX-License-Identifier: GPL-2.0-or-later
"""unchecked-call of a pointer that is NULL after a failure, where a function of the file looks into it.

The callee that may fail gets the function's own errp, or NULL for its Error, and no test asks what it has
returned, or whether the Error is set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from qerrlint.checks.check import Check
from qerrlint.checks.errors.results.unchecked_call import UNCHECKED_CALL
from qerrlint.checks.errors.results.untested_results import asks_for_error
from qerrlint.checks.errors.return_states import passes_null_errp
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import NULL, Call, Result, Var, identifiers, text_of


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The pointers that a failing callee leaves NULL and that another callee looks into."""
    for call in analysed.function.calls:
        errp = _error_of(analysed, call)
        if errp is None or analysed.unit.effect(call).kind != "pointer":
            continue
        if not call.used or word_list("never-null").matches(call.name):
            continue
        if errp != "NULL" and asks_for_error(analysed.function, call, "*" + errp):
            continue
        kept = _kept(analysed, call)
        values = (Result(call.index), Var(kept)) if kept else (Result(call.index),)
        if kept is None or any(_names(analysed, text_of(value)) for value in values):
            continue
        for taker in analysed.function.calls:
            places = [at for at, arg in enumerate(taker.args) if arg in values]
            if taker.index > call.index and places and _looks_into(analysed, taker, places[0]):
                yield _observation(analysed, call, taker, errp, kept)
                break


def _error_of(analysed: AnalysedFunction, call: Call) -> str | None:
    """The function's errp where a call gets that and may set it, NULL where it gets that instead."""
    if passes_null_errp(analysed, call):
        return "NULL"
    effect, errp = analysed.unit.effect(call), analysed.errp
    given = call.args[effect.errp] if effect.errp is not None and effect.errp < len(call.args) else None
    may_fail = any(outcome.sets for outcome in effect.outcomes)
    return errp if errp is not None and given == Var(errp) and may_fail else None


def _kept(analysed: AnalysedFunction, call: Call) -> str | None:
    """The one local that keeps the result and nothing else, "" where none does; None where others know it."""
    targets = set(analysed.function.holders(call.index))
    if not targets:
        return ""
    name = next(iter(targets))
    if len(targets) > 1 or name not in analysed.function.locals:
        return None
    given = [event for event in analysed.function.assignments(name) if event.value != NULL]
    return name if len(given) == 1 else None


def _names(analysed: AnalysedFunction, value: str) -> bool:
    """Whether a test of the function names a value."""
    return any(
        value in (text_of(test.subject), *identifiers(text_of(test.subject)))
        for test in analysed.function.tests()
    )


def _looks_into(analysed: AnalysedFunction, taker: Call, place: int) -> bool:
    """Whether a function of this file dereferences its argument and never asks whether it is NULL."""
    unit = analysed.unit
    signature = unit.signature(taker.name) if taker.direct and taker.name in unit.functions else None
    if signature is None or taker.name == analysed.name or place >= len(signature.params):
        return False
    function, name = unit.lowered(taker.name), signature.params[place].name
    if function is None or not name:
        return False
    code = unit.data[function.body : function.span.end].decode("utf-8", "replace")
    if not re.search(rf"(?<![\w.>&]){re.escape(name)}->", code):
        return False
    tests = [text_of(test.subject) for test in function.tests()]
    return name not in tests and not re.search(rf"\b(?:g_)?assert\w*\(\s*{re.escape(name)}\b", code)


def _observation(analysed: AnalysedFunction, call: Call, taker: Call, errp: str, kept: str) -> Observation:
    return Observation(
        UNCHECKED_CALL.name,
        analysed.name,
        call.span,
        call.text,
        {
            "function": analysed.name,
            "callee": call.name,
            "errp": errp,
            "kept": kept or taker.name,
            "how": "handed-on",
        },
        (Step(taker.span, f"{taker.name}() dereferences it, also if it is NULL"),),
        "medium",
        whole=True,
        subject=Subject((call,)),
        group=("success", call.span),
    )


CHECKS = (Check("handed-on", "errors", (UNCHECKED_CALL,), run),)
