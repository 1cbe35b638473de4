# SPDX-License-Identifier: GPL-2.0-or-later
"""All formats of one run at once, over the fixtures: each is what its reader takes, and tells the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from click.shell_completion import ShellComplete
from commandline import (
    DEMO,
    FIXTURES,
    PATCHES,
    TREE,
    Ran,
    git,
    other_seed,
    review_of_demo,
    run,
    scratch_repository,
    spawned,
    tree_of,
)
from consumers import (
    annotation,
    b4_reads_check,
    b4_reads_lines,
    check_gitlab,
    check_rdjson,
    check_sarif,
    junit_cases,
)
from test_report_html import Page

from qerrlint.cli.main import cli
from qerrlint.report import FORMATS

pytestmark = pytest.mark.usefixtures("kept_results")

CASES: Mapping[str, tuple[str | Path, ...]] = {
    "demo": ("patch", DEMO, "--tree", TREE),
    "all of demo": ("patch", DEMO, "--tree", TREE, "--status", "introduced,fixed,persisting"),
    "loose": ("patch", DEMO),
    "tree": ("check", "--tree", TREE),
    "clean": ("check", "--tree", TREE, "util"),
} | {
    case.name: ("patch", case / "series.mbox", "--tree", tree_of(case))
    for case in (path.parent for path in sorted(PATCHES.glob("*/expect.toml")))
    if case.name != "demo"
}


@pytest.fixture(scope="module", params=CASES)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each format holds after one run, far from any repository."""
    top = tmp_path_factory.mktemp("written")
    given = [f"--format={form}:{top / form}" for form in FORMATS]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(top)
        ran = run(*CASES[request.param], *given)
    assert (ran.code in (0, 1, 3), ran.out) == (True, "")
    return {form: (top / form).read_text("utf-8") for form in FORMATS}


def test_every_format_is_what_its_reader_takes(written: dict[str, str]) -> None:
    check_gitlab(json.loads(written["gitlab"]))
    check_rdjson(json.loads(written["rdjson"]))
    b4_reads_check(written["b4"])
    junit_cases(written["junit"])
    Page(written["html"])
    for line in written["github"].splitlines():
        assert annotation(line)
    check_sarif(json.loads(written["sarif"]))


