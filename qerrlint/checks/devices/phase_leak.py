# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: what a device takes in a setup phase and never gives back, or gives back in the wrong phase."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.devices.acquisitions import BY_NAME, EMBEDDED_TIMER, Taken
from qerrlint.checks.devices.life_cycle import LifeCycle, life_cycle
from qerrlint.checks.devices.phase_functions import COMPLETE, RUNNING, SETTER
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.bodies_elsewhere import bodies_elsewhere
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.type_graph import QomType
from qerrlint.source.span import Span

# Objects that realize makes are released in too many ways to tell, and memory that lies in other structs.
_MADE = "QOM object"
_OF_INIT = frozenset({_MADE, "embedded object"})
_MEMORY = frozenset({"memory", "aligned buffer"})
# The setup phases after instance_init.
_LATER = frozenset({"realize", COMPLETE})
# What a device makes for itself while it runs.
_OF_RUNNING = _MEMORY | {"timer", "periodic timer", "bottom half", "hash table", "array"}
# A timer that was never armed needs nothing.
_OF_REALIZE = frozenset({EMBEDDED_TIMER})
_CALL = lazy_re(r"\b([a-z_]\w*)\s*\(([^;]*);")


def _run(file: AnalysedFile) -> Iterator[Observation]:
    life = life_cycle(file)
    if not life.acquires_any:
        return
    told: set[tuple[str, str, str, str]] = set()
    within = _within(file)
    for one in life.taken(within):
        ident = (*_subject(one), one.type.name)
        if ident in told or one.pair.name in (_OF_INIT if one.phase in _LATER else _OF_REALIZE):
            continue
        if one.phase in _LATER and one.pair.name in _MEMORY and not life.is_of_device(one):
            continue
        if one.phase == SETTER and (one.pair.name not in _MEMORY or not one.member):
            continue
        told.add(ident)
        releasing = life.releasing(one)
        if one.member and len(life.types) > 1:
            others = life.of_others(one, releasing)
            releasing = tuple(name for name in releasing if name not in others)
        if one.pair.name in _OF_REALIZE:
            # To stop a timer while the device runs is no end of it.
            releasing = tuple(name for name in releasing if life.may_undo(name, one.type))
        if one.phase == SETTER:
            # What a setter frees is the value before.
            setters = {entry.function for of in life.types for entry in life.setters(of)}
            releasing = tuple(name for name in releasing if name not in setters)
            if releasing:
                continue
        if releasing:
            yield from _wrong_phase(file, one, releasing)
        elif not _is_released_elsewhere(life, one):
            yield from _never(file, one)
    for one in life.taken_while_running(within):
        ident = (*_subject(one), one.type.name)
        if (
            ident not in told
            and one.pair.name in _OF_RUNNING
            and not word_list("handed-around").matches(one.move.call)
            and not life.releasing(one)
            and not life.is_released_elsewhere(one.pair, one.member)
        ):
            told.add(ident)
            yield _observation("phase-leak", one, one.span, one.function, {}, None)


def _within(file: AnalysedFile) -> Collection[str] | None:
    """The functions whose acquiring calls count, None for all: what is only stopped is told where that is
    done, whatever function takes it."""
    stops = word_list("stops-without-freeing").among(file.asked.vocabulary)
    return None if stops else file.only


def _is_released_elsewhere(life: LifeCycle, one: Taken) -> bool:
    """Whether another file gives it back. A part is undone by its type, by one derived from it or by an
    ancestor."""
    if (one.member or one.pair.name == BY_NAME) and life.is_released_by_ancestor(one):
        return True
    if one.pair.name == BY_NAME and not one.type.row.abstract:
        return False
    return life.is_released_elsewhere(one.pair, one.member)


def _subject(one: Taken) -> tuple[str, str, str]:
    """What is told once, whatever type it is told of."""
    return one.function, one.pair.name, one.member or one.place


def _never(file: AnalysedFile, one: Taken) -> Iterator[Observation]:
    stopped = _stopped(file, one)
    if stopped is not None:
        function, span, call = stopped
        yield _observation("deleted-not-freed", one, span, function, {"stop": call}, one.span)
        return
    if not _goes_with_its_device(file, one):
        yield _observation("phase-leak", one, one.span, one.function, {}, None)


def _goes_with_its_device(file: AnalysedFile, one: Taken) -> bool:
    """Whether all that a function does whose name alone says that it takes something goes with the device."""
    if one.pair.name != BY_NAME:
        return False
    unit, goes = file.unit, word_list("goes-with-its-device")
    texts = bodies_elsewhere(unit).bodies(unit.path, one.move.call, unit.signature(one.move.call))
    called = {name for text in texts for name in text.called() if not name.isupper()}
    return bool(called) and all(goes.matches(name) for name in called)


