# SPDX-License-Identifier: GPL-2.0-or-later
"""TypesInScope: typedefs, structs, enums and function pointers as seen from a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from qerrlint.c.declarations.file import FileDeclarations, TypeName
from qerrlint.c.declarations.types import Declared, Signature, parse_declared, result_kind
from qerrlint.model.contracts import Contracts
from qerrlint.model.include_graph import Files, NameIndex
from qerrlint.model.lookups import Lookups, member_of, whole_body
from qerrlint.model.qapi_schema import Schema

# Chains of typedefs are at most this long.
_LONGEST_CHAIN = 8


class TypesInScope:
    """The types that a file's declarations, those that it includes, the schemas and the contracts give."""

    def __init__(
        self, files: Files, whole: bool, schema: Schema, contracts: Contracts, age: Callable[[], str]
    ) -> None:
        """`whole`: headers that a file does not include count too; `age` gives the age of the contracts."""
        self._files = files
        self._whole = whole
        self._schema = schema
        self._contracts = contracts
        self._age = age
        self._index = NameIndex(files, "t", lambda file: file.types)
        # By the file that asks.
        self._types: dict[str, dict[str, tuple[FileDeclarations, TypeName] | None]] = {}
        self._pointers: dict[str, dict[str, tuple[Signature | None, Lookups]]] = {}

    def forget(self, path: str) -> None:
        """Drop the answers to questions of one file."""
        self._types.pop(path, None)
        self._pointers.pop(path, None)

    def reached(self, from_path: str) -> Iterator[FileDeclarations]:
        """The declarations of the files that a file includes, its own first; the caller says what of them
        counts as read."""
        self._files.reached(from_path)
        yield from self.seen(from_path)

    def seen(self, from_path: str) -> Iterator[FileDeclarations]:
        """As reached(), for one who says which name is looked up in them (LookupRecorder.see)."""
        for path in self._files.seen(from_path):
            declarations = self._files.declared(path)
            if declarations is not None:
                yield declarations

    def _type(self, name: str, from_path: str) -> tuple[FileDeclarations, TypeName] | None:
        """Where a typedef or tag is declared; a tag's declaration with a body goes before others."""
        self._files.asked.see(f"t:{name}", from_path)
        known = self._types.setdefault(from_path, {})
        if name not in known:
            known[name] = self._find_type(name, from_path)
        return known[name]

    def _find_type(self, name: str, from_path: str) -> tuple[FileDeclarations, TypeName] | None:
        declaring = self._index.declaring(name, from_path)
        if declaring is not None:
            return declaring, declaring.types[name]
        if self._whole:
            word = name.rsplit(maxsplit=1)[-1].encode("latin-1", "replace")
            self._files.index_all()
            for declarations in self._files.known():
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
        generated = self._schema.kind(name.removesuffix("List"))
        if generated is not None and generated not in ("command", "event"):
            kind = "enum" if generated == "enum" and not name.endswith("List") else "struct"
            return TypeName(name, kind, f"{kind} {name}", None, -1)
        return self._contracts.type(name, self._age())

    def typedefs(self, from_path: str) -> Callable[[str], str | None]:
        """A lookup from a typedef's name to its canonical target text, for `result_kind`."""

        def target(name: str) -> str | None:
            entry = self.typedef(name, from_path)
            return entry.target if entry is not None else None

        return target

    def result_kind(self, signature: Signature, from_path: str) -> str:
        """`c.declarations.types.result_kind` with the typedefs that the file sees."""
        return result_kind(signature, self.typedefs(from_path))

    def members(self, struct: str, from_path: str) -> tuple[Declared, ...]:
        """The members of a struct or union, named by tag ("struct X") or typedef, in order; () if unknown."""
        found = self.body(struct, from_path)
        if found is None:
            return ()
        self._files.asked.see(whole_body(found[1].name), from_path)
        return found[0].members(found[1])

    def member(self, struct: str, name: str, from_path: str) -> Declared | None:
        """A member of a struct or union, as of members(); the last one where several have the name."""
        found = self.body(struct, from_path)
        if found is None:
            return None
        self._files.asked.see(member_of(found[1].name, name), from_path)
        return found[0].member(found[1], name)

    def body(self, name: str, from_path: str) -> tuple[FileDeclarations, TypeName] | None:
        """The file and the entry with the body of a struct, union or enum; typedefs are followed."""
        for _ in range(_LONGEST_CHAIN):
            found = self._type(name, from_path)
            if found is None:
                return None
            entry = found[1]
            if entry.body[0] >= 0:
                return found
            if entry.kind != "alias" or entry.target == name:
                return None
            name = entry.target.rstrip(" *").removeprefix("const ")
        return None

    def callback_signature(self, type_name: str, from_path: str) -> Signature | None:
        """The signature behind a typedef of a function or function pointer, or None."""
        for _ in range(_LONGEST_CHAIN):
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
        known = self._pointers.setdefault(from_path, {})
        return self._files.asked.recall(known, member, lambda: self._find_pointer(member, from_path))

    def _find_pointer(self, member: str, from_path: str) -> Signature | None:
        word = member.encode("latin-1", "replace")
        first: Signature | None = None
        self._files.asked.see(f"s:{member}", from_path)
        for declarations in self.seen(from_path):
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

    def variable_type(self, name: str, from_path: str) -> str:
        """The type of a variable that the file or a header declares outside of functions; "" for none."""
        self._files.asked.see(f"s:{name}", from_path)
        found = (declared_type(file.data, name) for file in self.seen(from_path))
        return next(filter(None, found), "")

    def enum_constants(self, name: str, from_path: str) -> tuple[tuple[str, int | None], ...]:
        """The constants of an enum (typedef name or tag) in order, values where plain; () if unknown."""
        current = name
        for _ in range(4):
            found = self._type(current, from_path) or self._type(f"enum {current}", from_path)
            if found is None:
                break
            if found[1].body[0] >= 0:
                self._files.asked.see(whole_body(found[1].name), from_path)
                return found[0].enumerators(found[1])
            current = found[1].target
        if self._schema.kind(name) == "enum":
            return self._schema.constants(name)
        return self._contracts.enumerators(name, self._age())


def declared_type(data: bytes, name: str) -> str:
    """The type text of a variable that a text declares at column 0; "" if it declares none of that name."""
    word = name.encode("latin-1", "replace")
    if word not in data:
        return ""
    for found in re.finditer(rb"^[A-Za-z_][^;{}=\n]*\b%s\b[^;{}=]{0,400}(?:=|;)" % word, data, re.M):
        text = found.group()[:-1].decode("latin-1")
        if text.startswith(("return ", "typedef ", "goto ")):
            continue
        for declared in parse_declared(text):
            if declared.name == name and declared.kind != "function":
                return declared.type
    return ""
