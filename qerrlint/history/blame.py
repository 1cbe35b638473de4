# SPDX-License-Identifier: GPL-2.0-or-later
"""The commit that introduced a standing finding: it stands in the commit's tree, and not in the parent's.

The commits that touch the finding's file are looked at from the newest back, each on both sides; a finding
that persists is followed under the name, file and words that it had before. Where no such commit has
brought it in, a header, another file or a merge did: then the first-parent line is searched by halves, and
within a merge what it brought in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from qerrlint.engine.pool import run_tasks
from qerrlint.errors import QerrlintError
from qerrlint.history.delta import Item
from qerrlint.history.function_deltas import FunctionDeltas
from qerrlint.records import record
from qerrlint.source.commit_trees import Commit


@record(frozen=True, slots=True)
class Origin:
    """Where a finding comes from: the `commit` with its time and the first line of its message, the finding
    as it was there. `commit` is None where none is found, and `why` says then why."""

    item: Item
    commit: str | None = None
    time: int = 0
    subject: str = ""
    was: Item | None = None
    why: str = ""

    @property
    def fixes(self) -> str:
        """The line that a patch with a fix has; "" without a commit."""
        return f'Fixes: {self.commit[:12]} ("{self.subject}")' if self.commit is not None else ""


def origin(deltas: FunctionDeltas, rev: str, item: Item) -> Origin:
    """The commit that introduced a finding of the tree of `rev` (a commit's id). Raises InputError."""
    trees = deltas.trees
    current, at = item, rev
    seen: set[str] = set()
    while True:
        moved: Commit | None = None
        for commit in trees.touching(at, current.path):
            if commit.id in seen:
                continue
            seen.add(commit.id)
            before, introduced = _step(deltas, commit, current)
            if introduced:
                return _origin(deltas, item, commit.id, commit.time, current)
            if before is not None and before.path != current.path and not _is_rename(commit, before, current):
                current, moved = before, commit
                break
            current = before or current
        if moved is None or not moved.parents:
            break
        # A function that came from another file is not in the log of this one.
        at = moved.parents[0]
    return _by_halves(deltas, rev, item)


def _step(deltas: FunctionDeltas, commit: Commit, current: Item) -> tuple[Item | None, bool]:
    """The finding as it was before a commit, where it was told otherwise; and whether the commit introduced
    it."""
    changes = [change for change in commit.changes if change.new_path == current.path]
    if not changes:
        return None, False
    if not commit.parents:
        return None, deltas.has(commit.id, current)
    deltas.trees.files(commit.parents[0])
    delta = deltas.of(commit.parents[0], commit.id, changes, current.function)
    if any(found.key == current.key for found in (*delta.introduced, *delta.regained)):
        # It may have come from another file.
        everything = deltas.trees.changes(commit.parents[0], commit.id)
        if len(everything) > 1:
            delta = deltas.of(commit.parents[0], commit.id, everything, current.function)
    for old, new in delta.changed:
        if new.key == current.key:
            return old, False
    return None, any(found.key == current.key for found in delta.introduced)


def _is_rename(commit: Commit, before: Item, current: Item) -> bool:
    """Whether the log of the file goes on under the former path by itself."""
    return any((c.old_path, c.new_path) == (before.path, current.path) for c in commit.changes)


def _by_halves(deltas: FunctionDeltas, rev: str, item: Item) -> Origin:
    """The commit of the first-parent line from which on the finding stands, or one that it merged."""
    trees = deltas.trees
    line = trees.ids(("--first-parent", rev))
    if deltas.has(line[-1], item):
        return _origin(deltas, item, line[-1], 0, item)
    place = _first_that_lacks(deltas, line, item)
    found = line[place - 1]
    if place == 0:
        return Origin(item, why="its file alone does not show it: its callers decide")
    branch = trees.ids(("--topo-order", f"{line[place]}..{found}"))
    if len(branch) > 1:
        inner = _first_that_lacks(deltas, branch, item)
        chosen = branch[inner - 1] if inner else found
        parents = trees.ids(("--parents", "-1", chosen))
        if not any(deltas.has(parent, item) for parent in parents[1:]):
            found = chosen
    return _origin(deltas, item, found, 0, item)


def _first_that_lacks(deltas: FunctionDeltas, commits: Sequence[str], item: Item) -> int:
    """The number of the first of the commits, the newest first, that lacks the finding, where those
    before it have it and those after it do not; their number if all have it."""
    low, high = 0, len(commits)
    while low < high:
        middle = (low + high) // 2
        if deltas.has(commits[middle], item):
            low = middle + 1
        else:
            high = middle
    return low


def _origin(deltas: FunctionDeltas, item: Item, commit: str, time: int, was: Item) -> Origin:
    told, subject = deltas.trees.heading(commit)
    return Origin(item, commit, time or told, subject, was)


def origins(
    items: Sequence[Item],
    root: str,
    rev: str,
    rule_folders: Sequence[str],
    jobs: int,
    scheduler: str | None = None,
) -> Iterator[tuple[int, Origin]]:
    """The origin of each finding of the tree of `rev` with its number, as they come. Raises InputError
    where a worker process dies."""
    make = partial(FunctionDeltas, root, tuple(rule_folders))
    tasks = [(number, rev, item) for number, item in enumerate(items)]
    yield from run_tasks(_perform, make, tasks, jobs, scheduler)


def _perform(deltas: FunctionDeltas, task: tuple[int, str, Item]) -> tuple[int, Origin]:
    """One finding's origin; what goes wrong is told as why there is none."""
    number, rev, item = task
    try:
        return number, origin(deltas, rev, item)
    except QerrlintError as error:
        return number, Origin(item, why=str(error))
