# SPDX-License-Identifier: GPL-2.0-or-later
"""What files include in two states of a tree, and which names they see otherwise for that."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from qerrlint.engine.changes.file_facts import FileFacts, number_of
from qerrlint.engine.changes.listed_files import ListedFiles
from qerrlint.engine.changes.tree_blobs import DECLARING
from qerrlint.model.include_graph import Files

Names = frozenset[int]
"""The numbers of the keys of names (engine.changes.file_facts.number_of)."""


class IncludeGraph:
    """Which files of a tree include which ones, by themselves."""

    def __init__(
        self, included: Mapping[str, tuple[str, ...]], including: Mapping[str, frozenset[str]]
    ) -> None:
        self.included = included
        """For each file those that it includes, in order."""
        self.including = including
        """For each file that is included those that do so."""

    @classmethod
    def of(cls, facts: Mapping[str, FileFacts]) -> IncludeGraph:
        """The graph of a tree whose files have these facts."""
        included = dict(_resolved({path: one.includes for path, one in facts.items()}, facts))
        including: dict[str, set[str]] = {}
        for path, names in included.items():
            for name in names:
                including.setdefault(name, set()).add(path)
        return cls(included, {name: frozenset(paths) for name, paths in including.items()})

    def moved(self, old: Mapping[str, FileFacts], new: Mapping[str, FileFacts]) -> IncludeGraph:
        """The graph of another tree; `old` are the facts of the files of this one. It is this one, where no
        file comes, goes, or includes something else."""
        come_or_gone = {_name(path) for path in old.keys() ^ new.keys()}
        left = {
            path: facts.includes
            for path, facts in new.items()
            if path not in old
            or (old[path].includes is not facts.includes and old[path].includes != facts.includes)
            or (come_or_gone and not come_or_gone.isdisjoint(map(_name, facts.includes)))
        }
        gone = [path for path in old if path not in new]
        if not left and not gone:
            return self
        included, including = dict(self.included), dict(self.including)
        for path in gone:
            for name in included.pop(path):
                including[name] -= {path}
        for path, names in _resolved(left, new):
            for name in included.get(path, ()):
                including[name] -= {path}
            included[path] = names
            for name in names:
                including[name] = including.get(name, frozenset()) | {path}
        return IncludeGraph(included, including)


class IncludeChanges:
    """The files that include, directly or not, others than before, or the same ones in another order."""

    def __init__(
        self,
        old: Mapping[str, FileFacts],
        new: Mapping[str, FileFacts],
        names: Callable[[str, bool], Names | None],
        graph: IncludeGraph | None = None,
    ) -> None:
        """`names` gives what a file declares in the new state (True) or the old one; None if not known.
        `graph` is that of the old state, where it is known already."""
        self._facts = old, new
        self._graph = graph
        self._names = names
        self._known: dict[str, Names | None] = {}
        self._through: dict[str, tuple[Names, Mapping[int, str]]] = {}

    def through(self, path: str) -> tuple[Names, Mapping[int, str]]:
        """The numbers of `own:` of a file, of its `reach:`, and of that of each file that includes it; and
        all these files by the numbers of their `see:`."""
        if path not in self._through:
            including = self._including((path,)) if _name(path) in self._included else {path}
            keys = [f"own:{path}", *(f"reach:{one}" for one in including)]
            seen = {number_of(f"see:{one}"): one for one in including}
            self._through[path] = frozenset(map(number_of, keys)), seen
        return self._through[path]

    @cached_property
    def affected(self) -> Mapping[int, Sequence[str]]:
        """The files that may include others than before, by the numbers of their `reach:` and `see:`."""
        old, new = self._facts
        if {*old} == {*new} and all(old[path].includes == facts.includes for path, facts in new.items()):
            return {}
        before, after = (graph.included for graph in self.graphs)
        changed = [path for path in {**old, **new} if before.get(path) != after.get(path)]
        out: dict[int, list[str]] = {}
        for path in self._including(changed):
            for kind in ("reach", "see"):
                out.setdefault(number_of(f"{kind}:{path}"), []).append(path)
        return out

    def seen_otherwise(self, path: str) -> Names | None:
        """The names that one of the affected files may see declared otherwise; None for all."""
        if path not in self._known:
            self._known[path] = self._find(path)
        return self._known[path]

    def _find(self, path: str) -> Names | None:
        before, after = (graph.included for graph in self.graphs)
        if path not in before or path not in after:
            return None
        one, two = _reached(before, path), _reached(after, path)
        out: set[int] = set()
        for state, names in ((False, one.keys() - two.keys()), (True, two.keys() - one.keys())):
            for name in names:
                found = self._names(name, state) if name.endswith(DECLARING) else None
                if found is None:
                    return None
                out |= found
        both = [name for name in one if name in two]
        for place in displaced([two[name] for name in both]):
            found = self._disputed(both, place, two)
            if found is None:
                return None
            out |= found
        return frozenset(out)

    def _disputed(self, both: Sequence[str], place: int, ranks: Mapping[str, int]) -> Names | None:
        """The names that one of the files that both states include declares, and another one that comes
        after it in only one of them; None for all."""
        moved = both[place]
        own = self._names(moved, True)
        rest: set[int] = set()
        for at, name in enumerate(both):
            if (at < place) != (ranks[name] < ranks[moved]):
                found = self._names(name, True)
                if found is None or own is None:
                    return None
                rest |= own & found
        return frozenset(rest)

    @cached_property
    def _included(self) -> frozenset[str]:
        """The names of the files that are included at all, without their folders."""
        names = (name for state in self._facts for facts in state.values() for name in facts.includes)
        return frozenset(map(_name, names))

    @cached_property
    def graphs(self) -> tuple[IncludeGraph, IncludeGraph]:
        """The graphs of both states."""
        old, new = self._facts
        before = self._graph or IncludeGraph.of(old)
        return before, before.moved(old, new)

    def _including(self, paths: Iterable[str]) -> set[str]:
        """The files that include one of these in either state, themselves among them."""
        waiting = list(paths)
        seen = set(waiting)
        while waiting:
            one = waiting.pop()
            for graph in self.graphs:
                new = graph.including.get(one, frozenset()) - seen
                seen |= new
                waiting += new
        return seen


def _name(path: str) -> str:
    """A file's name without its folders."""
    return path.rpartition("/")[2]


