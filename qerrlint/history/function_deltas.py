# SPDX-License-Identifier: GPL-2.0-or-later
"""What commits do to the findings of one function, for the search of where a finding comes from: the changed
files alone are analysed, and of these the function."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import partial

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.internal_errors import contained
from qerrlint.history.delta import CommitDelta, Item, Sides, core_pairs
from qerrlint.history.programs import CommitPrograms
from qerrlint.history.tree_states import FileFindings, findings_of
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.review.scope import FilePair, touched, unit_of
from qerrlint.rules.loader import load_rules
from qerrlint.source.commit_trees import BlobChange, CommitTrees

_INCLUDE = lazy_re(rb"^[ \t]*#[ \t]*include\b.*$", re.MULTILINE)


class FunctionDeltas:
    """Works out what commits do to functions. Raises InputError where there is no repository at `root`."""

    def __init__(self, root: str, rule_folders: Sequence[str] = ()) -> None:
        self.trees = CommitTrees(root)
        self.rules = load_rules(rule_folders).everything()
        self._programs = CommitPrograms(self.trees)

    def of(self, parent: str, commit: str, changes: Iterable[BlobChange], function: str) -> CommitDelta:
        """What a commit does to the findings of a function, or table, of the changed files, where the parent
        has it; to those of all that the change reaches in a file that has not. Raises InputError."""
        pairs = core_pairs(changes)
        if not pairs:
            return CommitDelta()
        return self._programs.between(parent, commit, pairs, partial(self._between, pairs, function))

    def _between(
        self, pairs: Sequence[FilePair], function: str, before: Program, after: Program
    ) -> CommitDelta:
        found = Sides()
        for pair in pairs:
            with contained(pair.new or pair.old or "", found.faults):
                self._add_file(before, after, pair, function, found)
        delta = found.matched(before, after, pairs, self.rules)
        return found.told(delta, delta.introduced)

    def _add_file(self, before: Program, after: Program, pair: FilePair, function: str, found: Sides) -> None:
        old, new = unit_of(before, pair.old), unit_of(after, pair.new)
        if old is None and new is None:
            return
        names = touched(old, new)
        if old is not None and new is not None and (old.path != new.path or _includes(old) != _includes(new)):
            names = _all_names(old) | _all_names(new)
        if old is not None and function in _all_names(old):
            names &= {function}
        if not names:
            return
        found.files += 1
        # Both are recorded together: what only one side has would count as introduced or fixed.
        was = self._outcome(old, before, names) if old is not None else None
        now = self._outcome(new, after, names) if new is not None else None
        found.add(was, now, pair.old or "", pair.new or "")

    def _outcome(self, unit: TranslationUnit, program: Program, names: set[str]) -> FileFindings:
        return findings_of(program, unit, analyse_unit(unit, self.rules, names))

    def has(self, commit: str, item: Item) -> bool:
        """Whether a finding stands in the tree of a commit, in the file of its path. Raises InputError."""
        with closing(self._programs.program(commit)) as program:
            unit = program.unit(item.path)
            if unit is None or item.function not in _all_names(unit):
                return False
            report = analyse_unit(unit, self.rules, {item.function})
        return any(finding.fingerprint == item.fingerprint for finding in report.findings)


def _includes(unit: TranslationUnit) -> list[bytes]:
    return _INCLUDE.findall(unit.data)


def _all_names(unit: TranslationUnit) -> set[str]:
    return {piece.name for piece in unit.definitions.pieces if piece.name}
