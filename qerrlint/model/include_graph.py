# SPDX-License-Identifier: GPL-2.0-or-later
"""The include graph of one tree: what each file declares and includes, with indexes of functions and macros.

It follows QEMU's build in where a header is looked for. Headers that the build generates are not there; what
QAPI generates is told by model.qapi_schema.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from qerrlint.c.declarations.file import FileDeclarations
from qerrlint.c.declarations.types import Signature
from qerrlint.model.lookups import EVERYTHING, LookupRecorder
from qerrlint.source.source import git_blob_id
from qerrlint.source.tree_folders import is_core

T = TypeVar("T")


class Tree(Protocol):
    """What of a Source is needed here."""

    def read(self, path: str) -> bytes | None:
        """The file's bytes, or None."""

    def paths(self) -> Sequence[str]:
        """All paths, sorted."""

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Path and bytes of those of the files that are there."""

    def known_id(self, path: str) -> str | None:
        """Git's id of the file's content where that is known without reading it; None otherwise."""


class DeclarationCache:
    """The declarations of files by path and content; two trees that share it scan each content once."""

    __slots__ = ("_known", "of_content", "size")

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], FileDeclarations] = {}
        self.of_content: dict[Callable[[bytes], Any], dict[str, Any]] = {}
        """What functions have found in contents, by git's ids of these (Files.of_every_source())."""
        self.size = 0
        """The bytes of all files that are held."""

    def get(self, path: str, digest: str) -> FileDeclarations | None:
        """The declarations of a file of this content, if they are known."""
        return self._known.get((path, digest))

    def add(self, declarations: FileDeclarations, digest: str) -> None:
        """Remember what was scanned."""
        self._known[declarations.path, digest] = declarations
        self.size += len(declarations.data)


_SUFFIXES = (".c", ".h", ".c.inc", ".h.inc")
_ARCHES = (
    *("alpha", "arm", "avr", "cris", "hexagon", "hppa", "i386", "loongarch", "m68k", "microblaze", "mips"),
    *("nios2", "openrisc", "ppc", "riscv", "rx", "s390x", "sh4", "sparc", "tricore", "xtensa"),
)
_ARCH_FOLDERS = ("target", "hw", "linux-user", "bsd-user", "tcg")


def is_own(system: bool, name: str) -> bool:
    """Whether an #include may name a file of the tree: to 2016 headers of devices stood in brackets, too."""
    return not system or name.startswith("hw/")


