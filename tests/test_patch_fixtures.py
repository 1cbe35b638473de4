# SPDX-License-Identifier: GPL-2.0-or-later
"""fixtures/patches: the whole of `qerrlint patch`, in process, against each case's expect.toml."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from commandline import tree_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PATCHES = Path(__file__).resolve().parent.parent / "fixtures" / "patches"
CASES = sorted(path.parent.name for path in PATCHES.glob("*/expect.toml"))
KEYS = {"rule", "path", "function", "line", "status", "relation", "patch", "transient", "raised_by"}


def expected(case: str) -> dict[str, Any]:
    text = (PATCHES / case / "expect.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def outcome(case: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code and parsed JSON of `qerrlint patch` on a case."""
    from qerrlint.cli.main import cli

    folder = PATCHES / case
    arguments = ["patch", "--tree", str(tree_of(folder)), "--format", "json", *options]
    result = CliRunner().invoke(cli, [*arguments, str(folder / "series.mbox")])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.stdout, result.stderr
    return result.exit_code, json.loads(result.stdout)


def all_statuses(case: str) -> dict[str, Any]:
    return outcome(case, "--status", "introduced,fixed,persisting")[1]


def fits(finding: dict[str, Any], wanted: dict[str, Any]) -> bool:
    for key, value in wanted.items():
        if key == "raised_by":
            if value not in (finding["raised_by"] or {}).get("from", ""):
                return False
        elif finding[key] != value:
            return False
    return True


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@pytest.mark.parametrize(
    "case", [case for case in CASES if all(p["applied"] for p in expected(case)["patch"])]
)
def test_index_lines_are_those_of_the_tree(case: str) -> None:
    folder = PATCHES / case
    tree = tree_of(folder)
    mail = (folder / "series.mbox").read_text()
    first: dict[str, str] = {}
    for path, old in re.findall(r"^diff --git a/(\S+) b/\S+\nindex ([0-9a-f]+)\.\.", mail, re.MULTILINE):
        first.setdefault(path, old)
    assert first
    for path, old in first.items():
        assert blob_id((tree / path).read_bytes()).startswith(old), path


@pytest.mark.parametrize("case", CASES)
def test_expected_findings_are_there(case: str) -> None:
    findings = all_statuses(case)["findings"]
    for wanted in expected(case).get("finding", []):
        assert set(wanted) <= KEYS
        hits = [finding for finding in findings if fits(finding, wanted)]
        near = [finding for finding in findings if finding["rule"] == wanted["rule"]]
        assert len(hits) == 1, f"{wanted} against {near}"


@pytest.mark.parametrize("case", CASES)
def test_nothing_else_is_introduced_or_fixed(case: str) -> None:
    wanted = expected(case).get("finding", [])
    for finding in all_statuses(case)["findings"]:
        if finding["status"] != "persisting":
            assert any(fits(finding, want) for want in wanted), finding


@pytest.mark.parametrize("case", CASES)
def test_nobody_else_is_said_to_have_raised_it(case: str) -> None:
    raised = {want["function"] for want in expected(case).get("finding", []) if "raised_by" in want}
    for finding in all_statuses(case)["findings"]:
        assert finding["raised_by"] is None or finding["function"] in raised


@pytest.mark.parametrize("case", CASES)
def test_transient_is_said_of_those_only(case: str) -> None:
    transient = {want["function"] for want in expected(case).get("finding", []) if want.get("transient")}
    assert {f["function"] for f in all_statuses(case)["findings"] if f["transient"]} == transient


@pytest.mark.parametrize("case", CASES)
def test_what_became_of_each_patch(case: str) -> None:
    patches = {patch["index"]: patch for patch in all_statuses(case)["patches"]}
    wanted = expected(case)["patch"]
    assert sorted(patches) == [want["index"] for want in wanted]
    for want in wanted:
        patch = patches[want["index"]]
        assert patch["applied"] is want["applied"], patch
        problem = want.get("problem")
        if problem is None:
            assert patch["problems"] == []
        else:
            assert any(re.search(problem, text) for text in patch["problems"]), patch["problems"]


@pytest.mark.parametrize("case", CASES)
def test_exit_code(case: str) -> None:
    code, report = outcome(case)
    assert code == expected(case)["exit"], report


@pytest.mark.parametrize("case", CASES)
def test_default_shows_what_is_introduced(case: str) -> None:
    _, report = outcome(case)
    assert {finding["status"] for finding in report["findings"]} <= {"introduced"}


def test_findings_of_the_demo_lead_into_the_mail() -> None:
    added = [f for f in all_statuses("demo")["findings"] if f["relation"] == "added-line"]
    assert added
    assert all(finding["diff_line"] for finding in added)


def test_the_tree_is_left_alone() -> None:
    tree = PATCHES.parent / "tree"
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    outcome("demo")
    assert before == {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def test_standing_defects_of_the_tree_are_those_of_its_readme() -> None:
    from qerrlint.cli.main import cli

    tree = PATCHES.parent / "tree"
    table = re.findall(
        r"^\| (\S+\.c) \| (\w+) \| ([\w-]+) \|$", (tree / "README.md").read_text(), re.MULTILINE
    )
    result = CliRunner().invoke(cli, ["check", "--tree", str(tree), "--format", "json"])
    report = json.loads(result.stdout)
    assert sorted((f["path"], f["function"], f["rule"]) for f in report["findings"]) == sorted(table)
    assert len(table) >= 4
