# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of a history: which commits are compared with which, and when they came into the main line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from qerrlint.errors import InputError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.commit_trees import Commit, CommitTrees

_VERSION = lazy_re(r"(\d+)\.(\d+)\.(\d+)")
# The third number of a version that is under development (50) or a candidate (90 and more).
_DEVELOPMENT = 50
# The last minor number of a major version since 4.0: three releases a year.
_LAST_MINOR = 2
_VERSION_FILE = "VERSION"


@record(frozen=True, slots=True)
class Step:
    """A commit that is compared with its first parent (or, where commits are left out, with the one before).

    `line` is the number of the commit of the first-parent line that brought it in.
    """

    commit: Commit
    line: int


@record(frozen=True, slots=True)
class LineCommit:
    """A commit of the first-parent line: `release` is the one that it was made for, such as "9.2"; `released`
    whether it is that release."""

    id: str
    time: int
    release: str
    released: bool


@record(frozen=True, slots=True)
class Plan:
    """The steps of a range in order, and the commits of its first-parent line, the start left out."""

    start: str
    end: str
    steps: tuple[Step, ...]
    line: tuple[LineCommit, ...]


def plan(trees: CommitTrees, start: str, end: str, everything: bool, every: str | None) -> Plan:
    """What is to be done for start..end: each commit of the first-parent line, or all commits (`everything`),
    or one of the line for each day, week, month or release (`every`).

    Raises InputError for a range without commits, and where `start` is not on the first-parent line of `end`.
    """
    line = [replace(commit, parents=commit.parents[:1]) for commit in trees.line(start, end)]
    if not line:
        raise InputError(f"{start[:12]}..{end[:12]}: no commits in this range")
    if line[0].parents[:1] != (start,):
        raise InputError(
            f"{start[:12]} is not on the first-parent line of {end[:12]}: a history follows that line"
        )
    described = _described(trees, start, line)
    if every is not None:
        chosen = _chosen(line, described, every)
        steps = []
        before = start
        for number in chosen:
            commit = line[number]
            if number and line[number].parents[0] != before:
                commit = replace(commit, parents=(before,), changes=trees.changes(before, commit.id))
            steps.append(Step(commit, number))
            before = commit.id
        return Plan(start, end, tuple(steps), described)
    if everything:
        commits = list(trees.everything(start, end))
        where = _brought_in(commits, [commit.id for commit in line])
        steps = [
            Step(commit, where[commit.id]) for commit in commits if commit.changes and commit.id in where
        ]
        steps.sort(key=lambda step: step.line)
        return Plan(start, end, tuple(steps), described)
    return Plan(start, end, tuple(Step(commit, number) for number, commit in enumerate(line)), described)


def _brought_in(commits: Iterable[Commit], line: Sequence[str]) -> dict[str, int]:
    """For each commit the number of the one of the first-parent line that brought it in."""
    parents: Mapping[str, tuple[str, ...]] = {commit.id: commit.parents for commit in commits}
    out = {commit: number for number, commit in enumerate(line)}
    for number, commit in enumerate(line):
        waiting = list(parents[commit][1:])
        while waiting:
            one = waiting.pop()
            if one in parents and one not in out:
                out[one] = number
                waiting += parents[one]
    return out


def _chosen(line: Sequence[Commit], described: Sequence[LineCommit], every: str) -> list[int]:
    """The numbers of the last commit of each day, week or month, or of the releases; and of the last one."""
    if every == "release":
        return sorted({number for number, one in enumerate(described) if one.released} | {len(line) - 1})
    last: dict[str, int] = {}
    for number, commit in enumerate(line):
        day = datetime.fromtimestamp(commit.time, timezone.utc)
        last[day.strftime({"day": "%Y-%j", "week": "%G-%V", "month": "%Y-%m"}[every])] = number
    return sorted({*last.values(), len(line) - 1})


def _described(trees: CommitTrees, start: str, line: Sequence[Commit]) -> tuple[LineCommit, ...]:
    """The commits of the line with their releases, by the file VERSION."""
    blob = trees.files(start).get(_VERSION_FILE)
    blobs = [blob or ""]
    for commit in line:
        changed = [c.new_blob for c in commit.changes if _VERSION_FILE in (c.old_path, c.new_path)]
        blobs.append((changed[0] or "") if changed else blobs[-1])
    known = sorted(set(filter(None, blobs)))
    texts = dict(zip(known, trees.blobs(known), strict=True))
    versions = [(texts.get(one) or b"").decode("ascii", "replace").strip() for one in blobs]
    return tuple(
        LineCommit(commit.id, commit.time, release_of(now), was != now and _is_release(now))
        for commit, was, now in zip(line, versions, versions[1:], strict=False)
    )


def _is_release(version: str) -> bool:
    found = _VERSION.fullmatch(version)
    return found is not None and int(found[3]) == 0


def release_of(version: str) -> str:
    """The release that a tree of this version belongs to: 9.1.50 and 9.1.92 to the one that follows 9.1,
    which is 9.2; "" for a text that is no version."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return ""
    major, minor, micro = map(int, found.groups())
    if micro >= _DEVELOPMENT:
        major, minor = (major + 1, 0) if minor >= _LAST_MINOR else (major, minor + 1)
    return f"{major}.{minor}"
