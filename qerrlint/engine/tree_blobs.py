# SPDX-License-Identifier: GPL-2.0-or-later
"""TreeBlobs: a digest and the size of each file of a tree, read only where they are not known.

Git's object store has the digests. For a directory they are kept in the store beside what the system says of
the file (size, times of change, inode), as git's index does it; a file that was changed within the last
seconds is read again the next time, for its time would not tell another change.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from qerrlint.engine.cache_store import Store
from qerrlint.source.directory import DirectorySource, Stamp
from qerrlint.source.source import Source, git_blob_id

# What declarations, constants and schemas are read from, whoever includes it.
DECLARING = (".h", ".inc", ".json")
_FRESH_NS = 3_000_000_000
_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*", re.DOTALL)
# A function's head and its body, which stands between braces at column 0.
_BODY = re.compile(rb"^([A-Za-z_][^;{}=]*\)\s*\n)\{\n.*?^\}", re.DOTALL | re.MULTILINE)
_TELLS = re.compile(rb"Class\b|_CLASS\b|Info\b|VMState|VMSTATE|OBJECT_|\btype_")


@dataclass(frozen=True, slots=True)
class Outlines:
    """What the files of a tree declare, as a digest; and digests of the C files of each folder, for a device
    may keep the functions that undo its work in a file beside its own."""

    tree: str
    folders: Mapping[str, str]

    def of(self, path: str) -> str:
        """What a file may have been told of all others."""
        return f"{self.tree} {self.folders.get(path.rpartition('/')[0])}"


class TreeBlobs:
    """The digests of one tree's files in one run."""

    def __init__(self, source: Source, store: Store | None) -> None:
        self._source = source
        self._store = store
        self._known: dict[str, str] = {}
        self._outlines: dict[str, str] = {}
        self._stamps: dict[str, tuple[Stamp, str, str]] = {}
        self._name = ""
        if isinstance(source, DirectorySource) and store is not None:
            self._name = f"stamps of {source.root}"
            self._stamps = _unpacked(store.note(self._name))

    def of(self, paths: Iterable[str]) -> dict[str, str]:
        """The digest of each of the files; one that is not there has none. Raises InputError."""
        wanted = list(paths)
        unknown = [path for path in wanted if path not in self._known]
        if isinstance(self._source, DirectorySource):
            self._by_stamps(self._source, unknown)
        else:
            for path in unknown:
                digest = self._source.known_id(path) or self._source.blob_id(path)
                if digest is not None:
                    self._known[path] = digest
        return {path: self._known[path] for path in wanted if path in self._known}

    def _by_stamps(self, source: DirectorySource, paths: Iterable[str]) -> None:
        changed: dict[str, tuple[Stamp, str, str] | None] = {}
        for path in paths:
            now = time.time_ns()
            stamp = source.stamp(path)
            old = self._stamps.get(path)
            if stamp is not None and old is not None and old[0] == stamp:
                self._known[path], self._outlines[path] = old[1:]
                continue
            data = source.read(path)
            if data is None:
                changed[path] = None
                continue
            self._known[path] = digest = git_blob_id(data)
            self._outlines[path] = outlined = _outline(path, data)
            is_fresh = stamp is None or max(stamp[1], stamp[2]) > now - _FRESH_NS
            changed[path] = None if is_fresh or stamp is None else (stamp, digest, outlined)
        for path, entry in changed.items():
            if entry is None:
                self._stamps.pop(path, None)
            else:
                self._stamps[path] = entry
        if self._store is not None and any(changed.values()):
            self._store.add_note(self._name, _packed(self._stamps))

    @property
    def known(self) -> Mapping[str, str]:
        """The digests that have been asked for."""
        return self._known

    def scenes(self) -> tuple[str, str]:
        """Digests of what the results of files may be made from beside their own bytes: all files that
        declare, whoever includes them, and all C files as well. Raises InputError."""
        narrow = [path for path in self._source.paths() if path.endswith(DECLARING)]
        wide = [path for path in self._source.paths() if path.endswith(".c")]
        return self._scene(narrow), self._scene([*narrow, *wide])

    def outlines(self) -> Outlines:
        """Digests of what all files of the tree declare, by their outlines. Raises InputError.

        Of a tree out of git's objects, whose files would all have to be read for that, they are made of the
        files' digests.
        """
        paths = [path for path in self._source.paths() if path.endswith((*DECLARING, ".c"))]
        blobs = self.of(paths)
        outlines = blobs if not isinstance(self._source, DirectorySource) else self._outlines
        digest = hashlib.sha256()
        folders: dict[str, hashlib._Hash] = {}
        for path, blob in blobs.items():
            digest.update(f"{outlines.get(path)} {path}\0".encode("utf-8", "surrogateescape"))
            if path.endswith(".c"):
                folder = folders.setdefault(path.rpartition("/")[0], hashlib.sha256())
                folder.update(f"{blob} {path}\0".encode("utf-8", "surrogateescape"))
        return Outlines(
            digest.hexdigest()[:32], {name: one.hexdigest()[:16] for name, one in folders.items()}
        )

    def _scene(self, paths: Collection[str]) -> str:
        digest = hashlib.sha256()
        for path, blob in self.of(paths).items():
            digest.update(f"{blob} {path}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:32]


def _outline(path: str, data: bytes) -> str:
    """A digest of a file without comments and blanks, and of a .c file without the bodies of most functions.

    Functions of classes, and those with tables in them, stay: what a type is they tell.
    """
    text = _COMMENT.sub(b"", data)
    if path.endswith(".c"):
        text = _BODY.sub(_kept_body, text)
    return hashlib.blake2b(b"".join(text.split()), digest_size=9).hexdigest()


def _kept_body(found: re.Match[bytes]) -> bytes:
    text = found.group()
    return text if _TELLS.search(text) is not None else found.group(1)


def _packed(stamps: dict[str, tuple[Stamp, str, str]]) -> bytes:
    rows = [[path, *stamp, digest, outlined] for path, (stamp, digest, outlined) in stamps.items()]
    return zlib.compress(json.dumps(rows).encode(), 1)


def _unpacked(note: bytes | None) -> dict[str, tuple[Stamp, str, str]]:
    try:
        rows = json.loads(zlib.decompress(note)) if note else []
        return {
            path: ((size, mtime, ctime, node), digest, outlined)
            for path, size, mtime, ctime, node, digest, outlined in rows
        }
    except (ValueError, TypeError, zlib.error):
        return {}
