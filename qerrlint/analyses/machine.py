# SPDX-License-Identifier: GPL-2.0-or-later
"""machine: what is taken and not given back, by the pairs that rule files bring; a table-driven typestate.

It knows no API: which calls take, give back, prepare and discard an object stands in the tables, and which of
them the tree at hand has its prototypes say. The judging is in exits, acquiring and retaken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from qerrlint.analyses.acquiring import never_released, unchecked, unreachable
from qerrlint.analyses.analysis import Analysis
from qerrlint.analyses.ending import CALLS, ended_twice
from qerrlint.analyses.exits import discarded, left
from qerrlint.analyses.releases import releases_of
from qerrlint.analyses.retaken import taken_again
from qerrlint.analyses.scene import Scene, handlings_of
from qerrlint.facts.custody import follow
from qerrlint.facts.pairs import Pair
from qerrlint.facts.unit import Unit
from qerrlint.findings import Observation
from qerrlint.syntax.cut import Piece
from qerrlint.syntax.types import result_kind


def machine(pairs: Sequence[Pair]) -> Analysis:
    """The analysis for these pairs."""
    return Analysis("machine", 1, partial(_run, tuple(pairs)))


def _run(pairs: tuple[Pair, ...], unit: Unit, piece: Piece) -> Iterable[Observation]:
    if CALLS.search(unit.data, piece.body, piece.span.end):
        yield from ended_twice(unit, piece)
    wanted = [pair for pair in pairs if pair.acquiring.search(unit.data, piece.body, piece.span.end)]
    function = unit.lowered(piece.name) if wanted else None
    if function is None:
        return
    handlings = handlings_of(unit, function, wanted)
    if not any(h.role == "acquire" for found in handlings.values() for h in found):
        return
    releases = releases_of(unit)
    scene = Scene(unit, function, handlings, releases)
    signature = unit.signature(piece.name)
    kind = result_kind(signature, unit.typedefs) if signature is not None else "unknown"
    held = follow(function, signature, kind, unit.effect, handlings, partial(releases.lets_go, function))
    yield from left(scene, held)
    yield from discarded(scene, held)
    yield from never_released(scene)
    yield from unchecked(scene)
    yield from unreachable(scene)
    yield from taken_again(scene)
