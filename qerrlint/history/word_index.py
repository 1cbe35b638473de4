# SPDX-License-Identifier: GPL-2.0-or-later
"""WordIndex: which C files of a tree mention a name or include a header, for the trees of many commits.

It holds a checksum of each identifier with the file's number: some 20 MB for a tree of QEMU. Files are
added and never taken out, so it names files that may mention a name; the caller looks into them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping

from qerrlint.history.inverted_index import InvertedIndex
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.commit_trees import CommitTrees
from qerrlint.source.source import C_SUFFIXES

_WORD = lazy_re(rb"[A-Za-z_]\w{2,}")
_INCLUDE = lazy_re(rb'^[ \t]*#[ \t]*include[ \t]+"(?:[^"\n]*/)?([^"/\n]+)"', re.MULTILINE)


class WordIndex:
    """Candidates for files that mention a name."""

    def __init__(self, trees: CommitTrees) -> None:
        self._trees = trees
        self._known: dict[str, str] = {}
        self._words = InvertedIndex()
        self._including: dict[str, set[str]] = {}

    def add_tree(self, files: Mapping[str, str]) -> None:
        """Add the C files of a tree (path to blob) that are not in the index with these blobs."""
        new = [
            (path, blob)
            for path, blob in files.items()
            if self._known.get(path) != blob and path.endswith(C_SUFFIXES)
        ]
        earlier = {path: self._known[path] for path, _ in new if path in self._known}
        before = dict(zip(earlier, self._trees.blobs(earlier.values()), strict=True))
        blobs = self._trees.blobs(blob for _, blob in new)
        for (path, blob), data in zip(new, blobs, strict=True):
            self._known[path] = blob
            if data is not None:
                self._add(path, data, before.get(path) or b"")

    def _add(self, path: str, data: bytes, before: bytes) -> None:
        """Add the words of a file; those of its content `before` are in the index."""
        words = set(_WORD.findall(data)).difference(_WORD.findall(before))
        self._words.add(path, map(zlib.crc32, words))
        for included in _INCLUDE.findall(data):
            self._including.setdefault(included.decode("utf-8", "surrogateescape"), set()).add(path)

    @property
    def size(self) -> int:
        """The number of pairs of word and file that it holds."""
        return self._words.size

    def reaching(self, headers: Iterable[str]) -> set[str]:
        """The files that may include one of these, directly or not, told by the names of files alone."""
        found: set[str] = set()
        waiting = {header.rpartition("/")[2] for header in headers}
        seen: set[str] = set()
        while waiting:
            seen |= waiting
            new = {path for name in waiting for path in self._including.get(name, ())} - found
            found |= new
            waiting = {path.rpartition("/")[2] for path in new if not path.endswith(".c")} - seen
        return found

    def mentioning(self, names: Iterable[str]) -> set[str]:
        """The files that may mention one of the names."""
        return self._words.files(zlib.crc32(name.encode("utf-8", "surrogateescape")) for name in names)
