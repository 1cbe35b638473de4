# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of two versions of a file correspond, worked out from their bytes."""

from __future__ import annotations

from difflib import SequenceMatcher

from qerrlint.patch.linemap import LineMap, Run


def line_map_between(old: bytes, new: bytes) -> LineMap:
    """The line map from `old` to `new`. Equal beginnings and ends are cut off first, because comparing
    the whole of a long file would take longer than analysing it."""
    before, after = old.split(b"\n"), new.split(b"\n")
    head = 0
    most = min(len(before), len(after))
    while head < most and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < most - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    runs = [Run(1, 1, head)] if head else []
    middle_old, middle_new = before[head : len(before) - tail], after[head : len(after) - tail]
    matcher = SequenceMatcher(None, middle_old, middle_new, autojunk=len(middle_old) > 4000)
    same: set[int] = set()
    kept: set[int] = set()
    for block in matcher.get_matching_blocks():
        if block.size:
            runs.append(Run(head + block.a + 1, head + block.b + 1, block.size))
            same.update(range(block.b, block.b + block.size))
            kept.update(range(block.a, block.a + block.size))
    if tail:
        runs.append(Run(len(before) - tail + 1, len(after) - tail + 1, tail))
    added = frozenset(head + i + 1 for i in range(len(middle_new)) if i not in same)
    removed = frozenset(head + i + 1 for i in range(len(middle_old)) if i not in kept)
    return LineMap(tuple(runs), added, removed)
