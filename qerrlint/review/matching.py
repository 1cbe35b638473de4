# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings of both sides of a change matched with each other: introduced, fixed, persisting."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from qerrlint.engine.located import Located, in_order


@dataclass(frozen=True, slots=True)
class Delta:
    """What a change did to the findings; `persisting` pairs the one before with the one after."""

    introduced: tuple[Located, ...]
    fixed: tuple[Located, ...]
    persisting: tuple[tuple[Located, Located], ...]


def match(
    before: Sequence[Located],
    after: Sequence[Located],
    renamed: Callable[[str], str | None],
    successors: Mapping[str, str] | None = None,
) -> Delta:
    """Match findings by fingerprint: first in the same file (`renamed` gives a file's path afterwards), then
    anywhere, so that code moved from file to file brings its findings along. Of a function that goes on
    under another name (`successors`) by rule and source line."""
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
    if successors:
        introduced = _under_new_names(introduced, fixed, pairs, successors)
    return Delta(tuple(introduced), tuple(in_order(fixed)), tuple(pairs))


def _under_new_names(
    introduced: list[Located],
    fixed: list[Located],
    pairs: list[tuple[Located, Located]],
    successors: Mapping[str, str],
) -> list[Located]:
    """Moves findings of renamed functions from `fixed` to `pairs`; returns what is introduced after all."""
    old_words = re.compile(r"\b(?:" + "|".join(map(re.escape, successors)) + r")\b")

    def line(found: Located) -> str:
        """The source line in the words of the after side."""
        return "".join(old_words.sub(lambda m: successors[m.group()], found.place.source).split())

    left: dict[tuple[str, str, str], list[Located]] = defaultdict(list)
    for old in fixed:
        name = successors.get(old.finding.function)
        if name is not None:
            left[old.finding.rule, name, line(old)].append(old)
    out: list[Located] = []
    for new in introduced:
        candidates = left.get((new.finding.rule, new.finding.function, line(new)))
        if candidates:
            old = candidates.pop(0)
            fixed.remove(old)
            pairs.append((old, new))
        else:
            out.append(new)
    return out
