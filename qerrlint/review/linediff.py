# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of two versions of a file correspond, worked out from their bytes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from qerrlint.patch.linemap import LineMap, Run

# SequenceMatcher looks at each pair of equal lines, again and again: with more of them than this, which files
# with hundreds of functions of one form have, the texts are first cut at the lines that each has once.
_MOST_PAIRS = 200_000
# In texts of more lines than this SequenceMatcher leaves out lines that occur often.
_LONG = 4000


# The matching of findings and the diff that is shown ask for the same files, one after the other.
@lru_cache(maxsize=64)
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
    same: set[int] = set()
    kept: set[int] = set()
    for a, b, size in _equal_blocks(middle_old, middle_new):
        runs.append(Run(head + a + 1, head + b + 1, size))
        same.update(range(b, b + size))
        kept.update(range(a, a + size))
    if tail:
        runs.append(Run(len(before) - tail + 1, len(after) - tail + 1, tail))
    added = frozenset(head + i + 1 for i in range(len(middle_new)) if i not in same)
    removed = frozenset(head + i + 1 for i in range(len(middle_old)) if i not in kept)
    return LineMap(tuple(runs), added, removed)


def _equal_blocks(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[int, int, int]]:
    """The stretches of equal lines in order: where each begins on both sides, and how many lines it has."""
    in_old, in_new = Counter(old), Counter(new)
    if sum(count * in_new[line] for line, count in in_old.items()) <= _MOST_PAIRS:
        return _matched(old, new)
    once = {line for line, count in in_old.items() if count == 1 and in_new[line] == 1}
    places = {line: place for place, line in enumerate(new) if line in once}
    anchors = _longest_rising([(place, places[line]) for place, line in enumerate(old) if line in once])
    blocks: list[tuple[int, int, int]] = []
    a = b = 0
    for next_a, next_b in [*anchors, (len(old), len(new))]:
        between = _matched(old[a:next_a], new[b:next_b])
        blocks += [(a + in_a, b + in_b, size) for in_a, in_b, size in between]
        if next_a < len(old):
            blocks.append((next_a, next_b, 1))
        a, b = next_a + 1, next_b + 1
    return _joined(blocks)


def _matched(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[int, int, int]]:
    """What SequenceMatcher finds equal."""
    matcher = SequenceMatcher(None, old, new, autojunk=len(old) > _LONG)
    return [(block.a, block.b, block.size) for block in matcher.get_matching_blocks() if block.size]


def _longest_rising(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most pairs, of some whose first numbers rise, whose second numbers rise as well."""
    # For each length the chain that ends lowest; a link of a chain is a pair and the link before it.
    ends: list[int] = []
    chains: list[tuple[tuple[int, int], int | None]] = []
    of_length: list[int] = []
    for pair in pairs:
        length = bisect_left(ends, pair[1])
        chains.append((pair, of_length[length - 1] if length else None))
        ends[length : length + 1] = [pair[1]]
        of_length[length : length + 1] = [len(chains) - 1]
    found = []
    link = of_length[-1] if of_length else None
    while link is not None:
        pair, link = chains[link]
        found.append(pair)
    return found[::-1]


def _joined(blocks: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Blocks of which those that follow one another on both sides are one."""
    out: list[tuple[int, int, int]] = []
    for a, b, size in blocks:
        if out and (out[-1][0] + out[-1][2], out[-1][1] + out[-1][2]) == (a, b):
            out[-1] = (*out[-1][:2], out[-1][2] + size)
        else:
            out.append((a, b, size))
    return out
