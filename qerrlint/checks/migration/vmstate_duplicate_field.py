# SPDX-License-Identifier: GPL-2.0-or-later
"""The event vmstate-duplicate-field: a description holds a member of its struct twice, or a device that is
migrated by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from qerrlint.c.initialisers import exclusive
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.vmstates import seen, vmstates
from qerrlint.findings import Observation, Step
from qerrlint.qemu.type_graph import QomType, graph_of
from qerrlint.qemu.vmstate.description import Description, VMField

_ALWAYS = frozenset({"", "0", "NULL"})


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The members that one description of the file holds twice."""
    makes_parts = b"object_initialize" in file.unit.data
    for one in file.once(vmstates):
        if not file.asks([one.variable]):
            continue
        yield from _parts(file, one) if makes_parts else ()
        first: dict[tuple[str, ...], VMField] = {}
        for field in one.fields or ():
            if not field.member:
                continue
            # A member may have two parts with descriptions of their own (a PCI device and its MSI-X table).
            key = (field.struct, field.member, field.start, field.info, field.vmsd)
            earlier = first.setdefault(key, field)
            if earlier is field or not _unconditional(earlier) or not _unconditional(field):
                continue
            if not exclusive(earlier.arms, field.arms):
                slots = {"field": field.member, "how": "field"}
                again = seen("vmstate-duplicate-field", one, field.span, field.member, slots)
                steps = (Step(earlier.span, f"{field.member} is listed here already"),)
                yield replace(again, trail=steps, group=(one.variable, field.member))


def _parts(file: AnalysedFile, one: Description) -> Iterator[Observation]:
    """The members of a description that are devices, which migrate by their own class's description."""
    if one.unmigratable:
        return
    for field in one.fields or ():
        if not field.vmsd or not field.member or field.exists not in _ALWAYS or "[" in field.member:
            continue
        part = _device_in(file, field.member)
        stored = part.stored("vmsd") if part is not None else None
        if part is not None and stored is not None and stored.name == field.vmsd.lstrip("& "):
            slots = {"field": field.member, "how": "part"}
            found = seen("vmstate-duplicate-field", one, field.span, field.member, slots, "medium")
            steps = (Step(stored.span, f"{stored.name} migrates each {part.name} that is realized"),)
            yield replace(found, trail=steps, group=(one.variable, field.member))


def _device_in(file: AnalysedFile, member: str) -> QomType | None:
    """The type of the object that a function of the file makes in a member, or in one that has this part."""
    data, place = file.unit.data, rb"&\s*\w+->\s*%s\b\s*" % re.escape(member.partition(".")[0].encode())
    names = {found[1] for found in re.finditer(rb"\b(\w+)\s*=\s*" + place + rb";", data)}
    object_ = rb"(?:" + b"|".join([place + rb"(?:\[[^\]]*\]\s*)?", *sorted(names)]) + rb")"
    made = re.search(rb"\bobject_initialize\w*\s*\([^;]*?" + object_ + rb",[^;]*?\b(TYPE_\w+)", data)
    if made is None:
        return None
    return graph_of(file.unit.environment).find(made[1].decode(), file.unit.path)


def _unconditional(field: VMField) -> bool:
    """Whether a field is in each stream: it has no test and no version of its own."""
    return field.exists in _ALWAYS and field.version in _ALWAYS


CHECKS = (
    FileCheck(
        "vmstate-duplicate-field",
        "migration",
        # how: two fields of one description, or a part that is a device with the same description.
        (event("vmstate-duplicate-field", "description", "field", how="field part"),),
        run,
    ),
)
