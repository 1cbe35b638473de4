# SPDX-License-Identifier: GPL-2.0-or-later
"""Defects of tables and of the state of a device: rows of descriptions, callbacks of regions, resets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seeds.device_text import DeviceText, device_text
from seeds.seed import Defect, SeedFile, file_kind

_ROW = re.compile(r"^[ \t]+VMSTATE_(\w+)\(([^()]*(?:\([^()]*\)[^()]*)*)\),?[ \t]*\n", re.MULTILINE)
_NUMBER = re.compile(r"(?:U?INT(?:8|16|32|64)|BOOL)(?:_ARRAY|_2DARRAY)?")
_OF_BUS = re.compile(r"(?:PCI|PCIE|USB)_DEVICE")
_DESCRIBES = r"VMStateDescription\s+\w+\s*="
_STORE = re.compile(r"^[ \t]+\w+->(\w+)(?:\.(\w+))*(?:\[\w+\])?\s*=\s*[^=;][^;]*;[ \t]*\n", re.MULTILINE)


def _rows(text: DeviceText) -> Iterator[tuple[str, re.Match[str]]]:
    for name, start, end in text.tables("VMStateDescription"):
        for row in _ROW.finditer(text.code, start, end):
            if row[1] != "END_OF_LIST" and not row[1].startswith("UNUSED"):
                yield name, row


@file_kind("row-missing", "devices", _DESCRIBES)
def row_missing(file: SeedFile) -> Iterator[Defect]:
    """A number that the file changes has no row in the description."""
    text = device_text(file)
    for name, row in _rows(text):
        member = row[2].split(",")[0].strip().rpartition(".")[2]
        changed = rf"(?:->|\.){re.escape(member)}(?:\[[^\]]*\])?\s*(?:=[^=]|\|=|&=|\+\+|--|\+=|-=)"
        if _NUMBER.fullmatch(row[1]) and re.search(changed, text.code):
            yield text.cut(name, *row.span(), anywhere=True)


@file_kind("timer-row-missing", "devices", r"VMSTATE_TIMER")
def timer_row_missing(file: SeedFile) -> Iterator[Defect]:
    """A timer that the file arms, and neither realize nor a callback of a description, has no row in the
    description."""
    text = device_text(file)
    again = " ".join(map(text.with_callees, text.of_slot("post_load|pre_load|realize|init")))
    for name, row in _rows(text):
        member = row[2].split(",")[0].strip().rpartition(".")[2]
        if re.search(rf"timer_mod\w*\s*\([^;]*\b{member}\b", again):
            continue
        if row[1].startswith("TIMER") and re.search(rf"timer_mod\w*\s*\([^;]*\b{member}\b", text.code):
            yield text.cut(name, *row.span(), anywhere=True)


@file_kind("bus-row-missing", "devices", r"VMSTATE_(?:PCI|PCIE|USB)_DEVICE")
def bus_row_missing(file: SeedFile) -> Iterator[Defect]:
    """What the bus gives a device has no row in the description."""
    text = device_text(file)
    for name, row in _rows(text):
        if _OF_BUS.fullmatch(row[1]):
            yield text.cut(name, *row.span(), anywhere=True)


@file_kind("row-twice", "devices", _DESCRIBES)
def row_twice(file: SeedFile) -> Iterator[Defect]:
    """A row stands twice in a description."""
    text = device_text(file)
    for name, row in _rows(text):
        if "_TEST" not in row[1] and not re.search(r"_V\b|^ARRAY_|SUB_ARRAY", row[1]):
            yield text.cut(name, row.end(), row.end(), text.text[row.start() : row.end()])


@file_kind("end-missing", "devices", r"VMSTATE_END_OF_LIST")
def end_missing(file: SeedFile) -> Iterator[Defect]:
    """A list of fields has no terminator."""
    text = device_text(file)
    for name, start, end in text.tables("VMStateDescription"):
        for found in re.compile(r"^[ \t]+VMSTATE_END_OF_LIST\(\),?[ \t]*\n", re.MULTILINE).finditer(
            text.code, start, end
        ):
            yield text.cut(name, *found.span())


@file_kind("row-of-another-struct", "devices", _DESCRIBES)
def row_of_another_struct(file: SeedFile) -> Iterator[Defect]:
    """A row names another struct of the file than the other rows of its description."""
    text = device_text(file)
    every = list(_rows(text))
    for name, row in every:
        own = [argument.strip() for argument in row[2].split(",")][1:2]
        others = {
            argument.strip() for other, one in every if other != name for argument in one[2].split(",")[1:2]
        }
        several = sum(other == name for other, _ in every) >= 3
        for struct in sorted(others - set(own)) if own and own[0].isidentifier() and several else ():
            if struct.isidentifier() and not struct.isupper():
                old = text.text[row.start() : row.end()]
                yield text.cut(name, *row.span(), re.sub(rf"\b{own[0]}\b", struct, old, count=1))
                break


@file_kind("callback-missing", "devices", r"\bMemoryRegionOps\b")
def callback_missing(file: SeedFile) -> Iterator[Defect]:
    """A table of a region has no function for reads, or none for writes."""
    text = device_text(file)
    row = re.compile(r"^[ \t]*\.(?:read|write)(?:_with_attrs)?\s*=\s*\w+,?[ \t]*\n", re.MULTILINE)
    for name, start, end in text.tables("MemoryRegionOps"):
        if re.search(rf"memory_region_init_io\([^;]*&{name}\b", text.code):
            for found in row.finditer(text.code, start, end):
                yield text.cut(name, *found.span())


@file_kind("reset-store-missing", "devices", r"reset")
def reset_store_missing(file: SeedFile) -> Iterator[Defect]:
    """A reset no longer sets a member that other code changes."""
    text = device_text(file)
    for name in text.resets:
        start, end = text.functions[name]
        stores = list(_STORE.finditer(text.code, start, end))
        if len(stores) < 3 or "memset" in text.body(name):
            continue
        for store in stores:
            member = store[2] or store[1]
            rest = text.code[:start] + text.code[end:]
            changed = rf"(?:->|\.){member}(?:\[[^\]]*\])?\s*(?:=[^=]|\|=|&=|\+\+|--|\+=|-=)"
            once = len(re.findall(rf"\b{member}\b", text.body(name))) == 1
            at = store.start() + len(store[0]) - len(store[0].lstrip())
            if once and text.stands_alone(at) and re.search(changed, rest):
                yield text.cut(name, *store.span(), anywhere=True)


@file_kind("row-of-later-version", "devices", _DESCRIBES)
def row_of_later_version(file: SeedFile) -> Iterator[Defect]:
    """The version of a row is above that of its description."""
    text = device_text(file)
    for name, start, end in text.tables("VMStateDescription"):
        version = re.compile(r"\.version_id\s*=\s*(\d+),").search(text.code, start, end)
        for row in _ROW.finditer(text.code, start, end) if version is not None else ():
            given = [one.strip() for one in row[2].split(",")]
            if _NUMBER.fullmatch(row[1]) and len(given) == 2 + ("ARRAY" in row[1]) + ("2DARRAY" in row[1]):
                if row[1].endswith("ARRAY"):
                    continue
                assert version is not None
                new = f"    VMSTATE_{row[1]}_V({row[2]}, {int(version[1]) + 1}),\n"
                yield text.cut(name, *row.span(), new, anywhere=True)


@file_kind("sections-end-missing", "devices", r"\.subsections\b")
def sections_end_missing(file: SeedFile) -> Iterator[Defect]:
    """A list of subsections has no NULL at its end."""
    text = device_text(file)
    for name, start, end in text.tables("VMStateDescription"):
        ends = r"^(?P<last>[ \t]+&\w+,?)[ \t]*\n[ \t]+NULL,?[ \t]*\n"
        for found in re.compile(ends, re.MULTILINE).finditer(text.code, start, end):
            yield text.cut(name, found.end("last"), found.end(), "\n")


@file_kind("sub-array-beyond", "devices", r"VMSTATE_\w+_ARRAY\(")
def sub_array_beyond(file: SeedFile) -> Iterator[Defect]:
    """A row begins in the array, and goes beyond its end."""
    text = device_text(file)
    for name, row in _rows(text):
        kind = re.fullmatch(r"(U?INT(?:8|16|32|64))_ARRAY", row[1])
        given = [one.strip() for one in row[2].split(",")]
        if kind is not None and len(given) == 3:
            new = f"        VMSTATE_{kind[1]}_SUB_ARRAY({given[0]}, {given[1]}, 1, {given[2]}),\n"
            yield text.cut(name, *row.span(), new)


def _structs(text: DeviceText) -> dict[str, str]:
    """The descriptions of the file whose rows name one struct, each with that."""
    out: dict[str, set[str]] = {}
    for name, row in _rows(text):
        given = [one.strip() for one in row[2].split(",")]
        out.setdefault(name, set()).add(given[1] if len(given) > 1 else "")
    return {name: min(found) for name, found in out.items() if len(found) == 1 and min(found).isidentifier()}


@file_kind("vmsd-of-another-struct", "devices", r"->vmsd\s*=")
def vmsd_of_another_struct(file: SeedFile) -> Iterator[Defect]:
    """A class stores the description of another struct of the file."""
    text = device_text(file)
    structs = _structs(text)
    for found in re.finditer(r"->vmsd\s*=\s*&(\w+);", text.code):
        for other, struct in structs.items():
            if found[1] in structs and struct != structs[found[1]]:
                function = text.function_at(found.start())
                yield text.cut(function, found.start(1), found.end(1), other, anywhere=True)
                break


@file_kind("opaque-of-another-struct", "devices", r"\.(?:post_load|pre_save|needed|pre_load)\s*=")
def opaque_of_another_struct(file: SeedFile) -> Iterator[Defect]:
    """A callback of a description takes what it is handed for another struct."""
    text = device_text(file)
    structs = _structs(text)
    slots = r"\.(?:post_load|pre_save|needed|pre_load)\s*=\s*&?(\w+)"
    for name, start, end in text.tables("VMStateDescription"):
        for slot in re.compile(slots).finditer(text.code, start, end) if name in structs else ():
            others = sorted(set(structs.values()) - {structs[name]})
            for found in (
                text.found_in(rf"\b({structs[name]}) \*(?:\w+) = opaque;", slot[1])
                if (others and slot[1] in text.functions)
                else ()
            ):
                yield text.cut(slot[1], found.start(1), found.end(1), others[0], anywhere=True)


@file_kind("ops-member-twice", "devices", r"\bMemoryRegionOps\b")
def ops_member_twice(file: SeedFile) -> Iterator[Defect]:
    """A member of a region's table is given twice, the second time with another value."""
    text = device_text(file)
    sizes = re.compile(
        r"^([ \t]*\.(?:(?:valid|impl)\.)?m(?:ax|in)_access_size\s*=\s*)(\d+),[ \t]*\n", re.MULTILINE
    )
    for name, start, end in text.tables("MemoryRegionOps"):
        for found in sizes.finditer(text.code, start, end):
            yield text.cut(name, found.end(), found.end(), f"{found[1]}{8 if found[2] != '8' else 4},\n")
