# SPDX-License-Identifier: GPL-2.0-or-later
"""The names about which a change says something new to other files, and the files that it concerns.

The analysis of a file asks its tree by names: the signature of a function, a macro, a constant, a typedef,
the members of a struct, a QOM type, a schema's command. So a file that no commit touches has the same
findings as long as nothing changes about the names in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from qerrlint.c.declarations.file import FileDeclarations
from qerrlint.c.declarations.struct_body import Field
from qerrlint.c.declarations.types import Declared, Signature
from qerrlint.c.initialisers import tables
from qerrlint.c.qapi import c_name, qapi_command, qapi_constants, qapi_members, qapi_names
from qerrlint.engine.changes.fact_changes import changed_schema
from qerrlint.engine.changes.tree_blobs import DECLARING
from qerrlint.history.word_index import WordIndex
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.constants import fields_of, registers_of
from qerrlint.qemu.type_checkers import checkers
from qerrlint.qemu.type_tables import TypeRow, type_rows
from qerrlint.records import record
from qerrlint.review.scope import FilePair, changed_functions, is_c, releases_of
from qerrlint.source.tree_folders import is_core

# Macros that rest on macros that rest on a changed name.
_LEVELS = 2
_WORD = lazy_re(rb"[A-Za-z_]\w*")
_IDENTIFIER = lazy_re(r"[A-Za-z_]\w*")
_CALLED = lazy_re(rb"\b([a-z_]\w*)\s*\(")
_CAMEL = lazy_re(rb"\b[A-Z]\w*[a-z]\w*")
# A variable that a header declares: what stands before its name, the name, and its dimensions.
_EXTERN = lazy_re(rb"^[ \t]*extern\b([^;(){}=]*?)\b([A-Za-z_]\w*)\s*((?:\[[^;\]]*\]\s*)*);", re.MULTILINE)
_MEMBER, _TYPE, _QOM, _OTHER = "member", "type", "QOM type", "other"
_PHASES = ("class_init", "instance_init", "instance_post_init", "instance_finalize")


class Fact(NamedTuple):
    """One thing that a file says of a name; `kind` is the kind of thing."""

    name: str
    kind: str
    value: object


@record(frozen=True, slots=True)
class ChangedNames:
    """What a change says otherwise.

    `files`: names with the declaring files in which something about them changes (none: wherever they
    stand). `of_folder`: names that count for the files of some folders alone. `types` are the names among
    these that stand for types, `qom_types` for QOM types, `members` those of which only a struct's member
    changes. `includes` are files that come, go, or include something else. `used` are names that changed
    files use, or use no longer: these count in files of the folder that define them.
    """

    files: dict[str, frozenset[str]]
    of_folder: dict[str, frozenset[str]]
    types: frozenset[str]
    qom_types: frozenset[str]
    members: frozenset[str]
    includes: frozenset[str]
    used: dict[str, frozenset[str]]

    def __bool__(self) -> bool:
        return bool(self.files or self.of_folder or self.includes or self.used)


def changed_names(before: Program, after: Program, pairs: Sequence[FilePair]) -> ChangedNames:
    """What the changed files say otherwise, by name. Raises InputError for a blob that is missing."""
    files: dict[str, frozenset[str]] = {}
    of_folder: dict[str, frozenset[str]] = {}
    kinds: dict[str, set[str]] = {}
    includes: set[str] = set()
    used: dict[str, frozenset[str]] = {}
    for pair in pairs:
        sides = [(before, pair.old), (after, pair.new)]
        paths = frozenset(path for _, path in sides if path is not None)
        declaring = any(path.endswith(DECLARING) for path in paths)
        old, new = (facts(program, path) if path is not None else set() for program, path in sides)
        # What schemas define is seen by all files.
        seen_from = paths if declaring and all(map(is_c, paths)) else frozenset()
        for name, kind, _ in old ^ new:
            if name.isidentifier():
                known = files.get(name, paths)
                files[name] = known | seen_from if known and seen_from else frozenset()
                kinds.setdefault(name, set()).add(kind)
        if not all(map(is_c, paths)):
            continue
        if not declaring:
            folders = frozenset(path.rpartition("/")[0] for path in paths)
            units = [program.unit(path) if path is not None else None for program, path in sides]
            for table, names in ((of_folder, _told_to_neighbours(*units)), (used, _used(*units))):
                table.update((name, table.get(name, frozenset()) | folders) for name in names)
        if pair.old != pair.new or _includes(before, pair.old) != _includes(after, pair.new):
            includes |= paths
    schemas = [path for pair in pairs for path in {pair.old, pair.new} if path and path.endswith(".json")]
    if schemas:
        # A command may take its parameters from a struct of another file.
        keys = changed_schema(before.environment.schema, after.environment.schema, schemas)
        files.update((key[3:], frozenset()) for key in keys if key.startswith("qs:"))
    return ChangedNames(
        files,
        of_folder,
        frozenset(name for name, found in kinds.items() if not found.isdisjoint((_TYPE, _QOM))),
        frozenset(name for name, found in kinds.items() if _QOM in found),
        frozenset(name for name, found in kinds.items() if found == {_MEMBER}),
        frozenset(includes),
        used,
    )


def _includes(program: Program, path: str | None) -> object:
    file = program.environment.files.file(path) if path is not None else None
    return file.includes if file is not None else None


def facts(program: Program, path: str) -> set[Fact]:
    """What a file says to others."""
    if path.endswith(".json"):
        return set(_of_schema(program.source.read(path) or b""))
    declarations = program.environment.files.file(path) if is_c(path) else None
    if declarations is None:
        return set()
    if path.endswith(DECLARING):
        return set(_of_header(declarations))
    return set(_of_types(path, declarations.data))


def _of_header(file: FileDeclarations) -> Iterator[Fact]:
    for name in file.macros:
        macro = file.macro(name)
        if macro is not None:
            yield Fact(name, _OTHER, (macro.params, macro.body))
    for name in (*file.functions, *file.casts):
        signature = file.signature(name)
        if signature is not None:
            yield Fact(name, _OTHER, _seen(signature))
    for name, value in file.constants.items():
        yield Fact(name, _OTHER, value)
    for variable in _EXTERN.findall(file.data) if b"extern" in file.data else ():
        yield Fact(variable[1].decode("latin-1"), _OTHER, b"".join(b"".join(variable).split()))
    for checker in checkers(file.data):
        yield Fact(checker.type, _OTHER, checker)
    yield from _of_registers(file.data)
    for name, entry in file.types.items():
        word = name.rpartition(" ")[2]
        if entry.kind in ("struct", "union"):
            members = file.members(entry)
            # What a struct begins with is what it is embedded in.
            yield Fact(word, _TYPE, (entry.kind, _seen_member(members[0]) if members else None))
            for member in members:
                yield Fact(member.name, _MEMBER, _seen_member(member))
            if b"[" in file.data[slice(*entry.body)]:
                yield from _of_arrays(file.fields(entry)[0])
        else:
            target = entry.target if entry.kind != "enum" else ""
            yield Fact(word, _TYPE, (entry.kind, target, entry.signature and _seen(entry.signature)))


def _of_arrays(fields: Iterable[Field]) -> Iterator[Fact]:
    """How many elements the arrays of a struct have."""
    for field in fields:
        if field.dimensions:
            yield Fact(field.name, _MEMBER, field.dimensions)
        yield from _of_arrays(field.fields)


def _of_registers(data: bytes) -> Iterator[Fact]:
    """What REG32() and FIELD() and their kin define."""
    for name, register in registers_of(data).items():
        yield from (Fact(f"{kind}_{name.decode('latin-1')}", _OTHER, register) for kind in "AR")
    for field, bits in fields_of(data).items():
        yield from (Fact(f"R_{field}_{part}", _OTHER, bits) for part in ("SHIFT", "LENGTH", "MASK"))


def _seen(signature: Signature) -> object:
    """What a check can see of a signature."""
    return signature.params, signature.returns, signature.variadic, signature.static, signature.noreturn


def _seen_member(member: Declared) -> object:
    return member.type, member.kind, member.signature and _seen(member.signature)


def _of_schema(data: bytes) -> Iterator[Fact]:
    for name, kind in qapi_names(data).kinds.items():
        if kind == "command":
            yield Fact(f"qmp_{c_name(name)}", _OTHER, repr(qapi_command(data, name)))
        elif kind == "event":
            yield Fact(f"qapi_event_send_{c_name(name).lower()}", _OTHER, None)
        else:
            for value in (name, f"{name}List"):
                yield Fact(c_name(value), _TYPE, (kind, repr(qapi_members(data, name))))
            for constant, number in qapi_constants(data, name) if kind == "enum" else ():
                yield Fact(constant, _OTHER, number)


def _of_types(path: str, data: bytes) -> Iterator[Fact]:
    """What a .c file says of QOM types, and of tables that other files may name."""
    texts = {}
    if b"TypeInfo" in data:
        rows = list(type_rows(path, data))
        texts = _texts_of_functions(data, {name for row in rows for name in _functions(row)})
        for row in rows:
            text = data[row.table_span.start : row.table_span.end]
            yield Fact(_word_of(row.name), _QOM, (text, *(texts.get(name) for name in _functions(row))))
    if b"VMStateDescription" in data:
        for table in tables(path, data):
            if "VMStateDescription" in table.type and "static" not in table.type:
                yield Fact(table.name, _OTHER, data[table.span.start : table.span.end])


def _word_of(type_name: str) -> str:
    """The longest word in the text of a type's name, such as a literal: that is looked for in other files."""
    return max(_IDENTIFIER.findall(type_name), key=len, default="")


