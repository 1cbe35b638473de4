# SPDX-License-Identifier: GPL-2.0-or-later
"""The event released-twice: a lock is released, and every path from there releases it again.

Every function is looked at, also those that have nothing to do with errors. What a path tests is not asked:
the second release is met whatever the tests find.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from qerrlint.absint.reachability import place_of
from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.locks.lock_calls import calling, does_inside, shown_pairs
from qerrlint.checks.ownership.objects import handlings_of
from qerrlint.checks.subject import Subject
from qerrlint.domain.ownership import Pair
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Assign, Call, Event, Function, Return, identifiers
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.transfer.objects import Handling, Handlings

_EVENT = "released-twice"


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The locks of a file that a path releases twice."""
    pairs = shown_pairs(file)
    calls = calling(file, tuple(move for pair in pairs for move in pair.release))
    for piece, number in Counter(calls).items():
        if number > 1:
            yield from _of_function(file.unit, piece, pairs)


def _of_function(unit: TranslationUnit, piece: Piece, pairs: Sequence[Pair]) -> Iterator[Observation]:
    unit = unit.with_definition(piece)
    function = unit.lowering.function(piece)
    if function is None:
        return
    handlings = handlings_of(unit, function, pairs)
    for number, found in sorted(handlings.items()):
        for one in found:
            if one.role == "release":
                again = _Onward(unit, function, handlings, one).again(number)
                if again is not None:
                    yield _observation(function, function.calls[number], one, again)


class _Onward:
    """The paths of a function from where an object is released."""

    def __init__(
        self,
        unit: TranslationUnit,
        function: Function,
        handlings: Handlings,
        released: Handling,
    ) -> None:
        self._unit = unit
        self._function = function
        self._handlings = handlings
        self._released = released
        self._words = identifiers(released.object)

    def again(self, call: int) -> Call | None:
        """The first call on each of the paths that releases the object once more; None where some path may
        end without one, or takes the object first."""
        place = place_of(self._function, call)
        if place is None:
            return None
        found: list[Call] = []
        seen: set[int] = set()
        todo = [(place[0], place[1] + 1)]
        while todo:
            number, start = todo.pop()
            block = self._function.blocks[number]
            end = next((one for one in block.events[start:] if self._ends(one)), None)
            if end is not None:
                if not isinstance(end, Call) or not self._is(end, "release"):
                    return None
                found.append(end)
                continue
            for edge in block.edges:
                if edge.target not in seen:
                    seen.add(edge.target)
                    todo.append((edge.target, 0))
        return min(found, key=lambda one: one.span) if found else None

    def _ends(self, event_: Event) -> bool:
        """Whether an event releases or takes the object, ends the path, or may be about another object."""
        if isinstance(event_, Assign):
            return bool(identifiers(event_.target) & self._words)
        if isinstance(event_, Call):
            ends = self._is(event_, "release") or self._may_take(event_)
            return ends or self._unit.effect(event_).noreturn
        return isinstance(event_, Return)

    def _is(self, call: Call, role: str) -> bool:
        one = self._released
        return any(
            other.role == role and other.pair is one.pair and other.object == one.object
            for other in self._handlings.get(call.index, ())
        )

    def _may_take(self, call: Call) -> bool:
        """Whether a call acquires the object, or its callee may."""
        inside = does_inside(self._unit, call, self._released.pair.acquiring)
        if inside is not None:
            return inside
        return "lock" in call.name.replace("unlock", "").replace("block", "") or self._is(call, "acquire")


def _observation(function: Function, call: Call, released: Handling, again: Call) -> Observation:
    return Observation(
        event=_EVENT,
        function=function.name,
        primary=call.span,
        key=call.text,
        slots={"pair": released.pair.name, "release": call.name, "again": again.name},
        trail=(Step(again.span, f"{again.name}() is called again here"),),
        certainty="high",
        subject=Subject((call, again)),
    )


CHECKS = (
    # pair: its name in the rule files; release: the call; again: the one that comes after it.
    FileCheck(_EVENT, "ownership", (event(_EVENT, "pair", "release", "again"),), run),
)
