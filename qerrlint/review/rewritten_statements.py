# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings on statements that a change rewrites and does not mend; knows lines, not what a rule is about."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from qerrlint.engine.located import Located
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.patch.linemap import LineMap
from qerrlint.review.linediff import line_map_between
from qerrlint.review.matching import Delta
from qerrlint.rules.rule import RuleSet


def settle_rewritten(
    delta: Delta, sides: Iterable[tuple[TranslationUnit | None, TranslationUnit | None]], rules: RuleSet
) -> Delta:
    """The delta with what only looks fixed and introduced anew among the persisting.

    A statement that is written anew has another fingerprint. Where the same rule says the same of the same
    function on the line that took its place, the change has neither mended nor made it. Rules that speak on
    touched lines alone (`touched_only`) are about just such lines and left out, as are those about comments
    that allow something: each text of such a comment is a permission of its own.
    """
    if not delta.introduced or not delta.fixed:
        return delta
    pairs = list(delta.persisting)
    fixed = list(delta.fixed)
    introduced: list[Located] = []
    files = {new.path: (old, new) for old, new in sides if old is not None and new is not None}
    maps: dict[str, LineMap] = {}
    for new in delta.introduced:
        was = None
        rule = rules.get(new.finding.rule)
        if new.path in files and not rule.touched_only and rule.analysis != "suppressions":
            before, after = files[new.path]
            if new.path not in maps:
                maps[new.path] = line_map_between(before.data, after.data)
            lines = maps[new.path]
            was = next(
                (
                    old
                    for old in fixed
                    if old.path == before.path and _same(old, new) and _took_place(old, new, lines)
                ),
                None,
            )
        if was is None:
            introduced.append(new)
        else:
            fixed.remove(was)
            pairs.append((was, new))
    return Delta(tuple(introduced), tuple(fixed), tuple(pairs))


def _same(old: Located, new: Located) -> bool:
    a, b = old.finding, new.finding
    return (a.rule, a.function, a.message) == (b.rule, b.function, b.message)


def _took_place(old: Located, new: Located, lines: LineMap) -> bool:
    """Whether the new line stands where the old one stood: in the same gap between unchanged lines."""
    if old.place.line not in lines.removed or new.place.line not in lines.added:
        return lines.to_new(old.place.line) == new.place.line
    before = bisect_right(lines.runs, old.place.line, key=lambda run: run.old)
    after = bisect_right(lines.runs, new.place.line, key=lambda run: run.new)
    return before == after
