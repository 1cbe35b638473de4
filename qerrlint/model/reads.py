# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads: what the analysis of one file asked of its tree, each question with a digest of the answer.

A result is valid in any tree that gives the same answers. Answers are compared by what a check can see of
them: where in its file something is declared is left out, so that a comment above it changes no answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qerrlint.c.declarations.file import Macro
from qerrlint.c.declarations.types import Declared, Signature
from qerrlint.c.toplevel import TypeName
from qerrlint.model.lookups import Lookups

Question = tuple[str, ...]
"""The name of a method of SeenEnvironment or model.program.SeenProgram, and its arguments."""

OUTLINE: Question = ("outline",)
"""What all files of the tree declare: their outlines (engine.changes.tree_blobs)."""

ABSENT = "-"
"""The digest of None, the most frequent answer."""
_DIGEST_BYTES = 9
# Answers are kept alive with their digests: many files ask the same.
_MOST_KNOWN = 200_000


class Reads:
    """The questions of one file with their answers; `others` are the reads of files that were looked into.

    `bodies` has the files at hand of which only the summaries of functions were asked for, by the name of
    each function: path, digest and reads.
    """

    __slots__ = ("answers", "bodies", "lookups", "others")

    def __init__(self) -> None:
        self.answers: dict[Question, Any] = {}
        self.others: list[Reads] = []
        self.bodies: dict[str, tuple[str, str, Reads]] = {}
        self.lookups = Lookups()
        """What was looked up for the answers."""

    def include(self, other: Reads) -> None:
        """All that has been asked for another file, or will be, counts as asked for this one."""
        if other is not self and all(other is not known for known in self.others):
            self.others.append(other)

    def questions(self) -> dict[Question, Any]:
        """Every question with its answer, those of other files among them."""
        if not self.others and not self.bodies:
            return self.answers
        out: dict[Question, Any] = {}
        for reads in self.all():
            out.update(reads.answers)
            out.update((("file", path), digest) for path, digest, _ in reads.bodies.values())
        return out

    def all(self, bodies: bool = True) -> Iterator[Reads]:
        """These reads, and those of other files; without `bodies` not of those that only gave summaries."""
        waiting = [self]
        seen: set[int] = set()
        while waiting:
            reads = waiting.pop()
            if id(reads) not in seen:
                seen.add(id(reads))
                yield reads
                waiting += reads.others
                if bodies:
                    waiting += (body for _, _, body in reads.bodies.values())


class Digests:
    """Digests of answers; those of frozen objects are worked out once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, str]] = {}

    def of(self, answer: Any) -> str:
        """A short text that two answers share only if no check can tell them apart."""
        if answer is None:
            return ABSENT
        if isinstance(answer, (bool, int)):
            return repr(answer)
        known = self._known.get(id(answer))
        if known is None:
            text = repr(visible(answer)).encode()
            known = answer, hashlib.blake2b(text, digest_size=_DIGEST_BYTES).hexdigest()
            if len(self._known) < _MOST_KNOWN:
                self._known[id(answer)] = known
        return known[1]

    def all_of(self, reads: Mapping[Question, Any]) -> Iterator[tuple[Question, str]]:
        """Each question with the digest of its answer."""
        for question, answer in reads.items():
            yield question, self.of(answer)

    def unchanged(self, reads: Mapping[Question, str], ask: Callable[[Question], Any]) -> bool:
        """Whether every question still has the answer of that digest."""
        return all(self.of(ask(question)) == digest for question, digest in reads.items())


def visible(answer: Any) -> Any:
    """An answer without the place of its declaration."""
    if isinstance(answer, tuple):
        return tuple(map(visible, answer))
    if isinstance(answer, Signature):
        # Whether the tree declares it at all counts: generated functions and contracts have no path.
        what = (answer.name, answer.path is None, answer.params, answer.returns, answer.variadic)
        return (*what, answer.errp, answer.static, answer.noreturn)
    if isinstance(answer, TypeName):
        return answer.name, answer.kind, answer.target, visible(answer.signature), answer.body[0] >= 0
    if isinstance(answer, Declared):
        return answer.name, answer.type, answer.kind, visible(answer.signature)
    if isinstance(answer, Macro):
        return answer.name, answer.params, answer.body
    return answer
