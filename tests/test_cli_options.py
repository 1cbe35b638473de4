# SPDX-License-Identifier: GPL-2.0-or-later
"""What options and configuration change: which findings are shown, where they go, and the exit code."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from commandline import (
    DEMO,
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

pytestmark = pytest.mark.usefixtures("kept_results")

# The defects of fixtures/tree that its README vouches for; others may be found one day.
STANDING = {
    ("error-set-twice", "relay_remote_open"),
    ("error-set-twice", "vireo_start_clock"),
    ("unguarded-errp-dereference", "bell_open"),
    ("int-as-bool", "pulsehub_has_route"),
    ("unguarded-error-prepend", "quartz_configure"),
}


def check(*arguments: str, tree: Path = TREE) -> Ran:
    """A run over a tree."""
    return run("check", "--tree", tree, "--format", "json", *arguments)


def test_everything_is_shown_by_default() -> None:
    ran = check()
    assert ran.code == 1
    assert {(finding["rule"], finding["function"]) for finding in ran.findings} >= STANDING
    assert all(finding["status"] is None for finding in ran.findings)


@pytest.mark.parametrize(
    ("arguments", "rules"),
    [
        (("--select", "int-as-bool"), {"int-as-bool"}),
        (("--select", "unguarded-*"), {"unguarded-errp-dereference", "unguarded-error-prepend"}),
        (("--select", "int-as-bool", "--select", "error-set-twice"), {"int-as-bool", "error-set-twice"}),
        (("--select", "unguarded-*", "--ignore", "*-prepend"), {"unguarded-errp-dereference"}),
        (("--select", "duplicate-mode"), set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_select_and_ignore(arguments: tuple[str, ...], rules: set[str]) -> None:
    ran = check(*arguments)
    assert ran.rules == rules
    assert ran.code == (1 if rules else 0)


def test_min_severity() -> None:
    assert {finding["severity"] for finding in check().findings} >= {"warning", "error"}
    assert {finding["severity"] for finding in check("--min-severity", "error").findings} == {"error"}


def test_min_confidence() -> None:
    low, medium, high = (check("--min-confidence", level).findings for level in ("low", "medium", "high"))
    assert {finding["confidence"] for finding in high} == {"high"}
    assert len(high) <= len(medium) <= len(low)
    assert [f for f in low if f["confidence"] == "high"] == high
    assert check().findings == medium


@pytest.mark.parametrize(
    ("rule", "fail_on", "code"),
    [
        ("int-as-bool", "error", 1),
        ("int-as-bool", "never", 0),
        ("unguarded-error-prepend", "error", 0),
        ("unguarded-error-prepend", "warning", 1),
        ("unguarded-error-prepend", "note", 1),
    ],
)
def test_fail_on(rule: str, fail_on: str, code: int) -> None:
    ran = check("--select", rule, "--fail-on", fail_on)
    assert (ran.code, ran.rules) == (code, {rule})


def test_a_hidden_finding_does_not_fail() -> None:
    ran = check("--select", "unguarded-error-prepend", "--min-severity", "error")
    assert (ran.code, ran.findings) == (0, [])


def test_paths_narrow_the_run() -> None:
    ran = check("hw")
    assert {finding["path"].split("/")[0] for finding in ran.findings} == {"hw"}
    one = check("chardev/bell.c")
    assert one.document["coverage"]["files"] == 1
    assert "unguarded-errp-dereference" in one.rules


# -- configuration ---------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(TREE, tmp_path / "tree")
    return tmp_path / "tree"


CONFIGURATIONS = [
    ('select = ["int-as-bool"]', {"int-as-bool"}, 1),
    ('select = ["unguarded-*"]\nignore = ["*-prepend"]', {"unguarded-errp-dereference"}, 1),
    ('select = ["int-as-bool"]\nfail-on = "never"', {"int-as-bool"}, 0),
    ('select = ["unguarded-*"]\nmin-severity = "error"', {"unguarded-errp-dereference"}, 1),
    ('select = ["unguarded-*"]\nexclude = ["hw"]', {"unguarded-errp-dereference"}, 1),
    ('select = ["int-as-bool"]\nexclude = ["hw/*/pulse*.c"]', set(), 0),
]


@pytest.mark.parametrize(("text", "rules", "code"), CONFIGURATIONS)
def test_the_trees_own_configuration(tree: Path, text: str, rules: set[str], code: int) -> None:
    (tree / ".qerrlint.toml").write_text(text)
    ran = check(tree=tree)
    assert (ran.rules, ran.code) == (rules, code)


@pytest.mark.parametrize(("text", "rules", "code"), CONFIGURATIONS)
def test_a_table_in_pyproject(tree: Path, text: str, rules: set[str], code: int) -> None:
    (tree / "pyproject.toml").write_text(f'[project]\nname = "qemu"\n\n[tool.qerrlint]\n{text}\n')
    ran = check(tree=tree)
    assert (ran.rules, ran.code) == (rules, code)


def test_a_pyproject_of_others_is_left_alone(tree: Path) -> None:
    (tree / "pyproject.toml").write_text("this is [not toml")
    assert check(tree=tree).code == 1


def test_options_go_before_the_configuration(tree: Path) -> None:
    (tree / ".qerrlint.toml").write_text('select = ["int-as-bool"]\nfail-on = "never"\n')
    ran = check("--select", "error-set-twice", "--fail-on", "error", tree=tree)
    assert (ran.rules, ran.code) == ({"error-set-twice"}, 1)


def test_a_given_file_goes_before_the_trees_own(tree: Path) -> None:
    (tree / ".qerrlint.toml").write_text('select = ["int-as-bool"]\n')
    own = tree.parent / "own.toml"
    own.write_text('[tool.qerrlint]\nselect = ["error-set-twice"]\n')
    assert check("--config", str(own), tree=tree).rules == {"error-set-twice"}


def test_a_patch_cannot_configure_its_own_review(tree: Path) -> None:
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "base")
    (tree / ".qerrlint.toml").write_text('ignore = ["*"]\n')
    bell = tree / "hw" / "intc" / "pulsehub.c"
    text = bell.read_text()
    changed = text.replace("        return;\n", "        ;\n", 1)
    assert changed != text
    bell.write_text(changed)
    ran = run("diff", "--tree", tree, "--format", "json")
    assert (ran.code, {finding["status"] for finding in ran.findings}) == (1, {"introduced"})


# -- where the output goes -------------------------------------------------------------------------


def test_output_takes_the_place_of_standard_output(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    ran = check("--output", str(file))
    assert (ran.code, ran.out, ran.err) == (1, "", "")
    assert file.read_text() == check().out


def test_output_of_a_hyphen_is_standard_output() -> None:
    assert check("--output", "-").out == check().out


def test_several_formats(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.txt"
    ran = run(
        "check", "--tree", TREE, "--format", "text", "--format", f"json:{one}", "--format", f"text:{two}"
    )
    assert ran.code == 1
    assert ran.out == two.read_text() == run("check", "--tree", TREE).out
    assert one.read_text() == check().out
    assert json.loads(one.read_text())["schema"] == "qerrlint/1"


def test_quiet_leaves_the_findings() -> None:
    arguments = ("check", "--tree", TREE, "-v")
    counted = re.compile(r"^note: \d+ functions, 0 damaged", re.M)
    assert counted.search(run(*arguments).out)
    assert not counted.search(run(*arguments, "-q").out)


# -- patch: which findings -------------------------------------------------------------------------


def patch(*arguments: str) -> Ran:
    return review_of_demo("--format", "json", *arguments)


def test_status_of_a_patchs_findings() -> None:
    introduced = patch()
    assert introduced.code == 1
    assert {finding["status"] for finding in introduced.findings} == {"introduced"}
    standing = patch("--status", "fixed,persisting")
    assert {finding["status"] for finding in standing.findings} <= {"fixed", "persisting"}
    assert standing.code == 0, "only what a patch introduces fails it"
    assert introduced.document["summary"] == standing.document["summary"]


def test_credit_for_a_repair() -> None:
    case = PATCHES / "repaired-standing"
    arguments = ("patch", case / "series.mbox", "--tree", tree_of(case), "--format", "json")
    silent, told = run(*arguments), run(*arguments, "--status", "introduced,fixed")
    assert (silent.code, silent.findings) == (0, [])
    assert (told.code, {finding["status"] for finding in told.findings}) == (0, {"fixed"})


def test_a_folder_and_standard_input_say_the_same(tmp_path: Path) -> None:
    shutil.copy(DEMO, tmp_path / "series.mbox")
    folder = run("patch", tmp_path, "--tree", TREE, "--format", "json")
    fed = run("patch", "--tree", TREE, "--format", "json", stdin=DEMO.read_bytes())
    assert folder.findings == fed.findings == patch().findings


def test_without_any_tree_the_hunks_are_read_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("patch", DEMO, "--format", "json")
    assert ran.document["tree"]["base_found_by"] == "none"
    assert "notifier-drops-error" in ran.rules
    assert "no tree at hand" in run("patch", DEMO).out


# -- where the tree is -----------------------------------------------------------------------------


def test_check_from_inside_the_tree(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = check(tree=tree).findings
    monkeypatch.chdir(tree / "hw" / "intc")
    assert run("check", "--format", "json").findings == whole
    below = run("check", "--format", "json", ".").findings
    assert {finding["path"] for finding in below} == {"hw/intc/pulsehub.c"}
    beside = run("check", "--format", "json", "../timer/quartz.c")
    assert {finding["path"] for finding in beside.findings} == {"hw/timer/quartz.c"}


def test_check_of_a_revision_leaves_the_work_tree_out(tmp_path: Path) -> None:
    top = scratch_repository(tmp_path / "qemu")
    (top / "chardev" / "bell.c").unlink()
    assert "unguarded-errp-dereference" not in check(tree=top).rules
    assert "unguarded-errp-dereference" in check("--rev", "HEAD", tree=top).rules


# -- the same bytes, however it runs ---------------------------------------------------------------


def test_hash_seeds_change_nothing() -> None:
    arguments = ("check", "--tree", TREE, "--format", "json", "--no-cache")
    own, other = run(*arguments), spawned(*arguments, PYTHONHASHSEED=other_seed())
    assert own == other
    assert own.code == 1


def test_the_number_of_processes_changes_nothing(tree: Path) -> None:
    # Below a megabyte everything stays in one process: make the tree larger than that.
    for number in range(3):
        (tree / "util" / f"padding{number}.c").write_text(f"/* {'x' * (1 << 19)} */\nint padding{number};\n")
    arguments = ("check", "--tree", tree, "--format", "json", "--no-cache", "--jobs")
    one, two = run(*arguments, "1"), spawned(*arguments, "2")
    assert one == two
    assert {(finding["rule"], finding["function"]) for finding in one.findings} >= STANDING
