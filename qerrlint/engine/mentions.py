# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files mention a name, and which files are asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from qerrlint.source.source import Source
from qerrlint.source.tree_folders import is_core


class Mentions:
    """Which files mention a name: by what the analysis of all files has seen (`uses`), or by a search."""

    def __init__(self, source: Source, uses: Mapping[str, Iterable[str]] | None = None) -> None:
        self._source = source
        self._known: dict[str, Sequence[str]] = {}
        self._whole = uses is not None
        index: dict[str, list[str]] = defaultdict(list)
        for path, names in (uses or {}).items():
            for name in names:
                index[name].append(path)
        self._known.update(index)

    @property
    def is_index(self) -> bool:
        """Whether nothing has to be searched for."""
        return self._whole

    def __call__(self, name: str) -> Sequence[str]:
        """The paths of the core files that mention the name, sorted."""
        if name not in self._known:
            found = () if self._whole else self._source.containing([name])
            self._known[name] = [path for path in found if is_core(path)]
        return self._known[name]
