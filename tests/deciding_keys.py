# SPDX-License-Identifier: GPL-2.0-or-later
"""Which kinds of keys (docs/store.md) have decided alone that a stored result is another one now.

Had a kind not been recorded, the run would have taken the old result: so each count is one of edits that
show whether keys of that kind are recorded.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from qerrlint.engine.changes import file_facts
from qerrlint.engine.changes.snapshot import Snapshot, folder_of
from qerrlint.engine.changes.tree_changes import TreeChanges
from qerrlint.engine.kept.kept_outcomes import KeptOutcomes
from qerrlint.engine.kept.kept_results import KeptResults
from qerrlint.engine.store.cache_key import subject
from qerrlint.engine.store.stored_objects import loaded
from qerrlint.model.program import SeenProgram


class DecidingKeys:
    """Counts, for results of `check` that have become others, the kinds of keys that alone have told so."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._decided: set[str] = set()
        self._waiting: dict[str, tuple[Any, frozenset[str]]] = {}
        self._held: set[tuple[str, str]] = set()
        self._kinds: dict[int, set[str]] = {}
        self._known = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count in all runs of this process meanwhile."""
        with (
            mock.patch.object(TreeChanges, "concern_one_of", self._of_changes(TreeChanges.concern_one_of)),
            mock.patch.object(Snapshot, "_concerned", self._of_snapshot(Snapshot._concerned)),
            mock.patch.object(KeptOutcomes, "put", self._of_outcomes(KeptOutcomes.put)),
            mock.patch.object(KeptResults, "_unconcerned", self._of_results(KeptResults._unconcerned)),
            mock.patch.object(KeptResults, "keep", self._of_new_results(KeptResults.keep)),
            mock.patch.object(SeenProgram, "holds", self._of_program(SeenProgram.holds)),
        ):
            yield

    def _of_changes(self, real: Callable[..., bool]) -> Callable[..., bool]:
        def concern_one_of(changes: Any, keys: Sequence[int], searches: Any, mentioning: Any = None) -> bool:
            concerns = real(changes, keys, searches, mentioning)
            self._decided = set()
            if concerns:
                rows = json.loads(searches() or b"[]")
                kinds = {kind for key in keys for kind in self._kinds_of(key)}
                kinds |= {self._kind_of_search(row) for row in rows}
                for kind in kinds:
                    left, found = self._without(kind, keys, rows)
                    if not real(changes, left, lambda found=found: found, mentioning):
                        self._decided.add(kind)
            return concerns

        return concern_one_of

    def _without(self, kind: str, keys: Sequence[int], rows: Sequence[Any]) -> tuple[list[int], bytes]:
        """Keys and searches as they were if those of a kind had not been recorded."""
        found = [row for row in rows if self._kind_of_search(row) != kind]
        searched = {_key_of_search(row) for row in rows if self._kind_of_search(row) == kind}
        searched -= {_key_of_search(row) for row in found}
        gone = {*map(file_facts.number_of, searched)}
        left = [key for key in keys if self._kinds_of(key) != {kind} and key not in gone]
        return left, json.dumps(found).encode()

    def _kinds_of(self, number: int) -> set[str]:
        numbers = file_facts._NUMBERS
        if len(numbers) != self._known:
            self._kinds.clear()
            for key, one in numbers.items():
                self._kinds.setdefault(one, set()).add(_kind(key))
            self._known = len(numbers)
        return self._kinds.get(number, {"unknown"})

    def _kind_of_search(self, row: Sequence[Any]) -> str:
        if row[0] != "text":
            return "about" if row[0] == "about" else "mentions"
        if row[1].endswith("/"):
            return "dir"
        return "holds" if (row[1], row[2]) in self._held else "text"

    def _of_program(self, real: Callable[..., bool]) -> Callable[..., bool]:
        def holds(program: Any, path: str, pattern: bytes) -> bool:
            self._held.add((path, pattern.decode("latin-1")))
            return real(program, path, pattern)

        return holds

    def _of_snapshot(self, real: Callable[..., bool]) -> Callable[..., bool]:
        def concerned(snapshot: Any, path: str, keys: Any) -> bool:
            found = real(snapshot, path, keys)
            if found and self._decided:
                old = snapshot._folders[folder_of(path)][path][1]
                self._waiting[path] = old, frozenset(self._decided)
            return found

        return concerned

    def _of_outcomes(self, real: Callable[..., None]) -> Callable[..., None]:
        def put(kept: Any, made: Any) -> None:
            self._settle(made.path, made.outcome)
            real(kept, made)

        return put

    def _of_results(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def unconcerned(kept: Any, ident: str, programs: Any) -> Any:
            self._decided = set()
            found = real(kept, ident, programs)
            if found is None and self._decided:
                entry = kept._store.exact((ident,), (kept._moved[0],))[ident]
                old = loaded(entry.result, kept._classes)
                self._waiting[ident] = old, frozenset(self._decided)
            return found

        return unconcerned

    def _of_new_results(self, real: Callable[..., None]) -> Callable[..., None]:
        def keep(kept: Any, parts: Any, result: Any, *more: Any) -> None:
            self._settle(subject(kept._program, *parts), result)
            real(kept, parts, result, *more)

        return keep

    def _settle(self, name: str, result: Any) -> None:
        old, kinds = self._waiting.pop(name, (None, frozenset()))
        if kinds and old != result:
            self.counts.update(kinds)


def _kind(key: str) -> str:
    """The kind of a key; names that other files see are one kind."""
    kind, _, rest = key.partition(":")
    return "@" if "@" in rest and kind in ("f", "m", "t", "e", "k", "s") else kind


def _key_of_search(row: Sequence[Any]) -> str:
    kind, of = row[0], row[1]
    if kind == "text":
        return f"dir:{of[:-1]}" if of.endswith("/") else f"text:{of}"
    return f"about:{of}" if kind == "about" else "mentions"
