# SPDX-License-Identifier: GPL-2.0-or-later
"""errorflow: what the life of a function's Error objects shows, put as Observations without wording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.c.cut import Piece
from qerrlint.checks import errnos, lifecycle, neighbours, returns, unguarded
from qerrlint.checks.analysis import Analysis
from qerrlint.checks.steps import path_steps, shown
from qerrlint.domain.result import Life, Sighting
from qerrlint.findings import Observation
from qerrlint.model.translation_unit import Unit
from qerrlint.source.span import Span

# The file that defines this function implements the Error API and may look inside.
_API_FUNCTION = "error_propagate"


def run(unit: Unit, piece: Piece) -> Iterable[Observation]:
    """The observations of one function."""
    life = unit.life(piece.name)
    if life is None:
        return
    yield from _set_again(unit, life)
    yield from lifecycle.observe(unit, life)
    yield from errnos.observe(unit, life)
    if _API_FUNCTION not in unit.functions:
        yield from returns.observe(unit, life)
        yield from unguarded.observe(unit, life)
        yield from neighbours.observe(unit, life)


def _set_again(unit: Unit, life: Life) -> Iterator[Observation]:
    calls = life.function.calls
    again = [s for s in life.sightings if s.kind == "set-again"]
    told: set[tuple[str, int]] = set()
    # One finding for each first set: what follows on the same path is the same mistake.

    def rank(sighting: Sighting) -> tuple[bool, bool, bool, Span]:
        """Certain before possible, plain error_setg() before others, forwards before a back edge."""
        first = sighting.first.origin
        back = first >= 0 and calls[first].span >= sighting.span
        return (
            not sighting.first.sure,
            unit.effect(calls[sighting.call]).evidence != "setter",
            back,
            sighting.span,
        )

    for sighting in sorted(again, key=rank):
        # Chains of unchecked calls are one mistake.
        ident = (sighting.cell, sighting.first.origin if sighting.first.sure else -1)
        if ident in told:
            continue
        told.add(ident)
        call = calls[sighting.call]
        first = calls[sighting.first.origin] if sighting.first.origin >= 0 else None
        effect = unit.effect(call)
        if effect.evidence == "guess" or (first is not None and unit.effect(first).evidence == "guess"):
            continue
        if not sighting.first.sure and first is None:
            continue
        sure = sighting.first.sure
        yield Observation(
            analysis="errorflow",
            kind="set-again",
            function=life.function.name,
            primary=call.span,
            key=f"{shown(sighting.cell)} {call.text} {first.name if first is not None else ''}",
            slots={
                "error": shown(sighting.cell),
                "callee": call.name,
                "first": first.name if first is not None else "",
                "how": "definite" if sure else "possible",
            },
            trail=path_steps(unit, sighting.trail, sighting.cell, first),
            certainty="high" if sure else "medium",
            whole=not is_joined(sighting.trail),
        )


ERRORFLOW = Analysis("errorflow", 1, run)
