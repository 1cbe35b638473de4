# SPDX-License-Identifier: GPL-2.0-or-later
"""What commits do to the findings, kept in the store: two commits by their ids say all that it depends on."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from typing import Any

from qerrlint.engine.store.cache_key import program_key, subject
from qerrlint.engine.store.cache_store import Entry, Store, other_results
from qerrlint.history.delta import CommitDelta, Item
from qerrlint.source.commit_trees import Commit

_SCENE = "commits"
_LISTS = ("introduced", "fixed", "regained")


def pair_of(commit: Commit) -> tuple[str, str]:
    """What the delta of a commit is kept by: its parents, and itself."""
    return " ".join(commit.parents), commit.id


class KeptDeltas:
    """Looks up deltas in a store, and keeps new ones; without a store it does nothing. With `verify` nothing
    is found, and what is kept is compared with what the store has."""

    def __init__(
        self,
        store: Store | None,
        rule_folders: Sequence[str],
        below: Sequence[str] = (),
        whole: bool = True,
        verify: bool = False,
    ) -> None:
        """`below`: the files and folders whose findings are looked for, where not those of all. `whole`:
        what is known of the tree at the start tells more than names do (docs/history.md); without it a delta
        that was made so is the better one."""
        self._store = store
        self._whole = whole
        self._below = below
        self._program = program_key(rule_folders, "history") if store is not None else ""
        self._verify = verify
        self._expected: dict[tuple[str, str], CommitDelta] = {}
        self._wrong: list[str] = []

    def find(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], CommitDelta]:
        """Those of (parents, commit) that are known; to verify, none."""
        if self._store is None:
            return {}
        wanted = set(pairs)
        out: dict[tuple[str, str], CommitDelta] = {}
        for whole in (True,) if self._whole else (True, False):
            idents = {self._ident(pair, whole): pair for pair in wanted - out.keys()}
            for ident, entry in self._store.exact(idents, (_SCENE,)).items():
                delta = _unpacked(entry.result)
                if delta is not None:
                    out[idents[ident]] = delta
        if self._verify:
            self._expected, out = out, {}
        return out

    def keep(self, found: Iterable[tuple[tuple[str, str], CommitDelta]]) -> None:
        """Keep new deltas; one with faults is worked out again the next time."""
        new = {pair: _packed(delta) for pair, delta in found if not delta.faults}
        if self._verify:
            for pair, data in new.items():
                if pair in self._expected and self._expected[pair] != _unpacked(data):
                    self._wrong.append(pair[1])
        elif self._store is not None:
            self._store.add(
                Entry(self._ident(pair, self._whole), _SCENE, b"", data) for pair, data in new.items()
            )

    def finish(self) -> None:
        """Raises InputError where the store had other deltas."""
        if self._wrong:
            raise other_results(self._wrong[0][:12], len(self._wrong), "commit")

    def _ident(self, pair: tuple[str, str], whole: bool) -> str:
        kind = "delta" if whole else "delta by names"
        return subject(self._program, kind, *pair, *sorted(self._below))


def _packed(delta: CommitDelta) -> bytes:
    rows: dict[str, Any] = {name: [astuple(item) for item in getattr(delta, name)] for name in _LISTS}
    rows["changed"] = [(astuple(old), astuple(new)) for old, new in delta.changed]
    rows["files"] = delta.files
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 1)


def _unpacked(data: bytes) -> CommitDelta | None:
    """The delta in a stored text; None for any other text."""
    try:
        rows = json.loads(zlib.decompress(data))
        introduced, fixed, regained = (tuple(map(_item, rows[name])) for name in _LISTS)
        changed = tuple((_item(old), _item(new)) for old, new in rows["changed"])
        return CommitDelta(introduced, fixed, changed, regained, int(rows["files"]))
    except (ValueError, TypeError, LookupError, zlib.error):
        return None


def _item(row: Sequence[Any]) -> Item:
    if len(row) != len(fields(Item)):
        raise ValueError(f"{len(row)} fields")
    return Item(*row)