def _functions(row: TypeRow) -> list[str]:
    return [name for name in map(row.function, _PHASES) if name]


def _texts_of_functions(data: bytes, names: set[str]) -> dict[str, bytes]:
    """The texts of functions, from the line of the name to the brace at column 0."""
    out = {}
    for name in names:
        found = re.search(
            rb"^[\w \t*]*\b%s\s*\([^;{}]*\)\s*\{.*?^\}" % re.escape(name.encode()), data, re.M | re.S
        )
        if found is not None:
            out[name] = found.group()
    return out


def _told_to_neighbours(old: TranslationUnit | None, new: TranslationUnit | None) -> set[str]:
    """What the other files of a device look for in a file: its functions with external linkage whose text
    changes, and the members that it gives back, or not, by other calls than before."""
    was, now = _external(old), _external(new)
    bodies = {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}
    changed = changed_functions(old, new)
    released = (releases_of(unit, changed) if unit is not None else set() for unit in (old, new))
    return bodies.union(member.decode() for _, member in set.symmetric_difference(*released))


def _used(old: TranslationUnit | None, new: TranslationUnit | None) -> set[str]:
    """The names of which a file that defines QOM types may tell other files of its folder that define them:
    what its changed functions call, the types that it mentions on one side only, the parents of its types."""
    units = [unit for unit in (old, new) if unit is not None and b"TypeInfo" in unit.data]
    if not units:
        return set()
    changed = changed_functions(old, new)
    out = {
        name.decode()
        for unit in units
        for piece in unit.definitions.functions
        if piece.name in changed
        for name in _CALLED.findall(unit.data, piece.body, piece.span.end)
    }
    mentioned = ({*_CAMEL.findall(unit.data)} if unit is not None else set() for unit in (old, new))
    out.update(name.decode() for name in set.symmetric_difference(*mentioned))
    for unit in units:
        out.update(_word_of(row.parent) for row in type_rows(unit.path, unit.data))
    return out


