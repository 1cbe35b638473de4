# SPDX-License-Identifier: GPL-2.0-or-later
"""Deltas between commits that are far apart, such as releases: by the findings of both whole trees.

Between two releases nearly every file is concerned by some change, so to analyse the tree costs less than to
analyse both sides of what the changes reach. The store has the files that are the same in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from qerrlint.engine.check_files import CheckOptions, check_files, core_files
from qerrlint.engine.located import Located
from qerrlint.engine.store.cache_store import Store
from qerrlint.history.delta import CommitDelta, delta_between, standing
from qerrlint.history.kept_deltas import KeptDeltas, pair_of
from qerrlint.history.steps import Plan
from qerrlint.history.tree_states import KnownFile, known_file
from qerrlint.model.program import Program
from qerrlint.records import record
from qerrlint.review.matching.findings import Delta, match
from qerrlint.review.matching.rewritten_statements import settle_rewritten
from qerrlint.review.scope import FilePair, unit_of
from qerrlint.rules.loader import load_rules
from qerrlint.source.commit_trees import BlobChange
from qerrlint.source.git_tree import GitSource


@record(frozen=True, slots=True)
class Trees:
    """How whole trees are analysed: the repository, rules, processes and store of a run; `below` are files
    and folders to which it is limited. With `verify` what the store has is only compared."""

    root: str
    rule_folders: Sequence[str]
    jobs: int
    store: Store | None
    below: Sequence[str] = ()
    verify: bool = False

    def standing(self, commit: str, progress: Callable[[int], None] | None = None) -> list[Located]:
        """The findings of a commit's tree, without those that only a change can have, or that a comment in
        the code allows. Raises InputError."""
        return self.start(commit, progress)[0]

    def start(
        self, commit: str, progress: Callable[[int], None] | None = None
    ) -> tuple[list[Located], dict[str, KnownFile]]:
        """The same, and what is known of each file of the tree. Raises InputError, to verify also where the
        store has another outcome."""
        rules = load_rules(self.rule_folders).everything()
        options = CheckOptions(
            "headers", self.rule_folders, self.jobs, store=self.store, verify=self.verify, keys=True
        )
        with GitSource(self.root, commit) as source:
            checked = check_files(source, core_files(source, self.below), options, progress)
        known = {path: known_file(*made) for path, made in (checked.files or {}).items()}
        return standing(checked.found, rules), known

    def delta(
        self,
        before: Sequence[Located],
        after: Sequence[Located],
        ends: tuple[str, str],
        changes: Sequence[BlobChange],
    ) -> CommitDelta:
        """What lies between the findings of two trees."""
        renames = {c.old_path: c.new_path for c in changes if c.old_path is not None}
        delta = match(before, after, lambda path: renames.get(path, path))
        pairs = [FilePair(change.old_path, change.new_path) for change in changes]
        return delta_between(self._settled(delta, ends, pairs))

    def _settled(self, delta: Delta, ends: tuple[str, str], pairs: Sequence[FilePair]) -> Delta:
        """The delta without findings on statements that were only rewritten, in the files that have some."""
        old_paths = {item.path for item in delta.fixed}
        new_paths = {item.path for item in delta.introduced}
        with GitSource(self.root, ends[0]) as old, GitSource(self.root, ends[1]) as new:
            before, after = Program(old), Program(new)
            sides = [
                (unit_of(before, pair.old), unit_of(after, pair.new))
                for pair in pairs
                if pair.old in old_paths or pair.new in new_paths
            ]
            return settle_rewritten(delta, sides, load_rules(self.rule_folders).everything())


def sampled_deltas(
    plan: Plan, trees: Trees, start: Sequence[Located] | None, kept: KeptDeltas
) -> Iterator[tuple[int, CommitDelta]]:
    """The delta of each step with its number, in order; `start` are the findings of the tree at the start,
    None where they are not known yet."""
    known = kept.find(map(pair_of, (step.commit for step in plan.steps)))
    before = start
    for number, step in enumerate(plan.steps):
        pair = pair_of(step.commit)
        if pair in known:
            before = None
            yield number, known[pair]
            continue
        if before is None:
            before = trees.standing(step.commit.parents[0])
        after = trees.standing(step.commit.id)
        delta = trees.delta(before, after, (step.commit.parents[0], step.commit.id), step.commit.changes)
        kept.keep([(pair, delta)])
        before = after
        yield number, delta
