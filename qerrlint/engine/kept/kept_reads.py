# SPDX-License-Identifier: GPL-2.0-or-later
"""The reads of a stored result: as bytes, and asked again of another tree."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from qerrlint.engine.changes.file_facts import ABOUT, MENTIONS, NARROW, NOWHERE, WIDE, packed_keys
from qerrlint.engine.changes.tree_blobs import DECLARING
from qerrlint.findings import Finding
from qerrlint.model.include_graph import Files
from qerrlint.model.lookups import EVERYTHING, LookupRecorder, Lookups
from qerrlint.model.program import Program, holds
from qerrlint.model.reads import OUTLINE, Digests, Question, Reads
from qerrlint.model.seen_environment import answer
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.source import git_blob_id

_REACHING = ("reach:", "see:")
# Questions about C files beside the one under analysis, and about those at hand.
_OF_OTHER_FILES = frozenset((*MENTIONS, ABOUT, "file", "holds", *OUTLINE))


def packed(reads: Reads, path: str, digests: Digests, keys: bytes) -> bytes | None:
    """The questions of a file and its keys as bytes; None where some questions cannot be asked again."""
    questions = reads.questions()
    if any(map(is_open, questions)):
        return None
    # What a file says of its own names depends on nothing else.
    rows = [
        (*question, digest)
        for question, digest in digests.all_of(questions)
        if question[0] != "own_constant" or question[2] != path
    ]
    text = zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 1)
    return len(text).to_bytes(4, "little") + text + keys


def is_open(question: Question) -> bool:
    """Whether a question stands for all that the tree could be asked: what was asked is not known."""
    return question[0] == "tree"


def unpacked(data: bytes) -> dict[Question, str] | None:
    """The questions with the digests of their answers; None for bytes that are none."""
    try:
        rows = json.loads(zlib.decompress(data[4 : 4 + int.from_bytes(data[:4], "little")]))
        return {tuple(map(str, question)): str(digest) for *question, digest in rows}
    except (ValueError, TypeError, zlib.error):
        return None


class LookedUp(NamedTuple):
    """The facts that have been looked up for a result, packed; `reaching` are the files whose includes count
    for it."""

    keys: bytes
    reaching: frozenset[str]


def looked_up(
    questions: Mapping[Question, Any], lookups: Iterable[Lookups], own: str | None = None
) -> LookedUp:
    """The facts that have been looked up; of the questions those about other files count.

    `own` is the file that the result is of, if it is of one.
    """
    together = Lookups()
    together.parts.update(lookups)
    keys, searches = together.everything(own)
    keys.update(f"file:{question[1]}" for question in questions if question[0] == "file")
    for question in questions:
        if question[0] == "holds":
            keys.add(f"text:{question[1]}")
            searches[question[1], question[2].encode("latin-1")] = questions[question]
    asked = {question: questions[question] for question in questions if question[0] in (*MENTIONS, ABOUT)}
    reaching = frozenset(key[key.index(":") + 1 :] for key in keys if key.startswith(_REACHING))
    return LookedUp(packed_keys(keys, searches, asked), reaching)


def lookups_of(reads: Reads, asked: LookupRecorder) -> Iterator[Lookups]:
    """All that was looked up for a result with these reads, in a computation that is still under way.

    What other files have asked of all files together, or this one asked for before, may have been looked up
    for another result.
    """
    for one in reads.all():
        if one is not reads and OUTLINE in one.answers:
            asked.add(EVERYTHING)
        yield one.lookups
    yield asked.now


def look_into(unit: TranslationUnit, findings: Iterable[Finding], program: Program) -> None:
    """Record the files that findings point into: their lines are a part of the outcome."""
    for finding in findings:
        spans = [finding.span, *(step.span for step in finding.steps)]
        spans += [edit.span for fix in finding.fixes for edit in fix.edits]
        for path in {span.path for span in spans} - {unit.path}:
            data = program.source.read(path)
            unit.reads.answers["file", path] = git_blob_id(data) if data is not None else None


class Asking:
    """Asks a program what stored results were made from."""

    def __init__(self, program: Program, digests: Digests) -> None:
        self._program = program
        self._digests = digests
        self.answers: dict[Question, Any] = {}
        """The answers to the questions about other files of the result that is asked about."""
        self._containing: dict[Question, tuple[str, ...]] = {}
        self._files: dict[str, str | None] = {}

    def still_valid(self, data: bytes) -> bool:
        """Whether all questions of the packed reads of a file have the same answers here."""
        reads = unpacked(data)
        return reads is not None and self.unchanged(reads)

    def unchanged(self, reads: Mapping[Question, str]) -> bool:
        """Whether all of the questions have the answers of these digests here."""
        # What was asked of all files together is not known.
        return OUTLINE not in reads and self._digests.unchanged(reads, self._answer)

    def _answer(self, question: Question) -> Any:
        if question[0] in _OF_OTHER_FILES:
            self.answers[question] = found = self._of_others(question)
            return found
        if question[0] == "defining_path":
            return self._program.defining_path(question[1])
        return answer(self._program.environment, question)

    def _of_others(self, question: Question) -> Any:
        kind, *arguments = question
        if kind == "containing":
            if question not in self._containing:
                self._containing[question] = tuple(self._program.source.containing(arguments))
            return self._containing[question]
        if kind == "file":
            (path,) = arguments
            if path not in self._files:
                self._files[path] = self._digest(path)
            return self._files[path]
        if kind == "holds":
            return holds(self._program, arguments[0], arguments[1].encode("latin-1"))
        if kind == ABOUT:
            unit = self._program.unit(arguments[0])
            return unit.about.digest(arguments[1]) if unit is not None else None
        mentioning = self._program.mentioning
        return tuple(mentioning(arguments[0])) if mentioning is not None else None

    def _digest(self, path: str) -> str | None:
        source = self._program.source
        known = source.known_id(path)
        if known is not None:
            return known
        data = source.read(path)
        return None if data is None else git_blob_id(data)


def bound(questions: Iterable[Question], path: str, files: Files) -> str:
    """What bounds the reads of a file beside its own bytes: NARROW, WIDE or NOWHERE."""
    included = [other for other in files.reached(path) if other != path and not other.endswith(DECLARING)]
    if not all(other.endswith(".c") for other in included):
        return NOWHERE
    if included or any(question[0] in _OF_OTHER_FILES for question in questions):
        return WIDE
    return NARROW
