# SPDX-License-Identifier: GPL-2.0-or-later
"""One file through all analyses: its findings and what was not analysed; knows no change and no output."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from qerrlint.checks.analysis import Analysis
from qerrlint.checks.registry import analyses_for
from qerrlint.findings import Finding, Observation, number_equal
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.policy.suppressions import allow
from qerrlint.rules.rule import Remark, RuleSet
from qerrlint.source.span import Span

# Events that the text decides, on whatever path.
_PATHLESS = frozenset({"errp-deref", "errp-prepend"})


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A function that was not analysed, or not wholly."""

    span: Span
    function: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileReport:
    """What a file gave. `functions` counts all of it, `explored` those that were explored; `allowances` holds
    the keys of the comments that allow something."""

    path: str
    functions: int
    explored: int
    findings: tuple[Finding, ...]
    advice: dict[str, str]
    damaged: tuple[Uncovered, ...] = ()
    incomplete: tuple[Uncovered, ...] = ()
    allowances: frozenset[str] = frozenset()


def analyse_unit(unit: TranslationUnit, rules: RuleSet, only: Collection[str] | None = None) -> FileReport:
    """Run every analysis over the unit's functions that have to do with errors (`only` these, if given)."""
    said: list[Remark] = []
    damaged: list[Uncovered] = []
    incomplete: list[Uncovered] = []
    explored = 0
    analyses = analyses_for(rules.pairs)
    for piece in unit.relevant():
        if only is not None and piece.name not in only:
            continue
        if unit.lowered(piece.name) is None:
            damage = unit.damage.get(piece.name)
            # What parses and still has no flow is nested beyond what lower() walks.
            reason = damage.reason if damage is not None else "nested too deeply"
            damaged.append(Uncovered(piece.span, piece.name, reason))
            continue
        explored += 1
        for observation in _observations(unit, piece.name, analyses):
            said += rules.remarks(observation)
        result = unit.result(piece.name)
        if result is not None and not result.complete:
            incomplete.append(Uncovered(piece.span, piece.name, "more paths than are followed"))
    unsure = {item.function for item in (*damaged, *incomplete)}
    judged = allow(
        unit,
        number_equal((remark.finding, remark.key) for remark in said),
        rules,
        lambda name: name not in unsure and (only is None or name in only),
    )
    remarks = [remark for observation in judged.observations for remark in rules.remarks(observation)]
    advice = {(r.finding.rule, r.finding.span): r.advice for r in (*said, *remarks)}
    about = number_equal((remark.finding, remark.key) for remark in remarks)
    findings = tuple(sorted((*judged.findings, *about), key=lambda f: (f.span, f.rule)))
    return FileReport(
        path=unit.path,
        functions=len(unit.functions),
        explored=explored,
        findings=findings,
        advice={f.fingerprint: advice[f.rule, f.span] for f in findings},
        damaged=tuple(damaged),
        incomplete=tuple(incomplete),
        allowances=judged.keys,
    )


def _observations(unit: TranslationUnit, name: str, analyses: Iterable[Analysis]) -> Iterable[Observation]:
    piece = unit.functions[name]
    result = unit.result(name)
    complete = result is not None and result.complete
    for analysis in analyses:
        for observation in analysis.run(unit, piece):
            apart = observation.whole or observation.kind in _PATHLESS
            if not complete and observation.analysis == "errorflow" and not apart:
                # Paths were joined: what rests on a path may rest on one that is none.
                observation = replace(observation, certainty="low")
            yield observation
