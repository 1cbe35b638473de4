# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions of a change are old ones under a new name, told by their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from qerrlint.model.translation_unit import TranslationUnit

# How much of the lines of two bodies must be equal. A rename often takes callees along.
_ALIKE = 0.7
# Beyond that many pairs of names to compare a change is a rewriting, not a rename.
_MOST_PAIRS = 400


def successors(sides: Sequence[tuple[TranslationUnit | None, TranslationUnit | None]]) -> dict[str, str]:
    """The new name of each function that is gone and whose body has come back under another one.

    `sides` holds each changed file before and after. A body has one successor, the most alike.
    """
    gone: dict[str, list[str]] = {}
    come: dict[str, list[str]] = {}
    for old, new in sides:
        before = {} if old is None else {name: _body(old, name) for name in old.functions}
        after = {} if new is None else {name: _body(new, name) for name in new.functions}
        gone.update({name: body for name, body in before.items() if name not in after})
        come.update({name: body for name, body in after.items() if name not in before})
    for name in gone.keys() & come.keys():
        del gone[name], come[name]  # moved from file to file
    if len(gone) * len(come) > _MOST_PAIRS:
        return {}
    scores = sorted((-_alike(gone[was], come[now]), was, now) for was in gone for now in come)
    out: dict[str, str] = {}
    for score, was, now in scores:
        if -score >= _ALIKE and was not in out and now not in out.values():
            out[was] = now
    return out


def _body(unit: TranslationUnit, name: str) -> list[str]:
    """The lines of all definitions of a name, without the blanks around them."""
    texts = (unit.data[piece.body : piece.span.end] for piece in unit.definitions.by_name[name])
    lines = (line.strip() for text in texts for line in text.decode("utf-8", "replace").split("\n"))
    return [line for line in lines if line]


def _alike(old: list[str], new: list[str]) -> float:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE else 0.0
