# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function asks about the result of a call."""

from __future__ import annotations

from qerrlint.ir.code import (
    NEG,
    NONZERO,
    POS,
    ZERO,
    Assign,
    Call,
    Function,
    Op,
    Opaque,
    Result,
    Value,
    Var,
    text_of,
)

_QUESTIONS = {ZERO: "zero", NONZERO: "zero", NEG: "sign", ZERO | POS: "sign"}


def questions_about(function: Function, call: Call) -> frozenset[str]:
    """What a function asks about the result of a call: whether it is "zero", its "sign", or "other"."""
    names = _names(function, call)
    tests = list(function.tests())
    asked = {_QUESTIONS.get(test.allow, "other") for test in tests if test.subject in names}
    inside = any(
        isinstance(test.subject, (Op, Opaque))
        and any(text_of(name) in text_of(test.subject) for name in names)
        for test in tests
    )
    return frozenset({*asked, "other"} if inside else asked)


def is_handed_on_as_failure(function: Function, call: Call) -> bool:
    """Whether a function only asks whether a result is 0, and returns it: each other number is a failure."""
    names = _names(function, call)
    returned = any(event.value in names for event in function.returns())
    return returned and questions_about(function, call) == {"zero"}


def _names(function: Function, call: Call) -> set[Value]:
    """The values that are the result of a call, and the variables that get it."""
    names: set[Value] = {Result(call.index)}
    for event in function.events():
        if isinstance(event, Assign) and event.value in names:
            names.add(Var(event.target))
    return names
