# SPDX-License-Identifier: GPL-2.0-or-later
"""Region tables (MemoryRegionOps), where they are used, and property lists of one file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from qerrlint.c.initialisers import INVOCATION, LIST, Table, Value, tables_of_type
from qerrlint.c.lexis import WORD
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.environment import Environment
from qerrlint.records import record
from qerrlint.source.span import Span

# Calls that make a region whose accesses go to a MemoryRegionOps (include/system/memory.h): for each the
# places of the ops, the opaque pointer and the size. Until 2013 none of them took the owner before the ops.
_MAKERS = {
    "memory_region_init_io": (2, 3, 5),
    "memory_region_init_rom_device": (2, 3, 5),
    "memory_region_init_rom_device_nomigrate": (2, 3, 5),
    "pnv_xscom_region_init": (2, 3, 5),
}
_WITHOUT_OWNER = 5
# Patterns that begin with their letters, not with \b, are found by a plain search.
_MAKER = lazy_re(rb"memory_region_init_(?:io|rom_device(?:_nomigrate)?)(?=\s*\()")
_MAKER_OF_BUS = lazy_re(rb"pnv_xscom_region_init(?=\s*\()")
# Makers whose size is no number of bytes: the bytes, by the argument.
_IN_BYTES = {"pnv_xscom_region_init": "(({}) << 3)"}  # hw/ppc/pnv_xscom.c
_ADDS_PROPERTY = lazy_re(rb"\bobject_(?:class_)?property_add\w*\s*\(([^;]*)\)\s*;")
_NAME = lazy_re(rb"[A-Za-z_]\w*")
_READ = ("read", "read_with_attrs")
_WRITE = ("write", "write_with_attrs")


@record(frozen=True, slots=True)
class RegionTable:
    """One MemoryRegionOps. `name` is the variable, with an index where it is one of an array ("ops[2]").

    `read` and `write` are the functions, the variants with attributes included, "" where there is none.
    """

    name: str
    table: Table
    value: Value
    span: Span
    read: str
    write: str

    def text(self, *members: str) -> str:
        """The text of a member ("endianness", or "valid", "max_access_size"); "" where it is not given."""
        found = self.value.get(*members)
        return found.text if found is not None else ""


@record(frozen=True, slots=True)
class RegionUse:
    """A call that makes a region of a table: the texts of its arguments and its place."""

    maker: str
    region: str
    ops: str
    opaque: str
    size: str
    span: Span

    @property
    def table(self) -> str:
        """The name of the table whose address is handed over; "" where it is no plain address."""
        found = re.match(r"&\s*(\w+)\s*(?:\[|\Z)", self.ops)
        return found[1] if found is not None else ""


@record(frozen=True, slots=True)
class PropertyRow:
    """One DEFINE_PROP_*: the macro, the property's name as written, the struct and the field; of a macro that
    stands for several the name of that. `table` is the list that it stands in."""

    macro: str
    name: str
    struct: str
    field: str
    span: Span
    table: str = ""


@lru_cache(maxsize=4)
def region_tables(path: str, data: bytes) -> tuple[RegionTable, ...]:
    """The MemoryRegionOps tables of a file, one for each element of an array."""
    return tuple(_region_tables(path, data))


def _region_tables(path: str, data: bytes) -> Iterator[RegionTable]:
    for table in tables_of_type(path, data, "MemoryRegionOps"):
        if table.type != "MemoryRegionOps":
            continue
        for number, row in enumerate(table.rows):
            if row.value.kind != LIST:
                continue
            name = f"{table.name}[{row.index or number}]" if table.array else table.name
            read, write = (_function(row.value, names) for names in (_READ, _WRITE))
            yield RegionTable(name, table, row.value, row.span, read, write)


@lru_cache(maxsize=4)
def region_uses(path: str, data: bytes) -> tuple[RegionUse, ...]:
    """The calls of a file that make a region of a MemoryRegionOps."""
    return tuple(_region_uses(path, data))


def _region_uses(path: str, data: bytes) -> Iterator[RegionUse]:
    for found in (*_MAKER.finditer(data), *_MAKER_OF_BUS.finditer(data)):
        if found.start() and data[found.start() - 1] in WORD:
            continue
        maker = found[0].decode()
        paren = data.index(b"(", found.end())
        arguments = arguments_at(data, paren)
        if arguments is None:
            continue
        older = len(arguments) == _WITHOUT_OWNER
        ops, opaque, size = (place - older for place in _MAKERS[maker])
        if len(arguments) <= size:
            continue
        span = Span(path, found.start(), paren + 1)
        length = _IN_BYTES.get(maker, "{}").format(arguments[size])
        yield RegionUse(maker, arguments[0], arguments[ops], arguments[opaque], length, span)


@lru_cache(maxsize=4)
def property_rows(path: str, data: bytes) -> tuple[PropertyRow, ...]:
    """The DEFINE_PROP_* elements of the Property lists of a file."""
    return tuple(_property_rows(path, data))


def _property_rows(path: str, data: bytes) -> Iterator[PropertyRow]:
    for table in tables_of_type(path, data, "Property"):
        for row in table.rows if table.type == "Property" else ():
            value = row.value
            if value.kind == INVOCATION and value.name.startswith("DEFINE_"):
                name, struct, field = ([argument.text for argument in value.arguments] + [""] * 3)[:3]
                if not name.startswith('"'):
                    # A macro that stands for several properties.
                    name, struct, field = value.name, "", ""
                if value.name != "DEFINE_PROP_END_OF_LIST":
                    yield PropertyRow(value.name, name, struct, field, row.span, table.name)


def is_property_field(environment: Environment, path: str, data: bytes, member: str) -> bool:
    """Whether a property of a file holds a member, which it frees when the object goes; also one of a macro
    that stands for several."""
    if not member:
        return False
    # A property of a part's member is none of the part.
    field = rf"[\w.\[\]]*\b{re.escape(member)}\b(?!\s*\.)"
    pattern = re.compile(rf"\bDEFINE_\w*PROP\w*\(\s*[^,;]*,\s*\w+,\s*{field}")
    # A macro of the file may hold the list as well.
    if re.search(pattern.pattern.encode(), data) is not None:
        return True
    macros = (environment.macro(row.macro, path) for row in property_rows(path, data) if not row.field)
    return any(macro is not None and pattern.search(macro.body) for macro in macros)


def property_calls(code: bytes) -> Iterator[tuple[int, int, list[str]]]:
    """The calls of some code that add a property: start and end, and the names in their arguments.

    The functions that get and set the property are among those names.
    """
    for found in _ADDS_PROPERTY.finditer(code) if b"property_add" in code else ():
        yield found.start(), found.end(), [name.decode("latin-1") for name in _NAME.findall(found[1])]


def arguments_at(data: bytes, paren: int) -> list[str] | None:
    """The texts of the arguments of the call whose parenthesis is at `paren`; None if it does not close."""
    depth, start = 0, paren + 1
    out: list[str] = []
    quoted = 0
    for at in range(paren, min(len(data), paren + 4000)):
        byte = data[at]
        if quoted:
            if byte == quoted and data[at - 1] != 0x5C:
                quoted = 0
            continue
        if byte in b"\"'":
            quoted = byte
        elif byte in b"([{":
            depth += 1
        elif byte in b")]}":
            depth -= 1
        if (byte == 0x2C and depth == 1) or not depth:
            out.append(" ".join(data[start:at].decode("utf-8", "replace").split()))
            start = at + 1
            if not depth:
                return out
    return None


def _function(value: Value, members: tuple[str, ...]) -> str:
    for member in members:
        found = value.get(member)
        text = found.text.lstrip("& ") if found is not None else ""
        if text and text not in ("NULL", "0"):
            return text
    return ""
