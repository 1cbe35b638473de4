# SPDX-License-Identifier: GPL-2.0-or-later
"""The event mode-not-a-bit: a mode's number where its bit is wanted, or a bit where the number is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.modes.mode_arguments import (
    ModeCall,
    Written,
    is_bit_of_mode,
    mode_calls,
    terms,
    written_sets,
)
from qerrlint.findings import Observation
from qerrlint.ir.code import Var
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.mode_values import MODE

_EVENT = "mode-not-a-bit"
_ALL = "MIG_MODE_ALL"


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The modes of one function that are written in the wrong form."""
    for one in analysed.once(mode_calls):
        if one.variadic:
            for argument in one.arguments:
                if is_bit_of_mode(argument.text):
                    yield _bit(analysed, one, argument, "bit-in-list")
        elif one.taken is None or one.taken.first >= len(one.arguments):
            continue
        elif one.taken.form == "set":
            yield from _in_set(analysed, one)
        elif is_bit_of_mode(one.arguments[one.taken.first].text):
            yield _bit(analysed, one, one.arguments[one.taken.first], "bit-for-mode")


def _bit(analysed: AnalysedFunction, one: ModeCall, argument: Written, form: str) -> Observation:
    """BIT() of a mode where the mode itself is wanted."""
    mode = MODE.findall(argument.text)[0]
    meaning = _as_number(analysed.unit, mode)
    return one.seen(analysed, _EVENT, argument.span, argument.text, mode=mode, meaning=meaning, form=form)


def _in_set(analysed: AnalysedFunction, one: ModeCall) -> Iterator[Observation]:
    """Numbers of modes among the terms of a set of bits, or a variable that holds one."""
    assert one.taken is not None
    value = one.call.args[one.taken.first]
    argument, *assigned = written_sets(analysed, one)
    if isinstance(value, Var) and _type_of(analysed, value.path) == "MigMode":
        meaning = "another set than that of its mode"
        yield one.seen(
            analysed, _EVENT, argument.span, value.path, mode=value.path, meaning=meaning, form="bare-mode"
        )
        return
    unit = analysed.unit
    modes = dict(unit.scope.mig_modes())
    for written in (argument, *assigned):
        bare = (term for term in terms(written.text) if MODE.fullmatch(term) and term != _ALL)
        for mode in dict.fromkeys(term for term in bare if term in modes or not modes):
            meaning = _as_bits(unit, mode)
            yield one.seen(analysed, _EVENT, written.span, mode, mode=mode, meaning=meaning, form="bare-mode")


def _type_of(analysed: AnalysedFunction, variable: str) -> str | None:
    signature = analysed.signature
    params = {param.name: param.type for param in signature.params} if signature is not None else {}
    return analysed.function.locals.get(variable) or params.get(variable)


def _as_number(unit: TranslationUnit, mode: str) -> str:
    """What the bit of a mode is when it is read as the number of one."""
    value = dict(unit.scope.mig_modes()).get(mode)
    return f"the number {1 << value}, which is no mode" if value is not None else "a number that is no mode"


def _as_bits(unit: TranslationUnit, mode: str) -> str:
    """What the number of a mode is when it is read as a set of bits."""
    modes = {value: name for name, value in unit.scope.mig_modes()}
    value = next((v for v, name in modes.items() if name == mode), None)
    if value is None:
        return "another set"
    names = [modes[bit] for bit in sorted(modes) if value & (1 << bit)]
    return "the set of " + " and ".join(names) if names else "the empty set"


CHECKS = (
    Check(
        "mode-not-a-bit",
        "modes",
        # mode: the constant; meaning: what it is in the other form.
        (event("mode-not-a-bit", "callee", "mode", "meaning", form="bare-mode bit-in-list bit-for-mode"),),
        run,
    ),
)
