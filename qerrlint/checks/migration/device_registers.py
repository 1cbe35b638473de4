# SPDX-License-Identifier: GPL-2.0-or-later
"""The events device-not-migrated and device-not-reset: a type keeps what a guest writes, and has no
description of it, or no reset."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from qerrlint.c.declarations.types import untagged
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.checks.migration.bus_state import with_state_of_bus
from qerrlint.checks.migration.inherited_state import parents_members
from qerrlint.checks.migration.input_lines import INPUTS, kept_lines
from qerrlint.checks.migration.run_time_state import (
    Lasting,
    device_state,
    lasting,
    not_at_run_time,
    of_guest,
    run_time,
)
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_state import DeviceState, names_member
from qerrlint.qemu.device_tables import property_calls
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_graph import QomType
from qerrlint.qemu.vmstate.guest_state import GuestMember, guest_members
from qerrlint.qemu.vmstate.lookup import described_elsewhere
from qerrlint.qemu.vmstate.run_time import ADDRESS, READ, STORE
from qerrlint.qemu.vmstate.state_members import TIMER, StateMember, state_members
from qerrlint.source.span import Span

# Not what registers memory (include/migration/vmstate.h).
_DESCRIBES = lazy_re(rb"\b(?:vmstate_register(?!_ram)\w*|register_savevm\w*)\s*\(")
# What is registered: what a class has stored, or a description by its address.
_DESCRIBED = lazy_re(_DESCRIBES.pattern + rb"[^;]*?(?:(?:->|\.)vmsd\b|&\s*(\w+)\s*,[^;]*\))")
_RESETS = lazy_re(rb"\b(?:qemu_register_reset\w*|qemu_register_resettable)\s*\(")
_MOST_NAMED = 3
# So many members that are only set to constants make a state.
_FEWEST_STEPS = 2


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The types of one file whose state nothing migrates, and those that nothing resets."""
    unit = file.unit
    if b"TypeInfo" not in unit.data and b"OBJECT_DEFINE_" not in unit.data:
        return
    told = set()
    for one in _with_registers(file):
        told.add(one.subject)
        yield one
    for of, struct in with_state_of_bus(file):
        bare = of.instance_struct not in file.once(_described) and not _is_described(file, of)
        if bare and of not in told:
            yield _observation(file, of, (), "device-not-migrated", struct)


def _with_registers(file: AnalysedFile) -> Iterator[Observation]:
    """The types of one file whose registers or levels nothing migrates, and those that nothing resets."""
    unit = file.unit
    lines = INPUTS.is_in(unit.text)
    if not file.once(guest_file).entries and not lines:
        return
    described = file.once(_described)
    types = file.once(device_state).allocating
    for struct in dict.fromkeys(of.row.struct("instance_size") for of in types):
        listed = _roots([one for one in types if one.row.struct("instance_size") == struct])
        # What a type lacks is asked before what it keeps: few lack anything.
        bare = [of for of in listed if struct not in described and not _is_described(file, of)]
        unreset = [of for of in listed if not _is_reset(file, of)]
        kept = _kept(file, struct) if bare or unreset else []
        # A line has the level that the other end gives it, also after a reset.
        levels = _levels(file, struct) if bare and lines and not kept else []
        for of in listed if kept or levels else ():
            if not of.complete or not of.derives_from("device") or _is_made_elsewhere(file, of):
                continue
            if of in bare and not _is_saved_by_hand(file, kept or levels):
                yield _observation(file, of, kept or levels, "device-not-migrated")
            if kept and of in unreset and not _another_resets(file, of, kept):
                yield _observation(file, of, kept, "device-not-reset")


def _described(file: AnalysedFile) -> frozenset[str]:
    """The structs that descriptions of the file are about."""
    return frozenset(untagged(s) for one in file.once(vmstates) for s in one.structs)


def _roots(types: Sequence[QomType]) -> list[QomType]:
    """Of types that share a struct those that derive from none of the others."""
    return [of for of in types if not any(other is not of and other in of.lineage for other in types)]


def _is_made_elsewhere(file: AnalysedFile, of: QomType) -> bool:
    """Whether only types of other folders derive from an abstract type: what they have is not known here."""
    return of.row.abstract and all(one is of for one in file.once(device_state).family(of))


def _kept(file: AnalysedFile, struct: str) -> list[GuestMember]:
    """The members of a struct that a guest writes and reads back, or that last from one access to another."""
    state = file.once(device_state)
    members = frozenset(state.members(struct)) - state.properties
    found = list(guest_members(file.once(guest_file), {struct: members})) if members else []
    return found or list(_lasting(file, struct))


