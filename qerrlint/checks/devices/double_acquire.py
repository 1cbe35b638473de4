# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a function that runs again makes an object, and nothing looks at what its member holds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.devices.acquisitions import Taken
from qerrlint.checks.devices.life_cycle import LifeCycle, life_cycle
from qerrlint.checks.devices.phase_functions import SETTER, has_types
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.qemu.type_graph import Phase

# The pairs whose objects the device makes for itself and keeps: others are handed on, or kept in tables.
_KINDS = frozenset({"timer", "periodic timer", "bottom half"})
# What the setter of a property, or a reset, makes for the device to keep.
_KEPT = frozenset({"memory", "aligned buffer"})
# Members in which a function is stored that a guest or a reset runs as often as it likes.
_AGAIN = frozenset(
    (
        *("read", "write", "read_with_attrs", "write_with_attrs", "command", "transfer", "handle_data"),
        *("handle_control", "handle_reset", "reset", "legacy_reset", "enter", "hold"),
    )
)


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    life = life_cycle(file)
    if not has_types(unit) or not life.acquires_any:
        return
    acquiring = life.acquiring(file.only)
    if not acquiring:
        return
    if b"property_add" in unit.data:
        yield from _setters(life, acquiring)
    yield from _resets(life)
    kinds = {move.call for pair in file.pairs if pair.name in _KINDS for move in pair.acquire}
    if not any(name.encode() in unit.text.words for name in kinds):
        return
    entries = [name for name in unit.functions if unit.uses.slots_of(name) & _AGAIN]
    if not entries:
        return
    again = life.reached(entries)
    for name in acquiring:
        if name not in again:
            continue
        entry = next(one for one in entries if name in life.reached([one]))
        slot = min(unit.uses.slots_of(entry) & _AGAIN)
        for of in life.types[:1]:
            stored = Phase("again", entry, unit.path, slot, "", unit.functions[entry].span, of.name)
            for one in life.acquired(name, "again", stored, of):
                if one.member and one.pair.name in _KINDS and not _looked_at(life, one, again):
                    yield _observation(one)


def _setters(life: LifeCycle, acquiring: tuple[str, ...]) -> Iterator[Observation]:
    """What the setters of properties make into members of the device without a look at what these hold."""
    for one in life.taken(acquiring):
        if one.phase != SETTER or one.pair.name not in _KEPT or not one.member or not life.is_of_device(one):
            continue
        again = life.reached([one.entry.function])
        # Of what nothing gives back at all, phase-leak speaks.
        given_back = life.releasing(one) or life.is_released_elsewhere(one.pair, one.member)
        if given_back and not _looked_at(life, one, again):
            yield _observation(one)


def _resets(life: LifeCycle) -> Iterator[Observation]:
    """What the reset of a type makes into a member that its setup fills by the same call, without a look at
    what the member holds."""
    # A member is told once, so the functions that nobody asks about count as well.
    told: set[tuple[str, str]] = set()
    acquiring = life.acquiring()
    made: dict[str, set[str]] = {}
    for of in life.types:
        for entry in life.entries(of, "reset"):
            again = life.reached([entry.function])
            for name in again:
                for one in life.acquired(name, "again", entry, of) if name in acquiring else ():
                    if not made:
                        for first in life.taken():
                            made.setdefault(first.member, set()).add(first.move.call)
                    known = (one.member, one.pair.name) in told or one.pair.name not in _KEPT | _KINDS
                    if known or not one.member or one.move.call not in made.get(one.member, ()):
                        continue
                    if life.is_of_device(one) and not _looked_at(life, one, again):
                        told.add((one.member, one.pair.name))
                        yield _observation(one)


def _looked_at(life: LifeCycle, one: Taken, again: tuple[str, ...]) -> bool:
    """Whether a function that runs again tests or gives back what the member holds."""
    if set(life.releasing(one)) & set(again):
        return True
    tested = re.compile(
        rf"\b(?:if|while|assert)\s*\([^;{{}}]*\b{one.member}\b|\b{one.member}\s*(?:\[[^\]]*\])?\s*(?:\?|=\s*NULL)"
    )
    for name in again:
        text = life.text(name)
        if text is not None and tested.search(text.code):
            return True
    return False


def _observation(one: Taken) -> Observation:
    entry, slot = one.entry.function, one.entry.slot
    how = f"{entry}() is stored as .{slot} and may run again"
    if one.phase == SETTER:
        how = f"{entry}() is called for a property, which may be set again"
    return Observation(
        event="double-acquire",
        function=one.function,
        primary=one.span,
        key=f"{one.move.call} {one.member}",
        slots={
            "pair": one.pair.name,
            "object": one.place.lstrip("&"),
            "acquire": one.move.call,
            "release": " or ".join(dict.fromkeys(f"{move.call}()" for move in one.pair.release)),
            "entry": entry,
            "slot": slot,
        },
        trail=(Step(one.entry.span, how),),
        subject=one,
    )


CHECKS = (
    FileCheck(
        "double-acquire",
        "devices",
        # object: what is made anew; entry: the function that runs again, stored as `slot`.
        (event("double-acquire", "pair", "object", "acquire", "release", "entry", "slot"),),
        _run,
    ),
)
