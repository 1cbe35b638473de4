# SPDX-License-Identifier: GPL-2.0-or-later
"""An object that is prepared again although it may still hold what it was given before.

Two shapes: a function of the file and one that others call fill one member, and neither looks at it nor asks
what the other asks; or the one function runs again (a reset). It follows no path: whether one object meets
both nobody here can prove.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.scene import Scene
from qerrlint.domain.ownership import Pair, tail
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, Function, root
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_lifecycle import RECURRING
from qerrlint.source.span import Span
from qerrlint.transfer.ownership import Handling

# How functions are called that begin an object's use.
_ENTRIES = frozenset(
    {"realize", "realizefn", "init", "open", "attach", "create", "start", "launch", "connect", "setup"}
)
_PATH = re.compile(rb"\(\s*&?\s*(\w+)")
_ASKED = re.compile(rb"\bif\s*\(\s*!?\s*([a-z_]\w*)\s*\(")


def taken_again(scene: Scene) -> Iterator[Observation]:
    """What the function prepares that it, or another function of the file, may have prepared before."""
    unit, function, releases = scene.unit, scene.function, scene.releases
    for call, handling in scene.all("prepare"):
        path, pair = handling.object, handling.pair
        member = tail(path)
        if scene.is_local(path) or _mentioned(unit, function.name, call.span.start, member):
            continue
        again = releases.runs_in(function.name) & RECURRING
        if again and not releases.in_phase(RECURRING, pair, member):
            how = "reset" if "reset" in again else "state-change"
            yield _observation(function, call, handling, function.name, how, ())
            continue
        for other, start, end in _others(unit, function, pair, member):
            if start < call.span.start or _mentioned(unit, other, start, member):
                continue
            if not unit.is_static(function.name) or unit.is_static(other):
                continue  # whether both run for one object nothing says
            if unit.slots_of(other) & unit.slots_of(function.name):
                continue  # two answers to one call: an object has one of them
            if _entry(other) & _entry(function.name):
                continue  # two of one sort, by their names: an object goes through one of them
            if _asked(unit, other, start) & _asked(unit, function.name, call.span.start):
                continue
            if not _same_owner(unit, function, other, path, unit.data[start:end]):
                continue
            step = Step(Span(unit.path, start, end), f"{other}() sets {member} too")
            yield _observation(function, call, handling, other, "two-functions", (step,))
            break


def _entry(name: str) -> frozenset[str]:
    return _ENTRIES & frozenset(name.split("_"))


def _mentioned(unit: TranslationUnit, name: str, before: int, member: str) -> bool:
    """Whether the function speaks of the member before that place: it may have looked."""
    piece = unit.functions[name]
    return bool(re.search(rb"\b%s\b" % member.encode(), unit.data[piece.body : before]))


def _others(
    unit: TranslationUnit, function: Function, pair: Pair, member: str
) -> Iterator[tuple[str, int, int]]:
    """The other functions that prepare and take a member of that name, with the place of the first call."""
    calls = b"|".join(re.escape(move.call.encode()) for move in pair.prepare)
    prepares = re.compile(rb"\b(?:%s)\s*\(\s*&?[^,;]*\b%s\s*," % (calls, member.encode()))
    for name, piece in unit.functions.items():
        found = prepares.search(unit.data, piece.body, piece.span.end) if name != function.name else None
        if found is not None and pair.acquiring.search(unit.data, piece.body, piece.span.end):
            yield name, found.start(), found.end() - 1


def _asked(unit: TranslationUnit, name: str, before: int) -> set[bytes]:
    """The functions that conditions before that place ask."""
    piece = unit.functions[name]
    return set(_ASKED.findall(unit.data, piece.body, before))


def _same_owner(unit: TranslationUnit, function: Function, other: str, path: str, text: bytes) -> bool:
    """Whether both paths start from variables of one type, or from one variable of the file."""
    found = _PATH.search(text)
    mine, theirs = root(path), found.group(1).decode() if found is not None else ""
    return bool(theirs) and _type_of(unit, function.name, mine) == _type_of(unit, other, theirs)


def _type_of(unit: TranslationUnit, name: str, variable: str) -> str:
    function, signature = unit.lowered(name), unit.signature(name)
    types = dict(function.locals) if function is not None else {}
    types |= {p.name: p.type for p in signature.params} if signature is not None else {}
    return types.get(variable, variable)


def _observation(
    function: Function, call: Call, handling: Handling, other: str, how: str, trail: tuple[Step, ...]
) -> Observation:
    return Observation(
        "prepared-twice",
        function.name,
        call.span,
        call.text,
        {
            "pair": handling.pair.name,
            "object": handling.object,
            "prepare": call.name,
            "other": other,
            "how": how,
        },
        trail,
        "medium",
    )
