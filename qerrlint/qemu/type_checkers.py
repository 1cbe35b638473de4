# SPDX-License-Identifier: GPL-2.0-or-later
"""Cast macros of QOM types: which struct FOO(), FOO_CLASS() and FOO_GET_CLASS() cast to, for which TYPE_FOO.

Read from OBJECT_DECLARE_*, DECLARE_* and the OBJECT_CHECK() macros of older trees (include/qom/object.h).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.environment import Environment
from qerrlint.records import record


@record(frozen=True, slots=True)
class Checker:
    """The casts of one type: `type` is the text of its name (TYPE_FOO), `prefix` that of the macros (FOO).

    `instance` and `klass` are the structs, "" where the declaration gives no cast to one.
    """

    type: str
    prefix: str
    instance: str
    klass: str


# What may stand before it on its line is asked afterwards.
_DECLARED = lazy_re(
    rb"DECLARE_(?:SIMPLE_TYPE|TYPE|CPU_TYPE|OBJ_CHECKERS|INSTANCE_CHECKER|CLASS_CHECKERS)"
    rb"(?=\s*\(([^()]{0,1000})\))"
)
_BEFORE = (b"", b"OBJECT_")
_CHECKS = (b"OBJECT_CHECK", b"OBJECT_CLASS_CHECK", b"OBJECT_GET_CLASS")
_CHECKED = lazy_re(
    rb"^[ \t]*#[ \t]*define[ \t]+(\w+)\((\w+)\)[ \t\\\n]*(OBJECT_CHECK|OBJECT_CLASS_CHECK|OBJECT_GET_CLASS)"
    rb"[ \t\\\n]*\([ \t\\\n]*(\w+)[ \t\\\n]*,[^,]*,[ \t\\\n]*(\w+)[ \t\\\n]*\)",
    re.M,
)


def checker_seen(environment: Environment, name: str, path: str) -> Checker | None:
    """The cast macros of a type that a file sees, by the text of the type (TYPE_FOO)."""
    environment.asked.see(f"k:{name}", path)
    return environment.once(_Seen).of(path).get(name)


class _Seen:
    """The cast macros of the files that were asked for, and those that these see."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._of_file: dict[str, tuple[Checker, ...]] = {}
        self._seen: dict[str, dict[str, Checker]] = {}

    def of(self, path: str) -> dict[str, Checker]:
        """The cast macros that a file sees, by type; the caller says which one it looks up."""
        if path not in self._seen:
            found: dict[str, Checker] = {}
            for declarations in self._environment.types.seen(path):
                if declarations.path not in self._of_file:
                    self._of_file[declarations.path] = tuple(checkers(declarations.data))
                for one in self._of_file[declarations.path]:
                    found.setdefault(one.type, one)
            self._seen = {path: found}
        return self._seen[path]


def checkers(data: bytes) -> Iterator[Checker]:
    """The cast macros that one file declares, those of one type as one."""
    if b"DECLARE_" not in data and b"OBJECT_CHECK" not in data and b"OBJECT_CLASS_CHECK" not in data:
        return
    merged: dict[str, list[str]] = {}
    for name, prefix, instance, klass in _each(data):
        entry = merged.setdefault(name, [prefix, "", ""])
        entry[1] = entry[1] or instance
        entry[2] = entry[2] or klass
    for name, (prefix, instance, klass) in merged.items():
        yield Checker(name, prefix, instance, klass)


def _each(data: bytes) -> Iterator[tuple[str, str, str, str]]:
    for found in _DECLARED.finditer(data):
        before = data[data.rfind(b"\n", 0, found.start()) + 1 : found.start()].lstrip(b" \t")
        if before not in _BEFORE:
            continue
        kind = (before + found[0]).decode("latin-1")
        given = [word.strip() for word in found[1].decode("latin-1").split(",")]
        if kind in ("OBJECT_DECLARE_TYPE", "OBJECT_DECLARE_CPU_TYPE") and len(given) >= 3:
            yield f"TYPE_{given[2]}", given[2], given[0], given[1]
        elif kind == "OBJECT_DECLARE_SIMPLE_TYPE" and len(given) >= 2:
            yield f"TYPE_{given[1]}", given[1], given[0], ""
        elif kind == "DECLARE_OBJ_CHECKERS" and len(given) >= 4:
            yield given[3], given[2], given[0], given[1]
        elif kind == "DECLARE_INSTANCE_CHECKER" and len(given) >= 3:
            yield given[2], given[1], given[0], ""
        elif kind == "DECLARE_CLASS_CHECKERS" and len(given) >= 3:
            yield given[2], given[1], "", given[0]
    for found in _CHECKED.finditer(data) if any(word in data for word in _CHECKS) else ():
        macro, kind, struct, name = (found[n].decode("latin-1") for n in (1, 3, 4, 5))
        if kind == "OBJECT_CHECK":
            yield name, macro, struct, ""
        else:
            prefix = macro.removesuffix("_CLASS").removesuffix("_GET")
            yield name, prefix, "", struct
