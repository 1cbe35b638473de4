# SPDX-License-Identifier: GPL-2.0-or-later
"""Which facts differ between two contents of a file, as keys of model.lookups."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from qerrlint.c.declarations.file import FileDeclarations, TypeName
from qerrlint.c.declarations.struct_body import Field, named_fields
from qerrlint.c.qapi import c_name
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.lookups import FIRST, member_of, whole_body
from qerrlint.model.qapi_schema import Schema
from qerrlint.model.reads import visible
from qerrlint.qemu.class_setup import class_setup
from qerrlint.qemu.constants import fields_of, registers_of
from qerrlint.qemu.function_text import function_text
from qerrlint.qemu.type_checkers import checkers
from qerrlint.qemu.type_graph import type_names
from qerrlint.qemu.type_tables import type_rows

_WORD = lazy_re(rb"[A-Za-z_]\w*")
_INVOKED = lazy_re(rb"^[ \t]*OBJECT_DEFINE_\w*\s*\([^;{}]*\)", re.MULTILINE)


def changed_names(old: FileDeclarations, new: FileDeclarations) -> Iterator[str]:
    """The names that one who includes the file finds declared otherwise."""
    for name in {**old.functions, **new.functions, **old.casts, **new.casts}:
        if visible(old.signature(name)) != visible(new.signature(name)):
            yield f"f:{name}"
    for name in {**old.macros, **new.macros}:
        if visible(old.macro(name)) != visible(new.macro(name)):
            yield f"m:{name}"
    for name in {**old.types, **new.types}:
        yield from _of_type(name, (old, old.types.get(name)), (new, new.types.get(name)))
    yield from _constants(old, new)
    yield from (f"k:{name}" for name in _different(_checkers(old), _checkers(new)))
    yield from (f"s:{word}" for word in _words_of_statements(old, new))


def declared_names(declarations: FileDeclarations) -> Iterator[str]:
    """All names that a file may declare: what changed_names() may give beside an empty file."""
    for kind, names in (
        *(("f", declarations.functions), ("f", declarations.casts), ("m", declarations.macros)),
        *(("t", declarations.types), ("e", declarations.constants), ("k", _checkers(declarations))),
    ):
        yield from (f"{kind}:{name}" for name in names)
    yield from _constants_of_registers(declarations.data, b"")
    yield from (f"s:{word.decode('latin-1')}" for word in {*_WORD.findall(declarations.data)})


def changed_definitions(old: FileDeclarations, new: FileDeclarations) -> Iterator[str]:
    """The functions that a file defines by another text than before."""
    for name in {**old.functions, **new.functions}:
        texts = (function_text(one, name) for one in (old, new))
        was, now = ((text.head, text.code) if text is not None else None for text in texts)
        if was != now:
            yield f"def:{new.path}:{name}"


_Side = tuple[FileDeclarations, TypeName | None]


def _of_type(name: str, one: _Side, other: _Side) -> Iterator[str]:
    """What differs of a type: that and as what it is declared, its body, members of this."""
    (old, was), (new, now) = one, other
    if was is None or now is None or visible(was) != visible(now):
        # Whoever has looked up a member has looked up the name before.
        yield f"t:{name}"
        return
    if old.data[slice(*was.body)] == new.data[slice(*now.body)] or _body(old, was) == _body(new, now):
        return
    yield whole_body(name)
    yield from (member_of(name, member) for member in _different(_members(old, was), _members(new, now)))


def _body(declarations: FileDeclarations, entry: TypeName) -> tuple[Any, ...]:
    fields, conditional = declarations.fields(entry)
    plain = tuple(map(_without_place, fields))
    return visible(declarations.members(entry)), declarations.enumerators(entry), plain, conditional


def _members(declarations: FileDeclarations, entry: TypeName) -> dict[str, list[Any]]:
    """All that is declared by the name of a member, and what the first field is."""
    fields, _ = declarations.fields(entry)
    out: dict[str, list[Any]] = {FIRST: [_without_place(field) for field in fields[:1]]}
    for field in named_fields(fields):
        out.setdefault(field.name, []).append(_without_place(field))
    for member in declarations.members(entry):
        out.setdefault(member.name, []).append(visible(member))
    return out


def _without_place(field: Field) -> tuple[Any, ...]:
    return field.name, field.type, field.dimensions, field.bits, tuple(map(_without_place, field.fields))


def _constants(old: FileDeclarations, new: FileDeclarations) -> Iterator[str]:
    before, after = old.constants, new.constants
    for name in {**before, **after}:
        known = name in before and name in after and before[name] == after[name]
        if not known or (before[name] is None and old.enumerator_text(name) != new.enumerator_text(name)):
            yield f"e:{name}"
    yield from _constants_of_registers(old.data, new.data)


def _constants_of_registers(old: bytes, new: bytes) -> Iterator[str]:
    for register in _different(registers_of(old), registers_of(new)):
        yield from (f"e:{kind}_{register.decode('latin-1')}" for kind in "RA")
    for field in _different(fields_of(old), fields_of(new)):
        yield from (f"e:R_{field}_{part}" for part in ("SHIFT", "LENGTH", "MASK"))


def _checkers(declarations: FileDeclarations) -> Mapping[str, object]:
    return {one.type: one for one in checkers(declarations.data)}


def _different(old: Mapping[Any, object], new: Mapping[Any, object]) -> Iterator[Any]:
    return (name for name in {**old, **new} if old.get(name) != new.get(name))


def _words_of_statements(old: FileDeclarations, new: FileDeclarations) -> frozenset[str]:
    """The words of the texts between semicolons that differ.

    What declares a pointer member or a variable lies between two of them, and is told by that text, by the
    start of its line, and by whether it stands in a comment.
    """
    one, two = _statements(old.data), _statements(new.data)
    begin = 0
    while begin < min(len(one), len(two)) and one[begin][0] == two[begin][0]:
        begin += 1
    end = 0
    while end < min(len(one), len(two)) - begin and one[-1 - end][0] == two[-1 - end][0]:
        end += 1
    if end and (old.in_comment(one[-end][1]) or new.in_comment(two[-end][1])):
        end = 0
    changed = [text for texts in (one, two) for text, _ in texts[begin : len(texts) - end]]
    return frozenset(word.decode("latin-1") for text in changed for word in _WORD.findall(text))


def _statements(data: bytes) -> list[tuple[bytes, int]]:
    """The texts between semicolons with their offsets, each after the first character of its line."""
    out = []
    at = 0
    for part in data.split(b";"):
        line = data.rfind(b"\n", 0, at) + 1
        out.append((data[line : line + 1] + part, at))
        at += len(part) + 1
    return out


def same_tables(path: str, old: bytes, new: bytes) -> bool:
    """Whether two contents of a file define the same types with the same classes."""
    return _tables(path, old) == _tables(path, new)


def _tables(path: str, data: bytes) -> tuple[Any, ...]:
    declarations = FileDeclarations(path, data)
    rows = list(type_rows(path, data))
    told = [
        (row.name, row.parent, row.table, row.array, row.macro, row.interfaces, _texts(row.values))
        for row in rows
    ]
    inits = {row.function("class_init") for row in rows}
    inits |= {name for name in declarations.functions if name.endswith("class_init")}
    setups = []
    for name in sorted(inits):
        setup = class_setup(declarations, name)
        stored = [(one.slot, one.value, one.struct, one.function) for one in setup.stored]
        setups.append((name, stored, [(cast.macro, cast.function) for cast in setup.casts]))
    invoked = _INVOKED.findall(data) if b"OBJECT_DEFINE_" in data else []
    return b"TypeInfo" in data, b"OBJECT_DEFINE_" in data, told, setups, invoked


def _texts(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((member, value.text) for member, value in values.items())


def defined_types(path: str, data: bytes) -> Iterable[str]:
    """The texts by which the index of types may list a file, or by which a type may be found in it that a
    macro such as OBJECT_DEFINE_TYPE() defines, blanks left out."""
    rows = (row.name.replace(" ", "") for row in type_rows(path, data))
    invoked = _INVOKED.findall(data) if b"OBJECT_DEFINE_" in data else []
    words = {word.decode("latin-1") for text in invoked for word in _WORD.findall(text)}
    # The macro is handed the name without TYPE_.
    return {*type_names(data), *rows, *(f"TYPE_{word}" for word in words)}


def changed_schema(old: Schema, new: Schema, files: Collection[str]) -> Iterator[str]:
    """The names that two states of the schemas define otherwise, and the functions generated from them.

    `files` are the schemas that differ.
    """
    of_structs = False
    commands: list[str] = []
    for name in {**old.names, **new.names}:
        entries = [side.names.get(name, ("", "")) for side in (old, new)]
        kinds = {kind for kind, _ in entries}
        differs = len(kinds) > 1 or any(path in files for _, path in entries)
        if len(kinds) > 1 or (differs and old.constants(name) != new.constants(name)):
            yield f"q:{name}"
        if len(kinds) > 1:
            yield f"qs:visit_type_{name}"
        of_structs |= (
            "" not in kinds and differs and (len(kinds) > 1 or old.members(name) != new.members(name))
        )
        if "command" in kinds:
            commands.append(name)
    for name in commands:
        # A command of another file may take its parameters from a struct, or their types from any name.
        if not of_structs and not any(side.names.get(name, ("", ""))[1] in files for side in (old, new)):
            continue
        for function in (f"qmp_{c_name(name)}", f"qmp_marshal_{c_name(name)}"):
            if visible(old.signature(function)) != visible(new.signature(function)):
                yield f"qs:{function}"
