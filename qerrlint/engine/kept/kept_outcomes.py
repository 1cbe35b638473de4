# SPDX-License-Identifier: GPL-2.0-or-later
"""The outcome of one file in `check`, and how it is kept between runs."""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from qerrlint.engine.changes.file_facts import NARROW, NOWHERE, WIDE, keys_in
from qerrlint.engine.changes.snapshot import Snapshot
from qerrlint.engine.changes.tree_blobs import TreeBlobs
from qerrlint.engine.kept.kept_results import KeptResults
from qerrlint.engine.located import Located
from qerrlint.engine.store.cache_key import scene_of, subject
from qerrlint.engine.store.cache_store import Entry, Store
from qerrlint.engine.store.stored_objects import classes_by_name, loaded
from qerrlint.errors import InputError
from qerrlint.findings import Allowed, Edit, Finding, Fix, Step
from qerrlint.records import record
from qerrlint.result import (
    Damaged,
    Place,
    ReportedEdit,
    ReportedExemption,
    ReportedFix,
    ReportedStep,
    Skipped,
)
from qerrlint.source.span import Span

# Results are written at least so often: a run that is killed has kept what it had made until then.
_SECONDS = 0.5


@record(frozen=True, slots=True)
class Health:
    """How well the front end read the functions, all of them and those about errors."""

    functions: int = 0
    damaged: int = 0
    about_errors: int = 0
    about_errors_damaged: int = 0

    def __add__(self, other: Health) -> Health:
        """The counts of both together."""
        return Health(
            self.functions + other.functions,
            self.damaged + other.damaged,
            self.about_errors + other.about_errors,
            self.about_errors_damaged + other.about_errors_damaged,
        )


@record(frozen=True, slots=True)
class FileOutcome:
    """The findings and the coverage of one file; `uses` is what engine.callers.uses_of() says of it."""

    found: tuple[Located, ...]
    functions: int
    explored: int
    damaged: tuple[Damaged, ...]
    incomplete: tuple[Damaged, ...]
    skipped: Skipped | None
    exempted: tuple[ReportedExemption, ...] = ()
    uses: frozenset[str] = frozenset()


class Task(NamedTuple):
    """A file to analyse: stored results that may be valid, and whether to measure how well it is read."""

    path: str
    candidates: tuple[Entry, ...] = ()
    measure: bool = False


class Made(NamedTuple):
    """What came of a task. `digest` is that of the bytes that were analysed; `reads` are packed, None where
    the outcome is not to be kept; `bound` says what they are bounded by; `old` is the stored result that was
    found valid. `keys` are the facts that were looked up, packed."""

    path: str
    outcome: FileOutcome
    digest: str | None = None
    reads: bytes | None = None
    bound: str = NOWHERE
    old: Entry | None = None
    health: Health | None = None
    keys: bytes = b""


