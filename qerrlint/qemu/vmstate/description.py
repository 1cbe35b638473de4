# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptions: every VMStateDescription of a file with its fields, subsections and callbacks.

A field is what its macro expands to by the #defines that the file sees (include/migration/vmstate.h of the
tree at hand and the file's own), not what its name suggests. A macro is expanded once for a number of
arguments, with placeholders for them; where it pastes its arguments together, it is expanded for each use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from qerrlint.c.declarations.file import Macro
from qerrlint.c.expansion import TooMuchError, expanded
from qerrlint.c.initialisers import INVOCATION, LIST, Arms, Element, Value, tables, tables_of_type
from qerrlint.c.lexis import split_at_commas
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.environment import Environment
from qerrlint.model.lookups import Lookups
from qerrlint.records import record
from qerrlint.source.span import Span

TYPE = "VMStateDescription"
_CALLBACKS = ("pre_load", "post_load", "pre_load_errp", "post_load_errp", "pre_save", "post_save", "needed")
# Macros of include/migration/vmstate.h that stay, for they say what shape a field has to have.
_OFFSET = lazy_re(r"\s*(vmstate_offset_(\w+)|offsetof)\s*\(")
# What stands at the end of a list of subsections; until 2014 an empty element.
_ENDS = ("NULL", "0", "", "VMSTATE_END_OF_LIST()")
_MARK = "qerrlint_arg_"
_PLACEHOLDER = lazy_re(r"qerrlint_arg_(\d+)_")
_WORD = lazy_re(r"[A-Za-z_]\w*")
_TABLE = "VMStateField one[] = { %s };"


@record(frozen=True, slots=True)
class VMField:
    """One field of a description.

    `struct` and `member` say which member of which struct it is ("" where it is none: unused bytes,
    validations). `shape` is the kind of offset that the macro asks for: value, pointer, array, 2darray,
    sub_array, varray, buffer, plain (an offsetof() that checks nothing) or "". `type` is the type of one
    element, `info` the VMStateInfo, `vmsd` the nested description, `count` the number of elements, `size` the
    bytes of an element, `counter` the member that holds the number of elements or bytes; all are texts, ""
    for none. `flags` are the names of the VMS_ flags. `version` is a text, `exists` the function that is
    asked whether the field is there. `macro` is what stands in the table.
    """

    macro: str
    name: str
    struct: str
    member: str
    shape: str
    type: str
    info: str
    vmsd: str
    count: str
    size: str
    counter: str
    flags: frozenset[str]
    version: str
    exists: str
    span: Span
    arms: Arms = ()
    start: str = ""

    @property
    def ends(self) -> bool:
        """Whether it is the mark at the end of a list."""
        return "VMS_END" in self.flags or not (self.name or self.flags or self.info or self.vmsd)


@record(frozen=True, slots=True)
class Description:
    """One VMStateDescription. `variable` is the name in C, `name` the text of the name on the wire.

    `fields` is None where they are not given as a list at the place; `unknown` are the rows that no macro of
    the tree explains. `callbacks` maps the members to the functions, `sections` are the variables of the
    subsections with their places.
    `terminated` and `sections_end`: whether the lists have their marks at the end; True for no list.
    """

    variable: str
    name: str
    path: str
    span: Span
    version: str
    minimum: str
    unmigratable: bool
    fields: tuple[VMField, ...] | None
    unknown: tuple[Element, ...]
    callbacks: Mapping[str, str]
    sections: tuple[tuple[str, Span], ...]
    terminated: bool
    sections_end: bool
    fields_span: Span
    sections_span: Span

    @property
    def structs(self) -> tuple[str, ...]:
        """The structs that the fields name, in order of their first use."""
        return tuple(dict.fromkeys(field.struct for field in self.fields or () if field.struct))


