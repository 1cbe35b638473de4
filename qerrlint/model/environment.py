# SPDX-License-Identifier: GPL-2.0-or-later
"""Environment: what the tree at hand, or else the bundled contracts, declare; it knows no function's body.

A Environment belongs to one tree at one revision; two of them (before and after a patch) may share a
DeclarationCache. How far it looks is its reach: "patch" (the file at hand only), "headers" (and what it
includes), "tree" (all).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from qerrlint.c.declarations.file import FileDeclarations, Macro, TypeName
from qerrlint.c.declarations.types import Declared, Signature, result_kind
from qerrlint.c.qapi import qapi_constants, qapi_names
from qerrlint.errors import UsageError
from qerrlint.model.contracts import AGES, NEWEST, Contracts, load_contracts
from qerrlint.model.include_graph import DeclarationCache, Files, Tree, generated_signature
from qerrlint.model.macroindex import MacroIndex

REACHES = ("patch", "headers", "tree")
_ERROR_H = "include/qapi/error.h"
_BLOCKER_H = "include/migration/blocker.h"
_MISC_H = "include/migration/misc.h"
_MIGRATION_JSON = "qapi/migration.json"
_MODES = re.compile(r"migrate_add_blocker_modes\s*\(\s*Error\s*\*\*\s*\w+\s*,\s*(\w+)")


class Environment:
    """Facts about names, as seen from a file of one tree."""

    def __init__(
        self,
        source: Tree | None,
        reach: str = "headers",
        contracts: Contracts | None = None,
        cache: DeclarationCache | None = None,
        age: str | None = None,
    ) -> None:
        """`source` may be None for reach "patch", where `age` (one of contracts.AGES) says what is not seen.

        Raises UsageError for an unknown reach.
        """
        if reach not in REACHES:
            raise UsageError(f"{reach}: no reach (known: {', '.join(REACHES)})")
        self.reach = reach
        self.api = contracts if contracts is not None else load_contracts()
        self.files = Files(source, reach != "patch", cache)
        self._macros = MacroIndex(self.files)
        self._signatures: dict[tuple[str, str], Signature | None] = {}
        self._types: dict[tuple[str, str], tuple[FileDeclarations, TypeName] | None] = {}
        self._pointers: dict[tuple[str, str], Signature | None] = {}
        self._qapi: dict[str, tuple[str, str]] | None = None
        self._age = age

    @property
    def age(self) -> str:
        """The age of the blocker API in this tree, one of contracts.AGES; the newest without a tree."""
        if self._age is None:
            self._age = self._find_age()
        return self._age

    def _find_age(self) -> str:
        if self.reach == "patch":
            return NEWEST
        data = self.files.read(_BLOCKER_H)
        if data is None:
            return NEWEST
        modes = _MODES.search(data.decode("latin-1"))
        if modes:
            return AGES[2] if modes[1] in ("unsigned", "uint32_t", "uint64_t", "int") else AGES[1]
        return AGES[1] if re.search(rb"Error\s*\*\*\s*reasonp", data) else AGES[0]

    def signature(self, name: str, from_path: str) -> Signature | None:
        """The signature of the function `name` as seen from a file, or None if nothing declares it.

        Looked for in the file itself, its includes, (reach "tree") the whole tree, among the names that QAPI
        generates, and in the bundled contracts.
        """
        key = (name, from_path)
        if key not in self._signatures:
            found = self.files.signature(name, from_path, self.reach == "tree")
            if found is None:
                found = self._generated(name) or self.api.contract(name, self.age)
            self._signatures[key] = found
        return self._signatures[key]

    def _generated(self, name: str) -> Signature | None:
        if name.startswith("qmp_"):
            words = name.removeprefix("qmp_")
            entry = self._schema().get(words) or self._schema().get(words.replace("_", "-"))
            return generated_signature(name, entry[0] if entry else None)
        if name.startswith("visit_type_"):
            visited = name.removeprefix("visit_type_")
            entry = self._schema().get(visited)
            # A visitor of a built-in type is declared in a header or has a contract; one of its lists is not.
            if entry is None and not visited[:1].isupper() and not visited.endswith("List"):
                return None
            start = self.files.file("include/qapi/visitor.h")
            visitor = start.signature("visit_start_struct") if start is not None else None
            returns = visitor.returns if visitor is not None else "bool"
            return generated_signature(name, entry[0] if entry else None, returns)
        return generated_signature(name, None)

    def _schema(self) -> dict[str, tuple[str, str]]:
        """(kind, path) of each name that the tree's QAPI schemas define; empty without a tree."""
        if self._qapi is None:
            self._qapi = {}
            if self.reach != "patch":
                for path in self.files.paths():
                    if path.endswith(".json") and path.startswith(
                        ("qapi/", "qga/qapi-schema", "storage-daemon/qapi/")
                    ):
                        data = self.files.read(path)
                        if data is not None:
                            for name, kind in qapi_names(data).kinds.items():
                                self._qapi.setdefault(name, (kind, path))
        return self._qapi

    def _reached(self, from_path: str) -> Iterator[FileDeclarations]:
        for path in self.files.reached(from_path):
            declarations = self.files.file(path)
            if declarations is not None:
                yield declarations

    def _type(self, name: str, from_path: str) -> tuple[FileDeclarations, TypeName] | None:
        """Where a typedef or tag is declared; a tag's declaration with a body goes before others."""
        key = (name, from_path)
        if key not in self._types:
            self._types[key] = self._find_type(name, from_path)
        return self._types[key]

    def _find_type(self, name: str, from_path: str) -> tuple[FileDeclarations, TypeName] | None:
        word = name.rsplit(maxsplit=1)[-1].encode("latin-1", "replace")
        for declarations in self._reached(from_path):
            # Types are scanned only in the files that hold the word at all.
            entry = declarations.types.get(name) if word in declarations.data else None
            if entry is not None:
                return declarations, entry
        if self.reach == "tree":
            self.files.index_all()
            for declarations in self.files.known():
                if declarations.path.endswith(".h") and word in declarations.data:
                    entry = declarations.types.get(name)
                    if entry is not None:
                        return declarations, entry
        return None

    def typedef(self, name: str, from_path: str) -> TypeName | None:
        """What a typedef name (or tag, "struct X") stands for, as seen from a file, or None.

        Types that QAPI generates have the kind enum or struct and no body.
        """
        found = self._type(name, from_path)
        if found is not None:
            return found[1]
        entry = self._schema().get(name.removesuffix("List"))
        if entry is not None and entry[0] not in ("command", "event"):
            kind = "enum" if entry[0] == "enum" and not name.endswith("List") else "struct"
            return TypeName(name, kind, f"{kind} {name}", None, -1)
        return self.api.type(name, self.age)

    def typedefs(self, from_path: str) -> Callable[[str], str | None]:
        """A lookup from a typedef's name to its canonical target text, for `result_kind`."""

        def target(name: str) -> str | None:
            entry = self.typedef(name, from_path)
            return entry.target if entry is not None else None

        return target

    def result_kind(self, signature: Signature, from_path: str) -> str:
        """`syntax.types.result_kind` with the typedefs that the file sees."""
        return result_kind(signature, self.typedefs(from_path))

    def members(self, struct: str, from_path: str) -> tuple[Declared, ...]:
        """The members of a struct or union, named by tag ("struct X") or typedef, in order; () if unknown."""
        name = struct
        for _ in range(8):
            found = self._type(name, from_path)
            if found is None:
                return ()
            declarations, entry = found
            if entry.body[0] >= 0:
                return tuple(declarations.members(entry))
            if entry.kind != "alias" or entry.target == name:
                return ()
            name = entry.target.rstrip(" *").removeprefix("const ")
        return ()

    def callback_signature(self, type_name: str, from_path: str) -> Signature | None:
        """The signature behind a typedef of a function or function pointer, or None."""
        for _ in range(8):
            entry = self.typedef(type_name, from_path)
            if entry is None:
                return None
            if entry.signature is not None:
                return entry.signature
            type_name = entry.target.rstrip(" *")
        return None

    def pointer_signature(self, member: str, from_path: str) -> Signature | None:
        """The signature of a function-pointer member of that name, whatever the struct.

        None unless all structs that the file sees agree on the number of parameters, out-error and result.
        """
        key = (member, from_path)
        if key not in self._pointers:
            self._pointers[key] = self._find_pointer(member, from_path)
        return self._pointers[key]

    def _find_pointer(self, member: str, from_path: str) -> Signature | None:
        word = member.encode("latin-1", "replace")
        first: Signature | None = None
        for declarations in self._reached(from_path):
            if word not in declarations.data:
                continue
            for declared in declarations.pointer_members(member):
                found = declared.signature
                if found is None and re.match(r"\w+\Z", declared.type.rstrip(" *")):
                    found = self.callback_signature(declared.type.rstrip(" *"), from_path)
                if found is None:
                    continue
                if first is None:
                    first = found
                elif (first.errp, first.returns, len(first.params)) != (
                    found.errp,
                    found.returns,
                    len(found.params),
                ):
                    return None
        return first

    def macro(self, name: str, from_path: str) -> Macro | None:
        """The #define of `name` that the file sees first (itself, then its includes), or None."""
        declarations = self._macros.defining(name, from_path)
        return declarations.macro(name) if declarations is not None else None

    def constant(self, name: str, from_path: str) -> int | None:
        """The value of an enumerator that the file sees, where it is plain; else None."""
        for declarations in self._reached(from_path):
            if name in declarations.constants:
                return declarations.constants[name]
        return None

    def own_constant(self, name: str, path: str) -> int | None:
        """The value of an enumerator that the file itself declares; else None."""
        declarations = self.files.file(path)
        return declarations.constants.get(name) if declarations is not None else None

    def enum_constants(self, name: str, from_path: str) -> tuple[tuple[str, int | None], ...]:
        """The constants of an enum (typedef name or tag) in order, values where plain; () if unknown."""
        current = name
        for _ in range(4):
            found = self._type(current, from_path) or self._type(f"enum {current}", from_path)
            if found is None:
                break
            if found[1].body[0] >= 0:
                return found[0].enumerators(found[1])
            current = found[1].target
        entry = self._schema().get(name)
        if entry is not None and entry[0] == "enum":
            return tuple(qapi_constants(self.files.read(entry[1]) or b"", name))
        return self.api.enumerators(name, self.age)

    def mig_modes(self) -> tuple[tuple[str, int], ...]:
        """The migration modes (C constant, value) without the count; () in a tree that has none."""
        data = self.files.read(_MIGRATION_JSON) if self.reach != "patch" else None
        constants: tuple[tuple[str, int | None], ...]
        if data is not None:
            constants = tuple(qapi_constants(data, "MigMode"))
        else:
            constants = self.api.enumerators("MigMode", self.age)
        return tuple((n, v) for n, v in constants if v is not None and not n.endswith("__MAX"))

    def mig_events(self) -> tuple[str, ...]:
        """The constants of MigrationEventType in order, without the count; () in a tree that has none."""
        declarations = self.files.file(_MISC_H) if self.reach != "patch" else None
        if declarations is not None:
            entry = declarations.types.get("enum MigrationEventType")
            constants = declarations.enumerators(entry) if entry is not None else ()
        else:
            constants = self.api.enumerators("MigrationEventType", self.age)
        return tuple(name for name, _ in constants if not name.endswith("_MAX"))

    def has_guard_macro(self) -> str | None:
        """ERRP_GUARD, or ERRP_AUTO_PROPAGATE where that is its name; None in a tree older than both."""
        declarations = self.files.file(_ERROR_H) if self.reach != "patch" else None
        if declarations is None:
            return "ERRP_GUARD"
        return next((n for n in ("ERRP_GUARD", "ERRP_AUTO_PROPAGATE") if n in declarations.macros), None)
