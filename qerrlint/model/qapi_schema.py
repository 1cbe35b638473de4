# SPDX-License-Identifier: GPL-2.0-or-later
"""The QAPI schema of a tree: the names that it defines, the signatures of functions generated from it."""

from __future__ import annotations

import re
from functools import cached_property

from qerrlint.c.declarations.types import Param, Signature
from qerrlint.c.qapi import qapi_constants, qapi_names
from qerrlint.model.include_graph import Files

# Where the schemas of the system emulator, the guest agent and the storage daemon lie.
_SCHEMAS = ("qapi/", "qga/qapi-schema", "storage-daemon/qapi/")
_VISITOR_H = "include/qapi/visitor.h"
_VISIT = re.compile(r"visit_type_(\w+?)(_members)?\Z")
_ERRP = Param("errp", "Error **")


class Schema:
    """The names that the schemas of a tree define."""

    def __init__(self, files: Files, has_tree: bool) -> None:
        """`has_tree`: False where there is no tree to read a schema from."""
        self._files = files
        self._has_tree = has_tree

    def kind(self, name: str) -> str | None:
        """enum, struct, union, alternate, command or event; None for a name that no schema defines."""
        entry = self._names.get(name)
        return entry[0] if entry is not None else None

    def constants(self, name: str) -> tuple[tuple[str, int], ...]:
        """The C constants of an enum with their values, the count last; () for any other name."""
        kind, path = self._names.get(name, ("", ""))
        return tuple(qapi_constants(self._files.read(path) or b"", name)) if kind == "enum" else ()

    @cached_property
    def _names(self) -> dict[str, tuple[str, str]]:
        """(kind, path) of each name."""
        found: dict[str, tuple[str, str]] = {}
        for path in self._files.paths() if self._has_tree else ():
            if path.endswith(".json") and path.startswith(_SCHEMAS):
                data = self._files.read(path)
                for name, kind in qapi_names(data).kinds.items() if data is not None else ():
                    found.setdefault(name, (kind, path))
        return found

    def signature(self, name: str) -> Signature | None:
        """The signature of a function that is generated from the schemas, or None."""
        if name.startswith("qmp_"):
            words = name.removeprefix("qmp_")
            return generated_signature(name, self.kind(words) or self.kind(words.replace("_", "-")))
        if name.startswith("visit_type_"):
            visited = name.removeprefix("visit_type_")
            kind = self.kind(visited)
            # A visitor of a built-in type is declared in a header or has a contract; one of its lists is not.
            if kind is None and not visited[:1].isupper() and not visited.endswith("List"):
                return None
            return generated_signature(name, kind, self._visitors_return)
        return generated_signature(name, None)

    @cached_property
    def _visitors_return(self) -> str:
        start = self._files.file(_VISITOR_H)
        visitor = start.signature("visit_start_struct") if start is not None else None
        return visitor.returns if visitor is not None else "bool"


def generated_signature(name: str, qapi_kind: str | None, visitors_return: str = "bool") -> Signature | None:
    """The signature of a function that QAPI generates, told by its name, or None.

    `qapi_kind` is what the schema says of the name behind the prefix (None if nothing); a qmp_ function must
    be a command there. The parameters of commands and events are not worked out: such a signature is
    variadic, and a command's `errp` is -1, the last argument. `visitors_return` is "void"
    before QEMU 5.1.
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
    if name.startswith("qmp_") and qapi_kind == "command":
        return Signature(name, None, (_ERRP,), "unknown", True, -1)
    return None
