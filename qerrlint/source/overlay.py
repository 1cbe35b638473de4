# SPDX-License-Identifier: GPL-2.0-or-later
"""OverlaySource: another source with some files replaced, added or removed in memory; it writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from qerrlint.source.empty import EmptySource
from qerrlint.source.source import Source, folders, git_blob_id


class OverlaySource(Source):
    """`base` with `changes` on top: path to its new bytes, or to None for a file that is gone.

    The overlay has no revision, even over a commit. Closing it closes the base. `links` are symbolic links
    that the changes make (True) or remove (False).
    """

    def __init__(
        self, base: Source, changes: Mapping[str, bytes | None], links: Mapping[str, bool] | None = None
    ) -> None:
        self.base = base
        self.changes = dict(changes)
        self.links = dict(links or {})
        self.root = base.root
        self.revision = None
        self._paths: tuple[str, ...] | None = None

    def read(self, path: str) -> bytes | None:
        """The changed bytes, else the base's."""
        if path in self.changes:
            return self.changes[path]
        return self.base.read(path)

    def exists(self, path: str) -> bool:
        """Whether the file is there after the changes."""
        if path in self.changes:
            return self.changes[path] is not None
        return self.base.exists(path)

    def paths(self) -> Sequence[str]:
        """All paths after the changes, sorted."""
        if self._paths is None:
            if all(self.changes[path] is not None and self.base.exists(path) for path in self.changes):
                self._paths = tuple(self.base.paths())
            else:
                left = (path for path in self.base.paths() if path not in self.changes)
                new = (path for path, data in self.changes.items() if data is not None)
                self._paths = tuple(sorted((*left, *new)))
        return self._paths

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Path and bytes of each file, in the order given; runs of unchanged files go to the base at once."""
        for changed, run in groupby(paths, self.changes.__contains__):
            if not changed:
                yield from self.base.read_many(run)
                continue
            for path in run:
                data = self.changes[path]
                if data is not None:
                    yield path, data

    def blob_id(self, path: str) -> str | None:
        """Git's id of the content after the changes."""
        if path in self.changes:
            data = self.changes[path]
            return None if data is None else git_blob_id(data)
        return self.base.blob_id(path)

    def known_id(self, path: str) -> str | None:
        """Git's id of the content after the changes where the base need not be read for it."""
        return self.blob_id(path) if path in self.changes else self.base.known_id(path)

    def size(self, path: str) -> int | None:
        """The size of a file after the changes, None when there is none."""
        if path in self.changes:
            data = self.changes[path]
            return None if data is None else len(data)
        return self.base.size(path)

    def link_above(self, path: str) -> str | None:
        """The symbolic link that the path lies beyond after the changes, None where there is none."""
        made = next((folder for folder in folders(path) if self.links.get(folder)), None)
        below = None if made is not None else self.base.link_above(path)
        return made if below is None or self.links.get(below) is False else below

    def containing(self, words: Sequence[str]) -> list[str]:
        """The C files in which one of the words stands: the base's unchanged ones, and changed ones."""
        old = {path for path in self.base.containing(words) if path not in self.changes}
        changed = OverlaySource(EmptySource(), self.changes)
        return sorted(old | set(Source.containing(changed, words)))

    def expect(self, words: Callable[[], Iterable[str]]) -> None:
        """As of the base."""
        self.base.expect(words)

    def close(self) -> None:
        """Close the base."""
        self.base.close()

    def released(self, path: str, word: str) -> bytes | None:
        """What the last release before the base has."""
        return self.base.released(path, word)
