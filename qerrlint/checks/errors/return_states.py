# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways in which a function with errp returns, told apart by QEMU's convention (include/qapi/error.h)."""

from __future__ import annotations

import re

from qerrlint.checks.errors.failing_labels import leaves_over_failures
from qerrlint.checks.errors.value_source import assignments, own_returns, returned_call, written_value
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.conventions import fails_by
from qerrlint.domain.error import ErrorState
from qerrlint.domain.result import ReturnState
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import (
    ANY,
    FALSE,
    NEG,
    NULL,
    POS,
    TRUE,
    ZERO,
    Assign,
    Call,
    Const,
    Op,
    Result,
    Value,
    Var,
    is_cast,
)


def unset_failures(analysed: AnalysedFunction) -> tuple[ReturnState, ...]:
    """The returns of a failure on paths that have not set the Error, in the order of the text."""
    return tuple(
        leaving
        for leaving in _ordered(analysed)
        if leaving.error.state is ErrorState.NULL
        and (fails(analysed, leaving) or _forwards(analysed, leaving))
    )


def set_successes(analysed: AnalysedFunction) -> tuple[ReturnState, ...]:
    """The returns of a success on paths where a call has, or may have, set the Error; ordered as above."""
    return tuple(
        leaving
        for leaving in _ordered(analysed)
        if leaving.error.state is ErrorState.SET
        and leaving.error.origin >= 0
        and _succeeds(analysed, leaving)
    )


def zero_comes_with_error(analysed: AnalysedFunction) -> bool:
    """Whether the function returns false or NULL where it has set an Error, or where the callee has set it
    whose result it returns."""
    return any(
        leaving.signs == ZERO
        and leaving.error.state is ErrorState.SET
        and (leaving.error.sure or leaving.origin == leaving.error.origin >= 0)
        for leaving in analysed.result.returns
    )


def printed_calls(analysed: AnalysedFunction, leaving: ReturnState) -> tuple[Call, ...]:
    """The calls on the path that printed or freed an Error or a message, where the return certainly fails."""
    if analysed.kind == "int" and leaving.signs != NEG:
        return ()
    return tuple(analysed.function.calls[number] for number in leaving.printed)


