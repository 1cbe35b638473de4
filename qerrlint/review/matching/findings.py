# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings of both sides of a change matched with each other: introduced, fixed, persisting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from qerrlint.engine.located import Located, in_order
from qerrlint.records import record


@record(frozen=True, slots=True)
class Delta:
    """What a change did to the findings; `persisting` pairs the one before with the one after."""

    introduced: tuple[Located, ...]
    fixed: tuple[Located, ...]
    persisting: tuple[tuple[Located, Located], ...]


def match(
    before: Sequence[Located],
    after: Sequence[Located],
    renamed: Callable[[str], str | None],
) -> Delta:
    """Match findings by fingerprint: first in the same file (`renamed` gives a file's path afterwards), then
    anywhere, so that code moved from file to file brings its findings along."""
    waiting: dict[tuple[str, str], list[Located]] = defaultdict(list)
    for old in before:
        waiting[old.finding.fingerprint, renamed(old.path) or ""].append(old)
    pairs: list[tuple[Located, Located]] = []
    unmatched: list[Located] = []
    for new in after:
        candidates = waiting.get((new.finding.fingerprint, new.path))
        if candidates:
            pairs.append((candidates.pop(0), new))
        else:
            unmatched.append(new)
    left: dict[str, list[Located]] = defaultdict(list)
    for rest in waiting.values():
        for old in rest:
            left[old.finding.fingerprint].append(old)
    introduced: list[Located] = []
    for new in unmatched:
        candidates = left.get(new.finding.fingerprint)
        if candidates:
            pairs.append((candidates.pop(0), new))
        else:
            introduced.append(new)
    fixed = [old for rest in left.values() for old in rest]
    return Delta(tuple(introduced), tuple(in_order(fixed)), tuple(pairs))
