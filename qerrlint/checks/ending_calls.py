# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that may end the program: nothing declares the callee, and nobody uses its result."""

from __future__ import annotations

from collections.abc import Callable

from qerrlint.domain.effects import NORETURN, Effect
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import Call, Function
from qerrlint.model.translation_unit import TranslationUnit


def may_end(unit: TranslationUnit, call: Call) -> bool:
    """Whether a call may be the last one of the program: a statement that names a function which nothing
    declares, and whose name does not say that it returns."""
    return (
        call.direct
        and not call.used
        and not call.name.isupper()
        and unit.signature(call.name) is None
        and unit.environment.macro(call.name, unit.path) is None
        and not word_list("returning-parts").matches(call.name)
    )


def any_may_end(unit: TranslationUnit, function: Function) -> bool:
    """Whether some call of a function may end the program."""
    return any(may_end(unit, call) for call in function.calls)


def as_ending(unit: TranslationUnit, start: int) -> Callable[[Call], Effect]:
    """The effects of calls where each behind an offset ends the program that may do so."""

    def effect(call: Call) -> Effect:
        return NORETURN if call.span.start > start and may_end(unit, call) else unit.effect(call)

    return effect
