# SPDX-License-Identifier: GPL-2.0-or-later
"""One defect, one finding: which findings are told as one, with their places."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qerrlint.result import Place, Reported, ReportedEdit, ReportedFix
from qerrlint.review.folding import folded
from qerrlint.rules.loader import load_rules

RULES = load_rules()
GUARD, FORM, SILENT = "unguarded-errp-dereference", "error-message-form", "failure-without-error"


def found(rule: str, line: int, **changes: object) -> Reported:
    item = Reported(
        rule=rule,
        severity="note",
        confidence="high",
        place=Place("hw/a.c", line, 5, line, 9, "text"),
        function="f",
        message=f"line {line}",
        advice="mend it",
        fingerprint=f"{line:016x}",
    )
    return replace(item, **changes)  # type: ignore[arg-type]


def told(*items: Reported) -> list[tuple[int, list[int]]]:
    """The line of each finding that is told, with the lines of its steps."""
    return [(item.place.line, [step.place.line for step in item.steps]) for item in folded(items, RULES)]


def test_one_missing_guard_is_one_finding() -> None:
    assert told(found(GUARD, 3), found(GUARD, 7), found(GUARD, 9)) == [(3, [7, 9])]


@pytest.mark.parametrize(
    "changes",
    [
        {"function": "g"},
        {"place": Place("hw/b.c", 7, 5, 7, 9, "text")},
        {"confidence": "medium"},
        {"status": "fixed"},
        {"rule": FORM},
        {"suppressed": "by a comment"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_others_stay_apart(changes: dict[str, object]) -> None:
    assert told(found(GUARD, 3), replace(found(GUARD, 7), **changes)) == [(3, []), (7, [])]  # type: ignore[arg-type]


def test_the_gravest_is_told() -> None:
    assert told(found(GUARD, 3), found(GUARD, 7, severity="error"), found(GUARD, 9)) == [(7, [3, 9])]


FIX = (ReportedFix("x", (ReportedEdit(Place("hw/a.c", 7, 1, 7, 1, ""), "y"),)),)


def test_one_mechanical_fix_is_kept() -> None:
    (kept,) = folded([found(GUARD, 3, fixes=FIX), found(GUARD, 7, severity="error")], RULES)
    assert (kept.place.line, kept.fixes) == (7, FIX)


def test_two_findings_on_one_line_are_one_without_a_step() -> None:
    assert told(found(GUARD, 3), found(GUARD, 3)) == [(3, [])]


def test_notes_on_functions_of_one_name_are_one() -> None:
    other = Place("hw/b.c", 7, 5, 7, 9, "text")
    assert told(found(SILENT, 3), found(SILENT, 7, place=other)) == [(3, [7])]
    warning = {"severity": "warning"}
    assert told(found(SILENT, 3, **warning), found(SILENT, 7, **warning)) == [(3, []), (7, [])]
