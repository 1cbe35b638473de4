# SPDX-License-Identifier: GPL-2.0-or-later
"""Source: the protocol by which other layers read a tree; it knows paths and bytes, not where they lie."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TypeVar

S = TypeVar("S", bound="Source")

C_SUFFIXES = (".c", ".h", ".c.inc", ".h.inc")
"""How the names of C files end in QEMU."""


def folders(path: str) -> Iterator[str]:
    """The directories on the way to a path, the outermost first."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def git_blob_id(data: bytes) -> str:
    """The id (40 hex digits) git gives a blob of this content in a SHA-1 repository."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class Source(ABC):
    """A tree of regular files; paths are relative to `root`, with `/`, odd bytes surrogate-escaped.

    Symbolic links and submodules are no part of it: they are neither listed nor read. `revision` is the
    commit id of a tree that git keeps, else None. A source is a context manager and opens what it needs
    at first use; it may be pickled, or used on both sides of a fork, but not by two threads.
    """

    root: str
    revision: str | None = None

    @abstractmethod
    def read(self, path: str) -> bytes | None:
        """The file's bytes; None when there is no such regular file."""

    @abstractmethod
    def paths(self) -> Sequence[str]:
        """All paths, sorted; listed once."""

    def exists(self, path: str) -> bool:
        """Whether there is a regular file of that path."""
        return self.read(path) is not None

    def present(self, paths: Sequence[str]) -> list[str]:
        """Those of the paths of which there are regular files."""
        return [path for path in paths if self.exists(path)]

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Path and bytes of each file that is there, in the order given."""
        for path in paths:
            data = self.read(path)
            if data is not None:
                yield path, data

    def link_above(self, path: str) -> str | None:
        """The symbolic link that the path lies beyond, None where no directory on the way is one."""
        return None

    def blob_id(self, path: str) -> str | None:
        """Git's id of the file's content, None when there is no such file."""
        data = self.read(path)
        return None if data is None else git_blob_id(data)

    def known_id(self, path: str) -> str | None:
        """Git's id of the file's content where that is known without reading it; None otherwise."""
        return None

    def size(self, path: str) -> int | None:
        """The size of a file in bytes, None when there is no such file."""
        data = self.read(path)
        return None if data is None else len(data)

    def containing(self, words: Sequence[str]) -> list[str]:
        """The C files in which one of the words stands, sorted."""
        import re

        sought = [word.encode() for word in words]
        pattern = re.compile(rb"\b(?:" + b"|".join(map(re.escape, sought)) + rb")\b")
        wanted = [path for path in self.paths() if path.endswith(C_SUFFIXES)]
        found = self.read_many(wanted)
        if len(sought) <= 4:
            # A plain search is five times as fast as the pattern, and rules out most files.
            found = ((path, data) for path, data in found if any(word in data for word in sought))
        return [path for path, data in found if pattern.search(data)]

    def expect(self, words: Callable[[], Iterable[str]]) -> None:  # noqa: B027 - most have no use for it
        """Say for which words containing() may be asked; a source that can search for several at once does.

        `words` is called when the first word is asked for.
        """

    def released(self, path: str, word: str) -> bytes | None:
        """What the last release before this tree has at `path`, or in another file with `word` in it.

        b"" where the release has neither; None where no history is at hand.
        """
        return None

    def close(self) -> None:  # noqa: B027 (most sources have nothing to close)
        """Let go of processes; the source opens them again when it is used after that."""

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
