# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptions that a file uses and another one defines."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

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
        self._found: dict[str, tuple[Description | None, Lookups]] = {}
        self._folders: dict[str, list[str]] | None = None

    def find(self, name: str, from_path: str) -> Description | None:
        """The description of a name, looked for once."""
        recall = self._environment.asked.recall
        return recall(self._found, name, lambda: self._find(name, from_path))

    def _find(self, name: str, from_path: str) -> Description | None:
        defined = rb"\b%s[ \t]+%s[ \t]*=" % (TYPE.encode(), re.escape(name.encode()))
        for path in self._candidates(name, from_path, defined):
            files = self._environment.files
            if not files.contains(path, defined, (name.encode(),)):
                continue
            declarations = files.file(path)
            assert declarations is not None
            for one in descriptions(self._environment, path, declarations.data):
                if one.variable == name:
                    return one
        return None

    def _candidates(self, name: str, from_path: str, defined: bytes) -> Iterator[str]:
        asked = self._environment.asked
        asked.add(f"s:{name}")
        asked.add(f"reach:{from_path}")
        word = name.encode()
        folders = [posixpath.dirname(from_path)]
        folders += [
            posixpath.dirname(declarations.path).removeprefix("include/")
            for declarations in self._environment.types.reached(from_path)
            if declarations.path.endswith(".h")
            and next(occurrences(declarations.data, word), None) is not None
        ]
        for folder in dict.fromkeys(folders):
            asked.search_folder(folder, defined)
            for path in self._in_folder(folder):
                if path != from_path:
                    yield path

    def _in_folder(self, folder: str) -> list[str]:
        if self._folders is None:
            self._folders = {}
            for path in self._environment.files.paths():
                if path.endswith(".c"):
                    self._folders.setdefault(posixpath.dirname(path), []).append(path)
        return self._folders.get(folder, [])
