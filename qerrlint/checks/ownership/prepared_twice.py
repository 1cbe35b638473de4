# SPDX-License-Identifier: GPL-2.0-or-later
"""The event prepared-twice: an object is prepared again although it may still hold what it was given before.

Either the one function runs again (a reset), or another function of the file prepares the same member. A
function that mentions the member before may have tested it, or released what it held: then nothing is known.
No path is followed: that one object meets both functions is not proven.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.objects import ObjectsOfFunction, objects_of
from qerrlint.domain.ownership import Pair, tail
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, root
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_lifecycle import RECURRING
from qerrlint.records import record
from qerrlint.source.span import Span
from qerrlint.transfer.objects import Handling

_PATH = lazy_re(rb"\(\s*&?\s*(\w+)")


@record(frozen=True, slots=True)
class Preparation:
    """A call that prepares the member of an object, and the place where it was prepared before.

    `other` is the function of that place, `start` its offset in the file; for a function that runs again
    both are those of the call itself.
    """

    objects: ObjectsOfFunction
    call: Call
    handling: Handling
    other: str
    start: int

    @property
    def runs_again(self) -> bool:
        """Whether the function itself runs again for the same object."""
        return self.other == self.objects.function.name

    @property
    def member(self) -> str:
        """The last name of the object's path."""
        return tail(self.handling.object)


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """What one function prepares that it, or another function of the file, may have prepared before."""
    objects = analysed.once(objects_of)
    for call, handling in objects.calls("prepare") if objects is not None else ():
        assert objects is not None
        member = tail(handling.object)
        if objects.is_local(handling.object) or _mentions(analysed, analysed.name, call.span.start, member):
            continue
        again = objects.sites.runs_in(analysed.name) & RECURRING
        if again:
            own = Preparation(objects, call, handling, analysed.name, call.span.start)
            yield _observation(own, "reset" if "reset" in again else "state-change", ())
        for other, start, end in _others(analysed, handling.pair, member):
            # Of two functions the first in the file is reported.
            if start < call.span.start or _mentions(analysed, other, start, member):
                continue
            if _same_owner(analysed.unit, analysed.name, other, handling.object, start, end):
                step = Step(Span(analysed.unit.path, start, end), f"{other}() sets {member} too")
                found = Preparation(objects, call, handling, other, start)
                yield _observation(found, "two-functions", (step,))


def _others(analysed: AnalysedFunction, pair: Pair, member: str) -> Iterator[tuple[str, int, int]]:
    """The other functions that prepare and acquire a member of that name, each with its first such call."""
    unit = analysed.unit
    calls = b"|".join(re.escape(move.call.encode()) for move in pair.prepare)
    prepares = re.compile(rb"\b(?:%s)\s*\(\s*&?[^,;]*\b%s\s*," % (calls, member.encode()))
    for name, piece in unit.functions.items():
        found = prepares.search(unit.data, piece.body, piece.span.end) if name != analysed.name else None
        if found is not None and pair.acquiring.search(unit.data, piece.body, piece.span.end):
            yield name, found.start(), found.end() - 1


def _mentions(analysed: AnalysedFunction, name: str, before: int, member: str) -> bool:
    """Whether a function of the file mentions the member before that place."""
    body = analysed.unit.functions[name].body
    return bool(re.search(rb"\b%s\b" % member.encode(), analysed.unit.data[body:before]))


def _same_owner(unit: TranslationUnit, name: str, other: str, path: str, start: int, end: int) -> bool:
    """Whether both paths start from variables of one type, or from one variable of the file."""
    found = _PATH.search(unit.data, start, end)
    mine, theirs = root(path), found.group(1).decode() if found is not None else ""
    return bool(theirs) and _type_of(unit, name, mine) == _type_of(unit, other, theirs)


def _type_of(unit: TranslationUnit, name: str, variable: str) -> str:
    function, signature = unit.lowered(name), unit.signature(name)
    types = dict(function.locals) if function is not None else {}
    types |= {p.name: p.type for p in signature.params} if signature is not None else {}
    return types.get(variable, variable)


def _observation(found: Preparation, how: str, trail: tuple[Step, ...]) -> Observation:
    call = found.call
    return Observation(
        event="prepared-twice",
        function=found.objects.function.name,
        primary=call.span,
        key=call.text,
        slots={
            "pair": found.handling.pair.name,
            "object": found.handling.object,
            "prepare": call.name,
            "other": found.other,
            "how": how,
        },
        trail=trail,
        certainty="medium",
        subject=found,
        group=call.index,
    )


CHECKS = (
    Check(
        "prepared-twice",
        "ownership",
        (  # prepare: the call; other: the function that prepared it before.
            event(
                "prepared-twice", "pair", "object", "prepare", "other", how="two-functions reset state-change"
            ),
        ),
        run,
    ),
)
