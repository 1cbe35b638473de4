# SPDX-License-Identifier: GPL-2.0-or-later
"""bench/precision.py: matching, counting, sampling, merging, and what it says of bad verdict files."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import precision as script
import pytest
from commandline import FIXTURES, TREE

SCRIPT = FIXTURES.parent / "bench" / "precision.py"
JUDGED = SCRIPT.parent / "judged"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    def row(self, name: str) -> list[str]:
        """The cells of the first row of that name."""
        return next(line.split() for line in self.out.splitlines() if line.split()[:1] == [name])[1:]


def environment(**variables: str) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("QERRLINT_")} | variables


def precision(*arguments: str | Path, **variables: str) -> Ran:
    """The script's main() in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment(**variables), clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = script.main([str(argument) for argument in arguments])
    return Ran(code, out.getvalue(), err.getvalue())


def verdict(number: int, holds: bool = True, **changes: object) -> dict[str, object]:
    return {
        "fingerprint": f"{number:016x}",
        "rule": "leaked-error",
        "path": f"hw/a{number}.c",
        "line": 10 + number,
        "function": f"f{number}",
        "revision": "b07529241a",
        "verdict": "true" if holds else "false",
        "why": "read it",
        **changes,
    }


def finding(number: int, **changes: object) -> dict[str, object]:
    return {
        "fingerprint": f"{number:016x}",
        "rule": "leaked-error",
        "severity": "warning",
        "confidence": "high",
        "path": f"hw/a{number}.c",
        "line": 10 + number,
        "column": 5,
        "function": f"f{number}",
        "message": "err is not freed",
        "steps": [{"path": f"hw/a{number}.c", "line": 3, "message": "err is set here"}],
        **changes,
    }


def written(path: Path, *objects: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in objects))
    return path


def run_of(path: Path, *found: dict[str, object]) -> Path:
    path.write_text(json.dumps({"schema": "qerrlint/1", "findings": found}))
    return path


# -- counting --------------------------------------------------------------------------------------


def test_the_verdicts_alone(tmp_path: Path) -> None:
    judged = written(
        tmp_path / "v.jsonl", verdict(1), verdict(2, False), verdict(3, rule="stale-error"), verdict(4)
    )
    ran = precision(judged)
    assert (ran.code, ran.err) == (0, "")
    assert ran.row("leaked-error") == ["2", "0", "1", "0.67", "0.67", "0", "0", "0", "0", "under", "0.90"]
    assert ran.row("stale-error")[:4] == ["1", "0", "0", "1.00"]
    assert "rules under 0.90: leaked-error" in ran.out
    assert "verdicts alone" in ran.out


def test_against_the_findings_of_a_run(tmp_path: Path) -> None:
    judged = written(
        tmp_path / "v.jsonl",
        verdict(1),
        verdict(2, False),
        verdict(3, why="gone for good"),
        verdict(4, False),
        verdict(5, function="f1", path="hw/a1.c"),
    )
    findings = run_of(
        tmp_path / "f.json",
        finding(1),
        # Another fingerprint on the same line of the same rule: the verdict still stands.
        finding(2, fingerprint="f" * 16, severity="error", confidence="medium"),
        finding(9),
    )
    out = tmp_path / "p.json"
    ran = precision(judged, "--findings", findings, "--json", out)
    assert ran.code == 0, ran.err
    assert ran.row("leaked-error")[:9] == ["1", "0", "1", "0.50", "0.50", "1", "1", "1", "1"]
    assert ran.row("error")[:4] == ["0", "0", "1", "0.00"]
    assert ran.row("high")[:6] == ["1", "0", "0", "1.00", "1.00", "1"]
    assert "  hw/a9.c:19: leaked-error (high)\n" in ran.out
    assert "  lost: hw/a3.c:13: leaked-error: gone for good\n" in ran.out
    document = json.loads(out.read_text())
    assert document["by_rule"]["leaked-error"]["precision"] == 0.5
    (revision,) = document["revisions"]
    assert [one["fingerprint"] for one in revision["unjudged"]] == [f"{9:016x}"]
    assert {one["fingerprint"][-1]: one["fate"] for one in revision["vanished"]} == {
        "3": "lost",
        "4": "mended",
        "5": "merged",
    }


