# SPDX-License-Identifier: GPL-2.0-or-later
"""One change: both sides analysed as far as the change reaches, and the difference of their findings."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from qerrlint.engine.callers import with_callers
from qerrlint.engine.file_report import FileReport
from qerrlint.engine.internal_errors import Fault, contained
from qerrlint.engine.kept.kept_reads import look_into
from qerrlint.engine.kept.kept_results import KeptResults
from qerrlint.engine.located import Located, Resolver, in_order
from qerrlint.engine.mentions import Mentions
from qerrlint.model.asked import Lookups
from qerrlint.model.program import Program
from qerrlint.model.reads import Reads
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.result import Place, ReportedStep, Skipped
from qerrlint.review.matching.findings import Delta, match
from qerrlint.review.matching.rewritten_statements import settle_rewritten
from qerrlint.review.released_layouts import by_releases
from qerrlint.review.scope import (
    CALLER_FILES,
    ContractChange,
    FilePair,
    changed_functions,
    contract_changes,
    is_c,
    reached_gaps,
    touched,
    unreadable,
)
from qerrlint.review.store.change_store import ChangeStore
from qerrlint.rules.rule import RuleSet

PairResult: TypeAlias = "tuple[FileReport | None, FileReport | None, tuple[ContractChange, ...]]"
"""The reports of a pair of files before and after a change, and the contracts that it changes."""
CallersResult: TypeAlias = "tuple[FileReport, FileReport] | None"
"""The reports of a file with callers before and after a change; None where it has none to look at."""

# What is said of the place of a finding that is told at the line that brought it about.
_SHOWS = "the defect is here"


@dataclass(frozen=True, slots=True)
class Compared:
    """What one change did. `changed` holds (path, function) of functions whose text it alters on the after
    side, `reports` the after side's files, `left_out` files with callers beyond the bound, `gained` path and
    key of each comment that allows something on the after side only, `skipped` the files that could not be
    analysed on a side, `mentioning` the files in which a function of `contracts` is named."""

    delta: Delta
    changed: frozenset[tuple[str, str]]
    reports: tuple[FileReport, ...]
    left_out: tuple[Skipped, ...] = ()
    gained: frozenset[tuple[str, str]] = frozenset()
    skipped: tuple[Skipped, ...] = ()
    contracts: tuple[ContractChange, ...] = ()
    mentioning: tuple[str, ...] = ()

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


class Known(Protocol):
    """Results of a comparison that are there before it asks for them (review.ahead)."""

    def pair(self, pair: FilePair) -> PairResult | None:
        """What the analyses of a pair of files gave; None where nobody has made them."""

    def of_callers(self, path: str) -> tuple[CallersResult] | None:
        """What the analyses of a file with callers gave; None where nobody has made them."""

    def done(self) -> None:
        """A pair of files is done with that was not known."""


class Earlier(Protocol):
    """Results of pairs of files of other comparisons of the same review (review.store.earlier_pairs)."""

    def find(
        self, parts: tuple[str, ...], before: Program, after: Program
    ) -> tuple[PairResult, Sequence[Reads]] | None:
        """The result of a pair with these paths and contents that holds for these programs, and what was read
        for it on each side."""

    def keep(
        self,
        parts: tuple[str, ...],
        result: PairResult,
        programs: Sequence[Program],
        reads: Sequence[Reads],
        lookups: Sequence[Lookups],
    ) -> None:
        """Remember a result with what was read and looked up for it on each side."""


def compare(
    before: Program,
    after: Program,
    pairs: Sequence[FilePair],
    rules: RuleSet,
    caller_files: int = CALLER_FILES,
    store: ChangeStore | None = None,
    known: Known | None = None,
    earlier: Earlier | None = None,
) -> Compared:
    """Analyse what `pairs` and the contracts they alter reach, before and after, in other files at most
    `caller_files`. What an earlier run has put into the store is taken from there, and what an `earlier`
    comparison of the review has found from that.

    All rules judge, and what `rules` say is compared: so what is kept depends on no selection.
    """
    every = rules.everything()
    kept = store.results(before, after) if store is not None else None
    old_side, new_side = Resolver(before), Resolver(after)
    old_found: list[Located] = []
    new_found: list[Located] = []
    reports: list[FileReport] = []
    changed: set[tuple[str, str]] = set()
    sides: list[tuple[TranslationUnit | None, TranslationUnit | None]] = []
    contracts: list[ContractChange] = []
    had: set[tuple[str, str]] = set()
    faults: list[Fault] = []
    for pair in pairs:
        # Both sides or none: what only one of them has would be called introduced or fixed.
        with contained(pair.new or pair.old or "", faults):
            both = analysed_pair(before, after, pair, every, kept, known, earlier).of_rules(rules)
            if both.old is None and both.new is None:
                continue
            sides.append((both.old, both.new))
            contracts += both.contracts
            if both.was is not None:
                old_found += _located(both.was, old_side)
                had |= {(pair.new or both.was.path, key) for key in both.was.allowances}
            if both.now is not None:
                reports.append(both.now)
                new_found += _located(both.now, new_side)
                changed |= {(both.now.path, name) for name in changed_functions(both.old, both.new)}
    left_out: list[Skipped] = []
    mentioning: tuple[str, ...] = ()
    if contracts:
        mentioning, files = files_with_callers(after, pairs, contracts, kept)
        left_out = [
            Skipped(path, f"calls a function whose contract changes; {caller_files} such files are looked at")
            for path in files[caller_files:]
        ]
        for path in files[:caller_files]:
            found = None
            with contained(path, faults):
                made = known.of_callers(path) if known is not None else None
                found = (
                    made[0]
                    if made is not None
                    else analysed_callers(before, after, path, contracts, every, kept)
                )
            if found is not None:
                was, now = (report.of_rules(rules) for report in found)
                old_found += _located(was, old_side)
                had |= {(path, key) for key in was.allowances}
                new_found += _located(now, new_side)
                reports.append(now)
    renames = {pair.old: pair.new for pair in pairs if pair.old is not None}
    delta = match(in_order(old_found), in_order(new_found), lambda path: renames.get(path, path))
    delta = settle_rewritten(delta, sides, rules)
    if delta.introduced:
        settled = with_callers(delta.introduced, after, Mentions(after.source), every, faults, kept)
        delta = replace(delta, introduced=tuple(by_releases(settled, before, rules)))
    if contracts:
        delta = replace(delta, introduced=tuple(_explained(delta.introduced, after, contracts)))
    has = {(report.path, key) for report in reports for key in report.allowances}
    skipped = tuple(Skipped(fault.path, fault.reason, fault.trace) for fault in faults)
    if kept is not None:
        kept.write()
    return Compared(
        delta,
        frozenset(changed),
        tuple(reports),
        tuple(left_out),
        frozenset(has - had),
        skipped,
        tuple(contracts),
        mentioning,
    )


@dataclass(frozen=True, slots=True)
class Both:
    """A changed file on both sides: its units, what their analyses gave, the contracts that it changes."""

    old: TranslationUnit | None
    new: TranslationUnit | None
    was: FileReport | None = None
    now: FileReport | None = None
    contracts: Sequence[ContractChange] = ()

    def of_rules(self, rules: RuleSet) -> Both:
        """The same as it is where these rules are selected."""
        was, now = (report.of_rules(rules) if report is not None else None for report in (self.was, self.now))
        return replace(self, was=was, now=now)


def analysed_pair(
    before: Program,
    after: Program,
    pair: FilePair,
    rules: RuleSet,
    kept: KeptResults | None,
    known: Known | None = None,
    earlier: Earlier | None = None,
) -> Both:
    """A pair of files on both sides, with what is known of it, or else analysed."""
    old, new = both_units(before, after, pair)
    if old is None and new is None:
        return Both(None, None)
    found = known.pair(pair) if known is not None else None
    if found is None:
        found = kept_pair(before, after, pair, kept) if kept is not None else None
        parts = _parts(pair, old, new)
        taken = earlier.find(parts, before, after) if found is None and earlier is not None else None
        if taken is not None:
            found, reads = taken
            if kept is not None:
                kept.keep(parts, found, reads)
        if found is None:
            programs = before, after
            outer = [program.environment.asked.begin() for program in programs]
            try:
                found = _analysed_both(before, after, pair, (old, new), rules)
            finally:
                asked = [one.environment.asked.end(was) for one, was in zip(programs, outer, strict=True)]
            reads = [_reads(unit, program, found) for unit, program in zip((old, new), programs, strict=True)]
            if kept is not None:
                kept.keep(parts, found, reads)
            if earlier is not None:
                earlier.keep(parts, found, programs, reads, asked)
        if known is not None:
            known.done()
    was, now, contracts = found
    return Both(old, new, was, now, contracts)


def _reads(unit: TranslationUnit | None, program: Program, found: PairResult) -> Reads:
    """What was read for one side of a pair; the files that findings point into are a part of it."""
    if unit is None:
        return Reads()
    for report in found[:2]:
        if report is not None:
            look_into(unit, report, program)
    return unit.reads


def kept_pair(before: Program, after: Program, pair: FilePair, kept: KeptResults) -> PairResult | None:
    """What the store has of the analyses of a pair of files."""
    found: PairResult | None = kept.find(_parts(pair, *both_units(before, after, pair)), (before, after))
    return found


def both_units(
    before: Program, after: Program, pair: FilePair
) -> tuple[TranslationUnit | None, TranslationUnit | None]:
    """The units of a pair of files on both sides; None where a side has none, or no C file."""
    old = before.unit(pair.old) if pair.old is not None and is_c(pair.old) else None
    return old, after.unit(pair.new) if pair.new is not None and is_c(pair.new) else None


def _parts(pair: FilePair, old: TranslationUnit | None, new: TranslationUnit | None) -> tuple[str, ...]:
    return ("pair", pair.old or "", _digest(old), pair.new or "", _digest(new))


def _digest(unit: TranslationUnit | None) -> str:
    return unit.digest if unit is not None else ""


def _analysed_both(
    before: Program,
    after: Program,
    pair: FilePair,
    units: tuple[TranslationUnit | None, TranslationUnit | None],
    rules: RuleSet,
) -> PairResult:
    # Where the store has all results the analysis is not imported.
    from qerrlint.engine.analyse_file import analyse_unit

    old, new = units
    names = touched(old, new)
    # What cannot be read afterwards has not been repaired.
    lost = new is not None and unreadable(new)
    was = analyse_unit(old, rules, names) if old is not None and not lost else None
    gaps = reached_gaps(old, new, changed_functions(old, new)) if new is not None else ()
    now = analyse_unit(new, rules, names, gaps=gaps, before=old) if new is not None else None
    return was, now, tuple(contract_changes(before, after, [pair]))


def files_with_callers(
    after: Program, pairs: Sequence[FilePair], contracts: Sequence[ContractChange], kept: KeptResults | None
) -> tuple[tuple[str, ...], list[str]]:
    """The files that name a function whose contract changes, and the C files among them that `pairs` does
    not hold."""
    near = {pair.new for pair in pairs} | {pair.old for pair in pairs}
    mentioning = tuple(_containing(after, sorted({c.name for c in contracts}), kept))
    return mentioning, [path for path in mentioning if is_c(path) and path not in near]


def _containing(after: Program, words: Sequence[str], kept: KeptResults | None) -> Sequence[str]:
    """The C files in which one of the words stands, by a search of this very tree."""
    if kept is None:
        return after.source.containing(words)
    parts = ("containing", kept.scene, *words)
    found: tuple[str, ...] | None = kept.find(parts, ())
    if found is None:
        found = tuple(after.source.containing(words))
        kept.keep(parts, found, ())
    return found


def _located(report: FileReport, resolver: Resolver) -> list[Located]:
    return [resolver.locate(f, report.advice.get(f.fingerprint, "")) for f in report.findings]


def analysed_callers(
    before: Program,
    after: Program,
    path: str,
    contracts: Sequence[ContractChange],
    rules: RuleSet,
    kept: KeptResults | None,
) -> CallersResult:
    """The functions of an unchanged file that mention a changed contract, analysed on both sides."""
    old, new = before.unit(path), after.unit(path)
    if old is None or new is None:
        return None
    words = [c.name for c in contracts if c.name not in new.functions]
    if not words:
        return None
    pattern = _words(words)
    names = _mentioning(new, pattern)
    gaps = [gap for gap in new.definitions.relevant_gaps() if pattern.search(new.text.of(gap.span))]
    if not names and not gaps:
        return None
    parts = ("callers", path, old.digest, new.digest, *words)
    found: tuple[FileReport, FileReport] | None = (
        kept.find(parts, (before, after)) if kept is not None else None
    )
    if found is None:
        from qerrlint.engine.analyse_file import analyse_unit

        found = analyse_unit(old, rules, names), analyse_unit(new, rules, names, gaps=gaps)
        if kept is not None:
            kept.keep(parts, found, (old.reads, new.reads))
    return found


def _mentioning(unit: TranslationUnit, pattern: re.Pattern[bytes]) -> set[str]:
    pieces = unit.definitions.functions
    return {piece.name for piece in pieces if pattern.search(unit.data, piece.body, piece.span.end)}


def _words(words: Sequence[str]) -> re.Pattern[bytes]:
    return re.compile(rb"\b(?:" + b"|".join(re.escape(w.encode()) for w in words) + rb")\b")


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
                unit.lines.text(change.line).decode("utf-8", "surrogateescape") if unit is not None else ""
            )
            place = Place(change.where, change.line, 1, change.line, max(len(source), 1) + 1, source)
            item = replace(item, steps=(ReportedStep(place, change.what), *item.steps))
        out.append(item)
    return out
