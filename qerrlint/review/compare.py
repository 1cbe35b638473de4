# SPDX-License-Identifier: GPL-2.0-or-later
"""One change: both sides analysed as far as the change reaches, and the difference of their findings."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import replace

from qerrlint.engine.callers import with_callers
from qerrlint.engine.file_report import FileReport
from qerrlint.engine.internal_errors import Fault, contained
from qerrlint.engine.kept.kept_results import KeptResults
from qerrlint.engine.located import Located, Resolver, in_order
from qerrlint.engine.mentions import Mentions
from qerrlint.engine.time_limit import TimeLimit
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record
from qerrlint.result import Place, ReportedStep, Skipped
from qerrlint.review.both_sides import (
    Both,
    CallersResult,
    Earlier,
    Known,
    analysed_callers,
    analysed_pair,
    files_with_callers,
)
from qerrlint.review.matching.findings import Delta, match
from qerrlint.review.matching.rewritten_statements import settle_rewritten
from qerrlint.review.matching.told_groups import settle_first_sets, settle_groups
from qerrlint.review.released_layouts import by_releases
from qerrlint.review.review_options import ReviewOptions
from qerrlint.review.scope import (
    ContractChange,
    FilePair,
    changed_functions,
    changed_tables,
    is_c,
)
from qerrlint.rules.rule import RuleSet

# What is said of the place of a finding that is told at the line that brought it about.
_SHOWS = "the defect is here"


@record(frozen=True, slots=True)
class Compared:
    """What one change did. `changed` holds (path, name) of functions and tables whose text it alters on the
    after side, `reports` the after side's files, `left_out` files with callers beyond the bound, `gained`
    path and key of each comment that allows something on the after side only, `skipped` the files that could
    not be analysed on a side, `mentioning` the files in which a function of `contracts` is named, `beside`
    the fingerprints of the findings afterwards for which another one of their group is told."""

    delta: Delta
    changed: frozenset[tuple[str, str]]
    reports: tuple[FileReport, ...]
    left_out: tuple[Skipped, ...] = ()
    gained: frozenset[tuple[str, str]] = frozenset()
    skipped: tuple[Skipped, ...] = ()
    contracts: tuple[ContractChange, ...] = ()
    mentioning: tuple[str, ...] = ()
    beside: frozenset[str] = frozenset()

    def relation(self, found: Located, added: Container[int]) -> str:
        """How an introduced finding belongs to the change; `added` are the new lines of its file."""
        if found.place.line in added:
            return "added-line"
        touched_it = (found.path, found.finding.function) in self.changed
        return "changed-function" if touched_it else "affected-caller"


def anchored(found: Located, added: Container[int]) -> Located:
    """The finding at the line that the change adds, where that is one of its steps and its own place is not.

    `added` are the new lines of its file. The place where the defect shows becomes a step, if it is none yet.
    """
    if found.place.line in added:
        return found
    steps = [
        (number, step)
        for number, step in enumerate(found.steps)
        if step.place.path == found.path and step.place.line in added
    ]
    if not steps:
        return found
    number, chosen = steps[-1]
    kept = [*found.steps[:number], *found.steps[number + 1 :]]
    if not any(step.place == found.place for step in kept):
        kept.append(ReportedStep(found.place, _SHOWS))
    return replace(found, place=chosen.place, steps=tuple(kept))


def compare(
    before: Program,
    after: Program,
    pairs: Sequence[FilePair],
    options: ReviewOptions,
    known: Known | None = None,
    earlier: Earlier | None = None,
) -> Compared:
    """Analyse what `pairs` and the contracts they alter reach, before and after. Results of an earlier run
    are taken from the store, and those of an `earlier` comparison of the review from there.

    All rules judge, and what `options.rules` say is compared: so what is kept depends on no selection.
    """
    kept = options.store.results(before, after) if options.store is not None else None
    comparison = _Comparison(before, after, pairs, options.rules, kept, options.limit)
    comparison.analyse_pairs(known, earlier)
    comparison.analyse_callers(known, options.caller_files)
    delta = comparison.delta()
    if kept is not None:
        kept.write()
    return comparison.compared(delta)


class _Comparison:
    """What the analyses of both sides have given so far."""

    def __init__(
        self,
        before: Program,
        after: Program,
        pairs: Sequence[FilePair],
        rules: RuleSet,
        kept: KeptResults | None,
        limit: TimeLimit | None,
    ) -> None:
        self._limit = limit
        self._before = before
        self._after = after
        self._pairs = pairs
        self._rules = rules
        self._every = rules.everything()
        self._kept = kept
        self._resolvers = Resolver(before), Resolver(after)
        self._was: list[Located] = []
        self._now: list[Located] = []
        self._beside: tuple[list[Located], list[Located]] = [], []
        self._reports: list[FileReport] = []
        self._changed: set[tuple[str, str]] = set()
        self._units: list[tuple[TranslationUnit | None, TranslationUnit | None]] = []
        self._contracts: list[ContractChange] = []
        self._allowed: set[tuple[str, str]] = set()
        self._faults: list[Fault] = []
        self._late: list[Skipped] = []
        self._left_out: tuple[Skipped, ...] = ()
        self._mentioning: tuple[str, ...] = ()

    def analyse_pairs(self, known: Known | None, earlier: Earlier | None) -> None:
        """Analyse the changed files on both sides."""
        for pair in self._pairs:
            path = pair.new or pair.old or ""
            if (is_c(pair.old or "") or is_c(pair.new or "")) and self._is_late(path):
                continue
            # Both sides or none: what only one of them has would be called introduced or fixed.
            with contained(path, self._faults):
                programs = self._before, self._after
                both = analysed_pair(*programs, pair, self._every, self._kept, known, earlier)
                self._add_pair(pair, both.of_rules(self._rules))

    def _add_pair(self, pair: FilePair, both: Both) -> None:
        if both.old is None and both.new is None:
            return
        self._units.append((both.old, both.new))
        self._contracts += both.contracts
        if both.was is not None:
            self._add_before(both.was, pair.new or both.was.path)
        if both.now is not None:
            self._add_after(both.now)
            names = changed_functions(both.old, both.new) | changed_tables(both.old, both.new)
            self._changed |= {(both.now.path, name) for name in names}

    def analyse_callers(self, known: Known | None, most: int) -> None:
        """Analyse the functions of other files that name a changed contract, in at most so many files."""
        if not self._contracts:
            return
        self._mentioning, files = files_with_callers(self._after, self._pairs, self._contracts, self._kept)
        reason = f"calls a function whose contract changes; {most} such files are looked at"
        self._left_out = tuple(Skipped(path, reason) for path in files[most:])
        for path in files[:most]:
            if self._is_late(path):
                continue
            found = None
            with contained(path, self._faults):
                made = known.of_callers(path) if known is not None else None
                found = made[0] if made is not None else self._callers(path)
            if found is not None:
                was, now = (report.of_rules(self._rules) for report in found)
                self._add_before(was, path)
                self._add_after(now)

    def _is_late(self, path: str) -> bool:
        """Whether a file is not analysed since the time is over."""
        if self._limit is None or not self._limit.passed():
            return False
        self._late.append(Skipped(path, self._limit.reason))
        return True

    def _callers(self, path: str) -> CallersResult:
        programs = self._before, self._after
        return analysed_callers(*programs, path, self._contracts, self._every, self._kept)

    def _add_before(self, report: FileReport, path: str) -> None:
        """`path`: what the file is called afterwards."""
        self._was += _located(report, self._resolvers[0])
        self._beside[0].extend(map(self._resolvers[0].locate, report.beside))
        self._allowed |= {(path, key) for key in report.allowances}

    def _add_after(self, report: FileReport) -> None:
        self._now += _located(report, self._resolvers[1])
        self._beside[1].extend(map(self._resolvers[1].locate, report.beside))
        self._reports.append(report)

    def delta(self) -> Delta:
        """What the change introduces, repairs and leaves."""
        renames = {pair.old: pair.new for pair in self._pairs if pair.old is not None}
        was, now = map(in_order, self._beside)

        def renamed(path: str) -> str | None:
            return renames.get(path, path)

        def settle(delta: Delta) -> Delta:
            return settle_rewritten(delta, self._units, self._rules)

        delta = match(in_order(self._was), in_order(self._now), renamed)
        # Equal statements first; what was written anew is matched with what is told before the rest is.
        delta = settle(settle_groups(delta, was, now, renamed))
        delta = settle_groups(delta, was, now, renamed, settle)
        delta = settle_first_sets(delta, self._rules)
        introduced: Sequence[Located] = delta.introduced
        if introduced:
            mentions = Mentions(self._after.source)
            introduced = with_callers(
                introduced, self._after, mentions, self._every, self._faults, self._kept
            )
            introduced = by_releases(introduced, self._before, self._rules)
        if self._contracts:
            introduced = _explained(introduced, self._after, self._contracts)
        return replace(delta, introduced=tuple(introduced))

    def compared(self, delta: Delta) -> Compared:
        """All that the comparison tells."""
        allowed = {(report.path, key) for report in self._reports for key in report.allowances}
        return Compared(
            delta,
            frozenset(self._changed),
            tuple(self._reports),
            self._left_out,
            frozenset(allowed - self._allowed),
            (*(Skipped(fault.path, fault.reason, fault.trace) for fault in self._faults), *self._late),
            tuple(self._contracts),
            self._mentioning,
            frozenset(found.finding.fingerprint for found in self._beside[1]),
        )


def _located(report: FileReport, resolver: Resolver) -> list[Located]:
    return [resolver.locate(f, report.advice.get(f.fingerprint, "")) for f in report.findings]


def _explained(
    found: Sequence[Located], after: Program, contracts: Sequence[ContractChange]
) -> list[Located]:
    """Where a finding comes from the changed contract of a callee in another file, that as its first step."""
    out: list[Located] = []
    for item in found:
        words = item.finding.message + " " + " ".join(step.message for step in item.steps)
        change = next(
            (
                c
                for c in contracts
                if c.where != item.path
                and c.name != item.finding.function
                and re.search(rf"\b{re.escape(c.name)}\b", words) is not None
            ),
            None,
        )
        if change is not None:
            unit = after.unit(change.where)
            source = (
                unit.text.lines.text(change.line).decode("utf-8", "surrogateescape")
                if unit is not None
                else ""
            )
            place = Place(change.where, change.line, 1, change.line, max(len(source), 1) + 1, source)
            item = replace(item, steps=(ReportedStep(place, change.what), *item.steps))
        out.append(item)
    return out
