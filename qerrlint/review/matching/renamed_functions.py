# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions of a change are old ones under a new name, told by their bodies."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from qerrlint.model.translation_unit import TranslationUnit

# How much of the lines of two bodies must be equal. A rename often takes callees along.
_ALIKE = 0.7
# With so many of the functions that share most lines with it a body is compared in full.
_COMPARED = 3
# A line of more bodies than that (a brace, `return ret;`) tells none of them.
_COMMON = 20

Sides = Sequence[tuple[TranslationUnit | None, TranslationUnit | None]]


def successors(sides: Sides, renamed: Callable[[str], str]) -> dict[str, str]:
    """The new name of each function that is gone and whose body has come back under another one.

    `sides` holds each changed file before and after, `renamed` gives a line of old in the words of the after
    side. A body has one successor: an equal one in the same file first, then an equal one, then the most
    alike.
    """
    gone: dict[str, list[str]] = {}
    come: dict[str, list[str]] = {}
    file_of: dict[str, int] = {}
    for number, (old, new) in enumerate(sides):
        before = old.functions.keys() if old is not None else set()
        after = new.functions.keys() if new is not None else set()
        if old is not None:
            gone.update((name, list(map(renamed, _body(old, name)))) for name in before - after)
        if new is not None:
            come.update((name, _body(new, name)) for name in after - before)
        file_of.update((name, number) for name in (before - after) | (after - before))
    for name in gone.keys() & come.keys():
        del gone[name], come[name]  # moved from file to file
    out: dict[str, str] = {}
    for _, _, was, now in sorted(_pairs(gone, come, file_of)):
        if was not in out and now not in out.values():
            out[was] = now
    return out


def _pairs(
    gone: Mapping[str, list[str]], come: Mapping[str, list[str]], file_of: Mapping[str, int]
) -> Iterator[tuple[float, bool, str, str]]:
    """The bodies that are alike, the most alike ones the smallest."""
    holders: dict[str, list[str]] = defaultdict(list)
    for now, body in come.items():
        for line in set(body):
            holders[line].append(now)
    for was, body in gone.items():
        shared: Counter[str] = Counter()
        for line in set(body):
            if len(holders.get(line, ())) <= _COMMON:
                shared.update(holders.get(line, ()))
        for now, _ in shared.most_common(_COMPARED):
            alike = _alike(body, come[now])
            if alike >= _ALIKE:
                yield -alike, file_of[was] != file_of[now], was, now


def _body(unit: TranslationUnit, name: str) -> list[str]:
    """The lines of all definitions of a name, without the blanks around them."""
    texts = (unit.data[piece.body : piece.span.end] for piece in unit.definitions.by_name[name])
    lines = (line.strip() for text in texts for line in text.decode("utf-8", "replace").split("\n"))
    return [line for line in lines if line]


def _alike(old: list[str], new: list[str]) -> float:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE else 0.0
