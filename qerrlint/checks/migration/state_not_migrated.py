# SPDX-License-Identifier: GPL-2.0-or-later
"""The events state-not-migrated and new-state-not-migrated: state that lasts while a device runs is in no
description of its struct."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from qerrlint.c.declarations.types import untagged
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.checks.migration.armed_timers import armed_while_running
from qerrlint.checks.migration.bus_state import left_out
from qerrlint.checks.migration.inherited_state import (
    is_described_by_class,
    parents_members,
    replaced,
    shared_members,
)
from qerrlint.checks.migration.input_lines import kept_lines
from qerrlint.checks.migration.rebuilt_members import FUNCTION_MACRO, is_rebuilt, rebuilding_text
from qerrlint.checks.migration.register_blocks import registers_of_blocks
from qerrlint.checks.migration.run_time_state import Lasting, device_state, lasting
from qerrlint.checks.migration.static_state import static_members
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_tables import property_rows
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.vmstate.description import Description
from qerrlint.qemu.vmstate.guest_state import GuestMember, guest_members
from qerrlint.qemu.vmstate.lookup import described_elsewhere
from qerrlint.qemu.vmstate.run_time import CHANGE, Use
from qerrlint.qemu.vmstate.state_members import NUMBER, TIMER, StateMember, is_object, state_members
from qerrlint.records import record
from qerrlint.source.span import Span

_CLOCK = b"qdev_init_clock_in"
_OFFERED = lazy_re(rb"\bextern[ \t]+const[ \t]+VMStateDescription[ \t]+(\w+)[ \t]*;")
_MAKES_CLOCK = lazy_re(rb"(?:->|\.)(\w+)\s*=\s*qdev_init_clock_in\s*\(")

STATE_NOT_MIGRATED = event(
    "state-not-migrated",
    # version: of a field that is never sent, the two versions.
    *("description", "struct", "member", "version"),
    form="register guest line clock part parent bus armed static version",
)


@record(frozen=True, slots=True)
class Lost:
    """A member that the description of its struct leaves out. `form` is how it is used: "register" (the guest
    writes and reads it back), "guest" (it writes it, run-time code reads it), "line" (it keeps the
    level of an input line), "clock" (an input), "part" (a
    struct that has a description elsewhere), "parent" (what a parent type describes), "bus" (what the core of
    its bus describes), "armed" (a timer that is armed while the device runs), "timer" or "state"."""

    description: Description
    member: StateMember
    form: str
    uses: tuple[Use, ...] = ()


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The state of the devices of one file that is lost when the guest migrates."""
    unit = file.unit
    if b"VMStateDescription" not in unit.data:
        return
    described = _described(file)
    for struct in described if _CLOCK in unit.data else ():
        yield from _clocks(file, struct, described)
    for struct in described:
        yield from _parts(file, struct, described)
    yield from _replaced(file, described)
    yield from _of_buses(file)
    yield from _statics(file) if described else ()
    for struct in described:
        yield from _shared(file, struct, described)
    wanted = {struct: tuple(_candidates(file, struct, described)) for struct in described}
    every = [member for members in wanted.values() for member in members]
    if not every:
        return
    shown = _shown(file, every)
    for one in shown.values():
        member = next(m for m in every if (m.owner, m.name) == (one.struct, one.member))
        steps = (
            Step(one.written, f"{one.writer}() stores what the guest writes in {member.path}"),
            Step(one.read, f"{one.reader}() returns it to the guest"),
        )
        certainty = "high" if member.kind == NUMBER and member.path == member.name else "medium"
        yield _observation(file, described, member, "register", steps, certainty)
    in_blocks = dict(registers_of_blocks(file, (m for m in every if (m.owner, m.name) not in shown)))
    for member, call in in_blocks.items():
        step = Step(call, f"the guest writes and reads the elements of {member.path} as registers")
        yield _observation(file, described, member, "register", (step,), "high")
    left = lasting(file, [m for m in every if (m.owner, m.name) not in shown and m not in in_blocks])
    lines = {one.member for one in kept_lines(file, (one for one in left if not one.by_guest))}
    for kept in left:
        yield _of_run_time(file, described, kept, kept.member in lines)