def passes_null_errp(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a call gets NULL as it is written for its errp."""
    return call.passes_null(analysed.unit.effect(call).errp)


def _ordered(analysed: AnalysedFunction) -> list[ReturnState]:
    if analysed.errp is None:
        return []
    return sorted(analysed.result.returns, key=lambda e: (e.span, e.signs, e.printed))


def fails(analysed: AnalysedFunction, leaving: ReturnState) -> bool:
    """Whether the result is a failure by the convention."""
    kind = analysed.kind
    if kind == "int":
        # After `if (ret)` it is NEG | POS: `return ret` passes a failure on as well.
        return leaving.signs in (NEG, NEG | POS)
    if kind == "void":
        # Without a result only what was printed shows a failure, at a return of its own or after a label to
        # which only failures come.
        return bool(leaving.printed) and (not leaving.implicit or leaves_over_failures(analysed, leaving))
    if kind not in ("bool", "pointer") or leaving.signs != ZERO:
        return False
    if leaving.printed:
        # `return !ret` and `return ret == 0` make a truth value of a test on the path.
        of_test = kind == "bool" and isinstance(leaving.value, Var) and leaving.value.path.startswith("$")
        return of_test or isinstance(written_value(analysed, leaving), Const)
    # A variable that is NULL may be an empty list; only NULL as it is written counts.
    return analysed.once(_zero_fails) and (
        kind == "bool" or isinstance(written_value(analysed, leaving), Const)
    )


def _forwards(analysed: AnalysedFunction, leaving: ReturnState) -> bool:
    """Whether the result is that of a callee without errp, untested, and its body shows that it fails.

    Whoever returns what another function returned may fail; here one return of that is a plain failure.
    """
    if analysed.kind != "int" or leaving.signs != ANY or leaving.soft or leaving.constant:
        return False
    call = returned_call(analysed, leaving)
    return call is not None and any(fails_by("int", e.signs) for e in own_returns(analysed.unit, call))


def _succeeds(analysed: AnalysedFunction, leaving: ReturnState) -> bool:
    """Whether the result is a success by the convention."""
    kind = analysed.kind
    if kind == "int" and leaving.signs == ANY and leaving.error.sure and _is_any_value(analysed, leaving):
        return True
    if kind == "int":
        # `return -ret` of a negative ret: a failure that has become a positive number.
        turned = isinstance(leaving.value, Op) and leaving.value.op == "-" and leaving.value.right is None
        # Another callee's result that is no failure is passed on.
        other = leaving.origin not in (-1, leaving.error.origin)
        plain = leaving.signs == ZERO or (leaving.signs == POS and turned)
        plain = plain or (other and leaving.signs == ZERO | POS)
        return plain and not _is_bool(analysed, leaving) and analysed.once(_negative_fails)
    if kind == "pointer" and leaving.signs == ANY and _is_made(analysed, leaving):
        return True  # callers take a new object for success
    if kind not in ("bool", "pointer") or leaving.signs != POS:
        return False
    return analysed.once(_zero_fails) or (leaving.error.sure and analysed.once(zero_comes_with_error))


def _is_any_value(analysed: AnalysedFunction, leaving: ReturnState) -> bool:
    """Whether a number is returned with an Error of the function's own just as without one.

    It is a local variable that is returned everywhere, and never holds a constant or what a call has
    returned: no caller can tell.
    """
    value, returns, calls = leaving.value, analysed.result.returns, analysed.function.calls
    if not isinstance(value, Var) or value.path not in analysed.function.locals:
        return False
    if analysed.unit.effect(calls[leaving.error.origin]).evidence != "setter":
        return False
    given = [e.value for e in assignments(analysed.result) if e.target == value.path]
    plain = bool(given) and not any(isinstance(one, Const | Result) for one in given)
    return (
        plain
        and all(other.value == value and other.signs == ANY for other in returns)
        and any(other.error.state is ErrorState.NULL for other in returns)
    )


def _is_made(analysed: AnalysedFunction, leaving: ReturnState) -> bool:
    """Whether a variable is returned that nothing but a new object was put into, before the Error was set."""
    made = _making(analysed, leaving.value)
    return made is not None and made.span < analysed.function.calls[leaving.error.origin].span


def returns_new_object(analysed: AnalysedFunction) -> bool:
    """Whether what the function returns where it succeeds is an object that it has made."""
    return any(_making(analysed, leaving.value) is not None for leaving in analysed.result.returns)


def _making(analysed: AnalysedFunction, value: Value | None) -> Assign | None:
    """The assignment that puts a new object into a local variable, if it gets nothing else but NULL."""
    if not isinstance(value, Var) or value.path not in analysed.function.locals:
        return None
    made = [e for e in assignments(analysed.result) if e.target == value.path and e.value != NULL]
    source = made[0].value if len(made) == 1 else None
    calls = analysed.function.calls
    while isinstance(source, Result) and is_cast(calls[source.call]):
        source = calls[source.call].args[0]
    is_new = isinstance(source, Result) and word_list("never-null").matches(calls[source.call].name)
    return made[0] if is_new else None


def _is_bool(analysed: AnalysedFunction, leaving: ReturnState) -> bool:
    """Whether an int function returns true, false or the result of a bool function: int-as-bool."""
    if written_value(analysed, leaving) in (TRUE, FALSE):
        return True
    calls = analysed.function.calls
    return leaving.origin >= 0 and analysed.unit.effect(calls[leaving.origin]).kind == "bool"


def _zero_fails(analysed: AnalysedFunction) -> bool:
    """Whether false and NULL are failures: where the function itself sets an Error with them.

    So they are where it leaves its errp alone and makes something, or returns true or an object elsewhere,
    for a QMP command that returns an object, and where it never returns anything but true.
    """
    returns = analysed.result.returns
    if analysed.kind == "bool" and all(e.signs == POS for e in returns):
        return True
    if analysed.kind == "pointer" and analysed.unit.environment.command_result(analysed.name):
        return True
    if any(e.signs == ZERO and e.error.state is ErrorState.SET and e.error.sure for e in returns):
        return True
    word = re.compile(rf"\b{re.escape(analysed.errp or '')}\b".encode())
    function = analysed.function
    return (
        analysed.kind in ("pointer", "bool")
        and not word.search(analysed.unit.data, function.body, function.span.end)
        and any(e.signs in (POS, ZERO | POS, ANY) for e in returns)
    )


def _negative_fails(analysed: AnalysedFunction) -> bool:
    """Whether an int is a status: the function itself returns a negative value with an Error, or never one
    that is not 0. A result that is a value (a slot's number) is no status."""
    returns = analysed.result.returns
    return all(e.signs in (ZERO, ZERO | POS) for e in returns) or any(
        not e.signs & ZERO and e.signs & NEG and e.error.state is ErrorState.SET for e in returns
    )
