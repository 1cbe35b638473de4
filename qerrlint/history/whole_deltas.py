# SPDX-License-Identifier: GPL-2.0-or-later
"""What commits do to the findings of their trees, without an analysis of whole trees.

The files that a commit touches are analysed, and those that have looked up a fact which it changes. All
others have the outcome that they had in the parent's tree. So the findings are those that `qerrlint check`
has for the two trees.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from qerrlint.engine.callers import with_callers
from qerrlint.engine.changes.file_facts import type_names_of
from qerrlint.engine.internal_errors import contained
from qerrlint.engine.mentions import Mentions
from qerrlint.history.changed_names import Dependents, changed_names
from qerrlint.history.delta import CommitDelta, Sides, core_pairs, is_below, place_of
from qerrlint.history.programs import CommitPrograms
from qerrlint.history.tree_states import KnownFile, TreeState, TreeStates, analysed
from qerrlint.model.program import Program
from qerrlint.review.scope import FilePair, is_c
from qerrlint.rules.loader import load_rules
from qerrlint.source.commit_trees import BlobChange, CommitTrees
from qerrlint.source.tree_folders import is_core

# Where so many files lack an outcome at most, all of them are analysed: the commits of a branch will ask.
_ANALYSED_AHEAD = 20


class Start(NamedTuple):
    """A commit with the outcomes of all files of its tree."""

    commit: str
    files: Mapping[str, KnownFile]


class WholeDeltas:
    """Works out what commits do; keeps what following commits have in common.

    With `below` only the findings of these files and folders are looked for. Raises InputError where there is
    no repository at `root`.
    """

    def __init__(self, root: str, rule_folders: Sequence[str] = (), below: Sequence[str] = ()) -> None:
        self._below = below
        self.trees = CommitTrees(root)
        self.rules = load_rules(rule_folders).everything()
        self._programs = CommitPrograms(self.trees)
        self._states = TreeStates(self.trees, self._is_followed)

    def begin(self, start: Start | None) -> None:
        """Go on from what is known at the start. A file that lacks an outcome is analysed when a commit says
        something new about a name in it; without a start all files lack one. Raises InputError."""
        if start is not None:
            self._states.begin(start.commit, start.files)
            # All this stays: the collector need not walk over it each time.
            gc.collect()
            gc.freeze()

    def of(self, parent: str, commit: str, changes: Iterable[BlobChange]) -> CommitDelta:
        """What a commit does to the findings of the tree of a parent. Raises InputError."""
        pairs = core_pairs(changes)
        if not pairs:
            return CommitDelta()
        return self._programs.between(parent, commit, pairs, partial(self._between, pairs))

    def _between(self, pairs: Sequence[FilePair], before: Program, after: Program) -> CommitDelta:
        found = Sides()
        old = self._state_before(before, found)
        new = self._state_after(pairs, before, after, old, found)
        touched = {path for pair in pairs for path in (pair.old, pair.new)}
        concerned = {path for path, known in new.files.items() if old.files.get(path) is not known}
        for pair in (*pairs, *(FilePair(path, path) for path in sorted(concerned - touched))):
            self._add(found, old, new, pair)
        found.files = sum(pair.new in new.files for pair in pairs)
        delta = found.matched(before, after, pairs, self.rules)
        introduced = delta.introduced
        if introduced:
            introduced = tuple(
                with_callers(introduced, after, Mentions(after.source), self.rules, found.faults)
            )
        return found.told(delta, introduced)

    def _state_after(
        self, pairs: Sequence[FilePair], before: Program, after: Program, old: TreeState, found: Sides
    ) -> TreeState:
        """What is known of the tree of a commit that changes these files, with the outcomes of those that it
        concerns on both sides."""
        commit = after.source.revision or ""
        known = self._states.find(commit)
        change = self._states.change(old, commit) if known is None else None
        if old.lacking:
            asked = self._mentioning(before, after, pairs, old)
            asked |= self._states.suspected(old, change) if change is not None else set()
            self._learn(before, old, asked, found)
        if change is None:
            assert known is not None
            return known
        new = self._states.moved(old, change)
        # Of others that lack an outcome nothing is known before the commit either.
        concerned = new.lacking.keys() - old.lacking.keys()
        concerned |= {pair.new for pair in pairs if pair.new in new.lacking}
        self._learn(after, new, concerned, found)
        return new

    def _state_before(self, program: Program, found: Sides) -> TreeState:
        """What is known of the tree of a parent."""
        commit = program.source.revision or ""
        state = self._states.find(commit)
        if state is None:
            state = self._states.brought_to(commit)
            if len(state.lacking) <= _ANALYSED_AHEAD:
                self._learn(program, state, set(state.lacking), found)
        return state

    def _mentioning(
        self, before: Program, after: Program, pairs: Sequence[FilePair], state: TreeState
    ) -> set[str]:
        """The files without an outcome that a commit may concern: those that it touches, and those that
        mention a name about which it says something new."""
        unknown = {pair.old for pair in pairs if pair.old in state.lacking}
        changed = changed_names(before, after, pairs)
        if not changed:
            return unknown
        index = self._programs.index
        for program in (before, after):
            index.add_tree(self.trees.files(program.source.revision or ""))
        near = {path for pair in pairs for path in (pair.old, pair.new) if path is not None}
        dependents = Dependents(changed, before, after, index, near)
        unknown.update(filter(dependents.holds, dependents.candidates & state.lacking.keys()))
        return unknown

    def _learn(self, program: Program, state: TreeState, paths: Iterable[str], found: Sides) -> None:
        """Analyse files of a tree; one with which that is not possible stays without an outcome."""
        wanted = sorted(paths)
        if not wanted:
            return
        program.environment.files.type_names = type_names_of(state.facts)
        for path, using in self._programs.in_turn(program, wanted):
            with contained(path, found.faults):
                unit = using.unit(path)
                if unit is not None:
                    self._states.add(state, path, analysed(using, unit, self.rules))

    def _is_followed(self, path: str) -> bool:
        return is_c(path) and is_core(path) and is_below(path, self._below)

    def _add(self, found: Sides, old: TreeState, new: TreeState, pair: FilePair) -> None:
        """Add what is known of a file on both sides."""
        was = old.files.get(pair.old) if pair.old is not None else None
        now = new.files.get(pair.new) if pair.new is not None else None
        then, here = (known.findings if known is not None else None for known in (was, now))
        found.add(then, here, pair.old or "", pair.new or "")
        # A file that could not be analysed on one side has the findings there, as far as anybody knows.
        if was is None and here is not None and self._should_be_known(pair.old, old):
            found.unread |= set(map(place_of, here.found))
        if now is None and then is not None and self._should_be_known(pair.new, new):
            found.lost |= set(map(place_of, then.found))

    def _should_be_known(self, path: str | None, state: TreeState) -> bool:
        return path is not None and path in state.facts and self._is_followed(path)
