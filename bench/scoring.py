# SPDX-License-Identifier: GPL-2.0-or-later
"""Verdicts against findings: matches, counts, samples, tables; knows dictionaries, no files and no runs."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from verdicts import Verdict

Json = dict[str, Any]

# What may gate has to be right this often.
WANTED = 0.90


@dataclass(slots=True)
class Score:
    """Counts of one row. Without findings at hand every verdict counts.

    Of true findings that are made no longer: `merged` are those whose rule still speaks in their function,
    `lost` the others. `mended`: false findings that are made no longer.
    """

    true: int = 0
    tolerated: int = 0
    false: int = 0
    unjudged: int = 0
    merged: int = 0
    lost: int = 0
    mended: int = 0

    @property
    def precision(self) -> float | None:
        """True and tolerated among judged; None where nothing was judged."""
        judged = self.true + self.tolerated + self.false
        return (self.true + self.tolerated) / judged if judged else None

    @property
    def strict(self) -> float | None:
        """True among judged: what a maintainer tolerates counts as false."""
        judged = self.true + self.tolerated + self.false
        return self.true / judged if judged else None

    def count(self, verdict: Verdict) -> None:
        """Count a verdict on a finding."""
        setattr(self, verdict.verdict, getattr(self, verdict.verdict) + 1)


@dataclass(slots=True)
class Comparison:
    """The verdicts of one revision against its findings (None: there are none at hand)."""

    revision: str
    verdicts: list[Verdict]
    findings: list[Json] | None
    judged: list[tuple[Json, Verdict]] = field(default_factory=list)
    unjudged: list[Json] = field(default_factory=list)
    vanished: list[Verdict] = field(default_factory=list)

    def fate(self, verdict: Verdict) -> str:
        """What has become of a vanished one: lost, merged or mended."""
        if not verdict.holds:
            return "mended"
        place = (verdict.rule, verdict.path, verdict.function)
        speaks = any((f["rule"], f["path"], f["function"]) == place for f in self.findings or ())
        return "merged" if speaks else "lost"


def compare(revision: str, verdicts: list[Verdict], findings: list[Json] | None) -> Comparison:
    """Match each verdict with one finding: by fingerprint and path first, then by rule, path and line."""
    result = Comparison(revision, verdicts, findings)
    if findings is None:
        return result
    left = list(findings)
    waiting = list(verdicts)
    by_print: Callable[[Json], Any] = lambda f: (f["fingerprint"], f["path"])  # noqa: E731
    by_line: Callable[[Json], Any] = lambda f: (f["rule"], f["path"], f["line"])  # noqa: E731
    for ident in (by_print, by_line):
        known = defaultdict(list)
        for verdict in waiting:
            known[ident(asdict(verdict))].append(verdict)
        unmatched = []
        for finding in left:
            fitting = known[ident(finding)]
            if fitting:
                result.judged.append((finding, fitting.pop(0)))
            else:
                unmatched.append(finding)
        left = unmatched
        waiting = [verdict for verdicts in known.values() for verdict in verdicts]
    result.unjudged = left
    result.vanished = sorted(waiting, key=lambda v: (v.path, v.line, v.rule))
    return result


def scores(comparisons: Sequence[Comparison], by: str) -> dict[str, Score]:
    """A score for each rule, severity or confidence (`by`), sorted by name; the last two need findings."""
    rows: dict[str, Score] = defaultdict(Score)
    for one in comparisons:
        if one.findings is None:
            for verdict in one.verdicts if by == "rule" else ():
                rows[verdict.rule].count(verdict)
            continue
        for finding, verdict in one.judged:
            rows[finding[by]].count(verdict)
        for finding in one.unjudged:
            rows[finding[by]].unjudged += 1
        for verdict in one.vanished if by == "rule" else ():
            row = rows[verdict.rule]
            fate = one.fate(verdict)
            setattr(row, fate, getattr(row, fate) + 1)
    return dict(sorted(rows.items()))


def total(rows: Iterable[Score]) -> Score:
    """The sum of rows."""
    whole = Score()
    for row in rows:
        for name in Score.__dataclass_fields__:
            setattr(whole, name, getattr(whole, name) + getattr(row, name))
    return whole


def table(title: str, rows: dict[str, Score]) -> str:
    """Rows for people, with their sum."""
    names = [*rows, "all"]
    width = max(len(name) for name in (*names, title))
    head = f"{title:{width}}{'true':>7}{'tolerated':>11}{'false':>7}{'precision':>11}{'strict':>8}"
    lines = [head + f"{'unjudged':>10}{'merged':>8}{'lost':>6}{'mended':>8}"]
    for name, row in zip(names, [*rows.values(), total(rows.values())], strict=True):
        share, strict = ("-" if part is None else f"{part:.2f}" for part in (row.precision, row.strict))
        low = row.precision is not None and row.precision < WANTED
        lines.append(
            f"{name:{width}}{row.true:>7}{row.tolerated:>11}{row.false:>7}{share:>11}{strict:>8}"
            f"{row.unjudged:>10}"
            f"{row.merged:>8}{row.lost:>6}{row.mended:>8}"
            + (f"  under {WANTED:.2f}" if low and name != "all" else "")
        )
    return "\n".join(lines)


def draw(comparisons: Sequence[Comparison], count: int, seed: int, per_rule: int) -> list[tuple[str, Json]]:
    """Up to `count` unjudged findings with their revision, at most `per_rule` (0: any number) of a rule."""
    pool = [(one.revision, finding) for one in comparisons for finding in one.unjudged]
    pool.sort(key=lambda item: (item[0], item[1]["path"], item[1]["line"], item[1]["rule"]))
    random.Random(seed).shuffle(pool)
    taken: Counter[str] = Counter()
    drawn: list[tuple[str, Json]] = []
    for revision, finding in pool:
        if len(drawn) < count and not (per_rule and taken[finding["rule"]] >= per_rule):
            taken[finding["rule"]] += 1
            drawn.append((revision, finding))
    return drawn