def _external(unit: TranslationUnit | None) -> dict[str, bytes]:
    if unit is None:
        return {}
    return {
        piece.name: unit.text.of(piece.span)
        for piece in unit.definitions.functions
        if not unit.definitions.is_static(piece)
    }


class Dependents:
    """The files that a commit does not touch, and that mention a name about which it says something new."""

    def __init__(
        self, changed: ChangedNames, before: Program, after: Program, index: WordIndex, near: set[str]
    ) -> None:
        """The index holds both trees; `near` are the files that the commit touches."""
        self._changed = changed
        self._before, self._after = before, after
        self._names = dict(changed.files)
        _add_resting(self._names, changed, after, index)
        _add_derived(self._names, changed, after, index)
        self._defining = _defining(changed, after, index)
        self._reaching = index.reaching(changed.includes)
        self._visible: dict[str, frozenset[str]] = {}
        mentioning = index.mentioning((*self._names, *changed.of_folder))
        self.candidates = frozenset(
            path
            for path in (mentioning | self._reaching | self._defining) - near
            if is_core(path) and before.source.exists(path) and after.source.exists(path)
        )
        """The files that may be among them."""

    def holds(self, path: str) -> bool:
        """Whether a file mentions a changed name, and sees what the commit says of it."""
        if path not in self.candidates:
            return False
        if path in self._defining:
            return True
        changed = self._changed
        words = {word.decode() for word in _WORD.findall(self._after.source.read(path) or b"")}
        folder = path.rpartition("/")[0]
        if any(folder in changed.of_folder[name] for name in words & changed.of_folder.keys()):
            return True
        mentioned = words & self._names.keys()
        if any(not self._names[name] for name in mentioned):
            return True
        if path not in self._reaching:
            # Both trees include the same files then.
            reached = _reached(self._before, path) if mentioned else frozenset()
            return any(not self._names[name].isdisjoint(reached) for name in mentioned)
        was, now = (_reached(program, path) for program in (self._before, self._after))
        if any(not self._names[name].isdisjoint(was | now) for name in mentioned):
            return True
        return any(not words.isdisjoint(self._visible_in(header, header in was)) for header in was ^ now)

    def _visible_in(self, header: str, before: bool) -> frozenset[str]:
        """The names that a header declares in the one or the other tree."""
        if header not in self._visible:
            side = self._before if before else self._after
            self._visible[header] = frozenset(fact.name for fact in facts(side, header))
        return self._visible[header]