def _clocks(
    file: AnalysedFile, struct: str, described: Mapping[str, list[Description]]
) -> Iterator[Observation]:
    """The clock inputs of a struct that its descriptions leave out."""
    unit = file.unit
    held = _held(described, struct)
    layout = layouts_of(unit.environment).of_name(struct, unit.path)
    made = {found[1].decode(): found for found in _MAKES_CLOCK.finditer(unit.data)}
    for one in layout.fields if layout is not None else ():
        found = made.get(one.name)
        if found is None or one.type.rstrip(" *") != "Clock" or _is_held(one.name, held):
            continue
        member = StateMember(struct, one.name, struct, one.name, "clock")
        # A clock that the file sets itself has the same period in the new process.
        own = re.search(rb"\bclock_set\w*\s*\([^;]*?(?:->|\.)%s\s*," % one.name.encode(), unit.data)
        if own is None and not is_rebuilt(file, member):
            step = Step(Span(unit.path, found.start(), found.end()), f"{one.name} is made an input here")
            yield _observation(file, described, member, "clock", (step,), "medium")


def _parts(
    file: AnalysedFile, struct: str, described: Mapping[str, list[Description]]
) -> Iterator[Observation]:
    """The structs that a struct embeds, and its descriptions leave out, though another file has a description
    of them for all that embed them."""
    unit = file.unit
    held = _held(described, struct)
    layouts = layouts_of(unit.environment)
    layout = layouts.of_name(struct, unit.path)
    for one in layout.fields if layout is not None else ():
        kind = untagged(one.type)
        if one.pointer or one.fields or one.dimensions or kind in described or _is_held(one.name, held):
            continue
        part = layouts.layout(kind, unit.path) if kind.isidentifier() else None
        if part is None or not part.path.endswith(".h") or is_object(unit, part):
            continue
        other = _description_of(file, kind, part.path)
        member = StateMember(struct, one.name, struct, one.name, "part")
        loaded = b"\n".join(file.once(rebuilding_text))
        whole = rb"(?:->|\.)%s\b(?!\s*(?:\.|->))" % one.name.encode()
        if other is not None and re.search(whole, loaded) is None:
            step = Step(other.span, f"{other.variable} describes {kind}")
            yield _observation(file, described, member, "part", (step,), "high")


def _replaced(file: AnalysedFile, described: Mapping[str, list[Description]]) -> Iterator[Observation]:
    """The parts of parent types whose description another one replaces."""
    held = {struct: _held(described, struct) for struct in described}
    for one in replaced(file, described, held):
        member = StateMember(one.struct, one.member, one.struct, one.member, "part")
        step = Step(one.parent.span, f"{one.parent.variable} describes what the parent type holds")
        yield _observation(file, described, member, "parent", (step,), "high")


def _of_buses(file: AnalysedFile) -> Iterator[Observation]:
    """What buses give devices whose descriptions leave it out."""
    for one in left_out(file):
        member = StateMember(one.struct, one.member, one.struct, one.member, "part")
        step = Step(one.type.row.span, f"each device of this type has a {one.bus}")
        yield _observation(file, {one.struct: [one.description]}, member, "bus", (step,), "high")


def _shared(
    file: AnalysedFile, struct: str, described: Mapping[str, list[Description]]
) -> Iterator[Observation]:
    """What a struct has of a parent that other types of the file have too."""
    if is_described_by_class(file, struct, described[struct]):
        for kept in shared_members(file, struct, _held(described, struct), described.keys()):
            if not is_rebuilt(file, kept.member):
                yield _of_run_time(file, described, kept, line=False)


