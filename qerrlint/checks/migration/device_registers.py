# SPDX-License-Identifier: GPL-2.0-or-later
"""The events device-not-migrated and device-not-reset: a type keeps what a guest writes, and has no
description of it, or no reset."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.checks.migration.run_time_state import device_state
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.findings import Observation, Step
from qerrlint.qemu.device_state import DeviceState
from qerrlint.qemu.type_graph import QomType
from qerrlint.qemu.vmstate.guest_state import GuestMember, guest_members
from qerrlint.source.span import Span

_DESCRIBES = re.compile(rb"\b(?:vmstate_register\w*|register_savevm\w*)\s*\(")
_RESETS = re.compile(rb"\b(?:qemu_register_reset\w*|qemu_register_resettable)\s*\(")
_MOST_NAMED = 3


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The types of one file whose registers nothing migrates, and those that nothing resets."""
    unit = file.unit
    if b"TypeInfo" not in unit.data and b"OBJECT_DEFINE_" not in unit.data:
        return
    if b"Ops" not in unit.data or not file.once(guest_file).entries:
        return
    described = {s.removeprefix("struct ") for one in file.once(vmstates) for s in one.structs}
    types = file.once(device_state).allocating
    for struct in dict.fromkeys(of.row.struct("instance_size") for of in types):
        kept = _kept(file, struct)
        if not kept:
            continue
        # Of types that share a struct the base is told, where it is here.
        of = _bases_first([one for one in types if one.row.struct("instance_size") == struct])[0]
        if not of.complete or not of.derives_from("device"):
            continue
        if struct not in described and not _is_described(file, of):
            yield _observation(file, of, kept, "device-not-migrated")
        if not _is_reset(file, of):
            yield _observation(file, of, kept, "device-not-reset")


def _bases_first(types: Sequence[QomType]) -> list[QomType]:
    return sorted(types, key=lambda of: len(of.lineage))


def _kept(file: AnalysedFile, struct: str) -> list[GuestMember]:
    """The members of a struct that a guest writes and reads back."""
    state = file.once(device_state)
    members = frozenset(state.members(struct)) - state.properties
    return list(guest_members(file.once(guest_file), {struct: members})) if members else []


def _is_described(file: AnalysedFile, of: QomType) -> bool:
    """Whether the type, an ancestor or one that derives from it has a description, or registers one."""
    state = file.once(device_state)
    if any(one.stored("vmsd") is not None for one in state.family(of)):
        return True
    # The core of a bus registers what each class has stored.
    folder = posixpath.dirname(of.path)
    paths = {one.path for one in of.lineage if posixpath.dirname(one.path) == folder}
    return any(_in_file(state, path, _DESCRIBES) for path in paths)


def _is_reset(file: AnalysedFile, of: QomType) -> bool:
    """Whether the type, an ancestor or one that derives from it has a reset, or something else calls one."""
    state = file.once(device_state)
    if any(state.resets(one) for one in state.family(of)) or _in_file(state, of.path, _RESETS):
        return True
    declarations = state.graph.file(of.path)
    if declarations is None:
        return True
    taking = re.compile(rb"\b\w*reset\w*\s*\([^()]*\b%s\s*\*" % re.escape(of.instance_struct.encode()))
    return taking.search(declarations.data) is not None


def _in_file(state: DeviceState, path: str, pattern: re.Pattern[bytes]) -> bool:
    declarations = state.graph.file(path)
    return declarations is not None and pattern.search(declarations.data) is not None


def _observation(file: AnalysedFile, of: QomType, kept: list[GuestMember], name: str) -> Observation:
    unit = file.unit
    function = of.row.function("class_init")
    piece = unit.functions.get(function)
    primary = Span(unit.path, piece.span.start, piece.body) if piece is not None else of.row.span
    first = kept[0]
    named = ", ".join(one.member for one in kept[:_MOST_NAMED])
    more = f" and {len(kept) - _MOST_NAMED} more" if len(kept) > _MOST_NAMED else ""
    return Observation(
        event=name,
        function=function if piece is not None else of.row.table,
        primary=primary,
        key=of.row.name,
        slots={"type": of.name, "struct": of.instance_struct, "members": named + more},
        trail=(
            Step(first.written, f"{first.writer}() stores what the guest writes in {first.member}"),
            Step(first.read, f"{first.reader}() hands it back to the guest"),
        ),
        certainty="medium",
        subject=of,
    )


CHECKS = (
    # members: what the guest writes and reads back, as words.
    FileCheck(
        "device-registers",
        "migration",
        (
            event("device-not-migrated", "type", "struct", "members"),
            event("device-not-reset", "type", "struct", "members"),
        ),
        run,
    ),
)