def test_what_is_tolerated_counts_in_one_of_two_precisions(tmp_path: Path) -> None:
    judged = written(
        tmp_path / "v.jsonl",
        verdict(1),
        verdict(2),
        verdict(3, verdict="tolerated"),
        verdict(4, False),
        verdict(5, verdict="tolerated"),
    )
    out = tmp_path / "p.json"
    ran = precision(
        judged, "--findings", run_of(tmp_path / "f.json", *map(finding, range(1, 5))), "--json", out
    )
    assert ran.row("leaked-error")[:9] == ["2", "1", "1", "0.75", "0.50", "0", "0", "1", "0"]
    row = json.loads(out.read_text())["by_severity"]["warning"]
    assert (row["tolerated"], row["precision"], row["strict"]) == (1, 0.75, 0.5)


def test_a_verdict_is_used_once(tmp_path: Path) -> None:
    judged = written(tmp_path / "v.jsonl", verdict(1))
    findings = run_of(tmp_path / "f.json", finding(1), finding(1, fingerprint="e" * 16))
    assert precision(judged, "--findings", findings).row("leaked-error")[:6] == [
        "1",
        "0",
        "0",
        "1.00",
        "1.00",
        "1",
    ]


def test_long_lists_are_cut_unless_asked_for(tmp_path: Path) -> None:
    judged = written(tmp_path / "v.jsonl", verdict(1))
    findings = run_of(tmp_path / "f.json", *(finding(n) for n in range(1, 40)))
    short, whole = (precision(judged, "--findings", findings, *more) for more in ((), ("--list",)))
    assert "and 18 more (--list shows all)" in short.out
    assert "more (--list" not in whole.out
    assert whole.out.count(": leaked-error (high)") == 38


def test_a_tree_is_checked_by_the_tool_of_the_checkout(tmp_path: Path) -> None:
    judged = written(tmp_path / "v.jsonl", verdict(1))
    task = precision(judged, "--sample", "1", QERRLINT_QEMU_TREE=os.fspath(TREE))
    assert task.code == 0, task.err
    line: dict[str, Any] = json.loads(task.out.splitlines()[-1])
    done = written(tmp_path / "done.jsonl", {**line, "verdict": "true", "why": "read it"})
    ran = precision(done, QERRLINT_QEMU_TREE=os.fspath(TREE))
    assert ran.row(line["rule"])[:2] == ["1", "0"]


# -- sampling --------------------------------------------------------------------------------------


def test_a_sample_depends_on_its_seed_only_and_keeps_to_its_bounds(tmp_path: Path) -> None:
    judged = written(tmp_path / "v.jsonl", verdict(1))
    rules = ("stale-error", "leaked-error", "int-as-bool")
    findings = run_of(tmp_path / "f.json", *(finding(n, rule=rules[n % 3]) for n in range(1, 60)))

    def drawn(*more: str) -> list[dict[str, Any]]:
        ran = precision(judged, "--findings", findings, *more)
        assert ran.code == 0, ran.err
        return [json.loads(line) for line in ran.out.splitlines() if line.startswith("{")]

    first = drawn("--sample", "10", "--seed", "7")
    assert first == drawn("--sample", "10", "--seed", "7")
    assert first != drawn("--sample", "10", "--seed", "8")
    assert len({one["fingerprint"] for one in first}) == 10
    assert f"{1:016x}" not in {one["fingerprint"] for one in drawn("--sample", "99")}
    few = drawn("--sample", "99", "--per-rule", "2")
    assert sorted(one["rule"] for one in few) == sorted(2 * rules)
    assert {(one["verdict"], one["revision"]) for one in few} == {("", "b07529241a")}


def test_a_task_shows_place_message_and_steps(tmp_path: Path) -> None:
    judged = written(tmp_path / "v.jsonl", verdict(1))
    findings = run_of(tmp_path / "f.json", finding(2))
    out = precision(judged, "--findings", findings, "--sample", "1").out
    assert out.startswith("hw/a2.c:12:5: warning[leaked-error], high: err is not freed\n  in f2()\n")
    assert "  hw/a2.c:3: err is set here\n" in out


# -- merging ---------------------------------------------------------------------------------------


