# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of parts of a run by what they were made from: pairs of files, what callers say, searches.

Each stands under its parts (such as the paths and digests of two files) and is valid where all that its
analysis has asked, of one program or of two (before and after a change), has the same answers.
"""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qerrlint.c.declarations.types import Param, Signature
from qerrlint.engine.file_report import FileReport, Uncovered
from qerrlint.engine.located import Located
from qerrlint.engine.store.cache_key import subject
from qerrlint.engine.store.cache_store import Entry, Store
from qerrlint.engine.store.stored_objects import classes_by_name, loaded
from qerrlint.errors import InputError
from qerrlint.findings import Allowed, Edit, Exempted, Finding, Fix, Step
from qerrlint.result import Place, ReportedEdit, ReportedFix, ReportedStep
from qerrlint.source.span import Span

if TYPE_CHECKING:
    from qerrlint.engine.changes.tree_changes import TreeChanges
    from qerrlint.engine.kept.kept_reads import Asking
    from qerrlint.model.program import Program
    from qerrlint.model.reads import Digests, Question, Reads

_KNOWN = classes_by_name(
    (
        *(Located, Finding, Span, Step, Fix, Edit, Allowed, Exempted, Uncovered, FileReport),
        *(Place, ReportedStep, ReportedFix, ReportedEdit, Signature, Param),
    )
)


class KeptResults:
    """Looks up results in a store and keeps new ones.

    `program` is the key of this program with its settings, `scene` a digest of all files of the trees that a
    result may be made from. `more` are further classes that results are made of. With `verify` nothing is
    found, and what is kept is compared with what would have been. `moved` is an earlier scene, and
    what has changed since.
    """

    def __init__(
        self,
        store: Store,
        program: str,
        scene: str,
        more: Iterable[type] = (),
        verify: bool = False,
        moved: tuple[str, TreeChanges] | None = None,
    ) -> None:
        self._store = store
        self._program = program
        self._scene = scene
        self._classes = {**_KNOWN, **classes_by_name(more)}
        self._asking: dict[int, Asking] = {}
        self._waiting: list[Entry] = []
        self._instead: list[tuple[str, str]] = []
        self._verify = verify
        self._expected: dict[str, Any] = {}
        self._wrong: list[str] = []
        self._moved = moved

    @property
    def scene(self) -> str:
        """The digest of all files of the trees at hand."""
        return self._scene

    def find(self, parts: Sequence[str], programs: Sequence[Program]) -> Any:
        """The result of these parts, if there is one that is valid for these programs; else None."""
        found = self._found(parts, programs)
        if self._verify and found is not None:
            self._expected[subject(self._program, *parts)] = found
        return None if self._verify else found

    def exact(self, parts: Sequence[str]) -> Any:
        """The result of these parts that is known to be valid for these very trees, else None; to verify it
        takes an analysis."""
        if self._verify:
            return None
        ident = subject(self._program, *parts)
        entry = self._store.exact((ident,), (self._scene,)).get(ident)
        return loaded(entry.result, self._classes) if entry is not None else None

    def _found(self, parts: Sequence[str], programs: Sequence[Program]) -> Any:
        ident = subject(self._program, *parts)
        exact = self._store.exact((ident,), (self._scene,)).get(ident)
        result = loaded(exact.result, self._classes) if exact is not None else None
        if result is None:
            result = self._unconcerned(ident, programs)
        if result is not None:
            return result
        candidates = self._store.candidates((ident,)).get(ident, ())
        return self._asked_again(candidates, programs) if candidates else None

    def _asked_again(self, candidates: Iterable[Entry], programs: Sequence[Program]) -> Any:
        """The first result whose questions have the same answers now."""
        from qerrlint.engine.kept.kept_reads import looked_up
        from qerrlint.model.lookups import Lookups

        for entry in candidates:
            reads = _unpacked(entry.reads, len(programs))
            if reads is None:
                continue
            for program in programs:
                program.environment.asked.now = Lookups()
                self._ask(program).answers.clear()
            if not all(
                self._ask(program).unchanged(asked) for program, asked in zip(programs, reads, strict=True)
            ):
                continue
            result = loaded(entry.result, self._classes)
            if result is not None:
                keys = [
                    looked_up(self._ask(one).answers, [one.environment.asked.now]).keys for one in programs
                ]
                self._still(entry, _packed(reads, keys))
                return result
        return None

    def _unconcerned(self, ident: str, programs: Sequence[Program]) -> Any:
        """The result of an earlier scene, where nothing that has changed since concerns it."""
        if self._moved is None:
            return None
        scene, changes = self._moved
        entry = self._store.exact((ident,), (scene,)).get(ident)
        keys = _keys_in(entry.reads) if entry is not None else []
        if entry is None or len(keys) != len(programs):
            return None
        if any(
            changes.concern(looked_up, one.mentioning) for looked_up, one in zip(keys, programs, strict=True)
        ):
            return None
        result = loaded(entry.result, self._classes)
        if result is not None:
            self._still(entry, entry.reads)
        return result

    def _still(self, entry: Entry, reads: bytes) -> None:
        """A result of another scene is valid in this one."""
        self._waiting.append(entry._replace(scene=self._scene, reads=reads))
        self._instead.append((entry.subject, entry.scene))

    def keep(
        self, parts: Sequence[str], result: Any, reads: Sequence[Reads], keys: Sequence[bytes] = ()
    ) -> None:
        """Keep a result that was made with these reads and looked up these facts, of each program in turn."""
        from qerrlint.engine.kept.kept_reads import is_open

        questions = [one.questions() for one in reads]
        if any(is_open(question) for asked in questions for question in asked):
            return
        rows = [dict(self._digests.all_of(asked)) for asked in questions]
        ident = subject(self._program, *parts)
        if self._expected.get(ident, result) != result:
            self._wrong.append(" ".join(part for part in parts if "." in part))
        self._waiting.append(Entry(ident, self._scene, _packed(rows, keys), pickle.dumps(result, 4)))

    def write(self) -> None:
        """Write what is to be kept; with `verify` raise InputError where the store has another result."""
        if self._verify:
            if self._wrong:
                raise InputError(
                    f"{self._wrong[0]}: the store has another result ({len(self._wrong)} in all)"
                )
            return
        self._store.add(self._waiting, self._instead)
        self._waiting, self._instead = [], []

    @cached_property
    def _digests(self) -> Digests:
        from qerrlint.model.reads import Digests

        return Digests()

    def _ask(self, program: Program) -> Asking:
        from qerrlint.engine.kept.kept_reads import Asking

        asking = self._asking.get(id(program))
        if asking is None:
            asking = self._asking[id(program)] = Asking(program, self._digests)
        return asking


def _packed(reads: Sequence[Mapping[Question, str]], keys: Sequence[bytes]) -> bytes:
    rows = [[(*question, digest) for question, digest in asked.items()] for asked in reads]
    more = [base64.b64encode(one).decode() for one in keys]
    return zlib.compress(json.dumps([rows, more], separators=(",", ":")).encode(), 1)


def _keys_in(data: bytes) -> list[bytes]:
    try:
        return [base64.b64decode(one) for one in json.loads(zlib.decompress(data))[1]]
    except (ValueError, TypeError, IndexError, zlib.error):
        return []


def _unpacked(data: bytes, sides: int) -> list[dict[Question, str]] | None:
    try:
        rows, _ = json.loads(zlib.decompress(data))
        out = [{tuple(map(str, question)): str(digest) for *question, digest in asked} for asked in rows]
    except (ValueError, TypeError, zlib.error):
        return None
    return out if len(out) == sides else None