class KeptOutcomes:
    """The outcomes that a store has for the files of a run, and the keys under which new ones are kept.

    `outcomes` are those known to be valid; `candidates` may be. `type_names` are those of the tree. `keys`
    are the facts that valid outcomes of a tree out of git's objects have looked up, if they are wanted.
    """

    def __init__(
        self, store: Store, program: str, blobs: TreeBlobs, paths: Sequence[str], keys: bool = False
    ) -> None:
        """Look up the outcomes of these files. Raises InputError for a file that cannot be read."""
        self._store = store
        self._program = program
        self._blobs = blobs
        self._scenes = dict(zip((NARROW, WIDE), blobs.scenes(), strict=True))
        self._waiting: list[Entry] = []
        self._instead: list[tuple[str, str]] = []
        self._written = time.monotonic()
        digests = blobs.of(paths)
        self.outcomes: dict[str, FileOutcome] = {}
        self.keys: dict[str, bytes] = {}
        self.candidates: dict[str, tuple[Entry, ...]] = {}
        self._snapshot: Snapshot | None = None
        if blobs.directory is not None:
            self._snapshot = Snapshot(store, program, blobs, self._scenes[WIDE], _load)
            self.outcomes.update(self._snapshot.outcomes(digests))
        of_subject = {
            self._subject(path, digest): path for path, digest in digests.items() if path not in self.outcomes
        }
        for ident, entry in store.exact(of_subject, tuple(self._scenes.values())).items():
            outcome = unpickled(entry.result)
            if outcome is not None:
                path = of_subject[ident]
                self.outcomes[path] = outcome
                if keys:
                    self.keys[path] = keys_in(entry.reads)
                if self._snapshot is not None:
                    self._snapshot.put(path, digests[path], outcome, keys_in(entry.reads))
        left = [ident for ident, path in of_subject.items() if path not in self.outcomes]
        for ident, entries in store.candidates(left).items():
            self.candidates[of_subject[ident]] = tuple(entries)

    def results(self, *more: str, verify: bool = False) -> KeptResults:
        """Results of other kinds for the same tree; `more` are settings that they depend on."""
        scene = scene_of(self._scenes[WIDE], *more)
        changes = self._snapshot.changes if self._snapshot is not None else None
        moved = (scene_of(changes.since, *more), changes) if changes is not None else None
        return KeptResults(self._store, self._program, scene, verify=verify, moved=moved)

    @property
    def type_names(self) -> Mapping[str, Sequence[str]] | None:
        """For the C files with tables of types, sorted by path, the names of the types; None for a tree out
        of git's objects, whose files are not all read."""
        return self._snapshot.type_names if self._snapshot is not None else None

    @property
    def expected(self) -> Mapping[str, str]:
        """The digests that the tree's files had when the run began."""
        return self._blobs.known

    def _subject(self, path: str, digest: str) -> str:
        return subject(self._program, "outcome", path, digest)

    def put(self, made: Made) -> None:
        """Keep a new outcome, or one that was found valid in this tree; not that of a file that could not be
        analysed, for another run may succeed."""
        if made.health is not None and made.digest is not None:
            ident = subject(self._program, "health", made.path, made.digest)
            self._waiting.append(Entry(ident, "", b"", pickle.dumps(made.health, 4)))
        if made.reads is not None and made.digest is not None and made.outcome.skipped is None:
            result = made.old.result if made.old is not None else pickle.dumps(made.outcome, 4)
            # In no certain scene it is found by its reads only.
            scene = self._scenes.get(made.bound, "")
            self._waiting.append(Entry(self._subject(made.path, made.digest), scene, made.reads, result))
            if made.old is not None:
                self._instead.append(made.old[:2])
            if self._snapshot is not None and made.bound != NOWHERE:
                self._snapshot.put(made.path, made.digest, made.outcome, made.keys)
        if time.monotonic() - self._written > _SECONDS:
            self.write()

    def finish(self) -> None:
        """Write what waits, and the state of the tree."""
        self.write()
        if self._snapshot is not None:
            # A file that was changed meanwhile: the next run knows less.
            with suppress(InputError):
                self._snapshot.write()

    def write(self) -> None:
        """Write what waits."""
        self._store.add(self._waiting, self._instead)
        self._waiting, self._instead = [], []
        self._written = time.monotonic()

    def health(self, paths: Sequence[str]) -> dict[str, Health]:
        """How well files are read, as far as that is known."""
        found = self._blobs.of(paths).items()
        of_subject = {subject(self._program, "health", path, digest): path for path, digest in found}
        out = {}
        for ident, entry in self._store.exact(of_subject, ("",)).items():
            health = _load(entry.result)
            if isinstance(health, Health):
                out[of_subject[ident]] = health
        return out


_CLASSES = classes_by_name(
    (
        *(Located, Finding, Span, Step, Fix, Edit, Allowed),
        *(Place, ReportedStep, ReportedFix, ReportedEdit, ReportedExemption, Damaged, Skipped),
        *(Health, FileOutcome),
    )
)


def _load(data: bytes) -> object:
    return loaded(data, _CLASSES)


def unpickled(data: bytes) -> FileOutcome | None:
    """The outcome in a stored result; None for anything else."""
    outcome = _load(data)
    return outcome if isinstance(outcome, FileOutcome) else None
