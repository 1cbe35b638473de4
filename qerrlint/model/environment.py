# SPDX-License-Identifier: GPL-2.0-or-later
"""Environment: what the tree at hand, or else the bundled contracts, declare; function bodies are not read.

An Environment belongs to one tree at one revision; two of them (before and after a patch) may share a
DeclarationCache. How far it looks is its reach: "patch" (the file at hand only), "headers" (and what it
includes), "tree" (all).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from qerrlint.c.declarations.file import FileDeclarations, Macro, TypeName
from qerrlint.c.declarations.types import Declared, Signature
from qerrlint.c.qapi import qapi_constants
from qerrlint.errors import UsageError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.contracts import AGES, NEWEST, load_contracts
from qerrlint.model.include_graph import DeclarationCache, Files, NameIndex, Tree
from qerrlint.model.lookups import LookupRecorder, Lookups
from qerrlint.model.qapi_schema import Schema
from qerrlint.model.types_in_scope import TypesInScope

T = TypeVar("T")
REACHES = ("patch", "headers", "tree")
_ERROR_H = "include/qapi/error.h"
_GUARDS = ("ERRP_GUARD", "ERRP_AUTO_PROPAGATE")
_BLOCKER_H = "include/migration/blocker.h"
_MISC_H = "include/migration/misc.h"
_MIGRATION_JSON = "qapi/migration.json"
_MODES = lazy_re(r"migrate_add_blocker_modes\s*\(\s*Error\s*\*\*\s*\w+\s*,\s*(\w+)")


class Environment:
    """Facts about names, as seen from a file of one tree."""

    def __init__(
        self,
        source: Tree | None,
        reach: str = "headers",
        cache: DeclarationCache | None = None,
        age: str | None = None,
    ) -> None:
        """`source` may be None for reach "patch", where `age` (one of contracts.AGES) says what is not seen.

        Raises UsageError for an unknown reach.
        """
        if reach not in REACHES:
            raise UsageError(f"{reach}: no reach (known: {', '.join(REACHES)})")
        self.reach = reach
        self.api = load_contracts()
        self.files = Files(source, reach != "patch", cache)
        self._macros = NameIndex(self.files, "m", lambda file: file.macros)
        self._constants = NameIndex(self.files, "e", lambda file: file.constants)
        # By the file that asks.
        self._signatures: dict[str, dict[str, tuple[Signature | None, Lookups]]] = {}
        self.schema = Schema(self.files, reach != "patch")
        self.types = TypesInScope(self.files, reach == "tree", self.schema, self.api, lambda: self.age)
        self._age = age
        self._remembered: dict[object, tuple[Any, Lookups]] = {}

    @property
    def asked(self) -> LookupRecorder:
        """Which facts are looked up."""
        return self.files.asked

    def once(self, compute: Callable[[Environment], T]) -> T:
        """compute(self), remembered: for facts of the tree that several files ask for."""
        return self.asked.recall(self._remembered, compute, lambda: compute(self))

    def forget(self, path: str) -> None:
        """Drop the answers to questions of one file, to free memory; asked again they are found anew."""
        self._signatures.pop(path, None)
        self.types.forget(path)
        self.files.forget(path)

    def close(self) -> None:
        """Drop all that was worked out; nothing must be asked afterwards."""
        self._remembered.clear()
        self.__dict__.clear()

    @property
    def age(self) -> str:
        """The age of the blocker API in this tree, one of contracts.AGES; the newest without a tree."""
        self.asked.add(f"file:{_BLOCKER_H}")
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

        def find() -> Signature | None:
            found = self.files.signature(name, from_path, self.reach == "tree")
            return found or self.schema.signature(name) or self.api.contract(name, self.age)

        return self.asked.recall(self._signatures.setdefault(from_path, {}), name, find)

    def typedef(self, name: str, from_path: str) -> TypeName | None:
        """What a typedef name or tag stands for (TypesInScope.typedef)."""
        return self.types.typedef(name, from_path)

    def typedefs(self, from_path: str) -> Callable[[str], str | None]:
        """A lookup from a typedef's name to its canonical target text, for `result_kind`."""
        return self.types.typedefs(from_path)

    def result_kind(self, signature: Signature, from_path: str) -> str:
        """`c.declarations.types.result_kind` with the typedefs that the file sees."""
        return self.types.result_kind(signature, from_path)

    def members(self, struct: str, from_path: str) -> tuple[Declared, ...]:
        """The members of a struct or union, named by tag ("struct X") or typedef, in order; () if unknown."""
        return self.types.members(struct, from_path)

    def member(self, struct: str, name: str, from_path: str) -> Declared | None:
        """A member of a struct or union, named by tag ("struct X") or typedef; the last one where several
        have the name, None where none has."""
        return self.types.member(struct, name, from_path)

    def callback_signature(self, type_name: str, from_path: str) -> Signature | None:
        """The signature behind a typedef of a function or function pointer, or None."""
        return self.types.callback_signature(type_name, from_path)

    def pointer_signature(self, member: str, from_path: str) -> Signature | None:
        """The signature of a function-pointer member of that name, whatever the struct."""
        return self.types.pointer_signature(member, from_path)

    def variable_type(self, name: str, from_path: str) -> str:
        """The type of a variable that the file or a header declares outside of functions; "" for none."""
        return self.types.variable_type(name, from_path)

    def is_list(self, type_text: str) -> bool:
        """Whether a C type is a pointer to a list that QAPI generates, of which NULL is the empty one."""
        return self.schema.is_list(type_text)

    def command_result(self, name: str) -> str:
        """The QAPI type of the object that the function of a QMP command has to return; "" for others."""
        return self.schema.command_result(name)

    def enum_constants(self, name: str, from_path: str) -> tuple[tuple[str, int | None], ...]:
        """The constants of an enum (typedef name or tag) in order, values where plain; () if unknown."""
        return self.types.enum_constants(name, from_path)

    def macro(self, name: str, from_path: str) -> Macro | None:
        """The #define of `name` that the file sees first (itself, then its includes), or None."""
        declarations = self._macros.declaring(name, from_path)
        return declarations.macro(name) if declarations is not None else None

    def constant(self, name: str, from_path: str) -> int | None:
        """The value of an enumerator that the file sees, where it is plain; else None."""
        declarations = self.declaring_constant(name, from_path)
        return declarations.constants[name] if declarations is not None else None

    def declaring_constant(self, name: str, from_path: str) -> FileDeclarations | None:
        """The file that declares an enumerator, of those that a file sees the first; None if none does."""
        return self._constants.declaring(name, from_path)

    def own_constant(self, name: str, path: str) -> int | None:
        """The value of an enumerator that the file itself declares; else None."""
        for key in (f"e:{name}", f"own:{path}"):
            self.asked.add(key)
        declarations = self.files.declared(path)
        return declarations.constants.get(name) if declarations is not None else None

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
        for key in (f"reach:{_ERROR_H}", *(f"m:{name}" for name in _GUARDS)):
            self.asked.add(key)
        declarations = self.files.declared(_ERROR_H) if self.reach != "patch" else None
        if declarations is None:
            return _GUARDS[0]
        return next((name for name in _GUARDS if name in declarations.macros), None)