def test_merged_files_are_sorted_and_the_newest_verdict_wins(tmp_path: Path) -> None:
    into = written(tmp_path / "all.jsonl", verdict(3, why="first thought"), verdict(2))
    more = written(tmp_path / "more.jsonl", verdict(1), verdict(3, False, why="second thought"))
    ran = precision("--merge", into, more)
    assert (ran.code, ran.out) == (0, f"{into}: 3 verdicts\n")
    kept = [json.loads(line) for line in into.read_text().splitlines()]
    assert [(one["path"], one["verdict"]) for one in kept] == [
        ("hw/a1.c", "true"),
        ("hw/a2.c", "true"),
        ("hw/a3.c", "false"),
    ]
    before = into.read_bytes()
    assert precision("--merge", into).code == 0
    assert into.read_bytes() == before


def test_a_bad_file_leaves_the_merged_one_alone(tmp_path: Path) -> None:
    into = written(tmp_path / "all.jsonl", verdict(1))
    before = into.read_bytes()
    ran = precision("--merge", into, written(tmp_path / "bad.jsonl", verdict(2, verdict="maybe")))
    assert ran.code == 2
    assert into.read_bytes() == before


def test_the_script_itself(tmp_path: Path) -> None:
    judged = written(tmp_path / "v.jsonl", verdict(1))
    for name, code in ((judged, 0), (tmp_path / "gone.jsonl", 2)):
        command = [sys.executable, os.fspath(SCRIPT), os.fspath(name)]
        done = subprocess.run(command, capture_output=True, env=environment(), text=True, check=False)
        assert Ran(done.returncode, done.stdout, done.stderr) == precision(name)
        assert done.returncode == code


# -- refusals --------------------------------------------------------------------------------------


def refused(ran: Ran, *words: str) -> None:
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1, ran.err
    assert ran.err.startswith("precision: ")
    assert all(word in ran.err for word in words), ran.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "no JSON"),
        ("[]", "not an object"),
        (json.dumps(verdict(2, verdict="maybe")), "'verdict' cannot be \"maybe\""),
        (json.dumps(verdict(2, verdict=True)), "'verdict' cannot be true"),
        (json.dumps(verdict(2, line="7")), "'line' is no line number"),
        (json.dumps(verdict(2, line=True)), "'line' is no line number"),
        (json.dumps(verdict(2, path="/a/b.c")), "'path' cannot be"),
        (json.dumps(verdict(2, why=" ")), "'why' cannot be"),
        (json.dumps(verdict(2, fingerprint="xyz")), "'fingerprint' cannot be"),
        (json.dumps(verdict(2, note="x")), "unknown key 'note'"),
        (json.dumps({k: v for k, v in verdict(2).items() if k != "rule"}), "no 'rule'"),
        (json.dumps(verdict(1, False)), "a second verdict on the finding of line 1"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "v.jsonl"
    file.write_text(f"{json.dumps(verdict(1))}\n\n{line}\n")
    refused(precision(file), f"{file}:3: ", words)


def test_files_and_trees_that_cannot_be_read(tmp_path: Path) -> None:
    judged = written(tmp_path / "v.jsonl", verdict(1))
    refused(precision(tmp_path / "gone.jsonl"), "gone.jsonl: cannot be read: No such file")
    refused(precision(judged, "--findings", judged), "v.jsonl: ", "schema qerrlint/1")
    refused(precision(judged, "--findings", tmp_path / "gone.json"), "gone.json: cannot be read")
    refused(precision(judged, QERRLINT_QEMU_TREE=os.fspath(tmp_path)), "not a QEMU tree")
    refused(precision(judged, "--sample", "3"), "a sample is drawn from findings")


def test_one_tree_and_two_revisions_want_a_choice(tmp_path: Path) -> None:
    judged = written(tmp_path / "v.jsonl", verdict(1), verdict(2, revision="0123456789"))
    findings = run_of(tmp_path / "f.json", finding(1))
    refused(precision(judged, "--findings", findings), "--revision (0123456789, b07529241a)")
    ran = precision(judged, "--findings", findings, "--revision", "b07529241a")
    assert ran.row("leaked-error")[:2] == ["1", "0"]
    assert precision(judged, "--revision", "ffffffff").code == 2


# -- the verdicts of this project ------------------------------------------------------------------


@pytest.mark.parametrize("file", sorted(JUDGED.glob("*.jsonl")), ids=lambda file: file.name)
def test_the_verdicts_kept_here_are_whole_and_sorted(file: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    ran = precision("--merge", again, file)
    assert ran.code == 0, ran.err
    assert again.read_bytes() == file.read_bytes()
    assert precision(file).code == 0
