# SPDX-License-Identifier: GPL-2.0-or-later
"""LineMap: which line of a file before a change is which line after it; it knows numbers, no text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import field

from qerrlint.records import record


@record(frozen=True, slots=True)
class Run:
    """`count` lines that are equal on both sides, from `old` before and `new` after; both count from 1."""

    old: int
    new: int
    count: int


@record(frozen=True, slots=True)
class LineMap:
    """Lines of one file on both sides of a change; all lines count from 1.

    `runs` are the unchanged stretches in order. The last run has no end: lines beyond the file's own end
    are mapped like the ones before it. `new_places` and `old_places` give the line of the patch text for
    lines that a hunk shows.
    """

    runs: tuple[Run, ...]
    added: frozenset[int] = frozenset()
    removed: frozenset[int] = frozenset()
    new_places: Mapping[int, int] = field(default_factory=dict)
    old_places: Mapping[int, int] = field(default_factory=dict)

    def to_old(self, new_line: int) -> int | None:
        """The line before the change; None for an added line."""
        at = bisect_right(self.runs, new_line, key=lambda run: run.new) - 1
        if at < 0:
            return None
        run = self.runs[at]
        offset = new_line - run.new
        return run.old + offset if offset < run.count else None

    def to_new(self, old_line: int) -> int | None:
        """The line after the change; None for a removed line."""
        at = bisect_right(self.runs, old_line, key=lambda run: run.old) - 1
        if at < 0:
            return None
        run = self.runs[at]
        offset = old_line - run.old
        return run.new + offset if offset < run.count else None

    def to_diff(self, new_line: int) -> int | None:
        """The line of the patch text that shows this line after the change, None when none does."""
        return self.new_places.get(new_line)

    def inverted(self) -> LineMap:
        """The map of the reversed change."""
        runs = tuple(Run(run.new, run.old, run.count) for run in self.runs)
        return LineMap(runs, self.removed, self.added, self.old_places, self.new_places)


# A last run of this length stands for "to the end of the file, however long".
ENDLESS = 1 << 40

IDENTITY = LineMap((Run(1, 1, ENDLESS),))


def line_map(
    pieces: Iterable[tuple[int, int, tuple[str, ...], tuple[int, ...]]], *, endless: bool = True
) -> LineMap:
    """The map of hunks that were placed.

    Each piece is a hunk: its first line before and after the change (for a hunk without lines on a side:
    the line it stands in front of), the signs of its lines and their lines in the patch text. Pieces come
    in order. With `endless` the lines between and after the hunks are equal on both sides; without,
    only what the hunks show is mapped.
    """
    runs: list[Run] = []
    added: list[int] = []
    removed: list[int] = []
    new_places: dict[int, int] = {}
    old_places: dict[int, int] = {}
    old_next = new_next = 1

    def equal(old: int, new: int, count: int) -> None:
        if count <= 0:
            return
        if runs and runs[-1].old + runs[-1].count == old and runs[-1].new + runs[-1].count == new:
            runs[-1] = Run(runs[-1].old, runs[-1].new, runs[-1].count + count)
        else:
            runs.append(Run(old, new, count))

    for old, new, signs, places in pieces:
        if endless:
            equal(old_next, new_next, old - old_next)
        for sign, place in zip(signs, places, strict=True):
            if sign == " ":
                equal(old, new, 1)
            if sign == "+":
                added.append(new)
            if sign == "-":
                removed.append(old)
            if sign != "-":
                new_places[new] = place
                new += 1
            if sign != "+":
                old_places[old] = place
                old += 1
        old_next, new_next = old, new
    if endless:
        equal(old_next, new_next, ENDLESS)
    return LineMap(tuple(runs), frozenset(added), frozenset(removed), new_places, old_places)