def test_every_format_tells_of_the_same_findings(written: dict[str, str]) -> None:
    findings: list[dict[str, Any]] = json.loads(written["json"])["findings"]
    told = sorted((one["rule"], one["path"], one["line"]) for one in findings if one["status"] != "fixed")

    def others(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [item for item in items if "not-analysed" not in json.dumps(item)]

    run_of_sarif = json.loads(written["sarif"])["runs"][0]
    places = [one["locations"][0]["physicalLocation"] for one in run_of_sarif["results"]]
    assert (
        sorted(
            (one["ruleId"], place["artifactLocation"]["uri"], place["region"]["startLine"])
            for one, place in zip(run_of_sarif["results"], places, strict=True)
            if one.get("baselineState") != "absent"
        )
        == told
    )
    assert (
        sorted(
            (one["check_name"], one["location"]["path"], one["location"]["lines"]["begin"])
            for one in others(json.loads(written["gitlab"]))
        )
        == told
    )
    assert (
        sorted(
            (one["code"]["value"], one["location"]["path"], one["location"]["range"]["start"]["line"])
            for one in others(json.loads(written["rdjson"])["diagnostics"])
        )
        == told
    )
    lines = re.findall(r"^(.+):(\d+): (?:ERROR|WARNING): .* \[([a-z-]+)\]$", written["checkpatch"], re.M)
    assert sorted((rule, path, int(n)) for path, n, rule in lines if rule != "not-analysed") == told
    named = [case for case in junit_cases(written["junit"]) if any(p._tag != "error" for p in case.result)]
    assert sorted((case.name.split()[0], case.classname) for case in named) == [one[:2] for one in told]
    kinds = b4_reads_lines(written["checkpatch"])
    assert ("fail" in kinds) == any(
        one["severity"] == "error" and one["status"] != "fixed" for one in findings
    )
    anchors = Page(written["html"]).anchors
    assert len([anchor for anchor in anchors if anchor.startswith("finding-")]) == len(told)


def test_sarif_lists_the_rules_that_have_findings_with_help() -> None:
    found = run("check", "--tree", TREE, "--select", "error-set-twice", "--format", "sarif")
    rules = found.document["runs"][0]["tool"]["driver"]["rules"]
    assert len(found.out) < 50_000, "not the pages of all rules"
    assert all(len(rule["help"]["text"]) > 100 and "## Bad" in rule["help"]["markdown"] for rule in rules)
    assert [rule["id"] for rule in rules if rule["defaultConfiguration"]["enabled"]] == ["error-set-twice"]
    everything = run("check", "--tree", TREE, "--format", "sarif").document["runs"][0]
    assert {rule["id"] for rule in everything["tool"]["driver"]["rules"]} == {
        result["ruleId"] for result in everything["results"]
    }


def test_html_shows_findings_in_the_diff_of_their_patch() -> None:
    read = Page(review_of_demo("--format", "html").out)
    found = review_of_demo("--format", "json").findings
    shown = [row.text for row in read.rows if row.anchors]
    # The fourth is in a caller that no patch touches.
    assert len(shown) == len([one for one in found if one["diff_line"] is not None]) == 3
    assert any(text.endswith("+        quartz_kvm_save_ticks(s);") for text in shown)
    assert [anchors for title, anchors in read.headings if "does not show" in title] == [["finding-1"]]


def test_html_shows_what_is_not_committed_yet(tmp_path: Path) -> None:
    top = scratch_repository(tmp_path / "tree")
    file = top / "hw" / "timer" / "quartz.c"
    added = 'void quartz_odd(Error **errp)\n{\n    error_setg(errp, "a");\n    error_setg(errp, "b");\n}\n'
    file.write_text(f"{file.read_text()}\n{added}")
    read = Page(run("diff", "--tree", top, "--format", "html").out)
    told = [row.text.lstrip("0123456789") for row in read.rows if row.anchors]
    assert told == ['+    error_setg(errp, "b");']
    assert len(read.rows) == 3 + 1 + added.count("\n")


def test_every_format_is_the_same_for_any_hash_seed(tmp_path: Path) -> None:
    def written_by(runs: Callable[..., Ran], **variables: str) -> dict[str, bytes]:
        folder = tmp_path / runs.__name__
        folder.mkdir()
        given = [f"--format={form}:{folder / form}" for form in FORMATS]
        every = ("--no-cache", "--status", "introduced,fixed,persisting")
        assert runs("patch", DEMO, "--tree", TREE, *every, *given, **variables).code == 1
        return {form: (folder / form).read_bytes() for form in FORMATS}

    assert written_by(run) == written_by(spawned, PYTHONHASHSEED=other_seed())


ODD_NAME = "ä \"q\" 'x' ]]>&<b> 100%0A ::error:: ##[x]\n.c"


def test_an_odd_name_of_a_file_comes_through_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = scratch_repository(tmp_path / "tree")
    body = (
        'int odd(Error **errp)\n{\n    error_setg(errp, "ä]]>"); error_setg(errp, "%%");\n    return -1;\n}\n'
    )
    (top / "hw" / "timer" / ODD_NAME).write_text(f'#include "qapi/error.h"\n\n{body}')
    git(top, "add", "-A")
    monkeypatch.chdir(tmp_path)
    given = [f"--format={form}:{form}" for form in FORMATS]
    assert run("diff", "--staged", "--tree", top, *given).code == 1
    path = f"hw/timer/{ODD_NAME}"
    text = {form: (tmp_path / form).read_text("utf-8") for form in FORMATS}
    (issue,) = json.loads(text["gitlab"])
    assert issue["location"]["path"] == path
    (diagnostic,) = json.loads(text["rdjson"])["diagnostics"]
    assert diagnostic["location"]["path"] == path
    (command,) = text["github"].splitlines()
    _, properties, _ = annotation(command)
    # The line has one character of two bytes before the finding.
    assert (properties["file"], properties["line"], properties["col"]) == (path, "5", "31")
    (line,) = text["checkpatch"].splitlines()
    assert line.startswith(path.replace("\n", r"\x0a") + ":5: ERROR: ")
    (case,) = junit_cases(text["junit"])
    assert case.classname == path.replace("\n", r"\x0a")
    (row,) = (row for row in Page(text["html"]).rows if row.anchors)
    assert 'error_setg(errp, "ä]]>"); error_setg(errp, "%%");' in row.text
    (check,) = b4_reads_check(text["b4"])
    assert check["status"] == "fail"
    (result,) = json.loads(text["sarif"])["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert unquote_to_bytes(place["artifactLocation"]["uri"]).decode() == path
    assert place["region"]["startColumn"] == 31
    check_sarif(json.loads(text["sarif"]))


def test_a_shell_completes_the_names_of_formats() -> None:
    shell = ShellComplete(cli, {}, "qerrlint", "_QERRLINT_COMPLETE")
    assert [item.value for item in shell.get_completions(["check", "--format"], "")] == list(FORMATS)
    offered = [item.value for item in shell.get_completions(["patch", "--format"], "checkp")]
    assert offered == ["checkpatch", "checkpatch-emacs"]


def test_the_documents_name_every_format() -> None:
    root = FIXTURES.parent
    page = (root / "docs" / "outputs.md").read_text("utf-8")
    assert re.findall(r"^## `([a-z0-9-]+)`", page, re.M) == list(FORMATS)
    (row,) = re.findall(r"^\| `--format F`.*$", (root / "docs" / "options.md").read_text("utf-8"), re.M)
    assert set(FORMATS) <= set(re.findall(r"`([a-z0-9-]+)`", row))


def test_the_invocations_of_the_documents_are_accepted() -> None:
    page = (FIXTURES.parent / "docs" / "outputs.md").read_text("utf-8")
    known = set(re.findall(r"--format[= ]([a-z0-9-]+)", page))
    assert known == set(FORMATS)