def _defining(changed: ChangedNames, program: Program, index: WordIndex) -> set[str]:
    """The files of a folder that define what a changed file of it uses: functions, QOM types with their
    ancestors, and types of the structs."""
    out: set[str] = set()
    level = changed.used
    seen: set[str] = set()
    while level:
        seen |= level.keys()
        following: dict[str, frozenset[str]] = {}
        for path in index.mentioning(level):
            folder = path.rpartition("/")[0]
            names = {name for name, folders in level.items() if folder in folders}
            data = program.source.read(path) if names and path.endswith(".c") else None
            if data is None or b"TypeInfo" not in data:
                continue
            declarations = program.environment.files.file(path)
            if any(declarations is not None and declarations.definition(name) for name in names):
                out.add(path)
            for row in type_rows(path, data):
                if row.struct("instance_size") in names:
                    out.add(path)
                if _word_of(row.name) in names:
                    out.add(path)
                    following[_word_of(row.parent)] = frozenset((folder,))
        level = {name: folders for name, folders in following.items() if name not in seen}
    return out


def _reached(program: Program, path: str) -> AbstractSet[str]:
    """The files that a file includes, which are not kept: hundreds of files are asked about."""
    files = program.environment.files
    reached = files.reached(path).keys()
    files.forget(path)
    return reached


def _add_resting(
    names: dict[str, frozenset[str]], changed: ChangedNames, program: Program, index: WordIndex
) -> None:
    """Add what headers declare by means of the names: macros whose bodies mention one of them, those that
    mention these, and functions with a type among their parameters or results."""
    new: AbstractSet[str] = names.keys() - changed.members
    types = changed.types
    for _ in range(_LEVELS):
        found: dict[str, frozenset[str]] = {}
        for path in index.mentioning(new):
            header = program.environment.files.file(path) if path.endswith(DECLARING) else None
            if header is None:
                continue
            for name in header.macros.keys() - names.keys():
                macro = header.macro(name)
                if macro is not None and not new.isdisjoint(_IDENTIFIER.findall(macro.body)):
                    found[name] = frozenset((path,))
            if any(name.encode() in header.data for name in types):
                for name in header.functions.keys() - names.keys():
                    signature = header.signature(name)
                    if signature is not None and not types.isdisjoint(_types_of(signature)):
                        found[name] = frozenset((path,))
        names.update(found)
        new, types = found.keys(), frozenset()
        if not new:
            return


def _add_derived(
    names: dict[str, frozenset[str]], changed: ChangedNames, program: Program, index: WordIndex
) -> None:
    """Add the QOM types that derive from one of the types, or from one whose objects are such structs,
    directly or not: they inherit what it does."""
    level = changed.qom_types | _allocating(changed.types - changed.qom_types, program, index)
    seen = set(level)
    while level:
        # A header may call a type by another name than its table.
        called = {name for name in names.keys() - seen if name.startswith("TYPE_")}
        parents = level | called
        seen |= called
        rows = _rows(index.mentioning(parents), program)
        level = frozenset(_word_of(row.name) for row in rows if _word_of(row.parent) in parents) - seen
        seen |= level
        names.update((name, frozenset()) for name in level)


def _allocating(structs: AbstractSet[str], program: Program, index: WordIndex) -> frozenset[str]:
    """The QOM types whose objects or classes are such structs."""
    return frozenset(
        _word_of(row.name)
        for row in _rows(index.mentioning(structs), program)
        if not structs.isdisjoint((row.struct("instance_size"), row.struct("class_size")))
    )


def _rows(paths: Iterable[str], program: Program) -> Iterator[TypeRow]:
    """The types that C files define."""
    for path in paths:
        data = program.source.read(path) if path.endswith(".c") else None
        if data is not None and b"TypeInfo" in data:
            yield from type_rows(path, data)


def _types_of(signature: Signature) -> list[str]:
    return _IDENTIFIER.findall(" ".join((signature.returns, *(param.type for param in signature.params))))
