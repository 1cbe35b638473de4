# SPDX-License-Identifier: GPL-2.0-or-later
"""The QAPI schema of a tree: the names that it defines, the signatures of functions generated from it."""

from __future__ import annotations

import re
from functools import cached_property

from qerrlint.c.declarations.types import Param, Signature
from qerrlint.c.qapi import (
    QapiCommand,
    QapiMember,
    c_name,
    qapi_command,
    qapi_constants,
    qapi_members,
    qapi_names,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.include_graph import Files

# Where the schemas of the system emulator (at the top before 2.12), the guest agent and the daemons lie.
SCHEMAS = ("qapi/", "qapi-schema.json", "qga/qapi-schema", "storage-daemon/qapi/")
_VISITOR_H = "include/qapi/visitor.h"
# Built-in types of QAPI and their C types (docs/devel/qapi-code-gen.rst).
_BUILT_IN = {
    "str": "char *",
    "number": "double",
    "int": "int64_t",
    "size": "uint64_t",
    "bool": "bool",
    "null": "QNull *",
    "any": "QObject *",
    "QType": "QType",
    **{f"{sign}int{width}": f"{sign}int{width}_t" for sign in ("", "u") for width in (8, 16, 32, 64)},
}
_LIST = lazy_re(r"(\w+)List \*\Z")
# Structs have bases at most this deep.
_LONGEST_BASES = 8
_VISIT = lazy_re(r"visit_type_(\w+?)(_members)?\Z")
_ERRP = Param("errp", "Error **")


class Schema:
    """The names that the schemas of a tree define."""

    def __init__(self, files: Files, has_tree: bool) -> None:
        """`has_tree`: False where there is no tree to read a schema from."""
        self._files = files
        self._has_tree = has_tree
        self._texts: dict[str, bytes] = {}

    def kind(self, name: str) -> str | None:
        """enum, struct, union, alternate, command or event; None for a name that no schema defines."""
        self._files.asked.add(f"q:{name}")
        entry = self._names.get(name)
        return entry[0] if entry is not None else None

    def constants(self, name: str) -> tuple[tuple[str, int], ...]:
        """The C constants of an enum with their values, the count last; () for any other name."""
        self._files.asked.add(f"q:{name}")
        kind, path = self._names.get(name, ("", ""))
        return tuple(qapi_constants(self._text(path), name)) if kind == "enum" else ()

    def members(self, name: str) -> tuple[str, tuple[QapiMember, ...]] | None:
        """The base of a struct ("": none) and its own members; None for any other name."""
        self._files.asked.add(f"q:{name}")
        kind, path = self._names.get(name, ("", ""))
        return qapi_members(self._text(path), name) if kind == "struct" else None

    @property
    def names(self) -> dict[str, tuple[str, str]]:
        """(kind, path) of each name that the schemas define."""
        return self._names

    def _text(self, path: str) -> bytes:
        """The bytes of a schema, read once."""
        if path not in self._texts:
            self._texts[path] = self._files.bytes_of(path) or b""
        return self._texts[path]

    @cached_property
    def _names(self) -> dict[str, tuple[str, str]]:
        """(kind, path) of each name."""
        found: dict[str, tuple[str, str]] = {}
        for path in self._files.paths() if self._has_tree else ():
            if path.endswith(".json") and path.startswith(SCHEMAS):
                for name, kind in qapi_names(self._text(path)).kinds.items():
                    found.setdefault(name, (kind, path))
        return found

    def signature(self, name: str) -> Signature | None:
        """The signature of a function that is generated from the schemas, or None."""
        self._files.asked.add(f"qs:{name}")
        if name.startswith("qmp_"):
            self._files.asked.add("file:VERSION")
            return self._command_signature(name)
        if name.startswith("visit_type_"):
            self._files.asked.add(f"file:{_VISITOR_H}")
            visited = name.removeprefix("visit_type_")
            kind = self.kind(visited)
            # A visitor of a built-in type is declared in a header or has a contract; one of its lists is not.
            if kind is None and not visited[:1].isupper() and not visited.endswith("List"):
                return None
            return generated_signature(name, kind, self._visitors_return)
        return generated_signature(name, None)

    def is_list(self, type_text: str) -> bool:
        """Whether a C type is a pointer to a generated list, of which NULL is the empty one."""
        found = _LIST.match(type_text)
        return found is not None and (found[1] in _BUILT_IN or self.kind(found[1]) is not None)

    def command_result(self, name: str) -> str:
        """The struct, union or alternate that the function qmp_x() of a command has to return; "" for others.

        The code that QAPI generates visits the object wherever no Error is set, so NULL is no answer.
        """
        signature = self.signature(name) if name.startswith("qmp_") else None
        returned = signature.returns.removesuffix(" *") if signature is not None else ""
        return returned if self.kind(returned) in ("struct", "union", "alternate") else ""

    @cached_property
    def _commands(self) -> dict[str, str]:
        """The names of all commands, by their names in C."""
        return {c_name(name): name for name, (kind, _) in self._names.items() if kind == "command"}

    def _command_signature(self, function: str) -> Signature | None:
        """The prototype of qmp_x() for the command x, of qmp_marshal_x() for its marshaller."""
        words = function.removeprefix("qmp_")
        name = self._commands.get(words)
        if name is None:
            marshalled = self._commands.get(words.removeprefix("marshal_"))
            return _marshaller(function) if marshalled is not None else None
        command = qapi_command(self._text(self._names[name][1]), name)
        if command is None or not command.generated:
            return None
        returns = self._c_type(command.returns) if command.returns else "void"
        params = self._parameters(command)
        if params is None:
            return Signature(function, None, (_ERRP,), returns, True, -1)
        return Signature(function, None, (*params, _ERRP), returns, False, len(params))

    def _parameters(self, command: QapiCommand) -> list[Param] | None:
        """The parameters of a command's function before errp; None where the schema leaves them open."""
        given = command.arguments
        if not command.sure:
            return None
        if isinstance(given, str):
            if command.boxed:
                return [Param("arg", f"{given} *")]
            members = self._members_of(given)
            if members is None:
                return None
            given = members
        out: list[Param] = []
        for member in given:
            kind = self._c_type(member.type, is_parameter=True)
            if member.optional and (self._every_optional_has or not kind.endswith("*") or self.is_list(kind)):
                out.append(Param(f"has_{c_name(member.name)}", "bool"))
            out.append(Param(c_name(member.name), kind))
        return out

    def _members_of(self, struct: str) -> tuple[QapiMember, ...] | None:
        """The members of a struct, those of its bases first; None where they cannot be told."""
        out: tuple[QapiMember, ...] = ()
        for _ in range(_LONGEST_BASES):
            found = self.members(struct)
            if found is None:
                return None
            struct, members = found
            out = (*members, *out)
            if not struct:
                return out
        return None

    def _c_type(self, name: str, is_parameter: bool = False) -> str:
        """The C type of a value; strings are const where they are handed over."""
        if name in _BUILT_IN:
            return f"const {_BUILT_IN[name]}" if is_parameter and name == "str" else _BUILT_IN[name]
        return name if self.kind(name) == "enum" else f"{name} *"

    @cached_property
    def _every_optional_has(self) -> bool:
        """Whether each optional argument has a bool has_x; since 8.0 pointers other than lists have none."""
        found = re.match(rb"(\d{1,3})\.", self._files.bytes_of("VERSION") or b"")
        return found is not None and int(found[1]) < 8

    @cached_property
    def _visitors_return(self) -> str:
        start = self._files.declared(_VISITOR_H)
        visitor = start.signature("visit_start_struct") if start is not None else None
        return visitor.returns if visitor is not None else "bool"


def generated_signature(name: str, qapi_kind: str | None, visitors_return: str = "bool") -> Signature | None:
    """The signature of a function that QAPI generates, told by its name, or None.

    `qapi_kind` is what the schema says of the name behind the prefix (None if nothing). The parameters of
    events are not worked out: such a signature is variadic. `visitors_return` is "void" before QEMU 5.1.
    """
    if name.startswith("qapi_event_send_"):
        return Signature(name, None, (), "void", True)
    if name.startswith("qapi_free_"):
        return Signature(name, None, (Param("obj", f"{name.removeprefix('qapi_free_')} *"),), "void")
    visit = _VISIT.match(name)
    if visit:
        pointer = " *" if visit[2] or qapi_kind == "enum" else " **"
        params = [Param("v", "Visitor *"), Param("obj", visit[1] + pointer), _ERRP]
        if not visit[2]:
            params.insert(1, Param("name", "const char *"))
        return Signature(name, None, tuple(params), visitors_return, False, len(params) - 1)
    return None


def _marshaller(name: str) -> Signature:
    """The signature of a function that takes a command's arguments from a dictionary."""
    params = (Param("args", "QDict *"), Param("ret", "QObject **"), _ERRP)
    return Signature(name, None, params, "void", False, 2)
