# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings with their byte offsets resolved to lines of the tree in which they were found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qerrlint.findings import Finding
from qerrlint.records import record
from qerrlint.result import Place, ReportedEdit, ReportedFix, ReportedStep
from qerrlint.source.span import LineIndex, Span

if TYPE_CHECKING:
    from qerrlint.model.program import Program


@record(frozen=True, slots=True)
class Located:
    """A finding with its advice and with its places as lines of the tree in which it was found."""

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
        """The place of a span; line 1 of an empty text for a file that does not exist."""
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


def in_order(found: Iterable[Located]) -> list[Located]:
    """Sorted as every output is: by path, line, column, rule."""
    return sorted(
        found, key=lambda f: (f.place.path, f.place.line, f.place.column, f.finding.rule, f.finding.message)
    )
