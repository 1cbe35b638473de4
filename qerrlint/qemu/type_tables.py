# SPDX-License-Identifier: GPL-2.0-or-later
"""The types that one file defines: rows of TypeInfo tables, and macros that expand to such a table.

Only the file's own bytes are read, and macros whose bodies the caller supplies (OBJECT_DEFINE_TYPE(),
DEFINE_MACHINE() and what files define for themselves). Names stay the texts that they are written as.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import field, replace

from qerrlint.c.declarations.file import Macro
from qerrlint.c.expansion import TooMuchError, expanded
from qerrlint.c.initialisers import EXPRESSION, LIST, Table, Value, tables, tables_of_type
from qerrlint.c.lexis import closing_paren
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

_SIZEOF = lazy_re(r"sizeof\s*\(\s*(?:const\s+)?([\w ]+?)\s*\)\Z|sizeof\s+(\w+)\Z")
_INVOKED = lazy_re(rb"^(?:[ \t]*)([A-Z]\w*)\s*\(", re.M)
# How many times the length of a file is read at most: the texts around its tables hardly overlap.
_MOST_SCANS = 8
# An invocation that is longer defines no type.
_LONGEST = 4000
_DEFINES = lazy_re(r"DEFINE|REGISTER|MACHINE|TYPE")
# Where a TypeInfo table begins in the raw text.
_WORD = lazy_re(rb"\bTypeInfo\b[^;{}()]*=\s*\{")
_BEFORE = lazy_re(rb"[\w \t]*\Z")
# The line that ends one, however far it is indented.
_CLOSING = lazy_re(rb"\n[ \t]*\}[\s}]*;")
# A name that a loop over another table gives.
_THROUGH = lazy_re(r"(\w+)(?:->|\.)(\w+)\Z")
_INDEXED = lazy_re(r"(\w+)\s*\[\s*\w+\s*\]\s*\.\s*(\w+)\Z")
_EMPTY = lazy_re(rb"\bTypeInfo\s+(\w+)\s*(?:=\s*\{\s*0?\s*\}\s*)?;")
_TRUE = Value(EXPRESSION, "true", Span("", 0, 0))
_POSITIONS = ("name", "parent")


@record(frozen=True, slots=True)
class TypeRow:
    """One type as its table writes it; every value is the text of the file, "" where it is not given.

    `table` is the name of the variable (the one that the macro makes, where `macro` names one), `array`
    whether it is an array of rows. `span` is the place of the row, `table_span` that of the whole table.
    `values` are the values of all designated members; `interfaces` the names of the interfaces.
    """

    name: str
    parent: str
    table: str
    array: bool
    span: Span
    table_span: Span
    values: dict[str, Value] = field(repr=False)
    interfaces: tuple[str, ...] = ()
    macro: str = ""

    def text(self, member: str) -> str:
        """The text of a member's value; "" where the row does not give it."""
        value = self.values.get(member)
        return value.text if value is not None else ""

    def function(self, member: str) -> str:
        """The name of the function stored in a member; "" where there is none."""
        text = self.text(member).lstrip("& ").strip()
        return text if text.isidentifier() and text != "NULL" else ""

    def struct(self, member: str) -> str:
        """The type whose sizeof a member is set to; "" where it is not given, or no plain sizeof."""
        found = _SIZEOF.match(self.text(member))
        return (found[1] or found[2]).strip() if found is not None else ""

    @property
    def abstract(self) -> bool:
        """Whether the type is marked abstract."""
        return self.text("abstract") in ("true", "1", "TRUE")


def type_rows(path: str, data: bytes) -> Iterator[TypeRow]:
    """The types that a file defines in tables."""
    if b"TypeInfo" in data:
        for table in _tables(path, data):
            for row in rows_of(table):
                row = row if row.name else _completed(path, data, row)
                yield from _named_by_table(path, data, row)
        yield from _filled_in(path, data)
    if b"VirtioPCIDeviceTypeInfo" in data:
        for table in tables_of_type(path, data, "VirtioPCIDeviceTypeInfo"):
            for row in rows_of(table):
                yield from _virtio_types(row)


