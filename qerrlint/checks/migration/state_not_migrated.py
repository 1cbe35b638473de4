# SPDX-License-Identifier: GPL-2.0-or-later
"""The event state-not-migrated: what a guest writes and reads back is in no description of its struct."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from qerrlint.c.expressions.int_types import is_int_type
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.findings import Observation, Step
from qerrlint.qemu.device_tables import property_rows
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.vmstate.description import Description
from qerrlint.qemu.vmstate.guest_state import guest_members
from qerrlint.source.span import Span


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The registers of the devices of one file that are lost when the guest migrates."""
    unit = file.unit
    if b"VMStateDescription" not in unit.data or b"Ops" not in unit.data:
        return
    described = _described(file)
    if not described or not file.once(guest_file).entries:
        return
    wanted = {struct: frozenset(_candidates(file, struct, described)) for struct in described}
    wanted = {struct: members for struct, members in wanted.items() if members}
    for one in guest_members(file.once(guest_file), wanted) if wanted else ():
        description = _main(file, described[one.struct])
        start = description.fields_span.start
        yield Observation(
            event="state-not-migrated",
            function=description.variable,
            primary=Span(unit.path, start, unit.data.find(b"{", start) + 1),
            key=f"{one.struct} {one.member}",
            slots={"description": description.variable, "struct": one.struct, "member": one.member},
            trail=(
                Step(one.written, f"{one.writer}() stores what the guest writes in {one.member}"),
                Step(one.read, f"{one.reader}() hands it back to the guest"),
            ),
            subject=description,
        )


def _main(file: AnalysedFile, listed: Sequence[Description]) -> Description:
    """Of the descriptions of a struct the one that is no subsection of another."""
    sections = {name for one in file.once(vmstates) for name, _ in one.sections}
    return next((one for one in listed if one.variable not in sections), listed[0])


def _described(file: AnalysedFile) -> Mapping[str, list[Description]]:
    """For each struct that descriptions of the file are about these; none where one cannot be read whole."""
    found: dict[str, list[Description]] = {}
    for one in file.once(vmstates):
        if one.fields is None or one.unknown:
            return {}
        for struct in one.structs:
            found.setdefault(struct.removeprefix("struct "), []).append(one)
    return {struct: listed for struct, listed in found.items() if not all(one.unmigratable for one in listed)}


def _candidates(file: AnalysedFile, struct: str, described: Mapping[str, list[Description]]) -> Iterator[str]:
    """The scalar members of a struct that no description, property or callback of the file names."""
    unit = file.unit
    layout = layouts_of(unit.environment).layout(struct, unit.path)
    if layout is None:
        return
    held = {
        re.split(r"[.\[]", field.member, maxsplit=1)[0]
        for one in described[struct]
        for field in one.fields or ()
        if field.struct.removeprefix("struct ") == struct
    }
    held |= {row.field for row in property_rows(unit.path, unit.data)}
    rebuilt = _rebuilt(file, described[struct])
    for placed in layout.fields:
        field = placed.field
        if field.dimensions or field.pointer or field.name in held:
            continue
        if not is_int_type(field.type, file.unit.typedefs):
            continue
        if re.search(rb"(?:->|\.)%s\b" % re.escape(field.name.encode()), rebuilt) is None:
            yield field.name


def _rebuilt(file: AnalysedFile, listed: list[Description]) -> bytes:
    """The text of the callbacks of descriptions, and of the functions that they reach in the file."""
    unit = file.unit
    names = {name for one in listed for name in one.callbacks.values() if name in unit.functions}
    every = frozenset(unit.functions)
    reached = {other for name in names for other in file.once(guest_file).reached_from(name, every)}
    pieces = (unit.functions[name] for name in sorted(reached))
    return b"\n".join(unit.data[piece.body : piece.span.end] for piece in pieces)


CHECKS = (
    FileCheck(
        "state-not-migrated",
        "migration",
        (event("state-not-migrated", "description", "struct", "member"),),
        run,
    ),
)
