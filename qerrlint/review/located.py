# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings with the file they stand in: matched before against after, resolved to lines."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from qerrlint.facts.program import Program
from qerrlint.findings import Finding
from qerrlint.review.result import Place, ReportedEdit, ReportedFix, ReportedStep
from qerrlint.source.span import LineIndex, Span


@dataclass(frozen=True, slots=True)
class Located:
    """A finding, its advice, and the lines of the tree it was made on, resolved."""

    finding: Finding
    advice: str
    place: Place
    steps: tuple[ReportedStep, ...]
    fixes: tuple[ReportedFix, ...] = ()

    @property
    def path(self) -> str:
        """The file of the primary place."""
        return self.place.path


class Resolver:
    """Turns spans of one tree into places; keeps the line index of each file asked for."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._lines: dict[str, LineIndex] = {}

    def place(self, span: Span) -> Place:
        """The resolved place; line 1 of nothing for a file that is not there."""
        lines = self.lines(span.path)
        line, column = lines.position(span.start)
        end_line, end_column = lines.position(span.end)
        source, end_source = (
            lines.text(number).decode("utf-8", "surrogateescape") for number in (line, end_line)
        )
        return Place(span.path, line, column, end_line, end_column, source, end_source)

    def lines(self, path: str) -> LineIndex:
        """The file's lines."""
        if path not in self._lines:
            unit = self._program.known_unit(path)
            data = unit.data if unit is not None else self._program.source.read(path) or b""
            self._lines[path] = LineIndex(data)
        return self._lines[path]

    def locate(self, finding: Finding, advice: str) -> Located:
        """The finding with its places resolved."""
        steps = tuple(ReportedStep(self.place(step.span), step.message) for step in finding.steps)
        fixes = tuple(
            ReportedFix(
                fix.description, tuple(ReportedEdit(self.place(edit.span), edit.text) for edit in fix.edits)
            )
            for fix in finding.fixes
        )
        return Located(finding, advice, self.place(finding.span), steps, fixes)


@dataclass(frozen=True, slots=True)
class Delta:
    """What a change did to the findings; `persisting` pairs the one before with the one after."""

    introduced: tuple[Located, ...]
    fixed: tuple[Located, ...]
    persisting: tuple[tuple[Located, Located], ...]


def match(
    before: Sequence[Located],
    after: Sequence[Located],
    renamed: Callable[[str], str | None],
    successors: Mapping[str, str] | None = None,
) -> Delta:
    """Match findings by fingerprint: first in the same file (`renamed` gives a file's path afterwards), then
    anywhere, so that code moved from file to file brings its findings along. Of a function that goes on
    under another name (`successors`) by rule and source line."""
    waiting: dict[tuple[str, str], list[Located]] = defaultdict(list)
    for old in before:
        waiting[old.finding.fingerprint, renamed(old.path) or ""].append(old)
    pairs: list[tuple[Located, Located]] = []
    unmatched: list[Located] = []
    for new in after:
        candidates = waiting.get((new.finding.fingerprint, new.path))
        if candidates:
            pairs.append((candidates.pop(0), new))
        else:
            unmatched.append(new)
    left: dict[str, list[Located]] = defaultdict(list)
    for rest in waiting.values():
        for old in rest:
            left[old.finding.fingerprint].append(old)
    introduced: list[Located] = []
    for new in unmatched:
        candidates = left.get(new.finding.fingerprint)
        if candidates:
            pairs.append((candidates.pop(0), new))
        else:
            introduced.append(new)
    fixed = [old for rest in left.values() for old in rest]
    if successors:
        introduced = _under_new_names(introduced, fixed, pairs, successors)
    return Delta(tuple(introduced), tuple(in_order(fixed)), tuple(pairs))


def _under_new_names(
    introduced: list[Located],
    fixed: list[Located],
    pairs: list[tuple[Located, Located]],
    successors: Mapping[str, str],
) -> list[Located]:
    """Moves findings of renamed functions from `fixed` to `pairs`; returns what is introduced after all."""
    old_words = re.compile(r"\b(?:" + "|".join(map(re.escape, successors)) + r")\b")

    def line(found: Located) -> str:
        """The source line in the words of the after side."""
        return "".join(old_words.sub(lambda m: successors[m.group()], found.place.source).split())

    left: dict[tuple[str, str, str], list[Located]] = defaultdict(list)
    for old in fixed:
        name = successors.get(old.finding.function)
        if name is not None:
            left[old.finding.rule, name, line(old)].append(old)
    out: list[Located] = []
    for new in introduced:
        candidates = left.get((new.finding.rule, new.finding.function, line(new)))
        if candidates:
            old = candidates.pop(0)
            fixed.remove(old)
            pairs.append((old, new))
        else:
            out.append(new)
    return out


def in_order(found: Iterable[Located]) -> list[Located]:
    """Sorted as every output is: by path, line, column, rule."""
    return sorted(
        found, key=lambda f: (f.place.path, f.place.line, f.place.column, f.finding.rule, f.finding.message)
    )