def _lasting(file: AnalysedFile, struct: str) -> Iterator[GuestMember]:
    """The members that the guest's writes set, by value or as a step of a protocol, and later accesses read.

    Those of structs that it embeds are among them. One that the guest gives a value is enough; of others it
    takes two.
    """
    unit = file.unit
    state = file.once(device_state)
    listed = [*state_members(unit, struct), *parents_members(file, struct, (), ())]
    every = [one for one in listed if one.path not in state.properties]
    kept = [one for one in lasting(file, every) if one.member.kind != TIMER]
    reached = file.once(guest_file).reached
    steps = [one for one in kept if one.stored.function in reached and one.read.function in reached]
    shown = _shown_to_host(file, every) if b"object_class_property_add" in unit.data else []
    chosen = [one for one in kept if one.by_guest] or (steps if len(steps) >= _FEWEST_STEPS else []) or shown
    for one in chosen:
        yield _as_guest_member(file, struct, one)


def _levels(file: AnalysedFile, struct: str) -> list[GuestMember]:
    """The members of a struct that keep the levels of input lines."""
    unit = file.unit
    properties = file.once(device_state).properties
    every = [one for one in state_members(unit, struct) if one.path not in properties]
    return [
        _as_guest_member(file, struct, one) for one in kept_lines(file, lasting(file, every, ask_guest=False))
    ]


def _as_guest_member(file: AnalysedFile, struct: str, one: Lasting) -> GuestMember:
    """A member of a struct whose value lasts, with the places that store it and read it."""
    stored, read = (Span(file.unit.path, use.start, use.end) for use in (one.stored, one.read))
    return GuestMember(struct, one.member.path, one.stored.function, stored, one.read.function, read)


def _shown_to_host(file: AnalysedFile, members: Sequence[StateMember]) -> list[Lasting]:
    """The members that keep what the guest has sent for the getters of properties."""
    code = file.once(run_time)
    getters = {name for _, _, handed in property_calls(file.unit.data) for name in handed}
    used = code.uses(members, code.functions | (getters & file.unit.functions.keys()))
    found = []
    for member, uses in used.items():
        stored = next((use for use in uses if use.kind == STORE and use.function in code.functions), None)
        read = next((use for use in uses if use.kind in (READ, ADDRESS) and use.function in getters), None)
        if stored is not None and read is not None:
            found.append(Lasting(member, stored, read, tuple(uses), by_guest=False))
    return of_guest(file, found)


def _is_described(file: AnalysedFile, of: QomType) -> bool:
    """Whether the type, an ancestor or one that derives from it has a description, or registers one."""
    state = file.once(device_state)
    if any(one.stored("vmsd") is not None for one in state.family(of)):
        return True
    # The core of a bus registers what each class has stored.
    folder = posixpath.dirname(of.path)
    paths = {one.path for one in of.lineage if posixpath.dirname(one.path) == folder}
    if _in_file(state, of.path, _DESCRIBES, b"vmstate_register", b"register_savevm"):
        return True
    structs = set(layouts_of(file.unit.environment).chain(of.instance_struct, file.unit.path))
    return any(_registers(file, path, structs) for path in paths)


def _registers(file: AnalysedFile, path: str, structs: Collection[str]) -> bool:
    """Whether a file registers what classes have stored, or a description of one of some structs."""
    declarations = file.once(device_state).graph.file(path)
    for found in _DESCRIBED.finditer(declarations.data) if declarations is not None else ():
        if found[1] is None:
            return True
        other = described_elsewhere(file.unit.environment, found[1].decode(), file.unit.path)
        if other is None or set(structs) & {untagged(name) for name in other.structs}:
            return True
    return False


def _is_saved_by_hand(file: AnalysedFile, kept: Sequence[GuestMember]) -> bool:
    """Whether a function of the file that saves by hand names one of the members."""
    unit = file.unit
    saving = [
        text
        for name, piece in (unit.functions.items() if b"QEMUFile" in unit.data else ())
        if b"QEMUFile" in unit.data[piece.span.start : piece.body]
        and (text := file.once(run_time).text(name)) is not None
    ]
    state = file.once(device_state)
    return any(
        names_member(text.code, one.member.rpartition(".")[2])
        for one in kept
        for text in saving
        if state.handles(text, one.struct)
    )


def _is_reset(file: AnalysedFile, of: QomType) -> bool:
    """Whether the type, an ancestor or one that derives from it has a reset, or something else calls one."""
    state = file.once(device_state)
    family = list(state.family(of))
    if any(state.resets(one) for one in family) or _in_file(state, of.path, _RESETS, b"qemu_register_reset"):
        return True
    # The core of USB calls it when the port is reset (hw/usb/core.c).
    if any(one.stored("handle_reset") is not None for one in (*family, *of.lineage)):
        return True
    declarations = state.graph.file(of.path)
    if declarations is None:
        return True
    struct = re.escape(of.instance_struct.encode())
    taking = re.compile(rb"\b(\w*reset\w*)\s*\([^()]*\b%s\s*\*" % struct)
    names = {found[1].decode() for found in taking.finditer(declarations.data)}
    return any(of.path != file.unit.path or _others_call(file, name) for name in names)


