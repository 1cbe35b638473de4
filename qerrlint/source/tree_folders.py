# SPDX-License-Identifier: GPL-2.0-or-later
"""Folders of a QEMU tree that mean something to the analysis: rows of rules/folders.toml, with reasons."""

from __future__ import annotations

from functools import cache

from qerrlint.errors import UsageError
from qerrlint.source.bundled import read_table, rules_folder

_KEYS = {"about", "folders"}
_ROW_KEYS = {"path", "reason"}


@cache
def folders_named(name: str) -> tuple[str, ...]:
    """The folders of a list, each with a slash at its end.

    Raises KeyError for a name that is not in the file, UsageError naming the file and the list where the file
    is missing or a row has other keys than a path and a reason.
    """
    file = rules_folder() / "folders.toml"
    table = read_table(file, "lists of folders")[name]
    rows = table.get("folders", ())
    if table.keys() != _KEYS or any(row.keys() != _ROW_KEYS or not all(row.values()) for row in rows):
        raise UsageError(f"{file}: [{name}]: needs 'about' and 'folders', each with a 'path' and a 'reason'")
    return tuple(row["path"] for row in rows)


def is_core(path: str) -> bool:
    """Whether a file may be a part of the project's own device and core code."""
    return not path.startswith(folders_named("not-core"))


def is_of_devices(path: str) -> bool:
    """Whether a file lies where the models of devices and their headers do."""
    return path.startswith(folders_named("devices"))
