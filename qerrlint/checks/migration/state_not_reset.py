# SPDX-License-Identifier: GPL-2.0-or-later
"""The event state-not-reset: a reset sets some of a device's state, and leaves other state as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.devices.life_cycle import has_types
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.checks.migration.run_time_state import device_state, not_at_run_time
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.findings import Observation, Step
from qerrlint.qemu.device_state import DeviceState, clears_all, names_member
from qerrlint.qemu.function_text import FunctionText
from qerrlint.qemu.vmstate.guest_state import guest_members
from qerrlint.qemu.vmstate.state_members import ARRAY, TIMER, StateMember, state_members
from qerrlint.source.span import Span

_STORE = r"(?:->|\.)%s\s*(?:(?:[-+*/%%&|^]|<<|>>)?=(?!=)|\+\+|--)"
_COUNT = r"(?:\+\+|--)\s*\w+(?:->|\.)%s\b|(?:->|\.)%s\s*(?:[-+]=|\+\+|--)"
# So many members of what migrates a reset sets at least.
_FEWEST_SET = 2


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A member of a struct, an array or not, that a reset does not name, though it names `others`."""

    struct: str
    member: str
    reset: FunctionText
    others: tuple[str, ...]
    array: bool = False


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The members that the resets of one file leave as they are."""
    unit = file.unit
    if b"reset" not in unit.data or not has_types(unit):
        return
    if not any(text.path == unit.path for text in file.once(device_state).own_resets.values()):
        return
    for struct in _structs(file):
        # What a type inherits is asked for where its own reset leaves something: that reads other files.
        if any(_of_struct(file, struct, file.once(device_state).own_resets)):
            yield from _of_struct(file, struct, file.once(device_state).reset_texts)


def _structs(file: AnalysedFile) -> Iterator[str]:
    """The structs of the file's types, and those that its descriptions are about."""
    state = file.once(device_state)
    found = [of.row.struct("instance_size") for of in state.allocating]
    found += [name.removeprefix("struct ") for one in file.once(vmstates) for name in one.structs]
    yield from dict.fromkeys(found)


def _of_struct(file: AnalysedFile, struct: str, texts: Mapping[str, FunctionText]) -> Iterator[Observation]:
    state = file.once(device_state)
    own = [text for text in texts.values() if state.handles(text, struct)]
    if not any(text.path == file.unit.path for text in own):
        return
    code = "\n".join(text.code for text in texts.values())
    if any(clears_all(text.code) for text in own):
        return
    members = {
        name for name, array in state.members(struct).items() if not array and name not in state.properties
    }
    every = [one for one in state_members(file.unit, struct) if one.kind != TIMER and _is_state(state, one)]
    set_ = frozenset(name for name in members if names_member(code, name))
    unions = {one.union for one in every if one.union and _is_set(code, one)}
    left = {(one.owner, one.name): one for one in every if not _is_set(code, one) and one.union not in unions}
    if not left or not set_:
        return
    reset = _main(file, own, set_)
    told: set[str] = set()
    wanted: dict[str, set[str]] = {}
    for owner, name in left:
        wanted.setdefault(owner, set()).add(name)
    names = {owner: frozenset(found) for owner, found in wanted.items()}
    for one in guest_members(file.once(guest_file), names):
        member = left[one.struct, one.member]
        path = member.path
        told.add(path)
        steps = (
            Step(one.written, f"{one.writer}() stores what the guest writes in {path}"),
            _end(reset, path),
        )
        forgotten = Forgotten(struct, path, reset, tuple(sorted(set_)), member.kind == ARRAY)
        yield replace(_observation(forgotten, "register", "medium"), trail=steps)
    instances = {of.row.struct("instance_size") for of in state.allocating}
    if struct not in instances or "reset" not in reset.name:
        return
    single = {one.path for one in left.values()} & members
    for name, place, counted in _at_run_time(file, struct, single - told, set_):
        steps = (Step(place, f"{name} is changed here"), _end(reset, name))
        forgotten = Forgotten(struct, name, reset, tuple(sorted(set_)))
        form, certainty = ("count", "medium") if counted else ("state", "low")
        yield replace(_observation(forgotten, form, certainty), trail=steps)


def _is_state(state: DeviceState, one: StateMember) -> bool:
    """Whether a member has a struct of its own by which it is known, and is no property."""
    paths = {one.path, one.path.partition(".")[0]}
    return bool(one.owner) and not one.twice and not paths & state.properties


def _is_set(code: str, one: StateMember) -> bool:
    """Whether a reset names a member, or the whole of something that the member lies in."""
    if names_member(code, one.name):
        return True
    outer = one.path.split(".")[:-1]
    return any(
        re.search(rf"(?:->|\.)\s*{re.escape(name)}\b(?!\s*(?:\[[^\]]*\]\s*)*(?:\.|->))", code)
        for name in outer
    )


def _main(file: AnalysedFile, own: list[FunctionText], members: frozenset[str]) -> FunctionText:
    """Of the functions of the file that by their names reset something, that which sets most members."""
    here = [text for text in own if text.path == file.unit.path]

    def rank(text: FunctionText) -> tuple[bool, int]:
        return "reset" in text.name.lower(), sum(names_member(text.code, name) for name in members)

    return max(here, key=rank)


def _end(reset: FunctionText, member: str) -> Step:
    end = reset.start + len(reset.code)
    return Step(Span(reset.path, end - 1, end), f"{reset.name}() ends without it: {member} stays as it was")


def _at_run_time(
    file: AnalysedFile, struct: str, left: frozenset[str] | set[str], set_: frozenset[str]
) -> Iterator[tuple[str, Span, bool]]:
    """Of some members those that a description holds and that functions change while the device runs.

    Each with a place, and whether it counts there: how much there is, or how far something has come.
    """
    held = {
        re.split(r"[.\[]", field.member, maxsplit=1)[0]
        for one in file.once(vmstates)
        for field in one.fields or ()
        if field.struct.removeprefix("struct ") == struct
    }
    wanted = held & left
    if not wanted or len(held & set_) < _FEWEST_SET:
        return
    # A reset that sets few of what migrates sets the rest elsewhere.
    only_counts = len(held & set_) < len(wanted)
    outside = not_at_run_time(file) | file.once(device_state).own_resets.keys()
    data = file.unit.data
    bodies = [
        (piece.body, piece.span.end) for name, piece in file.unit.functions.items() if name not in outside
    ]
    for member in sorted(wanted):
        word = re.escape(member)
        for pattern, counted in ((_COUNT % (word, word), True), (_STORE % word, False)):
            searched = re.compile(pattern.encode())
            places = (searched.search(data, *body) for body in bodies)
            found = next((place for place in places if place is not None), None)
            if found is not None:
                if counted or not only_counts:
                    yield member, Span(file.unit.path, found.start(), found.end()), counted
                break


def _observation(one: Forgotten, form: str, certainty: str) -> Observation:
    reset = one.reset
    return Observation(
        event="state-not-reset",
        function=reset.name,
        primary=Span(reset.path, reset.head_start, reset.start),
        key=f"{one.struct} {one.member}",
        slots={"reset": reset.name, "struct": one.struct, "member": one.member, "form": form},
        certainty=certainty,
        subject=one,
    )


CHECKS = (
    # form: whether the guest writes and reads the member, or other code counts with it, or only changes it.
    FileCheck(
        "state-not-reset",
        "migration",
        (event("state-not-reset", "reset", "struct", "member", form="register count state"),),
        run,
    ),
)
