# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings on code that a change renames, moves or writes anew, and does not mend.

Such a finding has another fingerprint on each side. Findings of the before side are matched with those of
the after side by rule, function and statement, with the names as the change has renamed them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from difflib import SequenceMatcher

from qerrlint.engine.located import Located
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.patch.linemap import LineMap
from qerrlint.review.linediff import line_map_between
from qerrlint.review.matching.findings import Delta
from qerrlint.review.matching.renamed_functions import Sides, successors
from qerrlint.review.matching.renamed_words import RenamedWords
from qerrlint.rules.rule import RuleSet

# A shorter statement (`return ret;`) does not tell by itself where it has moved from.
_TELLING = 24
# A place of so many lines was rewritten line by line; in a longer one statements must be alike.
_SMALL = 4
_ALIKE = 0.5
_TOKEN = lazy_re(r"\w+|\S")


def settle_rewritten(delta: Delta, sides: Sides, rules: RuleSet) -> Delta:
    """The delta with what only looks fixed and introduced anew among the persisting.

    Rules about comments that allow something are left out: each text of such a comment is a permission of
    its own.
    """
    if not delta.introduced or not delta.fixed:
        return delta
    change = _Change(sides)
    pairs = list(delta.persisting)
    fixed = list(delta.fixed)
    introduced = list(delta.introduced)
    for same in (
        change.same_statement,
        change.moved,
        change.took_place,
        change.went_along,
        change.same_of_function,
    ):
        left: list[Located] = []
        for new in introduced:
            rule = rules.get(new.finding.rule)
            candidates = (
                old for old in fixed if old.finding.rule == rule.id and change.may_be_same(old, new)
            )
            was = (
                next((old for old in candidates if same(old, new, rule.touched_only)), None)
                if rule.analysis != "suppressions"
                else None
            )
            if was is None:
                left.append(new)
            else:
                fixed.remove(was)
                pairs.append((was, new))
        introduced = left
    return Delta(tuple(introduced), tuple(fixed), tuple(pairs))


