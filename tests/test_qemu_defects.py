# SPDX-License-Identifier: GPL-2.0-or-later
"""bench/qemu-defects: its data fit together, and the scorer counts as `qerrlint replay` does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import compare
import pytest
import score as scorer
from commandline import FIXTURES
from defects import all_labels, load_extents

from qerrlint.replay.outcomes import Outcome

BENCH = FIXTURES.parent / "bench" / "qemu-defects"

EXTENTS = [json.loads(line) for line in (BENCH / "extents.jsonl").read_text(encoding="utf-8").splitlines()]


def score(path: Path) -> list[Outcome]:
    return scorer.score(*scorer.read_findings(path), ())


def found(outcomes: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.found]


def finding(entry: dict[str, Any], role: str, rule: str = "r", message: str = "m 1") -> dict[str, Any]:
    """A finding at the label's line before the fix, else at the function's first."""
    at = entry[role]
    line = entry["line"] if role == "before" else at["first"]
    return {"path": f"x/{at['revision']}/{at['path']}", "line": line, "rule": rule, "message": message}


@pytest.fixture(scope="module")
def with_history() -> dict[str, Any]:
    return next(e for e in EXTENTS if {"before", "after", "introduced", "unchanged"} <= set(e))


def write(path: Path, findings: list[dict[str, Any]], **more: object) -> Path:
    path.write_text(json.dumps({"findings": findings, **more}), encoding="utf-8")
    return path


def test_each_label_has_its_extents() -> None:
    extents = load_extents()
    labels = all_labels()
    assert len(extents) == len(labels) == len(EXTENTS)
    assert all("before" in entry for entry in EXTENTS if entry.get("after"))
    placed = [entry for entry in EXTENTS if "before" in entry]
    inside = [e for e in placed if e["before"]["first"] <= e["line"] <= e["before"]["last"]]
    assert len(placed) > 0.95 * len(labels)
    assert len(inside) > 0.95 * len(placed)


def test_found_near_quiet_submitted(tmp_path: Path, with_history: dict[str, Any]) -> None:
    made = [finding(with_history, "before"), finding(with_history, "introduced", message="m 2")]
    outcomes = found(score(write(tmp_path / "a.json", made)))
    assert [outcome.label.file for outcome in outcomes] == [with_history["file"]] * len(outcomes)
    mine = next(
        o for o in outcomes if (o.label.fix, o.label.line) == (with_history["fix"], with_history["line"])
    )
    assert (mine.near, mine.quiet, mine.submitted) == (True, True, True)


def test_not_quiet_where_it_stays_and_not_submitted_where_it_was(
    tmp_path: Path, with_history: dict[str, Any]
) -> None:
    made = [finding(with_history, role) for role in ("before", "after", "introduced", "unchanged")]
    outcomes = found(score(write(tmp_path / "a.json", made)))
    assert outcomes
    assert {(o.quiet, o.submitted) for o in outcomes if o.label.fix == with_history["fix"]} == {
        (False, False)
    }


def test_answers_decide(tmp_path: Path, with_history: dict[str, Any]) -> None:
    made = [finding(with_history, "before", rule="mine")]
    right = write(tmp_path / "a.json", made, answers={with_history["class"]: ["mine"]})
    wrong = write(tmp_path / "b.json", made, answers={with_history["class"]: ["other"]})
    assert found(score(right))
    assert not found(score(wrong))
    table = tmp_path / "answers.toml"
    table.write_text(f'[t]\n{with_history["class"]} = ["mine"]\n', encoding="utf-8")
    answers = scorer.read_answers(table, "t")
    assert found(scorer.score(scorer.read_findings(wrong)[0], answers, ()))


def test_sarif_is_read_alike(tmp_path: Path, with_history: dict[str, Any]) -> None:
    made = finding(with_history, "before")
    place = {"artifactLocation": {"uri": made["path"]}, "region": {"startLine": made["line"]}}
    result = {"ruleId": "r", "message": {"text": "m 1"}, "locations": [{"physicalLocation": place}]}
    sarif = tmp_path / "a.sarif"
    sarif.write_text(json.dumps({"version": "2.1.0", "runs": [{"results": [result]}]}), encoding="utf-8")
    assert score(sarif) == score(write(tmp_path / "a.json", [made]))


def test_the_command_prints_the_table_of_replay(
    tmp_path: Path,
    with_history: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write(tmp_path / "a.json", [finding(with_history, "before")])
    monkeypatch.setattr(sys, "argv", ["score.py", str(path)])
    assert scorer.main() == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["class", "scope", "labels", "found", "near", "quiet", "submitted"]
    assert rows[-1].split()[0] == "all"


@pytest.mark.parametrize(
    ("text", "fault"),
    [("{", "a.json: "), ("[]", "neither SARIF nor"), ('{"findings": [{}]}', "neither"), ("{}", "neither")],
)
def test_what_is_no_list_of_findings(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(scorer.ScoreError, match=fault) as caught:
        scorer.read_findings(path)
    assert "\n" not in str(caught.value)


def test_several_tools_in_one_table(tmp_path: Path, with_history: dict[str, Any]) -> None:
    name = with_history["class"]
    one = write(tmp_path / "a.json", [finding(with_history, "before")], answers={name: ["r"]})
    two = write(tmp_path / "b.json", [])
    head, *rows = compare.rows(compare.outcomes_of({"qerrlint": one, "cppcheck": two}))
    assert head == ["class", "labels", "qerrlint", "cppcheck", "cppcheck, any"]
    row = next(row for row in rows if row[0] == name)
    assert int(row[2]) >= 1
    assert row[3:] == ["0", "0"]
