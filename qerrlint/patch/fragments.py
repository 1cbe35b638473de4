# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of a file that a diff shows, before and after, for runs without any tree to apply it to."""

from __future__ import annotations

from qerrlint.patch.diff import FileChange
from qerrlint.patch.linemap import LineMap, line_map
from qerrlint.records import record


@record(frozen=True, slots=True)
class Fragment:
    """What one hunk, or several that touch, shows of a file.

    `section` is the text after the `@@` of the first hunk (in C mostly the head of the function it lies
    in). Line 1 of `before` is line `old_start` of the file, line 1 of `after` is line `new_start`, as
    far as the diff tells. `line_map` maps the fragments' own lines, from 1, and gives patch lines.
    """

    section: str
    before: bytes
    after: bytes
    old_start: int
    new_start: int
    line_map: LineMap


def fragments(change: FileChange) -> tuple[Fragment, ...]:
    """The fragments of a change in order; damaged hunks are left out, touching hunks are joined."""
    groups: list[list[int]] = []
    for number, hunk in enumerate(change.hunks):
        if hunk.damage is not None or not hunk.lines:
            continue
        last = change.hunks[groups[-1][-1]] if groups else None
        if last is not None and (last.old_start + last.old_count, last.new_start + last.new_count) == (
            hunk.old_start,
            hunk.new_start,
        ):
            groups[-1].append(number)
        else:
            groups.append([number])
    return tuple(_fragment(change, group) for group in groups)


def _fragment(change: FileChange, group: list[int]) -> Fragment:
    hunks = [change.hunks[number] for number in group]
    first = hunks[0]
    signs = tuple(sign for hunk in hunks for sign, _ in hunk.lines)
    places = tuple(place for hunk in hunks for place in hunk.text_lines)
    return Fragment(
        first.section,
        b"".join(text for hunk in hunks for text in hunk.before),
        b"".join(text for hunk in hunks for text in hunk.after),
        max(first.old_start, 1),
        max(first.new_start, 1),
        line_map([(1, 1, signs, places)], endless=False),
    )