class _Change:
    """The files of a change on both sides, and the names that it gives anew."""

    def __init__(self, sides: Sides) -> None:
        self._before = {old.path: old for old, _ in sides if old is not None}
        self._after = {new.path: new for _, new in sides if new is not None}
        both = [(old, new) for old, new in sides if old is not None and new is not None]
        self._maps = {new.path: line_map_between(old.data, new.data) for old, new in both}
        self._path_before = {new.path: old.path for old, new in both}
        self._path_after = {old.path: new.path for old, new in both}
        self._words = RenamedWords([(old.data, new.data, self._maps[new.path]) for old, new in both])
        self._functions = successors(sides, self._words.renamed)
        self._words.learn(self._functions)

    def same_statement(self, old: Located, new: Located, form: bool) -> bool:
        """Whether both are on one statement of one function, in the words of the after side."""
        return self._is_same_function(old, new) and self._was(old) == self._now(new)

    def moved(self, old: Located, new: Located, form: bool) -> bool:
        """Whether the statement has gone from one function to another: one that was split, or moved, or has
        a new name while another function gets the old one."""
        if self._is_same_function(old, new) or self._was(old) != self._now(new):
            return False
        lines = self._maps.get(new.path)
        if lines is not None and new.place.line not in lines.added:
            stays = self._path_before[new.path] == old.path
            return stays and lines.to_new(old.place.line) == new.place.line
        if len(self._now(new)) >= _TELLING:
            return True
        before = _line_above(self._before.get(old.path), old.place.line)
        return self._renamed(before) == _plain(_line_above(self._after.get(new.path), new.place.line))

    def took_place(self, old: Located, new: Located, form: bool) -> bool:
        """Whether the new statement stands where the old one stood.

        `form`: the rule is about the form of a text, and must say the same of both.
        """
        lines = self._maps.get(new.path)
        if lines is None or self._path_before[new.path] != old.path or not self._is_same_function(old, new):
            return False
        if form and old.advice != new.advice:
            return False
        if old.place.line not in lines.removed or new.place.line not in lines.added:
            return lines.to_new(old.place.line) == new.place.line
        gap = bisect_right(lines.runs, old.place.line, key=lambda run: run.old)
        if gap != bisect_right(lines.runs, new.place.line, key=lambda run: run.new):
            return False
        return _size(lines, gap) <= _SMALL or _ratio(self._was(old), self._now(new)) >= _ALIKE

    def went_along(self, old: Located, new: Located, form: bool) -> bool:
        """Whether the function has moved to another file, and the statement in it, with other arguments."""
        name, path = old.finding.function, self._path_before.get(new.path, new.path)
        if path == old.path or not self._is_same_function(old, new) or (form and old.advice != new.advice):
            return False
        here, there = self._after.get(self._path_after.get(old.path, old.path)), self._before.get(path)
        stays = here is not None and name in here.functions
        was_there = there is not None and new.finding.function in there.functions
        return not stays and not was_there and _ratio(self._was(old), self._now(new)) >= _ALIKE

    def same_of_function(self, old: Located, new: Located, form: bool) -> bool:
        """Whether both say the same of a whole function, where a new one has taken over a part of another."""
        was = self._before.get(old.path)
        if was is None or self._path_before.get(new.path) != old.path:
            return False
        return new.finding.function not in was.functions and self._are_of_heads(old, new)

    def may_be_same(self, old: Located, new: Located) -> bool:
        """Whether both may be one finding: of those that point to the head of a function only the words tell
        which is which."""
        return not self._are_of_heads(old, new) or self._said(old, new) == new.finding.message

    def _are_of_heads(self, old: Located, new: Located) -> bool:
        was, now = self._before.get(old.path), self._after.get(new.path)
        return was is not None and now is not None and _is_of_head(was, old) and _is_of_head(now, new)

    def _said(self, old: Located, new: Located) -> str:
        """What was said of a function, in the words that it would be said in now."""
        names = old.finding.function, new.finding.function
        message = re.sub(rf"\b{re.escape(names[0])}\b", lambda _: names[1], old.finding.message)
        return message if message == new.finding.message else self._words.renamed(message)

    def _is_same_function(self, old: Located, new: Located) -> bool:
        name = old.finding.function
        return self._functions.get(name, name) == new.finding.function

    def _was(self, found: Located) -> str:
        return self._renamed(_statement(self._before.get(found.path), found))

    def _now(self, found: Located) -> str:
        return _plain(_statement(self._after.get(found.path), found))

    def _renamed(self, text: str) -> str:
        return _plain(self._words.renamed(text))


def _is_of_head(unit: TranslationUnit, found: Located) -> bool:
    """Whether a finding points to the head of its function."""
    piece = unit.functions.get(found.finding.function)
    span = found.finding.span
    return piece is not None and piece.span.start <= span.start and span.end <= piece.body


def _statement(unit: TranslationUnit | None, found: Located) -> str:
    """The text that a finding points to."""
    return unit.text.on_one_line(found.finding.span) if unit is not None else found.place.source


def _plain(text: str) -> str:
    return "".join(text.split())


def _line_above(unit: TranslationUnit | None, line: int) -> str:
    """The nearest line above that is not blank."""
    while unit is not None and line > 1:
        line -= 1
        text = unit.text.lines.text(line).strip()
        if text:
            return text.decode("utf-8", "replace")
    return ""


def _size(lines: LineMap, gap: int) -> int:
    """How many lines the longer side has between two unchanged stretches."""
    above = lines.runs[gap - 1] if gap else None
    below = lines.runs[gap] if gap < len(lines.runs) else None
    if below is None:
        return _SMALL + 1
    old = below.old - (above.old + above.count if above is not None else 1)
    new = below.new - (above.new + above.count if above is not None else 1)
    return max(old, new)


def _ratio(old: str, new: str) -> float:
    return SequenceMatcher(None, _TOKEN.findall(old), _TOKEN.findall(new), autojunk=False).ratio()
