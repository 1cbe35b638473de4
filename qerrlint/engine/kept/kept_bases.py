# SPDX-License-Identifier: GPL-2.0-or-later
"""The commits that hold the blobs of a series, kept by the state of the repository's branches.

git walks thousands of commits to find them, which takes longer than a review whose results are stored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from qerrlint.engine.store.cache_key import program_key, subject
from qerrlint.engine.store.cache_store import KEPT_FOR_TREE, Entry, Store
from qerrlint.source.git_tree import GitLocation, shallow_boundary
from qerrlint.source.repository import Repository

_SCENE = "commits"


class KeptBases(Repository):
    """A Repository that takes an answer of commits_containing() from a store."""

    def __init__(self, path: str | os.PathLike[str] | GitLocation, store: Store) -> None:
        """Raises InputError as Repository does."""
        super().__init__(path)
        self._store = store

    def commits_containing(
        self, blobs: Mapping[str, str], limit: int = 2000, before: int | None = None
    ) -> tuple[str, ...]:
        """As of Repository; a stored answer is that for the same branches."""
        if not blobs:
            return ()
        asked = json.dumps([self.root, shallow_boundary(self.root), sorted(blobs.items()), limit, before])
        ident = f"{KEPT_FOR_TREE}{subject(program_key(()), 'commits', asked, self.branches())}"
        known = self._store.exact((ident,), (_SCENE,)).get(ident)
        if known is not None:
            return tuple(map(str, json.loads(known.result)))
        found = super().commits_containing(blobs, limit, before)
        if found:
            self._store.add([Entry(ident, _SCENE, b"", json.dumps(found).encode())])
        return found