def _stopped(file: AnalysedFile, one: Taken) -> tuple[str, Span, str] | None:
    """The call in an undoing phase that only stops what the member holds."""
    life = life_cycle(file)
    undoing = life.reached(
        entry.function for of in life.types for entry in life.entries(of, "unrealize", "finalize")
    )
    stops = word_list("stops-without-freeing")
    for name in undoing if one.member else ():
        text = life.text(name)
        for found in _CALL.finditer(text.code) if text is not None else ():
            if stops.matches(found[1]) and re.search(rf"\b{one.member}\b", found[2]):
                assert text is not None
                span = Span(text.path, text.start + found.start(), text.start + found.end(1))
                return name, span, found[1]
    return None


def _wrong_phase(file: AnalysedFile, one: Taken, releasing: tuple[str, ...]) -> Iterator[Observation]:
    life = life_cycle(file)
    family = [of for of in life.types if one.type in of.lineage]
    unrealize = _reached(file, family, "unrealize")
    finalize = _reached(file, family, "finalize")
    where = set(releasing)
    # An object that is never realized runs instance_init and finalize, and nothing else.
    init = _reached(file, family, "instance_init")
    if one.phase == "instance_init" and where & unrealize and not where & (finalize | init):
        how, place = "never-realized", min(where & unrealize)
    elif (
        one.phase == "instance_init"
        and one.pair.name == _MADE
        and not where & (finalize | init | set(life.reached([one.function])))
    ):
        how, place = "never-realized", min(where)
    elif one.phase == "realize" and finalize and where <= finalize - unrealize and _only_realizes(file, one):
        how, place = "late", min(where)
    else:
        return
    if not life.is_released_elsewhere(one.pair, one.member):
        yield _observation("wrong-phase", one, one.span, one.function, {"how": how, "where": place}, None)


def _only_realizes(file: AnalysedFile, one: Taken) -> bool:
    """Whether nothing but realize runs the function that takes it."""
    running = _reached(file, life_cycle(file).types, "realize")
    own = {entry.function for entry in life_cycle(file).entries(one.type, "realize")}
    return one.function in own or running.issuperset(file.unit.uses.callers_of(one.function))


def _reached(file: AnalysedFile, types: tuple[QomType, ...] | list[QomType], *phases: str) -> set[str]:
    life = life_cycle(file)
    return set(life.reached(entry.function for of in types for entry in life.entries(of, *phases)))


def _observation(
    name: str, one: Taken, primary: Span, function: str, slots: dict[str, str], step: Span | None
) -> Observation:
    held = one.place or "the registration"
    how = {
        RUNNING: "may run any number of times while the device runs: it is a function of",
        SETTER: "is called for a property of",
    }.get(one.phase, f"is the {one.entry.slot} of")
    trail = [Step(one.entry.span, f"{one.entry.function}() {how} {one.type.name}")]
    if step is not None:
        trail.append(Step(step, f"{one.move.call}() creates it"))
    return Observation(
        event=name,
        function=function,
        primary=primary,
        key=f"{one.move.call} {one.member or one.place}",
        slots={
            "pair": one.pair.name,
            "object": held.lstrip("&"),
            "acquire": one.move.call,
            "release": " or ".join(dict.fromkeys(move.undoing for move in one.pair.release)),
            "phase": one.phase.replace("_", "-"),
            **slots,
        },
        trail=tuple(trail),
        subject=one,
        # What several functions put into one member is given back by one call, which is missing.
        group=(name, _owner(one), one.member) if one.member else (name, *_subject(one)),
    )


def _owner(one: Taken) -> str:
    """The struct that holds it, by the farthest ancestor in the file of the call.

    Types of one base, or of one struct, share what their functions leave behind.
    """
    here = [of for of in one.type.lineage if of.path == one.span.path]
    owner = here[-1] if here else one.type
    return owner.instance_struct or owner.name


_PHASES = "instance-init realize complete property"
_SLOTS = ("pair", "object", "acquire", "release")
PHASE_LEAK = event("phase-leak", *_SLOTS, phase=f"{_PHASES} run element")
"""object: what is held; phase: the setup phase that takes it, "run" for other functions of the
device, or "element" of what is put into a list."""
CHECKS = (
    FileCheck(
        "phase-leak",
        "devices",
        (
            PHASE_LEAK,
            # stop: the call that stops it and does not free it.
            event("deleted-not-freed", *_SLOTS, "stop", phase=_PHASES),
            # how: by no object that is never realized, or only when it is destroyed; where: by whom.
            event("wrong-phase", *_SLOTS, "where", phase=_PHASES, how="never-realized late"),
        ),
        _run,
    ),
)