def _statics(file: AnalysedFile) -> Iterator[Observation]:
    """The variables of a file that describes its devices in which these keep what the guest writes."""
    for one in static_members(file):
        yield Observation(
            event="state-not-migrated",
            function=one.writer,
            primary=one.written,
            key=one.name,
            slots={"description": "", "struct": "", "member": one.name, "version": "", "form": "static"},
            trail=(
                Step(one.declared, "a variable of the file, not of a device"),
                Step(one.read, f"{one.reader}() reads it"),
            ),
            certainty="medium",
            subject=one,
        )


def _description_of(file: AnalysedFile, struct: str, header: str) -> Description | None:
    """The description of a struct that the header which declares it offers, and that this file does not use.

    One that its own file registers, or stores in a class, is not for others.
    """
    unit = file.unit
    files = unit.environment.files
    declarations = files.file(header)
    for found in _OFFERED.finditer(declarations.data) if declarations is not None else ():
        assert declarations is not None
        uses = rb"\b%s\b" % found[1]
        macros = FUNCTION_MACRO.finditer(declarations.data)
        by_macros = {macro[1] for macro in macros if re.search(uses, macro[2]) is not None}
        if re.search(uses, unit.data) or any(re.search(rb"\b%s\b" % name, unit.data) for name in by_macros):
            continue
        other = described_elsewhere(unit.environment, found[1].decode(), unit.path)
        own = files.file(other.path) if other is not None else None
        if other is None or own is None or struct not in {untagged(s) for s in other.structs}:
            continue
        if not other.unmigratable and re.search(rb"&\s*%s\b" % found[1], own.data) is None:
            return other
    return None


def _shown(file: AnalysedFile, members: Sequence[StateMember]) -> Mapping[tuple[str, str], GuestMember]:
    """The members that a guest writes and reads back, by owner and name."""
    guest = file.once(guest_file)
    if not guest.entries:
        return {}
    names: dict[str, set[str]] = {}
    for member in members:
        if member.owner and not member.twice and member.kind != TIMER:
            names.setdefault(member.owner, set()).add(member.name)
    wanted = {owner: frozenset(found) for owner, found in names.items()}
    return {(one.struct, one.member): one for one in guest_members(guest, wanted)}


def _of_run_time(
    file: AnalysedFile, described: Mapping[str, list[Description]], kept: Lasting, line: bool
) -> Observation:
    path = file.unit.path
    member = kept.member
    stored, read = (Span(path, use.start, use.end) for use in (kept.stored, kept.read))
    if member.kind == TIMER:
        running = armed_while_running(file, kept)
        use = running or kept.stored
        armed = Step(Span(path, use.start, use.end), f"{use.function}() arms {member.path}")
        form = "armed" if running is not None else "timer"
        return _observation(file, described, member, form, (armed,), "medium", kept.uses)
    verb = "changes" if kept.stored.kind == CHANGE else "stores into"
    steps = (
        Step(stored, f"{kept.stored.function}() {verb} {member.path}"),
        Step(read, f"{kept.read.function}() reads it"),
    )
    form = "guest" if kept.by_guest else "line" if line else "state"
    return _observation(file, described, member, form, steps, "medium", kept.uses)


def _observation(
    file: AnalysedFile,
    described: Mapping[str, list[Description]],
    member: StateMember,
    form: str,
    steps: tuple[Step, ...],
    certainty: str,
    uses: tuple[Use, ...] = (),
) -> Observation:
    unit = file.unit
    description = _main(file, described[member.struct])
    start, end = description.fields_span.start, description.fields_span.end
    slots = {"description": description.variable, "struct": member.struct, "member": member.path}
    always = form in ("register", "guest", "line", "clock", "part", "parent", "bus", "armed")
    if always:
        slots["version"] = ""
    return Observation(
        event="state-not-migrated" if always else "new-state-not-migrated",
        function=description.variable,
        primary=Span(unit.path, start, unit.data.find(b"{", start) + 1),
        key=f"{member.struct} {member.path}",
        slots={**slots, "form": form},
        trail=(*steps, Step(Span(unit.path, end - 1, end), f"the list of fields ends without {member.path}")),
        certainty=certainty,
        subject=Lost(description, member, form, uses),
        group=_group(described, member),
    )