def descriptions(environment: Environment, path: str, data: bytes) -> tuple[Description, ...]:
    """The descriptions of a file, in its order."""
    if TYPE.encode() not in data:
        return ()
    reader = environment.once(MacroReader)
    return tuple(
        _description(reader, path, table.name if not table.array else f"{table.name}[{number}]", row)
        for table in tables_of_type(path, data, TYPE)
        if table.type == TYPE
        for number, row in enumerate(table.rows)
        if row.value.kind == LIST
    )


def _description(reader: MacroReader, path: str, variable: str, row: Element) -> Description:
    value = row.value

    def text(member: str) -> str:
        found = value.get(member)
        return found.text if found is not None else ""

    listed = value.get("fields")
    fields: list[VMField] = []
    unknown: list[Element] = []
    known = listed is not None and listed.kind == LIST
    for element in listed.elements if listed is not None and known else ():
        read = reader.fields(path, element)
        if read is None:
            unknown.append(element)
        else:
            fields += read
    sections = value.get("subsections")
    section_list = sections if sections is not None and sections.kind == LIST else None
    listed_sections = section_list.elements if section_list is not None else ()
    named = [(_section(element.value), element.span) for element in listed_sections]
    nothing = Span(path, row.span.start, row.span.start)
    return Description(
        variable=variable,
        name=text("name"),
        path=path,
        span=row.span,
        version=text("version_id"),
        minimum=text("minimum_version_id"),
        unmigratable=text("unmigratable") not in ("", "0", "false"),
        fields=tuple(field for field in fields if not field.ends) if known else None,
        unknown=tuple(unknown),
        callbacks={member: text(member).lstrip("& ") for member in _CALLBACKS if text(member)},
        sections=tuple((name, span) for name, span in named if name not in _ENDS),
        terminated=not known or bool(unknown) or (bool(fields) and fields[-1].ends),
        sections_end=not named or named[-1][0] in _ENDS,
        fields_span=listed.span if listed is not None else nothing,
        sections_span=section_list.span if section_list else nothing,
    )


def _section(value: Value) -> str:
    """The variable of a subsection; until 2014 a list, VMStateSubsection, held it and its `needed`."""
    if value.kind != LIST:
        return value.text.lstrip("& ")
    inner = value.get("vmsd")
    return inner.text.lstrip("& ") if inner is not None else ""