def rows_of(table: Table) -> Iterator[TypeRow]:
    """The rows of one TypeInfo table; a closing empty row is left out."""
    for element in table.rows:
        if element.value.kind != LIST or not element.value.elements:
            continue
        values: dict[str, Value] = {}
        position = 0
        for inner in element.value.elements:
            members = inner.members
            if len(members) == 1:
                values[members[0]] = inner.value
            elif not inner.designators and position < len(_POSITIONS):
                values[_POSITIONS[position]] = inner.value
                position += 1
        interfaces = values.get("interfaces")
        names = tuple(
            row.value.elements[0].value.text
            for row in (interfaces.elements if interfaces is not None else ())
            if row.value.kind == LIST and row.value.elements
        )
        name, parent = values.get("name"), values.get("parent")
        yield TypeRow(
            name.text if name is not None else "",
            parent.text if parent is not None else "",
            table.name,
            table.array,
            element.span,
            table.span,
            values,
            names,
        )


def _virtio_types(row: TypeRow) -> Iterator[TypeRow]:
    """The types that virtio_pci_types_register() makes of one row (hw/virtio/virtio-pci.c)."""
    generic = row.text("generic_name")
    base = row.text("base_name") or (f'{generic} "-base-type"' if generic else "")
    parent = row.parent or "TYPE_VIRTIO_PCI"
    if base:
        yield replace(row, name=base, parent=parent, values={**row.values, "abstract": _TRUE})
    for member in ("generic_name", "transitional_name", "non_transitional_name"):
        if row.text(member):
            kept = {name: row.values[name] for name in row.values if name in ("interfaces",)}
            yield replace(row, name=row.text(member), parent=base or parent, values=kept)


def _named_by_table(path: str, data: bytes, row: TypeRow) -> Iterator[TypeRow]:
    """The types of a table that is filled in for each element of another table: `info->name`."""
    indexed = _INDEXED.match(row.name)
    if indexed is not None:
        names = [
            value
            for table in tables(path, data)
            if table.name == indexed[1] and table.array
            for element in table.rows
            if (value := element.value.get(indexed[2])) is not None
        ]
        yield from (replace(row, name=value.text) for value in names) if names else (row,)
        return
    found = _THROUGH.match(row.name)
    if found is None:
        yield row
        return
    variable, member = found.groups()
    declared = re.search(rf"\b(\w+)\s*\*\s*(?:const\s+)?{variable}\b".encode(), data[: row.span.end])
    # The variable may also be declared after an empty initialiser.
    declared = declared or re.search(rf"\b(\w+)\s*\*\s*{variable}\b".encode(), data[row.span.end :])
    names = []
    for table in tables_of_type(path, data, declared[1].decode("latin-1")) if declared is not None else ():
        for element in table.rows if table.array else ():
            value = element.value.get(member)
            first = element.value.elements[0] if element.value.elements else None
            if value is None and first is not None and not first.designators and member == "name":
                value = first.value
            if value is not None:
                names.append(value)
    for value in names:
        yield replace(row, name=value.text)
    if not names:
        yield row


def _assigned(path: str, part: bytes, offset: int, variable: bytes) -> dict[str, Value]:
    """The members of a variable that a text assigns; `offset` is the text's place in the file."""
    values: dict[str, Value] = {}
    for stored in re.finditer(rb"\b%s\.(\w+)\s*=\s*([^;{]+);" % variable, part):
        span = Span(path, offset + stored.start(), offset + stored.end())
        text = " ".join(stored[2].decode("latin-1").split())
        values[stored[1].decode("latin-1")] = Value(EXPRESSION, text, span)
    return values


