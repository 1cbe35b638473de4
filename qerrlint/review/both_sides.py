# SPDX-License-Identifier: GPL-2.0-or-later
"""The analyses of both sides of a change, file by file: made anew, or as they were made before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeAlias

from qerrlint.engine.file_report import FileReport
from qerrlint.engine.kept.kept_reads import look_into
from qerrlint.engine.kept.kept_results import KeptResults
from qerrlint.model.lookups import Lookups
from qerrlint.model.program import Program
from qerrlint.model.reads import Reads
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record
from qerrlint.review.scope import (
    ContractChange,
    FilePair,
    changed_functions,
    contract_changes,
    is_c,
    reached_gaps,
    touched,
    unreadable,
)
from qerrlint.rules.rule import RuleSet

PairResult: TypeAlias = "tuple[FileReport | None, FileReport | None, tuple[ContractChange, ...]]"
"""The reports of a pair of files before and after a change, and the contracts that it changes."""
CallersResult: TypeAlias = "tuple[FileReport, FileReport] | None"
"""The reports of a file with callers before and after a change; None where it has none to look at."""


class Known(Protocol):
    """Results of a comparison that are there before it asks for them (review.parallel)."""

    def pair(self, pair: FilePair) -> PairResult | None:
        """What the analyses of a pair of files gave; None where there is no result."""

    def of_callers(self, path: str) -> tuple[CallersResult] | None:
        """What the analyses of a file with callers gave; None where there is no result."""

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


@record(frozen=True, slots=True)
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
            look_into(unit, report.findings, program)
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
    was = analyse_unit(old, rules, names, beside=True) if old is not None and not lost else None
    gaps = reached_gaps(old, new, changed_functions(old, new)) if new is not None else ()
    now = None
    if new is not None:
        now = analyse_unit(new, rules, names, gaps=gaps, before=old, beside=True)
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

        found = (
            analyse_unit(old, rules, names, beside=True),
            analyse_unit(new, rules, names, gaps=gaps, beside=True),
        )
        if kept is not None:
            kept.keep(parts, found, (old.reads, new.reads))
    return found


def _mentioning(unit: TranslationUnit, pattern: re.Pattern[bytes]) -> set[str]:
    pieces = unit.definitions.functions
    return {piece.name for piece in pieces if pattern.search(unit.data, piece.body, piece.span.end)}


def _words(words: Sequence[str]) -> re.Pattern[bytes]:
    return re.compile(rb"\b(?:" + b"|".join(re.escape(w.encode()) for w in words) + rb")\b")
