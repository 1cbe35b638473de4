# SPDX-License-Identifier: GPL-2.0-or-later
"""All checks over one file: its findings, what exemptions took away, and what was not analysed."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from qerrlint.c.gaps import Gap
from qerrlint.checks.check import Check, FileCheck
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.registry import file_checks, function_checks, path_sensitive
from qerrlint.engine.file_report import FileReport, Uncovered
from qerrlint.findings import Exempted, Finding, Observation, number_equal
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.policy.exemption_rows import DROP, Exemption
from qerrlint.policy.exemptions import Exemptions, load_exemptions
from qerrlint.policy.suppressions import allow
from qerrlint.rules.rule import Remark, RuleSet

C = TypeVar("C", Check, FileCheck)


def analyse_unit(
    unit: TranslationUnit,
    rules: RuleSet,
    only: Collection[str] | None = None,
    exemptions: Exemptions | None = None,
    gaps: Iterable[Gap] | None = None,
    event: str | None = None,
    before: TranslationUnit | None = None,
    beside: bool = False,
) -> FileReport:
    """Run every check over the unit and over its functions that have to do with errors; returns its report.

    `only`: the functions and variables to report on; None for all. `before`: the file as it was, where a
    change is analysed.

    `beside`: also work out the findings that another one of their group stands for, which a comparison needs.

    `event`: the only event that is wanted: just the checks that may emit it are run.

    `gaps`: texts in which no function could be recognised, which the report lists as not analysed; if not
    given, those that have to do with errors.

    All rules judge the observations, and the report contains the findings of `rules`: so the selection of a
    rule changes neither the findings of another rule nor which comments are unused.
    """
    applied = exemptions if exemptions is not None else load_exemptions()
    analysis = _Analysis(unit, rules, only, applied, beside)
    analysis.run_over_functions(event)
    analysis.run_over_file(event, before)
    left = unit.definitions.relevant_gaps() if gaps is None else gaps
    return analysis.report([Uncovered(gap.span, gap.name, gap.reason) for gap in left])


class _Analysis:
    """What the checks have said of one file so far."""

    def __init__(
        self,
        unit: TranslationUnit,
        rules: RuleSet,
        only: Collection[str] | None,
        exemptions: Exemptions,
        beside: bool,
    ) -> None:
        self._unit = unit
        self._rules = rules
        self._every = rules.everything()
        self._only = only
        self._exemptions = exemptions
        self._said: list[Remark] = []
        self._damaged: list[Uncovered] = []
        self._incomplete: list[Uncovered] = []
        self._explored = 0
        self._exempted: list[Exempted] = []
        self._beside: list[Remark] | None = [] if beside else None

    def run_over_functions(self, event: str | None) -> None:
        """The checks of functions over those that have to do with errors."""
        unit, checks = self._unit, _emitting(function_checks(), event)
        for piece in unit.definitions.relevant():
            if not self._is_wanted(piece.name):
                continue
            function, result = unit.lowering.function(piece), unit.interpretation.result(piece)
            if function is None or result is None:
                reason = unit.lowering.damage(piece) or ""
                self._damaged.append(Uncovered(piece.span, piece.name, reason))
                continue
            self._explored += 1
            view = unit.with_definition(piece)
            analysed = AnalysedFunction(view, piece, function, result, self._rules.path_pairs)
            seen = (seen for check in checks for seen in check.run(analysed))
            for observation in self._kept(analysed, seen):
                on_path = observation.event in path_sensitive() and not observation.whole
                if on_path and not result.complete:
                    # Where states were merged, what rests on a path may rest on one that no execution takes.
                    observation = replace(observation, certainty="low")
                self._said += self._every.remarks(observation)
            if not result.complete:
                reason = unit.interpretation.incomplete(piece) or ""
                self._incomplete.append(Uncovered(piece.span, piece.name, reason))

    def run_over_file(self, event: str | None, before: TranslationUnit | None) -> None:
        """The checks of files."""
        file = AnalysedFile(self._unit, self._rules.pairs, self._only, before)
        seen = (
            seen
            for check in _emitting(file_checks(), event)
            for seen in check.run(file)
            if self._is_wanted(seen.function)
        )
        for observation in self._kept(file, seen):
            self._said += self._every.remarks(observation)

    def report(self, gaps: Sequence[Uncovered]) -> FileReport:
        """The report of the file: the findings, those that a comment allows among them, and what was not
        analysed, with the `gaps`."""
        unit, rules = self._unit, self._rules
        damaged = (*gaps, *self._damaged)
        unsure = {item.function for item in (*damaged, *self._incomplete)}
        judged = allow(
            unit,
            _findings(self._said),
            self._every,
            lambda name: name not in unsure and self._is_wanted(name),
        )
        remarks = [
            remark for observation in judged.observations for remark in self._every.remarks(observation)
        ]
        # Several findings of one rule may stand at one place, each with its own advice.
        told = (*self._said, *remarks)
        advice = {(r.finding.rule, r.finding.span, r.finding.message): r.advice for r in told}
        selected = (
            replace(finding, of_variable=bool(finding.function) and finding.function not in unit.functions)
            for finding in (*judged.findings, *_findings(remarks))
            if rules.is_enabled(finding.rule)
        )
        findings = tuple(sorted(selected, key=lambda f: (f.span, f.rule)))
        return FileReport(
            path=unit.path,
            functions=len(unit.definitions.functions),
            explored=self._explored,
            findings=findings,
            advice={f.fingerprint: advice[f.rule, f.span, f.message] for f in findings},
            damaged=tuple(sorted(damaged, key=lambda item: item.span)),
            incomplete=tuple(self._incomplete),
            allowances=judged.keys,
            exempted=tuple(sorted(self._exempted, key=lambda e: (e.span, e.exemption))),
            beside=self._untold(),
        )

    def _untold(self) -> tuple[Finding, ...]:
        """The findings that another one of their group stands for, without what only a reader needs."""
        plain = (replace(finding, steps=(), fixes=()) for finding in _findings(self._beside or ()))
        return tuple(finding for finding in plain if self._rules.is_enabled(finding.rule))

    def _is_wanted(self, name: str) -> bool:
        return self._only is None or name in self._only

    def _kept(
        self, analysed: AnalysedFunction | AnalysedFile, seen: Iterable[Observation]
    ) -> Iterator[Observation]:
        """What checks have seen and no exemption drops; exemptions that apply are recorded.

        Where an observation of a group is reported, none of that group counts as taken away.
        """
        reported: set[tuple[str, Hashable]] = set()
        taken: dict[Exempted, tuple[str, Hashable]] = {}
        for observation in seen:
            group = (observation.event, observation.group)
            if observation.group is not None and group in reported:
                if self._beside is not None:
                    self._beside += self._worded(analysed, observation)
                continue
            kept, applied = self._exemptions.apply(analysed, observation)
            if kept is not None and observation.group is not None:
                reported.add(group)
            for row in applied:
                took = self._took(row, observation)
                if row.effect == DROP:
                    taken.setdefault(took, group)
                else:
                    self._exempted.append(took)
            if kept is not None:
                yield kept
        self._exempted += [took for took, group in taken.items() if group[1] is None or group not in reported]

    def _worded(
        self, analysed: AnalysedFunction | AnalysedFile, observation: Observation
    ) -> Sequence[Remark]:
        """What the rules say of an observation; nothing where an exemption drops it."""
        kept, _ = self._exemptions.apply(analysed, observation)
        return self._every.remarks(kept) if kept is not None else ()

    def _took(self, row: Exemption, observation: Observation) -> Exempted:
        worded = tuple(remark.finding.rule for remark in self._rules.remarks(observation))
        place, function = observation.primary, observation.function
        return Exempted(row.id, row.effect, row.reason, worded, place, function)


def _emitting(checks: Sequence[C], event: str | None) -> Sequence[C]:
    """The checks that may emit an event; all of them for None."""
    if event is None:
        return checks
    return [check for check in checks if any(one.name == event for one in check.events)]


def _findings(remarks: Iterable[Remark]) -> list[Finding]:
    return number_equal((remark.finding, remark.key) for remark in remarks)
