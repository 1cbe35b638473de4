# SPDX-License-Identifier: GPL-2.0-or-later
"""errorflow: what the result of a function's Error objects shows, put as Observations without wording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.c.cut import Piece
from qerrlint.checks import errnos, lifecycle, neighbours, returns, unguarded
from qerrlint.checks.analysis import Analysis
from qerrlint.checks.steps import path_steps, shown
from qerrlint.domain.result import FunctionResult, Occurrence
from qerrlint.findings import Observation
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# The file that defines this function implements the Error API and may look inside.
_API_FUNCTION = "error_propagate"


def run(unit: TranslationUnit, piece: Piece) -> Iterable[Observation]:
    """The observations of one function."""
    result = unit.result(piece.name)
    if result is None:
        return
    yield from _set_again(unit, result)
    yield from lifecycle.observe(unit, result)
    yield from errnos.observe(unit, result)
    if _API_FUNCTION not in unit.functions:
        yield from returns.observe(unit, result)
        yield from unguarded.observe(unit, result)
        yield from neighbours.observe(unit, result)


def _set_again(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    calls = result.function.calls
    again = [s for s in result.occurrences if s.kind == "set-again"]
    told: set[tuple[str, int]] = set()
    # One finding for each first set: what follows on the same path is the same mistake.

    def rank(occurrence: Occurrence) -> tuple[bool, bool, bool, Span]:
        """Certain before possible, plain error_setg() before others, forwards before a back edge."""
        first = occurrence.first.origin
        back = first >= 0 and calls[first].span >= occurrence.span
        return (
            not occurrence.first.sure,
            unit.effect(calls[occurrence.call]).evidence != "setter",
            back,
            occurrence.span,
        )

    for occurrence in sorted(again, key=rank):
        # Chains of unchecked calls are one mistake.
        ident = (occurrence.cell, occurrence.first.origin if occurrence.first.sure else -1)
        if ident in told:
            continue
        told.add(ident)
        call = calls[occurrence.call]
        first = calls[occurrence.first.origin] if occurrence.first.origin >= 0 else None
        effect = unit.effect(call)
        if effect.evidence == "guess" or (first is not None and unit.effect(first).evidence == "guess"):
            continue
        if not occurrence.first.sure and first is None:
            continue
        sure = occurrence.first.sure
        yield Observation(
            analysis="errorflow",
            kind="set-again",
            function=result.function.name,
            primary=call.span,
            key=f"{shown(occurrence.cell)} {call.text} {first.name if first is not None else ''}",
            slots={
                "error": shown(occurrence.cell),
                "callee": call.name,
                "first": first.name if first is not None else "",
                "how": "definite" if sure else "possible",
            },
            trail=path_steps(unit, occurrence.trail, occurrence.cell, first),
            certainty="high" if sure else "medium",
            whole=not is_joined(occurrence.trail),
        )


ERRORFLOW = Analysis("errorflow", 1, run)
