# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptions that a file uses and another one defines."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import partial

from qerrlint.c.declarations.file import FileDeclarations
from qerrlint.c.lexis import occurrences
from qerrlint.model.environment import Environment
from qerrlint.model.lookups import Lookups
from qerrlint.qemu.vmstate.description import TYPE, Description, descriptions


def described_elsewhere(environment: Environment, name: str, from_path: str) -> Description | None:
    """The description of a name that a file only declares; None where it is not found.

    It is looked for in the folder of the file and in that of the header that declares it.
    """
    return environment.once(_Lookup).find(name, from_path)


class _Lookup:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._found: dict[tuple[str, str], tuple[tuple[Description, ...], Lookups]] = {}
        self._mentioned: dict[tuple[str, str], bool] = {}
        self._folders: dict[str, list[str]] | None = None

    def find(self, name: str, from_path: str) -> Description | None:
        """The description of a name as a file finds it, whoever has asked before."""
        asked = self._environment.asked
        asked.add(f"s:{name}")
        asked.add(f"reach:{from_path}")
        for folder in dict.fromkeys(self._homes(name, from_path)):
            for one in asked.recall(self._found, (name, folder), partial(self._defined, name, folder)):
                if one.path != from_path:
                    return one
        return None

    def _homes(self, name: str, from_path: str) -> Iterator[str]:
        """The folder of the file, and those of the headers that mention the name."""
        yield posixpath.dirname(from_path)
        for declarations in self._environment.types.reached(from_path):
            if declarations.path.endswith(".h") and self._mentions(declarations, name):
                yield posixpath.dirname(declarations.path).removeprefix("include/")

    def _mentions(self, declarations: FileDeclarations, name: str) -> bool:
        key = name, declarations.path
        if key not in self._mentioned:
            self._mentioned[key] = next(occurrences(declarations.data, name.encode()), None) is not None
        return self._mentioned[key]

    def _defined(self, name: str, folder: str) -> tuple[Description, ...]:
        """The descriptions of that name in the C files of a folder."""
        defined = rb"\b%s[ \t]+%s[ \t]*=" % (TYPE.encode(), re.escape(name.encode()))
        files = self._environment.files
        files.asked.search_folder(folder, defined)
        out = []
        for path in self._in_folder(folder):
            declarations = files.file(path) if files.contains(path, defined, (name.encode(),)) else None
            if declarations is not None:
                every = descriptions(self._environment, path, declarations.data)
                out += [one for one in every if one.variable == name][:1]
        return tuple(out)

    def _in_folder(self, folder: str) -> list[str]:
        if self._folders is None:
            self._folders = {}
            for path in self._environment.files.paths():
                if path.endswith(".c"):
                    self._folders.setdefault(posixpath.dirname(path), []).append(path)
        return self._folders.get(folder, [])
