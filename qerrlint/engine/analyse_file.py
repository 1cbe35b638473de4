# SPDX-License-Identifier: GPL-2.0-or-later
"""All checks over one file: its findings, what exemptions took away, and what was not analysed."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import replace

from qerrlint.c.gaps import Gap
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.registry import file_checks, function_checks, path_sensitive
from qerrlint.engine.file_report import FileReport, Uncovered
from qerrlint.findings import Exempted, Observation, number_equal
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.policy.exemptions import DROP, Exemptions, load_exemptions
from qerrlint.policy.suppressions import allow
from qerrlint.rules.rule import Remark, RuleSet


def analyse_unit(
    unit: TranslationUnit,
    rules: RuleSet,
    only: Collection[str] | None = None,
    exemptions: Exemptions | None = None,
    gaps: Iterable[Gap] | None = None,
    event: str | None = None,
    before: TranslationUnit | None = None,
) -> FileReport:
    """Run every check over the unit and over its functions that have to do with errors.

    `only`: the functions and variables of which something is to be said, where not of all. `before`: the file
    as it was, where a change is analysed.

    `event`: the one event that somebody asks for; only the checks that may emit it are run.

    Of the texts that hold no function as far as can be told (`gaps`, if given, else all that have to do with
    errors) the report says that they were not analysed.

    All rules judge what the checks see, and the report holds what `rules` say: so the selection of a rule
    changes nothing that is said of another, nor which comments are unused.
    """
    every = rules.everything()
    said: list[Remark] = []
    left = unit.definitions.relevant_gaps() if gaps is None else gaps
    damaged = [Uncovered(gap.span, gap.name, gap.reason) for gap in left]
    incomplete: list[Uncovered] = []
    explored = 0
    exemptions = exemptions if exemptions is not None else load_exemptions()
    exempted: list[Exempted] = []
    checks, of_files = function_checks(), file_checks()
    if event is not None:
        checks = tuple(check for check in checks if any(one.name == event for one in check.events))
        of_files = tuple(check for check in of_files if any(one.name == event for one in check.events))
    for piece in unit.relevant():
        if only is not None and piece.name not in only:
            continue
        function, result = unit.lowering.function(piece), unit.interpretation.result(piece)
        if function is None or result is None:
            damaged.append(Uncovered(piece.span, piece.name, unit.lowering.damage(piece) or ""))
            continue
        explored += 1
        analysed = AnalysedFunction(unit.with_definition(piece), piece, function, result, rules.path_pairs)
        seen = (seen for check in checks for seen in check.run(analysed))
        for observation in _observations(analysed, seen, rules, exemptions, exempted):
            on_path = observation.event in path_sensitive() and not observation.whole
            if on_path and not result.complete:
                # Where states were merged, what rests on a path may rest on one that no execution takes.
                observation = replace(observation, certainty="low")
            said += every.remarks(observation)
        if not result.complete:
            reason = unit.interpretation.incomplete(piece) or ""
            incomplete.append(Uncovered(piece.span, piece.name, reason))
    file = AnalysedFile(unit, rules.pairs, only, before)
    seen = (seen for check in of_files for seen in check.run(file) if only is None or seen.function in only)
    for observation in _observations(file, seen, rules, exemptions, exempted):
        said += every.remarks(observation)
    unsure = {item.function for item in (*damaged, *incomplete)}
    judged = allow(
        unit,
        number_equal((remark.finding, remark.key) for remark in said),
        every,
        lambda name: name not in unsure and (only is None or name in only),
    )
    remarks = [remark for observation in judged.observations for remark in every.remarks(observation)]
    # Several findings of one rule may stand at one place, each with its own advice.
    advice = {(r.finding.rule, r.finding.span, r.finding.message): r.advice for r in (*said, *remarks)}
    about = number_equal((remark.finding, remark.key) for remark in remarks)
    selected = (
        replace(finding, of_variable=bool(finding.function) and finding.function not in unit.functions)
        for finding in (*judged.findings, *about)
        if rules.speaks(finding.rule)
    )
    findings = tuple(sorted(selected, key=lambda f: (f.span, f.rule)))
    return FileReport(
        path=unit.path,
        functions=len(unit.definitions.functions),
        explored=explored,
        findings=findings,
        advice={f.fingerprint: advice[f.rule, f.span, f.message] for f in findings},
        damaged=tuple(sorted(damaged, key=lambda item: item.span)),
        incomplete=tuple(incomplete),
        allowances=judged.keys,
        exempted=tuple(sorted(exempted, key=lambda e: (e.span, e.exemption))),
    )


def _observations(
    analysed: AnalysedFunction | AnalysedFile,
    seen: Iterable[Observation],
    rules: RuleSet,
    exemptions: Exemptions,
    exempted: list[Exempted],
) -> Iterable[Observation]:
    """What checks have seen and no exemption drops; exemptions that apply go to `exempted`.

    Of a group in which something is reported nothing counts as taken away.
    """
    reported: set[tuple[str, Hashable]] = set()
    taken: dict[Exempted, tuple[str, Hashable]] = {}
    for observation in seen:
        group = (observation.event, observation.group)
        if observation.group is not None and group in reported:
            continue
        kept, applied = exemptions.apply(analysed, observation)
        if kept is not None and observation.group is not None:
            reported.add(group)
        for row in applied:
            worded = tuple(remark.finding.rule for remark in rules.remarks(observation))
            took = Exempted(row.id, row.effect, row.reason, worded, observation.primary, observation.function)
            if row.effect == DROP:
                taken.setdefault(took, group)
            else:
                exempted.append(took)
        if kept is not None:
            yield kept
    exempted += [took for took, group in taken.items() if group[1] is None or group not in reported]
