# SPDX-License-Identifier: GPL-2.0-or-later
"""The program as a part of each key in the store: its text and rules, the grammar, Python itself."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from qerrlint.source.bundled import program_folders

_OWN = (".py", ".toml", ".md", ".h")
# The packages that the front end reads C with.
_GRAMMAR = ("tree_sitter", "tree_sitter_c", "pycparser")


def program_key(rule_folders: Sequence[str], *more: str) -> str:
    """A digest of all that a result is made from beside the tree; `more` are settings that it depends on."""
    digest = hashlib.sha256("\0".join((sys.version, *more)).encode())
    for folder in map(Path, rule_folders):
        add_folder(digest, folder)
    for place in (*map(os.fspath, program_folders()), *chain(*map(_installed, _GRAMMAR))):
        digest.update(_digest_of_stamps(place))
    return digest.hexdigest()


def subject(program: str, *parts: str) -> str:
    """The key of what was analysed, such as a file by its path and digest, by a program."""
    digest = hashlib.sha256(program.encode())
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        digest.update(b"%d\0" % len(data) + data)
    return digest.hexdigest()[:40]


def scene_of(*parts: str) -> str:
    """A digest of what makes a scene."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _installed(package: str) -> Sequence[str]:
    """The folders of a package; it is not imported."""
    spec = find_spec(package)
    return tuple(spec.submodule_search_locations or ()) if spec is not None else ()


# One review asks for several keys; what a process runs is what it had when it began.
@cache
def _digest_of_stamps(folder: str) -> bytes:
    """A digest of what the system says of the files below a folder."""
    digest = hashlib.sha256()
    for stamp in sorted(_stamps(folder)):
        digest.update(f"{stamp}\0".encode("utf-8", "surrogateescape"))
    return digest.digest()


def _stamps(folder: str) -> Iterator[tuple[str, int, int, int, int]]:
    """The files below a folder with what the system says of them: another version has other times.

    Reading them all, or looking up versions in the metadata of packages, would take longer than the rest of
    a run in which nothing has changed.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _stamps(entry.path)
            else:
                status = entry.stat()
                yield entry.path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def add_folder(digest: hashlib._Hash, folder: Path) -> None:
    """Add the files of a folder that decide what is found; a folder that does not exist adds nothing."""
    for file in sorted(folder.rglob("*")):
        if file.suffix in _OWN and file.is_file():
            name = file.relative_to(folder).as_posix().encode("utf-8", "surrogateescape")
            data = file.read_bytes()
            digest.update(b"%d %d\0" % (len(name), len(data)) + name + data)
