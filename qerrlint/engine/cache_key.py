# SPDX-License-Identifier: GPL-2.0-or-later
"""The key of a file's result in `check`: a digest of all that the result is made from.

With headers in reach a file's result is made from its own bytes, from what it includes, from the QAPI schemas
and from this program with its rules. Which headers a file includes is not asked: a change of any header or
schema gives every file another key, and so does one of a .c file that a header includes.
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
_OWN = (".py", ".toml", ".md", ".h")


class CacheKeys:
    """The keys of one tree's files in one run; None for a file that includes a file of an unusual name."""

    def __init__(self, source: Source, reach: str, rule_folders: Sequence[str], measure: bool) -> None:
        self._shared: bytes | None = None
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
        return digest.hexdigest()


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
