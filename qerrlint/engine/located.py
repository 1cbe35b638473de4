# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings, and what else a report says, with their byte offsets resolved to lines of their tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from qerrlint.engine.file_report import FileReport, Uncovered
from qerrlint.findings import Finding
from qerrlint.records import record
from qerrlint.result import Damaged, Place, ReportedEdit, ReportedExemption, ReportedFix, ReportedStep
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

    def locate(self, finding: Finding, advice: str = "") -> Located:
        """The finding with its places resolved; nobody reads the advice of one that is only compared."""
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


def uncovered(report: FileReport, resolver: Resolver) -> tuple[tuple[Damaged, ...], tuple[Damaged, ...]]:
    """The functions of a report that were not analysed, and those not wholly."""

    def resolved(item: Uncovered) -> Damaged:
        return Damaged(item.span.path, resolver.place(item.span).line, item.function, item.reason)

    return tuple(map(resolved, report.damaged)), tuple(map(resolved, report.incomplete))


def exempted_findings(reports: Sequence[FileReport], resolver: Resolver) -> tuple[ReportedExemption, ...]:
    """What exemptions took away in these files, one entry a rule, sorted by path, line and rule."""
    found = {
        ReportedExemption(
            took.exemption,
            took.effect,
            rule,
            took.span.path,
            resolver.place(took.span).line,
            took.function,
            took.reason,
        )
        for report in reports
        for took in report.exempted
        for rule in took.rules
    }
    return tuple(sorted(found, key=exemption_order))


def exemption_order(found: ReportedExemption) -> tuple[str, int, str, str, str]:
    """The order in which every output lists what was exempted."""
    return (found.path, found.line, found.rule, found.exemption, found.function)
