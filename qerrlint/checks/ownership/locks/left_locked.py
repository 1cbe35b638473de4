# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held of what a function releases on one path and leaves held on another: a lock.

Every function is looked at, also those that have nothing to do with errors; one that releases what it has not
acquired is called with the lock held, and silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.held import Mistakes
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.checks.ownership.left_in_local import LocalObject, observation_of
from qerrlint.checks.ownership.local_uses import LocalUses
from qerrlint.checks.ownership.locks.lock_calls import calling, does_inside, shown_pairs
from qerrlint.checks.ownership.objects import handlings_of
from qerrlint.domain.ownership import Pair
from qerrlint.findings import Observation
from qerrlint.ir.code import Assign, Call, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.transfer.local_ownership import Owners, follow_locals, may_be_left

_WAY_OUT = lazy_re(rb"\b(?:return|goto|break|continue)\b")


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The locks that functions of the file leave held on some path."""
    pairs = shown_pairs(file)
    unit = file.unit
    wanted: dict[int, Piece] = {}
    for piece in calling(file, tuple(move for pair in pairs for move in pair.acquire)):
        if piece.span.start in wanted:
            continue
        used = [pair for pair in pairs if pair.acquiring.search(unit.data, piece.body, piece.span.end)]
        released = any(pair.releasing.search(unit.data, piece.body, piece.span.end) for pair in used)
        if released and _WAY_OUT.search(unit.data, piece.body, piece.span.end):
            wanted[piece.span.start] = piece
    for piece in wanted.values():
        yield from _left(unit, piece, pairs)


def _left(unit: TranslationUnit, piece: Piece, pairs: Sequence[Pair]) -> Iterator[Observation]:
    """The locks that one function holds at a return."""
    unit = unit.with_definition(piece)
    function = unit.lowering.function(piece)
    if function is None:
        return

    def calls(call: Call, pair: Pair, _path: str) -> bool:
        """Whether a callee may release the lock."""
        inside = does_inside(unit, call, pair.releasing)
        return inside if inside is not None else "unlock" in call.name

    def assigns(event: Assign, path: str) -> bool:
        """Whether the caller gets the lock through an out-parameter."""
        return event.target.startswith("*") and event.value == Var(path)

    owners = Owners(calls, assigns, lambda _value, _path: False, lambda _path: False)
    handlings = handlings_of(unit, function, pairs)
    if not may_be_left(function, handlings, owners):
        return
    signature = unit.signature(function.name)
    kind = unit.scope.result_kind(signature)
    held = follow_locals(function, signature, kind, unit.effect, handlings, owners)
    if not held.complete:
        return
    releasing = {(one.pair.name, one.object, one.call): one for one in held.seen if one.kind == "released"}
    unheld = {(one.pair.name, one.object) for one in held.seen if one.kind == "unheld"}
    names = {call.span: call.name for call in function.calls}
    # What an out-parameter points to is the caller's.
    given = {e.target for e in function.events() if isinstance(e, Assign)}
    left: list[LocalObject] = []
    for one in sorted(held.seen, key=lambda s: (s.span, s.object, s.call)):
        released = releasing.get((one.pair.name, one.object, one.call))
        if f"*{one.object.removeprefix('*')}" in given:
            continue
        if one.kind == "exit" and released is not None and (one.pair.name, one.object) not in unheld:
            left.append(LocalObject(function, LocalUses(unit, function), one, names[released.span]))
    mistakes = Mistakes(subject.seen for subject in left)
    for subject in left:
        yield observation_of(unit, subject, held, mistakes)


CHECKS = (FileCheck("left-locked", "ownership", (LEFT_HELD,), run),)