class MacroReader:
    """Reads the rows of field lists, each macro expanded once."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._shapes: dict[tuple[str, str, int, int], tuple[tuple[VMField, ...] | None, Lookups]] = {}

    def fields(self, path: str, element: Element) -> tuple[VMField, ...] | None:
        """The fields that one row of a table stands for; None where its macro is not known."""
        value = element.value
        if value.kind == LIST:
            return (_placed(_field(value, ""), element),)
        name = value.name if value.kind == INVOCATION else value.text
        macro = self._environment.macro(name, path) if _WORD.fullmatch(name) else None
        if macro is None:
            return None
        arguments = [argument.text for argument in value.arguments]
        # Macros of one name and body may use others that each file defines for itself.
        key = (macro.name, macro.path, hash(macro.body), len(arguments))
        marks = [f"qerrlint_arg_{number}_" for number in range(len(arguments))]
        shape = self._environment.asked.recall(self._shapes, key, lambda: self._expanded(macro, path, marks))
        if shape is None:  # it pastes its arguments together
            shape = self._expanded(macro, path, arguments)
            return tuple(_placed(field, element) for field in shape) if shape is not None else None
        return tuple(_placed(field, element, arguments) for field in shape)

    def _expanded(self, macro: Macro, path: str, arguments: list[str]) -> tuple[VMField, ...] | None:
        """The fields that a macro expands to with these arguments; None where it makes no rows."""
        text = f"{macro.name}({', '.join(arguments)})" if macro.params is not None else macro.name
        try:
            whole = expanded(text, lambda name: self._lookup(name, path))
        except TooMuchError:
            return None
        data = (_TABLE % whole).encode("latin-1", "replace")
        rows = next((table.rows for table in tables("expansion", data)), ())
        if not rows or any(row.value.kind != LIST for row in rows):
            return None
        return tuple(_field(row.value, macro.name) for row in rows)

    def _lookup(self, name: str, path: str) -> Macro | None:
        """The macros that build rows; those of sizes, offsets and constants stay as they are written."""
        if not name.startswith(("VMSTATE_", "vmstate_")) or _OFFSET.match(f"{name}("):
            macro = self._environment.macro(name, path) if name.isupper() else None
            return macro if macro is not None and ("VMSTATE" in macro.body or "VMS_" in macro.body) else None
        return self._environment.macro(name, path)


_TEXTS = (
    *("name", "struct", "member", "type", "info", "vmsd", "count", "size", "counter", "version", "exists"),
    "start",
)


def _placed(field: VMField, element: Element, arguments: Sequence[str] = ()) -> VMField:
    """A field at its place, with the arguments instead of the placeholders."""

    def given(found: re.Match[str]) -> str:
        return arguments[int(found[1])]

    changed: dict[str, Any] = {
        name: _tidy(_PLACEHOLDER.sub(given, text))
        for name in _TEXTS
        if arguments and _MARK in (text := getattr(field, name))
    }
    return replace(field, span=element.span, arms=element.arms, **changed)


def _tidy(text: str) -> str:
    return "" if text == "NULL" else text


def _field(value: Value, macro: str) -> VMField:
    def text(member: str) -> str:
        found = value.get(member)
        return found.text if found is not None else ""

    shape, struct, member, kind = _offset(text("offset"))
    start = ""
    if shape == "sub_array" or (shape == "buffer" and "+" in text("offset").rsplit(")", 1)[-1]):
        offset = text("offset")
        start = _arguments(offset)[-1] if shape == "sub_array" else offset.rsplit("+", 1)[-1]
    size = text("size")
    return VMField(
        macro=macro,
        name=_name(text("name")),
        struct=struct,
        member=member,
        shape=shape,
        type=kind or (size[7:-1].strip() if size.startswith("sizeof(") and size.endswith(")") else ""),
        info=_unwrapped(text("info")),
        vmsd=_unwrapped(text("vmsd")),
        count=_unwrapped(text("num")),
        size=size,
        counter=_offset(text("num_offset") or text("size_offset"))[2],
        flags=frozenset(re.findall(r"\bVMS_\w+", text("flags"))),
        version=_unwrapped(text("version_id")),
        exists=_unwrapped(text("field_exists")),
        span=value.span,
        start=start.strip(),
    )


def _unwrapped(text: str) -> str:
    """An expression without the parentheses round it and the `&` before it; "" for NULL."""
    text = text.strip()
    while True:
        bare = text.lstrip("& ").strip()
        if bare.startswith("(") and bare.endswith(")") and _closes(bare):
            bare = bare[1:-1].strip()
        if bare == text:
            return "" if text == "NULL" else text
        text = bare


def _closes(text: str) -> bool:
    """Whether the first parenthesis closes with the last character."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if not depth:
            return at == len(text) - 1
    return False


def _name(text: str) -> str:
    """The name of a field: what stringify() is given, or the text."""
    text = _unwrapped(text)
    found = re.fullmatch(r"stringify\s*\((.*)\)", text, re.DOTALL)
    return "".join((found[1] if found is not None else text).split())


def _offset(text: str) -> tuple[str, str, str, str]:
    """The shape, the struct, the member and the type that an offset asks for."""
    text = text.strip()
    while text.startswith("(") and _closes(text):
        text = text[1:-1].strip()
    found = _OFFSET.match(text)
    if found is None:
        return "", "", "", ""
    arguments = _arguments(text)
    if len(arguments) < 2:
        return "", "", "", ""
    shape = found[2] or "plain"
    kind = arguments[2] if shape not in ("buffer", "plain") and len(arguments) > 2 else ""
    return shape, arguments[0], "".join(arguments[1].split()), kind


def _arguments(text: str) -> list[str]:
    """The arguments of the invocation that a text begins with."""
    return split_at_commas(text, text.find("(") + 1)