class Files:
    """The files of one tree with their declarations, made when asked for."""

    def __init__(self, tree: Tree | None, follow: bool, cache: DeclarationCache | None = None) -> None:
        """`follow`: whether includes are followed (without a tree they are not)."""
        self._tree = tree
        self._follow = follow
        self._cache = cache if cache is not None else DeclarationCache()
        self.asked = LookupRecorder()
        self.digests: dict[str, str] = {}
        """Git's id of the content of each file that has been read."""
        self.type_names: Mapping[str, Sequence[str]] | None = None
        """For each C file but headers, sorted by path, the names of the types in its tables, where somebody
        knows them."""
        self._files: dict[str, FileDeclarations | None] = {}
        self._where: dict[str, list[str]] = {}
        self._registered: set[str] = set()
        self._resolved: dict[tuple[str, str], str | None] = {}
        self._direct: dict[str, tuple[str, ...]] = {}
        self._reached: dict[str, dict[str, int]] = {}
        self._whole = False

    def file(self, path: str) -> FileDeclarations | None:
        """The declarations of one file, or None if the tree has no such file; all of it counts as read."""
        self.asked.add(f"file:{path}")
        return self.declared(path)

    def declared(self, path: str) -> FileDeclarations | None:
        """As file(), for one who says what he looks up in it."""
        if path not in self._files:
            self._load((path,))
        return self._files[path]

    def read(self, path: str) -> bytes | None:
        """The bytes of any file of the tree."""
        self.asked.add(f"file:{path}")
        return self.bytes_of(path)

    def bytes_of(self, path: str) -> bytes | None:
        """As read(), for one who says what he looks up in it."""
        data = self._tree.read(path) if self._tree is not None else None
        if data is not None:
            self.digests[path] = git_blob_id(data)
        return data

    def contains(self, path: str, pattern: bytes, words: Collection[bytes] = ()) -> bool:
        """Whether a regular expression is found in the bytes of a file; False where there is no such file.

        `words`: each match holds one of these, which are quicker to look for.
        """
        declarations = self.declared(path)
        data = declarations.data if declarations is not None else b""
        possible = not words or any(word in data for word in words)
        found = declarations is not None and possible and re.search(pattern, data) is not None
        self.asked.search(path, pattern, found)
        return found

    def paths(self) -> Sequence[str]:
        """All paths of the tree, sorted; none without a tree. The caller says what it looks for."""
        return self._tree.paths() if self._tree is not None else ()

    def _load(self, paths: Iterable[str]) -> None:
        tree = self._tree
        missing: list[str] = []
        for path in paths:
            if path in self._files:
                continue
            self._files[path] = None
            digest = tree.known_id(path) if tree is not None else None
            known = self._cache.get(path, digest) if digest is not None else None
            if known is None or digest is None:
                missing.append(path)
            else:
                self._files[path], self.digests[path] = known, digest
        if tree is not None and missing:
            for path, data in tree.read_many(missing):
                # The digest of these bytes, whatever the tree holds a moment later.
                digest = self.digests[path] = tree.known_id(path) or git_blob_id(data)
                known = self._cache.get(path, digest)
                if known is None:
                    known = FileDeclarations(path, data)
                    self._cache.add(known, digest)
                self._files[path] = known

    def _register(self, path: str) -> None:
        """Enter the functions that a file declares into the index of names."""
        declarations = self._files.get(path)
        if path in self._registered or declarations is None:
            return
        self._registered.add(path)
        where = self._where
        for table in (declarations.functions, declarations.casts):
            for name in table:
                if name in where:
                    where[name].append(path)
                else:
                    where[name] = [path]

    def reached(self, path: str) -> dict[str, int]:
        """The files that `path` includes, itself and all levels, each with its rank (0 is itself)."""
        self.asked.add(f"reach:{path}")
        return self.seen(path)

    def seen(self, path: str) -> dict[str, int]:
        """As reached(), for one who says which name is looked up in them."""
        known = self._reached.get(path)
        if known is not None:
            return known
        ranks: dict[str, int] = {path: 0}
        level: list[str] = [path]
        while level:
            self._load(level)
            following: list[str] = []
            for one in level:
                self._register(one)
                if not self._follow:
                    continue
                for included in self._includes(one):
                    if included not in ranks:
                        ranks[included] = len(ranks)
                        following.append(included)
            level = following
        self._reached[path] = ranks
        return ranks

    def forget(self, path: str) -> None:
        """Drop what a file includes on all levels, to free its memory."""
        self._reached.pop(path, None)

    def _includes(self, path: str) -> tuple[str, ...]:
        known = self._direct.get(path)
        if known is None:
            declarations = self._files.get(path)
            found = []
            for system, name in declarations.includes if declarations is not None else ():
                resolved = self.resolve(name, path) if is_own(system, name) else None
                if resolved is not None:
                    found.append(resolved)
            known = self._direct[path] = tuple(found)
        return known

    def resolve(self, name: str, from_path: str) -> str | None:
        """The file that ``#include "name"`` in `from_path` means, or None (generated, or of the system)."""
        folder = posixpath.dirname(from_path)
        key = (name, folder)
        if key not in self._resolved:
            self._resolved[key] = self._look_for(name, folder)
        return self._resolved[key]

    def _look_for(self, name: str, folder: str) -> str | None:
        if self._tree is None:
            return None
        parts = folder.split("/")
        places = [folder, "include", ""]
        if len(parts) > 1 and parts[0] in _ARCH_FOLDERS:
            places += [f"target/{parts[1]}", f"{parts[0]}/{parts[1]}"]
        places += ["host/include/generic", "linux-user/include"]
        places += ["/".join(parts[:depth]) for depth in range(len(parts) - 1, 0, -1)]
        for place in places:
            candidate = posixpath.normpath(posixpath.join(place, name))
            if not candidate.startswith(("..", "/")) and self._tree.exists(candidate):
                return candidate
        if "/" in name:
            return None
        # A device outside target/ may be built for one target only, which puts target/<arch> on its path.
        found = [path for arch in _ARCHES if self._tree.exists(path := f"target/{arch}/{name}")]
        return found[0] if len(found) == 1 else None

    def index_all(self) -> None:
        """Scan the whole core of the tree (not tests, documentation and the like); done once."""
        self.asked.add(EVERYTHING)
        if self._whole or self._tree is None:
            return
        self._whole = True
        core = [path for path in self._tree.paths() if path.endswith(_SUFFIXES) and is_core(path)]
        self._load(core)
        for path in core:
            self._register(path)

    def every_source(self) -> Iterator[tuple[str, bytes]]:
        """Path and bytes of every C file of the core but headers."""
        self.asked.add(EVERYTHING)
        if self._tree is not None:
            yield from self._tree.read_many(self._sources())

    def _sources(self) -> list[str]:
        return [path for path in self.paths() if path.endswith((".c", ".c.inc")) and is_core(path)]

    def of_every_source(self, compute: Callable[[bytes], T]) -> Iterator[tuple[str, T]]:
        """Path and compute(bytes) of every C file of the core but headers.

        Trees that share their declarations compute it once for each content. The caller itself records what
        it looks up.
        """
        if self._tree is None:
            return
        known: dict[str, T] = self._cache.of_content.setdefault(compute, {})
        digests = {path: self._tree.known_id(path) for path in self._sources()}
        missing = [path for path, digest in digests.items() if digest is None or digest not in known]
        read: dict[str, T] = {}
        for path, data in self._tree.read_many(missing):
            found = read[path] = compute(data)
            digest = digests[path]
            if digest is not None:
                known[digest] = found
        for path, digest in digests.items():
            if path in read:
                yield path, read[path]
            elif digest is not None and digest in known:
                yield path, known[digest]

    def known(self) -> Iterator[FileDeclarations]:
        """The files registered so far, in the order of their paths."""
        for path in sorted(self._registered):
            declarations = self._files[path]
            if declarations is not None:
                yield declarations

    def defining_file(self, name: str) -> str | None:
        """The one .c file of the tree that defines a function with external linkage; None where several
        do (one for each target) or none."""
        self.index_all()
        found = []
        for path in self._where.get(name, ()):
            declarations = self._files[path]
            if not path.endswith(".c") or declarations is None or declarations.definition(name) is None:
                continue
            signature = declarations.signature(name)
            if signature is not None and not signature.static:
                found.append(path)
        return found[0] if len(found) == 1 else None

    def signature(self, name: str, from_path: str, whole: bool) -> Signature | None:
        """A function's signature as seen from a file: its own, its includes' by rank, then the tree's.

        The tree's only if `whole`. Static functions of other .c files are not seen. Of declarations that the
        file does not include, one in a header goes first, then one in the nearest folder.
        """
        self.asked.see(f"f:{name}", from_path)
        ranks = self.seen(from_path)
        found = self._first(
            name, sorted((p for p in self._where.get(name, ()) if p in ranks), key=ranks.__getitem__)
        )
        if found is not None or not whole:
            return found
        self.index_all()
        folder = posixpath.dirname(from_path)

        def distance(path: str) -> tuple[bool, int, str]:
            return not path.endswith(".h"), -len(posixpath.commonpath((folder, path))) if folder else 0, path

        others = sorted((p for p in self._where.get(name, ()) if p not in ranks), key=distance)
        return self._first(name, others, static=False)

    def _first(self, name: str, paths: Iterable[str], static: bool = True) -> Signature | None:
        for path in paths:
            declarations = self._files[path]
            found = declarations.signature(name) if declarations is not None else None
            if found is not None and (static or not found.static or path.endswith(".h")):
                return found
        return None


