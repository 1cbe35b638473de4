# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of which only the list of files, or the texts of some of them, are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


class ListedFiles:
    """A tree of which only the list of files is known."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._known = frozenset(paths)

    def read(self, path: str) -> bytes | None:
        """None: no content is known."""
        return None

    def paths(self) -> Sequence[str]:
        """All paths."""
        return self._paths

    def exists(self, path: str) -> bool:
        """Whether the path is in the list."""
        return path in self._known

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The files that can be read."""
        for path in paths:
            data = self.read(path)
            if data is not None:
                yield path, data

    def known_id(self, path: str) -> str | None:
        """None: no digest is known."""
        return None


class SomeTexts(ListedFiles):
    """A tree of some files, with other texts for some of them."""

    def __init__(
        self, paths: Sequence[str], texts: Mapping[str, bytes | None], read: Callable[[str], bytes | None]
    ) -> None:
        super().__init__(sorted(paths))
        self._texts = texts
        self._read = read

    def read(self, path: str) -> bytes | None:
        """The file's bytes."""
        return self._texts[path] if path in self._texts else self._read(path)