def _group(described: Mapping[str, list[Description]], member: StateMember) -> str:
    """The embedded struct that a member is in where the description leaves all of it out, else the member."""
    first, _, rest = member.path.partition(".")
    held = _held(described, member.struct)
    whole = rest and not any(one == first or one.startswith(f"{first}.") for one in held)
    return f"{member.struct} {first if whole else member.path}"


def _main(file: AnalysedFile, listed: Sequence[Description]) -> Description:
    """Of the descriptions of a struct the one that is no subsection of another."""
    every = file.once(vmstates)
    sections = {name for one in every for name, _ in one.sections}
    found = next((one for one in listed if one.variable not in sections), None)
    if found is not None:
        return found
    # The fields of the one that lists them may be written by hand.
    names = {one.variable for one in listed}
    return next((one for one in every if names & {name for name, _ in one.sections}), listed[0])


def _described(file: AnalysedFile) -> Mapping[str, list[Description]]:
    """For each struct that descriptions of the file are about these, if all that name it are read whole."""
    found: dict[str, list[Description]] = {}
    doubtful: set[str] = set()
    for one in file.once(vmstates):
        if one.fields is None:
            return {}
        words = {word for row in one.unknown for word in re.findall(r"\w+", row.value.text)}
        doubtful |= words | ({untagged(struct) for struct in one.structs} if words else set())
        for struct in one.structs or _instances(file, one):
            found.setdefault(untagged(struct), []).append(one)
    return {
        struct: listed
        for struct, listed in found.items()
        if struct not in doubtful and not all(one.unmigratable for one in listed)
    }


def _instances(file: AnalysedFile, description: Description) -> list[str]:
    """The struct of the objects whose class stores a description that has no field, which would name it."""
    if description.fields or description.sections:
        return []
    types = file.once(device_state).allocating
    stored = ((of.setup.last("vmsd"), of.instance_struct) for of in types)
    found = {struct for one, struct in stored if one is not None and one.name == description.variable}
    return sorted(found) if len(found) == 1 and "" not in found else []


def _candidates(
    file: AnalysedFile, struct: str, described: Mapping[str, list[Description]]
) -> Iterator[StateMember]:
    """The members of a struct that no description, property or callback of the file names."""
    unit = file.unit
    held = _held(described, struct) | {row.field for row in property_rows(unit.path, unit.data) if row.field}
    members = list(state_members(unit, struct, without=described.keys()))
    if is_described_by_class(file, struct, described[struct]):
        members += parents_members(file, struct, held, described.keys())
    unions = {one.union for one in members if one.union and _is_held(one.path, held)}
    for one in members:
        if _is_held(one.path, held) or one.union in unions:
            continue
        if not is_rebuilt(file, one):
            yield one


def _held(described: Mapping[str, list[Description]], struct: str) -> set[str]:
    """The paths of the members of a struct that its descriptions hold."""
    return {
        re.sub(r"\[[^\]]*\]", "", field.member)
        for one in described[struct]
        for field in one.fields or ()
        if untagged(field.struct) == struct
    }


def _is_held(path: str, held: Iterable[str]) -> bool:
    """Whether one of the paths is that of a member, or of what it lies in, or of a part of it."""
    return any(f"{path}.".startswith(f"{one}.") or one.startswith(f"{path}.") for one in held)


CHECKS = (
    FileCheck(
        "state-not-migrated",
        "migration",
        (
            STATE_NOT_MIGRATED,
            event("new-state-not-migrated", "description", "struct", "member", form="state timer"),
        ),
        run,
    ),
)
