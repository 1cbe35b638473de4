# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors that nobody frees: locals that hold one at a return, parameters consumed on some paths only."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.checks.steps import folded, path_steps
from qerrlint.domain.result import Life, Sighting
from qerrlint.findings import Observation, Step
from qerrlint.model.translation_unit import Unit


def observe(unit: Unit, life: Life) -> Iterator[Observation]:
    """The Errors of one function that are lost."""
    yield from _leaks(unit, life)
    yield from _owned(unit, life)


def _leaks(unit: Unit, life: Life) -> Iterator[Observation]:
    """Locals that still hold an Error where the function returns; one finding for each setter."""
    left = [s for s in life.sightings if s.kind == "left-set" and s.first.origin >= 0]
    told: set[tuple[str, int]] = set()
    for sighting in sorted(left, key=lambda s: (not s.first.sure, s.span)):
        setter = life.function.calls[sighting.first.origin]
        effect = unit.effect(setter)
        if (sighting.cell, setter.index) in told or effect.evidence == "guess":
            continue
        told.add((sighting.cell, setter.index))
        yield Observation(
            "errorflow",
            "leaked",
            life.function.name,
            setter.span,
            f"{sighting.cell} {setter.text}",
            {
                "error": sighting.cell,
                "callee": setter.name,
                "how": "definite" if sighting.first.sure else "possible",
            },
            (
                *path_steps(unit, sighting.trail, sighting.cell, setter),
                Step(sighting.span, "the function returns here"),
            ),
            "high" if sighting.first.sure else "medium",
            whole=not is_joined(sighting.trail),
        )


def _owned(unit: Unit, life: Life) -> Iterator[Observation]:
    """An `Error *` parameter that the function consumes on one path and forgets on another."""
    consumed: dict[str, Sighting] = {}
    for sighting in life.sightings:
        if sighting.kind == "consumed" and sighting.first.origin in (-1, -2):
            consumed.setdefault(sighting.cell, sighting)
    for sighting in life.sightings:
        if sighting.kind != "left-owned" or sighting.cell not in consumed or not life.complete:
            continue
        consumer = consumed.pop(sighting.cell)
        call = life.function.calls[consumer.call]
        yield Observation(
            "errorflow",
            "leaked",
            life.function.name,
            sighting.span,
            f"{sighting.cell} {folded(unit, sighting.span)}",
            {"error": sighting.cell, "callee": "the caller", "how": "possible"},
            (
                Step(call.span, f"{call.name}() takes {sighting.cell} on another path"),
                *path_steps(unit, sighting.trail, sighting.cell, None),
            ),
            "medium",
        )
