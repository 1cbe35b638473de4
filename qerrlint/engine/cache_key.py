# SPDX-License-Identifier: GPL-2.0-or-later
"""The key of a file's result in `check`: a digest of all that the result is made from.

With headers in reach a file's result is made from its own bytes, from what it includes, from the QAPI schemas
and from this program with its rules. Which headers a file includes is not asked: a change of any header or
schema gives every file another key, and so does one of a .c file that a header includes. The result of a file
that defines types also rests on the types of the tree, and on the other files of its folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from qerrlint.source.bundled import program_folders
from qerrlint.source.source import Source

_INCLUDED = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*["<](?:[^">\n]*/)?([^">/\n]+)[">]', re.MULTILINE)
# What declarations, constants and schemas are read from, whoever includes it.
_READ = (".h", ".inc", ".json")
# What makes a file one that defines types, and what other files may want to know of these.
_DEVICE = (b"TypeInfo", b"OBJECT_DEFINE_")
_TYPES = re.compile(
    rb"TypeInfo\b[^;]*;|OBJECT_DEFINE_[^;]*;|->(?:hotpluggable|user_creatable|bus_type|realize|unrealize|exit)\s*=[^;]*;"
)
_OWN = (".py", ".toml", ".md", ".h")


class CacheKeys:
    """The keys of one tree's files in one run; None for a file that includes a file of an unusual name."""

    def __init__(self, source: Source, reach: str, rule_folders: Sequence[str], measure: bool) -> None:
        self._shared: bytes | None = None
        self._source = source
        self._types: bytes | None = None
        self._folders: dict[str, bytes] = {}
        if reach != "headers":
            return
        digest = hashlib.sha256(f"{reach} {measure}\0".encode())
        for folder in (*program_folders(), *map(Path, rule_folders)):
            add_folder(digest, folder)
        odd = set()
        for path, data in source.read_many(p for p in source.paths() if p.endswith(_READ)):
            _add(digest, path, data)
            odd |= _odd_includes(data)
        seen: set[str] = set()
        while odd - seen:
            names, seen = odd - seen, odd | seen
            for path, data in source.read_many(p for p in source.paths() if p.rpartition("/")[2] in names):
                _add(digest, path, data)
                odd |= _odd_includes(data)
        self._shared = digest.digest()

    def key(self, path: str, data: bytes) -> str | None:
        """The key of a file of these bytes."""
        if self._shared is None or _odd_includes(data):
            return None
        digest = hashlib.sha256(self._shared)
        _add(digest, path, data)
        if any(word in data for word in _DEVICE):
            digest.update(self._all_types())
            digest.update(self._folder(path.rpartition("/")[0]))
        return digest.hexdigest()

    def _all_types(self) -> bytes:
        """A digest of what the C files of the tree say of QOM types: a device inherits from others."""
        if self._types is None:
            digest = hashlib.sha256()
            for path, data in self._source.read_many(p for p in self._source.paths() if p.endswith(".c")):
                if any(word in data for word in _DEVICE):
                    _add(digest, path, b"".join(_TYPES.findall(data)))
            self._types = digest.digest()
        return self._types

    def _folder(self, folder: str) -> bytes:
        """A digest of the C files of a folder: one may give back what another's device takes."""
        if folder not in self._folders:
            digest = hashlib.sha256()
            inside = [
                p for p in self._source.paths() if p.endswith(".c") and p.rpartition("/")[0] == folder
            ]  # fmt: skip
            for path, data in self._source.read_many(inside):
                _add(digest, path, data)
            self._folders[folder] = digest.digest()
        return self._folders[folder]


def _odd_includes(data: bytes) -> set[str]:
    """The names of included files that do not look like a header."""
    names = {name.decode("utf-8", "surrogateescape") for name in _INCLUDED.findall(data)}
    return {name for name in names if not name.endswith(_READ)}


def _add(digest: hashlib._Hash, name: str, data: bytes) -> None:
    encoded = name.encode("utf-8", "surrogateescape")
    digest.update(b"%d %d\0" % (len(encoded), len(data)) + encoded + data)


def add_folder(digest: hashlib._Hash, folder: Path) -> None:
    """Add the files of a folder that decide what is found; a folder that does not exist adds nothing."""
    for file in sorted(folder.rglob("*")):
        if file.suffix in _OWN and file.is_file():
            _add(digest, file.relative_to(folder).as_posix(), file.read_bytes())