class NameIndex:
    """What the headers at hand declare of one kind, by name; a header is entered when the first file that
    asks reaches it."""

    def __init__(
        self, files: Files, kind: str, table: Callable[[FileDeclarations], Mapping[str, object]]
    ) -> None:
        """`table` gives the names that a file declares, `kind` is that of their keys (model.lookups)."""
        self._files = files
        self._kind = kind
        self._table = table
        self._where: dict[str, list[str]] = {}
        self._entered: set[str] = set()
        self._made: set[str] = set()
        self._complete_for: set[str] = set()

    def declaring(self, name: str, from_path: str) -> FileDeclarations | None:
        """The file that declares a name, of those that `from_path` sees the first; None if none does."""
        self._files.asked.see(f"{self._kind}:{name}", from_path)
        own = self._files.declared(from_path)
        if own is not None and self._declares(own, name):
            return own
        reached = self._files.seen(from_path)
        if from_path not in self._complete_for:
            self._complete_for.add(from_path)
            for path in reached:
                # The file itself was asked above; others rarely include it.
                if path != from_path and path not in self._entered:
                    self._enter(path)
        where = self._where.get(name)
        if where is None:
            return None
        held = [path for path in where if path in reached]
        return self._files.declared(min(held, key=reached.__getitem__)) if held else None

    def _declares(self, file: FileDeclarations, name: str) -> bool:
        """Whether a file declares a name; its table is made only where the file holds the word at all."""
        if file.path not in self._made:
            if name.rpartition(" ")[2].encode("latin-1", "replace") not in file.data:
                return False
            self._made.add(file.path)
        return name in self._table(file)

    def _enter(self, path: str) -> None:
        self._entered.add(path)
        header = self._files.declared(path)
        for name in self._table(header) if header is not None else ():
            self._where.setdefault(name, []).append(path)
