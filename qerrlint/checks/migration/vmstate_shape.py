# SPDX-License-Identifier: GPL-2.0-or-later
"""The event vmstate-shape: a macro takes a member for something that it is not, and no compiler objects."""

from __future__ import annotations

import re
from collections.abc import Iterable

from qerrlint.c.declarations.struct_body import Field
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.vmstates import seen, vmstates, written
from qerrlint.findings import Observation
from qerrlint.qemu.layouts import Layouts, layouts_of
from qerrlint.qemu.vmstate.description import VMField

# Shapes whose macros compare the member's type only where the tree's header does so.
_UNCHECKED = frozenset({"plain", "varray"})
_BUFFERS = frozenset({"VMS_BUFFER", "VMS_VBUFFER"})


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The fields of one file whose macro does not fit the member."""
    path = file.unit.path
    for one in file.once(vmstates):
        layouts = layouts_of(file.unit.environment)
        for field in one.fields or ():
            member = _member(layouts, field, path) if field.member else None
            form = _misfit(layouts, field, member, path) if member is not None else ""
            if form:
                yield seen(
                    "vmstate-shape",
                    one,
                    field.span,
                    f"{field.macro} {field.member}",
                    {"field": field.member, "macro": field.macro or written(field), "form": form},
                )


def _member(layouts: Layouts, field: VMField, path: str) -> Field | None:
    """The member that a field names, through inner structs; None where it is an element, or not known."""
    found: Field | None = None
    parts = field.member.split(".")
    for number, part in enumerate(parts):
        name = re.sub(r"\[.*\]\Z", "", part)
        if name != part and number == len(parts) - 1:
            return None
        found = _inside(layouts, found, name, path) if found is not None else None
        if not number:
            layout = layouts.layout(field.struct, path)
            found = layout.field(name) if layout is not None else None
        if found is None:
            return None
    return found


def _inside(layouts: Layouts, outer: Field, name: str, path: str) -> Field | None:
    """A member of the struct that a member is, which may be written out in its place."""
    for inner in outer.fields:
        if inner.name == name:
            return inner
    layout = layouts.layout(outer.type, path)
    return layout.field(name) if layout is not None else None


def _misfit(layouts: Layouts, field: VMField, member: Field, path: str) -> str:
    """How the macro and the member disagree; "" where they do not."""
    is_pointer = member.pointer and not member.dimensions
    is_array = bool(member.dimensions)
    follows = "VMS_POINTER" in field.flags
    many = any(flag.startswith(("VMS_VARRAY", "VMS_ARRAY")) for flag in field.flags)
    # Another info than that of plain bytes is handed the member, whatever it is.
    many = many or (field.info == "vmstate_info_buffer" and not _BUFFERS.isdisjoint(field.flags))
    if field.shape in _UNCHECKED and many and "VMS_ARRAY_OF_POINTER" not in field.flags:
        if is_pointer and not follows:
            return "pointer-as-array"
        if is_array and follows:
            return "array-as-pointer"
    if field.shape == "sub_array" and len(member.dimensions) == 1:
        constants = layouts.constants(path)
        start, count = constants.number(field.start or "0"), constants.number(field.count or "0")
        size = constants.number(member.dimensions[0])
        if start is not None and count is not None and size is not None and start + count > size:
            return "beyond-the-array"
    return ""


CHECKS = (
    FileCheck(
        "vmstate-shape",
        "migration",
        (
            event(
                "vmstate-shape",
                *("description", "field", "macro"),
                form="pointer-as-array array-as-pointer beyond-the-array",
            ),
        ),
        run,
    ),
)
