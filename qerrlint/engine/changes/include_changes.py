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


class IncludeChanges:
    """The files that include, directly or not, others than before, or the same ones in another order."""

    def __init__(
        self,
        old: Mapping[str, FileFacts],
        new: Mapping[str, FileFacts],
        names: Callable[[str, bool], Names | None],
    ) -> None:
        """`names` gives what a file declares in the new state (True) or the old one; None if not known."""
        self._facts = old, new
        self._names = names
        self._known: dict[str, Names | None] = {}
        self._through: dict[str, tuple[Names, Mapping[int, str]]] = {}

    def through(self, path: str) -> tuple[Names, Mapping[int, str]]:
        """The numbers of `own:` of a file, of its `reach:`, and of that of each file that includes it; and
        all these files by the numbers of their `see:`."""
        if path not in self._through:
            name = path.rpartition("/")[2]
            including = self._including((path,)) if name in self._included else {path}
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
        before, after = self._graphs
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
        before, after = self._graphs
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
        return frozenset(name.rpartition("/")[2] for name in names)

    @cached_property
    def _graphs(self) -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]:
        """For each file of both states those that it includes itself, in order."""
        old, new = self._facts
        moved = {path.rpartition("/")[2] for path in old.keys() ^ new.keys()}
        after = {path: facts.includes for path, facts in new.items()}
        resolved = dict(_resolved(after, new))
        before: dict[str, tuple[str, ...]] = {}
        other: dict[str, tuple[str, ...]] = {}
        for path, facts in old.items():
            same = path in new and new[path].includes == facts.includes
            if same and (not moved or moved.isdisjoint(name.rpartition("/")[2] for name in facts.includes)):
                before[path] = resolved[path]
            else:
                other[path] = facts.includes
        before.update(_resolved(other, old))
        return before, resolved

    @cached_property
    def _reverse(self) -> Mapping[str, set[str]]:
        """For each file those that include it directly in either state."""
        table: dict[str, set[str]] = {}
        for graph in self._graphs:
            for path, included in graph.items():
                for one in included:
                    table.setdefault(one, set()).add(path)
        return table

    def _including(self, paths: Iterable[str]) -> set[str]:
        """The files that include one of these in either state, themselves among them."""
        waiting = list(paths)
        seen = set(waiting)
        while waiting:
            new = self._reverse.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        return seen


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
