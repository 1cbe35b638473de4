# SPDX-License-Identifier: GPL-2.0-or-later
"""Scores of a replay by class and scope, and the whole of it as one JSON document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from qerrlint import __version__
from qerrlint.records import record
from qerrlint.replay.labels import CORE, FORM, NO_RULE, Label
from qerrlint.replay.outcomes import Outcome, build, outcome_document

SCHEMA = "qerrlint-replay/1"
"""The schema id that every document names."""


@record(frozen=True, slots=True)
class Score:
    """How many labels apply, and of these are found, near and quiet; of `changes` introducing changes that
    are known and apply, `submitted` report the defect. `unfit` labels do not apply and count nowhere else."""

    labels: int = 0
    found: int = 0
    near: int = 0
    quiet: int = 0
    submitted: int = 0
    changes: int = 0
    unfit: int = 0


@record(frozen=True, slots=True)
class Row:
    """A line of the table: a class in one scope, or a total (`scope` is empty)."""

    name: str
    scope: str
    score: Score


_Chosen = Callable[[Label], bool]
_TOTALS: Sequence[tuple[str, _Chosen]] = (
    ("intra core", lambda label: label.scope == "intra" and label.defect in CORE),
    ("all but other, message, redundant", lambda label: label.defect not in NO_RULE | FORM),
    ("all", lambda label: True),
)


def rows(outcomes: Iterable[Outcome]) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """The rows by class and scope, in the order of the alphabet, and the totals."""
    all_of = list(outcomes)
    keys = sorted({(o.label.defect, o.label.scope) for o in all_of})
    single = tuple(
        Row(*key, score(o for o in all_of if (o.label.defect, o.label.scope) == key)) for key in keys
    )
    totals = tuple(Row(name, "", score(o for o in all_of if chosen(o.label))) for name, chosen in _TOTALS)
    return single, totals


def score(outcomes: Iterable[Outcome]) -> Score:
    """The score of these outcomes taken together."""
    all_of = list(outcomes)
    fit = [o for o in all_of if o.unfit is None]
    known = [o for o in all_of if o.submitted is not None]
    return Score(
        labels=len(fit),
        found=sum(o.found for o in fit),
        near=sum(o.near for o in fit),
        quiet=sum(o.quiet for o in fit),
        submitted=sum(bool(o.submitted) for o in known),
        changes=len(known),
        unfit=len(all_of) - len(fit),
    )


def document(outcomes: Sequence[Outcome], root: str, reach: str, submission: bool) -> dict[str, Any]:
    """A whole replay: the tool, the tree, the table and every outcome in the order of the labels."""
    single, totals = rows(outcomes)
    return {
        "schema": SCHEMA,
        "tool": {"name": "qerrlint", "version": __version__, "build": build()},
        "tree": {"root": root, "reach": reach},
        "submission": submission,
        "scores": [{"class": row.name, "scope": row.scope, **asdict(row.score)} for row in single],
        "totals": [{"name": row.name, **asdict(row.score)} for row in totals],
        "outcomes": [outcome_document(outcome) for outcome in outcomes],
    }


_HEAD = ("class", "scope", "labels", "found", "near", "quiet", "submitted")
_WIDTHS = (34, 9, 7, 11, 11, 11, 11)


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """The lines of a table for people: a row for each class and scope, then the totals with their shares."""
    single, totals = rows(outcomes)
    lines = [_line(_HEAD), *(_line(_cells(row)) for row in single), "-" * sum(_WIDTHS)]
    return lines + [_line(_cells(row, share=True)) for row in totals]


def _cells(row: Row, share: bool = False) -> tuple[Any, ...]:
    score = row.score

    def counted(number: int) -> str:
        return f"{number} ({100 * number / score.labels:.0f} %)" if share and score.labels else str(number)

    submitted = f"{score.submitted}/{score.changes}" if score.changes else "-"
    return (
        *(row.name, row.scope, score.labels),
        *(counted(number) for number in (score.found, score.near, score.quiet)),
        submitted,
    )


def _line(cells: Sequence[Any]) -> str:
    name, scope, *numbers = map(str, cells)
    text = f"{name:{_WIDTHS[0]}}{scope:{_WIDTHS[1]}}"
    return text + "".join(f"{n:>{width}}" for n, width in zip(numbers, _WIDTHS[2:], strict=True))
