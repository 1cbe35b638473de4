# SPDX-License-Identifier: GPL-2.0-or-later
"""The store in reviews of changes: which results may be kept, and what they may be made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from qerrlint.engine.changes.tree_blobs import TreeBlobs
from qerrlint.engine.kept.kept_results import KeptResults
from qerrlint.engine.store.cache_key import program_key, scene_of
from qerrlint.engine.store.cache_store import Entry, Store
from qerrlint.model.program import Program
from qerrlint.review.scope import ContractChange
from qerrlint.source.git_tree import GitSource, StagedSource
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.source import Source


class ChangeStore:
    """A store with the key of this program, for trees out of git's objects and changes on top of them.

    For a directory the digests of the files would have to be worked out first, which costs more than most
    reviews.
    """

    def __init__(self, store: Store, rule_folders: Sequence[str], reach: str, verify: bool = False) -> None:
        """`verify`: everything is analysed anew, and compared with what is stored."""
        self._store = store
        self._verify = verify
        self._reach = reach
        self._program = program_key(rule_folders, reach)
        self._scenes: dict[int, tuple[Source, str]] = {}
        self._results: dict[tuple[int, int], tuple[Program, Program, KeptResults | None]] = {}

    @property
    def verifies(self) -> bool:
        """Whether everything is analysed anew, and compared with what is stored."""
        return self._verify

    def results(self, before: Program, after: Program) -> KeptResults | None:
        """The results that are kept of this change, one object for two programs; None where none can be."""
        key = id(before), id(after)
        if key not in self._results:
            recipe = self.recipe(before, after)
            self._results[key] = before, after, recipe(self._store) if recipe is not None else None
        return self._results[key][2]

    def add(self, entries: Sequence[Entry]) -> None:
        """Store the entries that a worker process has made."""
        if entries:
            self._store.add(entries, ())

    def recipe(self, before: Program, after: Program) -> Callable[[Store], KeptResults] | None:
        """What makes the results of this change with a store, in this process or in another; None where none
        can be kept."""
        # With the whole tree in reach a result is made from all of it.
        if self._reach != "headers":
            return None
        scenes = [self._scene(program.source) for program in (before, after)]
        if None in scenes:
            return None
        near = [f"{len(one.at_hand)} {one.partial}" for one in (before, after)]
        at_hand = (path for one in (before, after) for path in one.at_hand)
        scene = scene_of(*(scene or "" for scene in scenes), *near, *at_hand)
        # Checks ask whether patches are missing: what was found then is no result of a whole series.
        program = scene_of(self._program, "partial") if after.partial else self._program
        return partial(_results, program, scene, self._verify)

    def _scene(self, source: Source) -> str | None:
        if isinstance(source, OverlaySource):
            below = self._scene(source.base)
            if below is None:
                return None
            changes = [f"{path} {source.known_id(path)}" for path in sorted(source.changes)]
            return scene_of(below, *changes)
        if not isinstance(source, (GitSource, StagedSource)):
            return None
        known = self._scenes.get(id(source))
        if known is None:
            known = self._scenes[id(source)] = source, TreeBlobs(source, None).scenes()[1]
        return known[1]


def _results(program: str, scene: str, verify: bool, store: Store) -> KeptResults:
    return KeptResults(store, program, scene, (ContractChange,), verify)
