# SPDX-License-Identifier: GPL-2.0-or-later
"""machine: what is taken and not given back, by the pairs that rule files bring; a table-driven typestate.

It knows no API: which calls take, give back, prepare and discard an object stands in the tables, and which of
them the tree at hand has its prototypes say. The judging is in exits, acquiring and retaken.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache, partial

from qerrlint.absint.reachability import after
from qerrlint.c.declarations.types import result_kind
from qerrlint.checks.acquiring import never_released, unchecked, unreachable
from qerrlint.checks.check import Check, event
from qerrlint.checks.ending import CALLS, ended_twice
from qerrlint.checks.exits import discarded, left
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.releases import releases_of
from qerrlint.checks.retaken import taken_again
from qerrlint.checks.scene import Scene, handlings_of
from qerrlint.domain.conventions import fails_by
from qerrlint.domain.error import ErrorState
from qerrlint.domain.ownership import FAILURES, Pair
from qerrlint.findings import Observation
from qerrlint.ir.code import Call, Event, Return
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span
from qerrlint.transfer.ownership import Handling, follow


@lru_cache(maxsize=4)
def _acquiring(pairs: tuple[Pair, ...]) -> tuple[Mapping[str, Sequence[Pair]], re.Pattern[bytes]]:
    """The pairs by the calls that acquire, and a pattern that finds such calls."""
    by_call: dict[str, list[Pair]] = {}
    for pair in pairs:
        for move in pair.acquire:
            by_call.setdefault(move.call, []).append(pair)
    # The first letter in front of the alternatives: a pattern that begins with \b is slow.
    names = sorted(by_call)
    heads = {name[0] for name in names}
    alternatives = "|".join(
        rf"{head}(?:{'|'.join(re.escape(name[1:]) for name in names if name[0] == head)})\b(?=\s*\()"
        for head in sorted(heads)
    )
    return by_call, re.compile(alternatives.encode() or rb"(?!)")


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The observations of one function."""
    unit, piece = analysed.unit, analysed.piece
    by_call, taking = _acquiring(analysed.pairs)
    if CALLS.search(unit.data, piece.body, piece.span.end):
        yield from ended_twice(unit, piece)
    found = {name.decode() for name in taking.findall(unit.data, piece.body, piece.span.end)}
    wanted = list({pair.name: pair for name in sorted(found) for pair in by_call[name]}.values())
    function = unit.lowered(piece.name) if wanted else None
    if function is None:
        return
    signature = unit.signature(piece.name)
    kind = result_kind(signature, unit.typedefs) if signature is not None else "unknown"
    if kind in ("void", "bool", "unknown") and (signature is None or signature.errp is None):
        # No exit is known to be a failure; only what does not ask for one is left.
        wanted = [pair for pair in wanted if pair.balanced or pair.prepare]
    handlings = handlings_of(unit, function, wanted)
    releases = releases_of(unit)
    scene = Scene(unit, function, handlings, releases)
    failing = _failing(unit, piece.name, kind)
    if any(_matters(scene, call, handling, failing) for call, handling in scene.all("acquire")):
        lets_go = partial(releases.lets_go, function)
        held = follow(function, signature, kind, unit.effect, handlings, lets_go)
        yield from left(scene, held)
        yield from discarded(scene, held)
    yield from never_released(scene)
    yield from unchecked(scene)
    yield from unreachable(scene, failing)
    yield from taken_again(scene)


def _matters(scene: Scene, call: Call, handling: Handling, failing: Collection[Span]) -> bool:
    """Whether anything could be said of what is taken there, before its paths are followed."""
    pair, path = handling.pair, scene.kept_in(handling.object)
    if any(True for _ in scene.all("discard")) or pair.keeps:
        return True
    known = scene.is_local(path) or scene.releases_itself(pair, path)
    if not known and (scene.is_static(path) or not scene.releases.runs_in(scene.function.name)):
        return False
    given_back = {c.index for c, h in scene.all("release") if h.pair is pair and h.object == path}

    def leaves(event: Event) -> bool:
        return isinstance(event, Return) and (pair.balanced or event.span in failing)

    def releases(event: Event) -> bool:
        return isinstance(event, Call) and event.index in given_back

    good, _ = FAILURES[handling.move.fails]
    return after(scene.function, call.index, leaves, good, releases)


def _failing(unit: TranslationUnit, name: str, kind: str) -> frozenset[Span]:
    """The returns that are a failure on some path, by the Error or by the result."""
    result = unit.result(name)
    exits = result.returns if result is not None else ()
    return frozenset(e.span for e in exits if e.error.state is ErrorState.SET or fails_by(kind, e.signs))


CHECKS = (
    Check(
        "ownership",
        "ownership",
        (  # pair: its name in the rule files; object: the path of what is taken; acquire, release,
            # prepare, discard: the calls; other: another function; when: at a failing exit, at any other,
            # or no function ever gives back; elsewhere: whether another place of the file does.
            event(
                "left-held",
                "pair",
                "object",
                "acquire",
                "release",
                when="failing return never",
                elsewhere="yes no",
            ),
            event("unreachable", "pair", "object", "acquire", "release", phase="setup other"),
            event("unchecked-acquire", "pair", "object", "acquire"),
            event(
                "prepared-twice", "pair", "object", "prepare", "other", how="two-functions reset state-change"
            ),
            event("discarded", "pair", "object", "acquire", "discard", how="failed held"),
            event("not-discarded", "pair", "object", "acquire", "discard"),
            event("left-dangling", "pair", "object", "discard", "other"),
            # callee: who tells the notifiers; what: the constant; other: who tells every end.
            event("notifier-called-twice", "callee", "what", "other"),
        ),
        run,
    ),
)
