# SPDX-License-Identifier: GPL-2.0-or-later
"""The event duplicate-mode: one mode twice in a list, or one bit twice in a set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.modes.mode_arguments import ModeCall, mode_calls, single_bit, terms, written_sets
from qerrlint.findings import Observation
from qerrlint.qemu.mode_values import MODE, Evaluator
from qerrlint.source.span import Span

T = TypeVar("T", int, str)


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The repeated modes of one function."""
    for one in analysed.once(mode_calls):
        for mode, span in repeated_modes(analysed, one):
            yield one.seen(analysed, "duplicate-mode", span, mode, mode=mode)


def repeated_modes(analysed: AnalysedFunction, one: ModeCall) -> Iterator[tuple[str, Span]]:
    """The modes that a call names more than once, each with its last place."""
    if one.variadic:
        places = {argument.text: argument.span for argument in one.arguments}
        named = [argument.text for argument in one.arguments if MODE.fullmatch(argument.text)]
        yield from ((mode, places[mode]) for mode in _repeated(named))
        return
    names = {value: name for name, value in analysed.unit.scope.mig_modes()}
    evaluator = Evaluator(analysed.unit)
    for written in written_sets(analysed, one):
        expressions = (term for term in terms(written.text) if not MODE.fullmatch(term))
        bits = [single_bit(evaluator, analysed.function, term) for term in expressions]
        for bit in _repeated([bit for bit in bits if bit is not None]):
            yield names.get(bit, f"bit {bit}"), written.span


def _repeated(items: Sequence[T]) -> list[T]:
    return list(dict.fromkeys(item for item in items if items.count(item) > 1))


CHECKS = (Check("duplicate-mode", "modes", (event("duplicate-mode", "callee", "mode"),), run),)
