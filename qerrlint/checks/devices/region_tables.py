# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of region tables: one without a read or a write function, and a member that is initialised twice."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.c.cut import OTHER
from qerrlint.c.initialisers import Element, Table, Value, exclusive, tables
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_tables import RegionTable, RegionUse, region_tables, region_uses

_DESIGNATED = lazy_re(rb"[{}]|(?<=[\s{,])((?:\.\w+)+)\s*=(?!=)")
_MEMBER = lazy_re(rb"\.\w+")
# A rom device is read without a callback.
_ROM = "memory_region_init_rom_device"


def _without_callback(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    if b"MemoryRegionOps" not in unit.data:
        return
    uses: dict[str, list[RegionUse]] = {}
    for use in region_uses(unit.path, unit.data):
        uses.setdefault(use.table, []).append(use)
    for region in region_tables(unit.path, unit.data):
        made = uses.get(region.table.name, [])
        missing = _missing(region)
        if not missing or not made:
            continue
        if missing == "read":
            made = [use for use in made if not use.maker.startswith(_ROM)]
        if made:
            yield Observation(
                event="mmio-no-callback",
                function=region.table.name,
                primary=region.span if region.table.array else region.table.name_span,
                key=f"{region.name} {missing}",
                slots={"table": region.name, "missing": missing},
                trail=(Step(made[0].span, "the region is made here"),),
                subject=region,
            )


def _missing(region: RegionTable) -> str:
    """The access that has no function though the other one has; "" where there is none."""
    if bool(region.read) == bool(region.write):
        return ""
    return "write" if region.read else "read"


def _field_twice(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    # Reading all tables of a file takes far longer than ruling most of them out.
    names = {
        piece.name
        for piece in unit.definitions.pieces
        if piece.kind == OTHER and _may_repeat(unit.data[piece.span.start : piece.span.end])
    }
    for table in tables(unit.path, unit.data) if names else ():
        if table.name in names:
            yield from _twice_in(table, table.value)


def _may_repeat(text: bytes) -> bool:
    """Whether a member is designated twice between the same braces of a text, comments counted in."""
    members = _MEMBER.findall(text)
    if len(set(members)) == len(members):
        return False
    seen: list[set[bytes]] = []
    for found in _DESIGNATED.finditer(text):
        token = found[0]
        if token == b"{":
            seen.append(set())
        elif token == b"}":
            if seen:
                seen.pop()
        elif seen:
            if found[1] in seen[-1]:
                return True
            seen[-1].add(found[1])
    return False


def _twice_in(table: Table, value: Value) -> Iterator[Observation]:
    seen: dict[tuple[str, ...], list[Element]] = {}
    for element in value.elements:
        if element.members:
            earlier = seen.setdefault(element.designators, [])
            first = next((one for one in earlier if not exclusive(one.arms, element.arms)), None)
            if first is not None:
                yield _twice(table, first, element)
            earlier.append(element)
        yield from _twice_in(table, element.value)


def _twice(table: Table, first: Element, second: Element) -> Observation:
    member = "".join(second.designators)
    same = first.value.text == second.value.text and bool(first.value.text)
    return Observation(
        event="field-twice",
        function=table.name,
        primary=second.span,
        key=f"{member} = {second.value.text}",
        slots={"member": member, "table": table.name, "values": "equal" if same else "different"},
        trail=(Step(first.span, f"{member} is first initialised here"),),
    )


CHECKS = (
    FileCheck(
        "region-callbacks",
        "devices",
        # table: the MemoryRegionOps; missing: the access that has no function.
        (event("mmio-no-callback", "table", missing="read write"),),
        _without_callback,
    ),
    FileCheck(
        "field-twice",
        "devices",
        # member: its designators; table: the variable; values: whether both values are written alike.
        (event("field-twice", "member", "table", values="equal different"),),
        _field_twice,
    ),
)