def _completed(path: str, data: bytes, row: TypeRow) -> TypeRow:
    """A row without a name, with what the file assigns to the variable after it."""
    end = row.table_span.end
    values = {**row.values, **_assigned(path, data[end:], end, row.table.encode("latin-1"))}
    name, parent = values.get("name"), values.get("parent")
    return replace(
        row,
        name=name.text if name is not None else "",
        parent=parent.text if parent is not None else "",
        values=values,
    )


def _filled_in(path: str, data: bytes) -> Iterator[TypeRow]:
    """The types of local TypeInfo variables whose members are assigned one by one."""
    for declared in _EMPTY.finditer(data):
        variable = declared[1]
        end = data.find(b"\n}", declared.end())
        part = data[declared.end() : end if end >= 0 else len(data)]
        values = _assigned(path, part, declared.end(), variable)
        if "name" not in values:
            continue
        span = Span(path, declared.start(1), declared.end(1))
        parent = values["parent"].text if "parent" in values else ""
        row = TypeRow(values["name"].text, parent, variable.decode("latin-1"), False, span, span, values)
        yield from _named_by_table(path, data, row)


def _tables(path: str, data: bytes) -> Iterator[Table]:
    """The TypeInfo tables of a file. Only the text around each is read, not the whole file."""
    budget = _MOST_SCANS * len(data)
    for head in _WORD.finditer(data):
        start = data.rfind(b"\n", 0, head.start()) + 1
        before = _BEFORE.match(data[start : head.start()])
        if before is None or _in_macro(data, start):
            continue
        line = data.find(b"\n", head.end())
        same = data.find(b"};", head.end(), line if line >= 0 else len(data))
        closing = _CLOSING.search(data, head.end()) if same < 0 else None
        if closing is None and same < 0:
            continue
        end = closing.end() if closing is not None else same + 2
        budget -= end - start
        if budget < 0:
            return
        for table in tables_of_type(path, data[start:end], "TypeInfo"):
            yield _moved(table, start)


def _in_macro(data: bytes, start: int) -> bool:
    """Whether the line before continues a #define on this one."""
    return data[max(0, start - 3) : start].rstrip(b"\r\n").endswith(b"\\")


def _moved(table: Table, by: int) -> Table:
    def span(place: Span) -> Span:
        return Span(place.path, place.start + by, place.end + by)

    def value(one: Value) -> Value:
        elements = tuple(
            replace(
                inner,
                span=span(inner.span),
                value=value(inner.value),
                arms=tuple((at + by, arm) for at, arm in inner.arms),
            )
            for inner in one.elements
        )
        arguments = tuple(replace(inner, span=span(inner.span)) for inner in one.arguments)
        return replace(one, span=span(one.span), elements=elements, arguments=arguments)

    return replace(table, span=span(table.span), name_span=span(table.name_span), value=value(table.value))


def type_rows_of_macros(
    path: str, data: bytes, lookup: Callable[[str], Macro | None], wanted: Callable[[str], bool]
) -> Iterator[TypeRow]:
    """The types that a file defines by the macros with a `wanted` name that `lookup` knows."""
    for found in _INVOKED.finditer(data):
        name = found[1].decode("latin-1")
        if not _DEFINES.search(name) or not wanted(name):
            continue
        macro = lookup(name)
        if macro is None or macro.params is None:
            continue
        end = closing_paren(data, found.end() - 1, _LONGEST)
        if end < 0 or _in_macro(data, found.start()):
            continue
        span = Span(path, found.start(1), end)
        text = data[found.start(1) : end].decode("latin-1")
        try:
            whole = expanded(text, lookup)
        except TooMuchError:
            continue
        if "TypeInfo" not in whole:
            continue
        for table in tables_of_type(path, whole.replace("static", "\nstatic").encode("latin-1"), "TypeInfo"):
            for row in rows_of(table):
                # Offsets in the expansion are none in the file.
                values = {member: replace(value, span=span) for member, value in row.values.items()}
                yield TypeRow(
                    row.name, row.parent, row.table, row.array, span, span, values, row.interfaces, name
                )