def _resolved(
    includes: Mapping[str, Sequence[str]], paths: Collection[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """For each file those of the tree of these paths that its lines name."""
    files = Files(ListedFiles(sorted(paths)), True)
    for path, names in includes.items():
        found = (files.resolve(name, path) for name in names)
        yield path, tuple(one for one in found if one is not None)


def _reached(graph: Mapping[str, Sequence[str]], path: str) -> dict[str, int]:
    """As model.include_graph.Files.reached(), by a table."""
    ranks = {path: 0}
    level = [path]
    while level:
        following = []
        for one in level:
            for included in graph.get(one, ()):
                if included not in ranks:
                    ranks[included] = len(ranks)
                    following.append(included)
        level = following
    return ranks


def displaced(numbers: Sequence[int]) -> Collection[int]:
    """The places of numbers without which the sequence rises, as few as possible."""
    ends: list[int] = []
    places: list[int] = []
    previous: list[int] = []
    for place, number in enumerate(numbers):
        at = bisect_left(ends, number)
        previous.append(places[at - 1] if at else -1)
        if at == len(ends):
            ends.append(number)
            places.append(place)
        else:
            ends[at] = number
            places[at] = place
    kept = set()
    place = places[-1] if places else -1
    while place >= 0:
        kept.add(place)
        place = previous[place]
    return [place for place in range(len(numbers)) if place not in kept]
