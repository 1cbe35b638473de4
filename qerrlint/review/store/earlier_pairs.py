# SPDX-License-Identifier: GPL-2.0-or-later
"""The results of pairs of files that an earlier comparison of the same review has analysed.

A series is compared patch by patch and as a whole, so that a file that one patch changes is the same pair of
contents twice, in trees that differ in other files. The result is taken over where no fact that its analysis
has looked up is another one now (engine.changes.tree_changes).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qerrlint.engine.changes.fact_changes import changed_schema
from qerrlint.engine.changes.file_facts import FileFacts, facts_of, include_facts
from qerrlint.engine.changes.tree_blobs import DECLARING
from qerrlint.engine.changes.tree_changes import TreeChanges
from qerrlint.engine.kept.kept_reads import looked_up
from qerrlint.model.lookups import Lookups
from qerrlint.model.program import Program
from qerrlint.model.reads import OUTLINE, Question, Reads
from qerrlint.model.summary import Summary
from qerrlint.records import record
from qerrlint.review.both_sides import PairResult
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.source import git_blob_id


@record(frozen=True, slots=True)
class _Side:
    """What the analysis of one side of a pair was made from.

    `program` is its number, `files` has the digests of the files that were looked into, `defining` the file
    at hand that defines a function (None: none does), `summaries` those of functions in other files,
    `reaching` the files whose includes were asked for, `looked_up` the facts
    (engine.changes.file_facts.packed_keys).
    """

    program: int
    files: Mapping[str, str | None]
    defining: Mapping[str, str | None]
    summaries: Mapping[str, Summary | None]
    reaching: frozenset[str]
    looked_up: bytes


@record(frozen=True, slots=True)
class _Made:
    """A result with its two sides, and what was read for them."""

    result: PairResult
    sides: tuple[_Side, ...]
    reads: Sequence[Reads]


class EarlierPairs:
    """The results of the pairs of files of one review, by their contents."""

    def __init__(self, programs: Sequence[Program]) -> None:
        """`programs` are those of the review: one tree with other changes on top."""
        self._programs = programs
        self._numbers = {id(program): number for number, program in enumerate(programs)}
        self._made: dict[tuple[str, ...], list[_Made]] = {}
        self._analysed: set[int] = set()
        self._schemas: dict[tuple[tuple[str | None, ...], ...], frozenset[str]] = {}
        self._changes: dict[tuple[int, int], tuple[frozenset[str], TreeChanges]] = {}

    def find(
        self, parts: tuple[str, ...], before: Program, after: Program
    ) -> tuple[PairResult, Sequence[Reads]] | None:
        """The result of a pair with these paths and contents that holds for these programs, and what was read
        for it on each side."""
        now = [self._numbers[id(program)] for program in (before, after)]
        for made in self._made.get(parts, ()):
            if all(self._holds(side, number) for side, number in zip(made.sides, now, strict=True)):
                return made.result, made.reads
        return None

    def keep(
        self,
        parts: tuple[str, ...],
        result: PairResult,
        programs: Sequence[Program],
        reads: Sequence[Reads],
        lookups: Sequence[Lookups],
    ) -> None:
        """Remember a result with what was read and looked up for it on each side."""
        sides = zip(programs, reads, lookups, strict=True)
        made = _Made(result, tuple(self._side(*side) for side in sides), reads)
        self._made.setdefault(parts, []).append(made)

    def _side(self, program: Program, asked: Reads, lookups: Lookups) -> _Side:
        """What the result of a pair rests on in one program: contents, definitions, summaries, lookups."""
        self._analysed.add(id(asked))
        own = [*asked.all(bodies=False)]
        for one in own:
            # What has been looked up just now may be remembered for any of these files.
            one.lookups.parts.add(lookups)
        for one in asked.all():
            if OUTLINE in one.answers and id(one) not in self._analysed:
                one.lookups.parts.add(lookups)
        together = Lookups()
        together.parts.update((lookups, *(one.lookups for one in own)))
        questions: dict[Question, Any] = {}
        for one in own:
            questions.update(one.answers)
        names = sorted({name for one in own for name in one.bodies})
        facts = looked_up(questions, [together])
        return _Side(
            self._numbers[id(program)],
            {one[1]: digest for one, digest in questions.items() if one[0] == "file"},
            {one[1]: path for one, path in questions.items() if one[0] == "defining_path"},
            {name: program.summary(name) for name in names},
            facts.reaching,
            facts.keys,
        )

    def _holds(self, side: _Side, now: int) -> bool:
        """Whether what a side was made from is the same in the program of that number."""
        if side.program == now:
            return True
        program = self._programs[now]
        if any(program.source.blob_id(path) != digest for path, digest in side.files.items()):
            return False
        if any(program.defining_path(name) != path for name, path in side.defining.items()):
            return False
        if any(program.summary(name) != summary for name, summary in side.summaries.items()):
            return False
        return not self._between(side, now).concern(side.looked_up)

    def _between(self, side: _Side, now: int) -> TreeChanges:
        """What differs between two of the programs, for this side and all others of its program."""
        key = side.program, now
        known = self._changes.get(key)
        if known is None or not side.reaching <= known[0]:
            made = [one for rows in self._made.values() for row in rows for one in row.sides]
            reaching = side.reaching.union(*(one.reaching for one in made if one.program == side.program))
            changes = self._compared(self._programs[side.program], self._programs[now], reaching)
            known = self._changes[key] = reaching, changes
        return known[1]

    def _compared(self, old: Program, new: Program, reaching: Iterable[str]) -> TreeChanges:
        """What differs between two programs, for results that asked what the files `reaching` include."""
        sources = old.source, new.source
        paths = {path for one in sources if isinstance(one, OverlaySource) for path in one.changes}
        paths = {path for path in paths if sources[0].read(path) != sources[1].read(path)}
        before, after = ({path: source.read(path) for path in paths} for source in sources)

        def text_now(path: str) -> bytes | None:
            return after[path] if path in after else new.source.read(path)

        facts = _facts(old, before, reaching), _facts(new, after, reaching)
        return TreeChanges("", *facts, before.get, text_now, self._of_schemas(old, new, paths))

    def _of_schemas(self, old: Program, new: Program, changed: Iterable[str]) -> frozenset[str]:
        """The keys of what the schemas of two programs define otherwise; equal contents are compared once."""
        schemas = sorted(path for path in changed if path.endswith(".json"))
        key = tuple((path, *(one.source.blob_id(path) for one in (old, new))) for path in schemas)
        if key not in self._schemas:
            sides = old.environment.schema, new.environment.schema
            self._schemas[key] = frozenset(changed_schema(*sides, schemas) if schemas else ())
        return self._schemas[key]


def _facts(
    program: Program, changed: Mapping[str, bytes | None], reaching: Iterable[str]
) -> dict[str, FileFacts]:
    """The facts of the files that have changed, and what all others include that are `reaching`, or that one
    of these includes."""
    files = program.environment.files
    near = {one for path in reaching for one in files.reached(path)}
    out = {}
    for path in sorted(near - changed.keys()):
        declarations = files.declared(path)
        if declarations is not None:
            out[path] = include_facts(declarations)
    for path, data in sorted(changed.items()):
        if data is not None and path.endswith((*DECLARING, ".c")):
            out[path] = facts_of(path, git_blob_id(data), data)
    return out
