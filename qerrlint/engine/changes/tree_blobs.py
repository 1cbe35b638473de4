# SPDX-License-Identifier: GPL-2.0-or-later
"""TreeBlobs: a digest and the size of each file of a tree, read only where they are not known.

Git's object store has the digests. For a directory they are kept in the store beside what the system says of
the file (size, times of change, inode), as git's index does it; a file that was changed within the last
seconds is read again the next time, for its time would not tell another change.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from qerrlint.engine.changes.file_facts import FileFacts, facts_of
from qerrlint.engine.store.cache_store import Store
from qerrlint.errors import InputError
from qerrlint.source.directory import DirectorySource, Stamp
from qerrlint.source.source import Source, git_blob_id

if TYPE_CHECKING:
    from qerrlint.source.gitprocess import BlobReader

# What declarations, constants and schemas are read from, whatever file includes it.
DECLARING = (".h", ".inc", ".json", ".def", ".idef", ".hx", ".inl", ".list", ".xpm", "VERSION")
_FRESH_NS = 3_000_000_000


class TreeBlobs:
    """The digests of one tree's files in one run."""

    def __init__(self, source: Source, store: Store | None) -> None:
        self._source = source
        self._store = store
        self._known: dict[str, str] = {}
        self._facts: dict[str, FileFacts] = {}
        self._stamps: dict[str, tuple[Stamp, str]] = {}
        self._name = ""
        self._git: BlobReader | None = None
        self._has_no_git = False
        self.directory: str | None = None
        """The directory that the tree lies in; None for one out of git's objects."""
        if isinstance(source, DirectorySource) and store is not None:
            self.directory = source.root
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
        """Work out the digests of files of a directory; a file with the size and times of an earlier run is
        not read."""
        changed: dict[str, tuple[Stamp, str] | None] = {}
        for path in paths:
            now = time.time_ns()
            stamp = source.stamp(path)
            old = self._stamps.get(path)
            if stamp is not None and old is not None and old[0] == stamp:
                self._known[path] = old[1]
                continue
            data = source.read(path)
            if data is None:
                changed[path] = None
                continue
            self._known[path] = digest = git_blob_id(data)
            self._facts[path] = facts_of(path, digest, data)
            is_fresh = stamp is None or max(stamp[1], stamp[2]) > now - _FRESH_NS
            changed[path] = None if is_fresh or stamp is None else (stamp, digest)
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

    @property
    def paths(self) -> Sequence[str]:
        """All paths of the tree, sorted."""
        return self._source.paths()

    def tracked(self) -> Sequence[str]:
        """The files that results may be made from, sorted."""
        return [path for path in self._source.paths() if path.endswith((*DECLARING, ".c"))]

    def scenes(self) -> tuple[str, str]:
        """Digests of what the results of files may be made from beside their own bytes: all files that
        declare, whatever file includes them, and all C files as well. Raises InputError."""
        tracked = self.tracked()
        narrow = [path for path in tracked if path.endswith(DECLARING)]
        return self._scene(narrow), self._scene(tracked)

    def facts(self, old: Mapping[str, FileFacts]) -> dict[str, FileFacts]:
        """The facts of all tracked files; `old` are those of another state of the tree. Raises InputError."""
        out = {}
        for path, digest in self.of(self.tracked()).items():
            facts = old.get(path)
            if facts is None or facts.digest != digest:
                facts = self._facts.get(path) or facts_of(path, digest, self.text(path))
            out[path] = facts
        return out

    def text(self, path: str) -> bytes:
        """The bytes of a file, which have the digest that is known. Raises InputError where they have not."""
        data = self._source.read(path) or b""
        if git_blob_id(data) != self._known.get(path):
            raise InputError(f"{path} was changed while it was read")
        return data

    def in_git(self, digest: str) -> bytes | None:
        """The text of this digest, if the directory is a work tree whose repository has it."""
        if self.directory is None or self._has_no_git:
            return None
        if self._git is None:
            from qerrlint.source.gitprocess import BlobReader, Git

            self._git = BlobReader(Git(self.directory))
        try:
            data = self._git.read(digest)
        except InputError:  # no repository, or none that may be read
            self._has_no_git = True
            self._git.close()
            return None
        return data if data is not None and git_blob_id(data) == digest else None

    def _scene(self, paths: Collection[str]) -> str:
        digest = hashlib.sha256()
        for path, blob in self.of(paths).items():
            digest.update(f"{blob} {path}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:32]


def _packed(stamps: dict[str, tuple[Stamp, str]]) -> bytes:
    rows = [[path, *stamp, digest] for path, (stamp, digest) in stamps.items()]
    return zlib.compress(json.dumps(rows).encode(), 1)


def _unpacked(note: bytes | None) -> dict[str, tuple[Stamp, str]]:
    try:
        rows = json.loads(zlib.decompress(note)) if note else []
        return {path: ((size, mtime, ctime, node), digest) for path, size, mtime, ctime, node, digest in rows}
    except (ValueError, TypeError, zlib.error):
        return {}
