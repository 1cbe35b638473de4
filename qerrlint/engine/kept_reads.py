# SPDX-License-Identifier: GPL-2.0-or-later
"""The reads of a stored result: as bytes, and asked again of another tree."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from qerrlint.engine.tree_blobs import DECLARING, Outlines
from qerrlint.model.include_graph import Files
from qerrlint.model.program import Program
from qerrlint.model.reads import OUTLINE, Digests, Question, Reads
from qerrlint.model.seen_environment import answer
from qerrlint.source.source import git_blob_id

NARROW, WIDE, NOWHERE = "narrow", "wide", ""
"""What bounds the reads of a result: files that declare, C files as well, or neither (TreeBlobs.scenes)."""

# Questions about C files beside the one under analysis, and about those at hand.
# For the digest of an outline: valid in the same scene only.
_ONCE = "once"
_OF_OTHER_FILES = frozenset(("containing", "file", "mentioning", *OUTLINE))


def packed(reads: Reads, path: str, digests: Digests, outlines: Outlines | None) -> bytes | None:
    """The questions of a file as bytes; None where some cannot be asked again."""
    questions = reads.questions()
    if any(map(is_open, questions)):
        return None
    # Other files that were looked into may have asked of their own folders.
    outline = outlines.of(path) if outlines is not None and not reads.others else _ONCE
    # What a file says of its own names depends on nothing else.
    rows = [
        (*question, digest if question != OUTLINE else outline)
        for question, digest in digests.all_of(questions)
        if question[0] != "own_constant" or question[2] != path
    ]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 1)


def is_open(question: Question) -> bool:
    """Whether a question stands for all that the tree could be asked: what was asked is not known."""
    return question[0] == "tree"


def unpacked(data: bytes) -> dict[Question, str] | None:
    """The questions with the digests of their answers; None for bytes that are none."""
    try:
        rows = json.loads(zlib.decompress(data))
        return {tuple(map(str, question)): str(digest) for *question, digest in rows}
    except (ValueError, TypeError, zlib.error):
        return None


class Asking:
    """Asks a program what stored results were made from; `outlines` are those of its tree, where they are
    known."""

    def __init__(self, program: Program, digests: Digests, outlines: Outlines | None = None) -> None:
        self._program = program
        self._outlines = outlines
        self._digests = digests
        self._containing: dict[Question, tuple[str, ...]] = {}
        self._files: dict[str, str | None] = {}

    def still_valid(self, data: bytes, path: str) -> bool:
        """Whether all questions of the packed reads of a file have the same answers here."""
        reads = unpacked(data)
        return reads is not None and self.unchanged(reads, path)

    def unchanged(self, reads: Mapping[Question, str], path: str = "") -> bool:
        """Whether all of the questions, which the analysis of a file has asked, have the answers of these
        digests here."""
        if OUTLINE in reads:
            if self._outlines is None or reads[OUTLINE] != self._outlines.of(path):
                return False
            reads = {question: digest for question, digest in reads.items() if question != OUTLINE}
        return self._digests.unchanged(reads, self._answer)

    def _answer(self, question: Question) -> Any:
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
        if kind == "mentioning":
            mentioning = self._program.mentioning
            return tuple(mentioning(arguments[0])) if mentioning is not None else None
        if kind == "defining_path":
            return self._program.defining_path(arguments[0])
        return answer(self._program.environment, question)

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