def _another_resets(file: AnalysedFile, of: QomType, kept: Sequence[GuestMember]) -> bool:
    """Whether a reset of another kind, or one of what contains the struct, names a member."""
    state = file.once(device_state)
    code = file.once(run_time)
    resets = [name for name in file.unit.functions if "reset" in name.lower() and code.is_handed_over(name)]
    texts = [text for name in resets for text in state.reached(file.unit.path, name).values()]
    names = [one.member.rpartition(".")[2] for one in kept]
    structs = [of.instance_struct, *_containing(file, of.instance_struct)]
    return any(
        names_member(text.code, name)
        for text in texts
        if any(state.handles(text, struct) for struct in structs)
        for name in names
    )


def _containing(file: AnalysedFile, struct: str) -> Iterator[str]:
    """The structs of the file's types that hold a struct, or a pointer to one."""
    layouts = layouts_of(file.unit.environment)
    for of in file.once(device_state).allocating:
        layout = layouts.of_name(of.row.struct("instance_size"), file.unit.path)
        if layout is not None and any(one.type.rstrip(" *") == struct for one in layout.fields):
            yield layout.name


def _others_call(file: AnalysedFile, name: str) -> bool:
    """Whether anything else than a setup function or a guest's access leads to a function."""
    unit = file.unit
    code = file.once(run_time)
    if name not in unit.functions or code.is_handed_over(name):
        return True
    entries = {entry.function for entry in file.once(guest_file).entries}
    leading = code.leading_to(name) - {name}
    own = not_at_run_time(file) | entries
    return any(
        one not in own and (code.is_handed_over(one) or not code.leading_to(one) - {one}) for one in leading
    )


def _in_file(state: DeviceState, path: str, pattern: re.Pattern[bytes], *parts: bytes) -> bool:
    """Whether a file has a match of a pattern, each of which holds one of some pieces of text."""
    declarations = state.graph.file(path)
    data = declarations.data if declarations is not None else b""
    return any(part in data for part in parts) and pattern.search(data) is not None


def _shown_type(file: AnalysedFile, of: QomType) -> QomType:
    """The type whose class lacks something: of an abstract one without a class_init the only one that derives
    from it in the file."""
    if not of.row.abstract or of.row.function("class_init"):
        return of
    deriving = [
        one
        for one in file.once(device_state).graph.of_file(file.unit.path)
        if of in one.lineage and one is not of and not one.row.abstract
    ]
    return deriving[0] if len(deriving) == 1 else of


def _observation(
    file: AnalysedFile, of: QomType, kept: Sequence[GuestMember], name: str, bus: str = ""
) -> Observation:
    """The observation of a type; without registers of its own that of the struct `bus`, which it embeds."""
    unit = file.unit
    shown = _shown_type(file, of)
    function = shown.row.function("class_init")
    piece = unit.functions.get(function)
    primary = Span(unit.path, piece.span.start, piece.body) if piece is not None else shown.row.span
    lacking = "a description" if name == "device-not-migrated" else "a reset"
    last = piece.span.end if piece is not None else 0
    end = (Step(Span(unit.path, last - 1, last), f"{function}() ends without {lacking}"),) if last else ()
    named = ", ".join(one.member for one in kept[:_MOST_NAMED])
    more = f" and {len(kept) - _MOST_NAMED} more" if len(kept) > _MOST_NAMED else ""
    work = (
        Step(one.written, f"{one.writer}() stores what the guest writes in {one.member}") for one in kept[:1]
    )
    read = (Step(one.read, f"{one.reader}() returns it to the guest, or depends on it") for one in kept[:1])
    slots = {"type": shown.name, "struct": of.instance_struct, "members": named + more}
    return Observation(
        event=name,
        function=function if piece is not None else shown.row.table,
        primary=primary,
        key=shown.row.name,
        slots={**slots, "members": bus, "form": "bus"} if bus else {**slots, "form": "registers"},
        trail=(*work, *read, *end),
        certainty="medium",
        subject=of,
    )


CHECKS = (
    # members: what the guest writes and reads back, as words, or the struct that a bus gives the type.
    FileCheck(
        "device-registers",
        "migration",
        (
            event("device-not-migrated", "type", "struct", "members", form="registers bus"),
            event("device-not-reset", "type", "struct", "members", form="registers"),
        ),
        run,
    ),
)
