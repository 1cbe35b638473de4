# SPDX-License-Identifier: GPL-2.0-or-later
"""A history: the deltas of all steps, from the store or worked out in worker processes, put together in
order.

Planning: each process gets a part of the range, for what is known of a tree is nearly all that there is to
know of the next one. The results of each lot of a part are kept as soon as it is done, so a run that is
killed loses the lots that are under way. What comes out does not depend on the order in which lots are done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from qerrlint.engine.gc_tuning import give_back
from qerrlint.engine.pool import Workforce, run_tasks
from qerrlint.errors import QerrlintError
from qerrlint.history.delta import CommitDelta, Item
from qerrlint.history.kept_deltas import KeptDeltas, pair_of
from qerrlint.history.steps import Plan
from qerrlint.history.whole_deltas import Start, WholeDeltas
from qerrlint.records import record
from qerrlint.source.commit_trees import Commit

# The analysis of a whole tree costs as much as so many steps.
_PAYS = 500
# Steps whose results are kept together.
_LOT = 12


@record(frozen=True, slots=True)
class Event:
    """A finding that a commit introduced or fixed (`kind`); `release` is the one that the commit was made
    for."""

    kind: str
    commit: str
    time: int
    release: str
    item: Item


@record(frozen=True, slots=True)
class Point:
    """The findings that stand after a commit of the first-parent line, counted by family of rules."""

    commit: str
    time: int
    standing: Mapping[str, int]


@record(frozen=True, slots=True)
class History:
    """What the commits of a plan did. `start` and `end` are the findings that stand before and after; without
    an analysis of the tree at the start, `start` is None and the points count what was added since."""

    plan: Plan
    events: tuple[Event, ...]
    points: tuple[Point, ...]
    start: tuple[Item, ...] | None
    end: tuple[Item, ...]
    commits: int
    files: int
    faults: tuple[str, ...]


_Lot = Sequence[tuple[int, Commit]]


class Deltas:
    """The deltas of the steps of a plan, of which the store may have some. Leaving it ends its processes."""

    def __init__(
        self,
        plan: Plan,
        make: Callable[[], WholeDeltas],
        jobs: int,
        kept: KeptDeltas,
        scheduler: str | None = None,
    ) -> None:
        """Look up what the store has, and begin the processes for the rest: before much is held in this one,
        which they would begin with."""
        self._plan = plan
        self._make = make
        self._kept = kept
        self._scheduler = scheduler
        self._pairs = {number: pair_of(step.commit) for number, step in enumerate(plan.steps)}
        known = kept.find(set(self._pairs.values()))
        self._known = {number: known[pair] for number, pair in self._pairs.items() if pair in known}
        self._left = [number for number in self._pairs if number not in self._known]
        self._parts = min(jobs or os.cpu_count() or 1, len(self._left)) if scheduler is None else 0
        self._workforce = Workforce(_perform_or_begin, make, 1, self._parts) if self._parts > 1 else None

    def __enter__(self) -> Deltas:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._workforce is not None:
            self._workforce.close(kind is not None)

    def all(
        self, start: Start | None, analysed: Callable[[str], Start], progress: Callable[[int], None]
    ) -> dict[int, CommitDelta]:
        """The delta of each step by its number; `progress` is called with numbers of steps that are done.
        `start` has the outcomes of all files of the tree before the first step, `analysed` gives those of
        another tree; the workers of a cluster do without.

        Raises InputError where a worker process dies or the repository cannot be read.
        """
        done = dict(self._known)
        progress(len(done))
        for lot in self._performed(start, analysed):
            self._kept.keep((self._pairs[number], delta) for number, delta in lot)
            done.update(lot)
            progress(len(lot))
        return done

    def _performed(
        self, start: Start | None, analysed: Callable[[str], Start]
    ) -> Iterator[list[tuple[int, CommitDelta]]]:
        """The deltas that the store has not, lot by lot."""
        if self._scheduler is not None:
            yield from run_tasks(perform, self._make, self._lots(self._left), 1, self._scheduler)
            return
        bounds = [len(self._left) * number // max(self._parts, 1) for number in range(self._parts + 1)]
        parts = [self._left[one:other] for one, other in pairwise(bounds)]
        # A start is made when the parts before it are under way.
        begun = ((self._start_of(part, start, analysed), self._lots(part)) for part in parts)
        if self._workforce is not None:
            yield from self._workforce.map_parts([at, *lots] for at, lots in begun)
            return
        for at, lots in begun:
            deltas = self._make()
            deltas.begin(at)
            for lot in lots:
                yield perform(deltas, lot)

    def _start_of(
        self, part: Sequence[int], start: Start | None, analysed: Callable[[str], Start]
    ) -> Start | None:
        """What is known of the tree before a part: where many steps lie between and many follow, the tree
        is analysed."""
        if start is None or min(part[0], len(part)) < _PAYS:
            return start
        return analysed(self._plan.steps[part[0]].commit.parents[0])

    def _lots(self, numbers: Sequence[int]) -> list[_Lot]:
        steps = [(number, self._plan.steps[number].commit) for number in numbers]
        return [steps[at : at + _LOT] for at in range(0, len(steps), _LOT)]


def _perform_or_begin(deltas: WholeDeltas, task: _Lot | Start | None) -> list[tuple[int, CommitDelta]]:
    """The deltas of a lot, or none for the start."""
    if task is None or isinstance(task, Start):
        deltas.begin(task)
        return []
    return perform(deltas, task)


def perform(deltas: WholeDeltas, lot: _Lot) -> list[tuple[int, CommitDelta]]:
    """The deltas of some neighbouring commits; an error in one is recorded as its fault."""
    out = []
    for number, commit in lot:
        try:
            deltas.trees.files(commit.parents[0])
            deltas.trees.know(commit)
            delta = _of_merge(deltas, commit) if len(commit.parents) > 1 else _of(deltas, commit)
        except QerrlintError as error:
            delta = CommitDelta(faults=(str(error),))
        out.append((number, delta))
    # Objects that refer to each other would wait for long: the collector runs seldom.
    give_back()
    return out


def _of(deltas: WholeDeltas, commit: Commit) -> CommitDelta:
    return deltas.of(commit.parents[0], commit.id, commit.changes)


def _of_merge(deltas: WholeDeltas, commit: Commit) -> CommitDelta:
    """What a merge does by itself: what it introduces and fixes against each of its parents, in the files
    that differ from all of them."""
    paths = {path for change in commit.changes for path in (change.old_path, change.new_path)}
    sides = []
    for parent in commit.parents:
        changes = deltas.trees.changes(parent, commit.id)
        own = [change for change in changes if change.new_path in paths or change.old_path in paths]
        sides.append(deltas.of(parent, commit.id, own))
    introduced, fixed = (
        set.intersection(*({item.key for item in getattr(side, kind)} for side in sides))
        for kind in ("introduced", "fixed")
    )
    first = sides[0]
    return CommitDelta(
        tuple(item for item in first.introduced if item.key in introduced),
        tuple(item for item in first.fixed if item.key in fixed),
        files=sum(side.files for side in sides),
        faults=tuple(fault for side in sides for fault in side.faults),
    )


def history(
    plan: Plan,
    deltas: Mapping[int, CommitDelta],
    start: Iterable[Item] | None,
    shows: Callable[[Item], bool],
    family: Callable[[str], str],
) -> History:
    """The deltas in order. `shows` says which findings count, `family` to which family a rule belongs."""
    at_start = None if start is None else tuple(filter(shows, start))
    standing = {item.key: item for item in at_start or ()}
    counts: dict[str, int] = {}
    for item in standing.values():
        counts[family(item.rule)] = counts.get(family(item.rule), 0) + 1
    events: list[Event] = []
    points = []
    current = 0
    for number, step in enumerate(plan.steps):
        if step.line != current:
            points.append(_point(plan, current, counts))
            current = step.line
        place = plan.line[step.line]
        for kind, item in applied(standing, deltas[number], shows, start is not None):
            events.append(Event(kind, step.commit.id, step.commit.time, place.release, item))
            name = family(item.rule)
            counts[name] = counts.get(name, 0) + (1 if kind == "introduced" else -1)
    points.append(_point(plan, len(plan.line) - 1, counts))
    faults = [
        f"{plan.steps[n].commit.id[:12]}: {fault}" for n in sorted(deltas) for fault in deltas[n].faults
    ]
    end = tuple(sorted(standing.values(), key=lambda item: (item.path, item.line, item.rule)))
    files = sum(delta.files for delta in deltas.values())
    return History(plan, tuple(events), tuple(points), at_start, end, len(plan.steps), files, tuple(faults))


def _point(plan: Plan, number: int, counts: Mapping[str, int]) -> Point:
    return Point(plan.line[number].id, plan.line[number].time, dict(counts))


def applied(
    standing: dict[tuple[str, str], Item], delta: CommitDelta, shows: Callable[[Item], bool], whole: bool
) -> Iterator[tuple[str, Item]]:
    """Bring what stands up to date, and tell what was introduced and fixed of it. Only a history that knows
    the findings at its start (`whole`) can tell that something stood already."""
    pairs = [(old, new) for old, new in delta.changed if shows(old) or shows(new)]
    known = {old.key for old, _ in pairs if standing.pop(old.key, None) is not None}
    for item in filter(shows, delta.fixed):
        if standing.pop(item.key, None) is not None or not whole:
            yield "fixed", item
    for old, new in pairs:
        stood = old.key in known or (not whole and shows(old))
        if shows(new):
            standing[new.key] = new
        if stood != shows(new):
            yield ("introduced", new) if shows(new) else ("fixed", old)
    for item in filter(shows, (*delta.introduced, *delta.regained)):
        if item.key not in standing:
            standing[item.key] = item
            if whole or item not in delta.regained:
                yield "introduced", item
