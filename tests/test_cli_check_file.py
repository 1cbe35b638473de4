# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint check` on files and folders that lie in no QEMU tree: reach, notice, names, exit codes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from commandline import TREE, git, run

BAD = """\
#include "no-such-header.h"

static bool quill_check(int level, Error **errp)
{
    if (level > 3) {
        error_setg(errp, "a level of %d is too high", level);
    }
    error_setg(errp, "a level of %d is high", level);
    return false;
}
"""
GOOD = """\
static bool quill_check(int level, Error **errp)
{
    if (level > 3) {
        error_setg(errp, "a level of %d is too high", level);
        return false;
    }
    return true;
}
"""
RULE = """\
+++
id = "setter-named"
title = "A text for a trial"
since = "0.1.0"
analysis = "text"
event = "error-message-form"
where = { form = "period" }
severity = "warning"
confidence = "high"
message = "{callee}() is named"
advice = "none"
+++

## What it flags

A full stop.

## Why it matters

It shows that the rule is read.

## Bad

```c
static void quill_stop(Error **errp)
{
    error_setg(errp, "the quill is dry.");
}
```

## Good

```c
static void quill_stop(Error **errp)
{
    error_setg(errp, "the quill is dry");
}
```

## What to do

Nothing.

## Not flagged

- All else.

## Origin

This test.
"""
NOTE = "lies in no QEMU tree: declarations are those of each file and the bundled contracts (reach: patch)"
ONLY = ("--select", "error-set-twice")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a bad file, and a folder that holds a good one and no C file."""
    (tmp_path / "quill.c").write_text(BAD)
    (tmp_path / "nibs").mkdir()
    (tmp_path / "nibs" / "nib.c").write_text(GOOD)
    (tmp_path / "nibs" / "README").write_text("no C\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_single_file_is_analysed_and_the_output_says_how_far_it_reaches(folder: Path) -> None:
    ran = run("check", "quill.c")
    assert (ran.code, ran.err) == (1, "")
    assert "quill.c:8:5: error[error-set-twice]" in ran.out
    assert f"note: quill.c {NOTE}\n" in ran.out
    assert "1 function in 1 file, 1 followed path by path;" in ran.out
    assert "declarations from each file alone" in ran.out


def test_the_document_says_it_too(folder: Path) -> None:
    ran = run("check", "quill.c", "--format", "json")
    assert ran.document["tree"] == {
        "root": str(folder),
        "revision": None,
        "base_found_by": "directory",
        "reach": "patch",
    }
    assert ran.document["notices"] == [f"quill.c {NOTE}"]
    assert [found["path"] for found in ran.findings] == ["quill.c"]
    assert ran.document["coverage"]["files"] == 1


def test_a_file_without_findings_ends_with_0_and_the_notice(folder: Path) -> None:
    ran = run("check", "nibs/nib.c")
    assert ran.code == 0
    assert f"note: nibs/nib.c {NOTE}\n" in ran.out


@pytest.mark.parametrize(("path", "files"), [(".", 2), ("nibs", 1)])
def test_a_folder_is_walked(folder: Path, path: str, files: int) -> None:
    document = run("check", path, "--format", "json").document
    assert document["coverage"]["files"] == files


def test_only_what_is_named_is_listed(folder: Path) -> None:
    (folder / "other.c").write_text(BAD)
    document = run("check", "nibs", "quill.c", "--format", "json").document
    assert document["coverage"]["files"] == 2
    assert {found["path"] for found in document["findings"]} == {"quill.c"}


def test_a_folder_with_a_repository_is_walked_where_it_is_named(folder: Path) -> None:
    git(folder / "nibs", "init", "--quiet")
    assert run("check", "nibs", "--format", "json").document["coverage"]["files"] == 1
    assert run("check", ".", "--format", "json").document["coverage"]["files"] == 1


def test_a_file_elsewhere_is_named_from_its_folder(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert [found["path"] for found in run("check", folder / "quill.c", "--format", "json").findings] == [
        "quill.c"
    ]
    monkeypatch.chdir("/")
    ran = run("check", folder / "quill.c", "--format", "json")
    assert [found["path"] for found in ran.findings] == [f"{folder}/quill.c"[1:]]


def test_inside_a_repository_that_is_no_qemu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(folder, "init", "--quiet")
    monkeypatch.chdir(folder / "nibs")
    assert run("check", "nib.c").code == 0
    assert run("check", "../quill.c", *ONLY).code == 1


def test_a_rule_of_ones_own_is_tried_on_a_file(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "setter-named.md").write_text(RULE)
    (folder / "dry.c").write_text(BAD.replace("is high", "is high."))
    ran = run("check", "dry.c", "--rules", "mine", "--format", "json")
    assert "setter-named" in ran.rules
    assert run("check", "quill.c", "--rules", "mine", "--select", "setter-named").code == 0


def test_the_configuration_beside_the_files_counts(folder: Path) -> None:
    (folder / ".qerrlint.toml").write_text('ignore = ["error-set-twice"]\nreach = "tree"\n')
    ran = run("check", "quill.c", "--format", "json")
    assert "error-set-twice" not in ran.rules
    assert ran.document["tree"]["reach"] == "patch"


def test_findings_are_mended_in_the_file(folder: Path) -> None:
    (folder / "dry.c").write_text(GOOD.replace("too high", "too high."))
    assert run("check", "--fix", "dry.c", "--select", "error-message-form").code == 0
    assert (folder / "dry.c").read_text() == GOOD


def test_a_file_of_a_tree_is_read_in_its_tree_from_anywhere(folder: Path) -> None:
    shutil.copytree(TREE, folder / "qemu")
    shutil.copy("quill.c", folder / "qemu" / "hw" / "quill.c")
    ran = run("check", "qemu/hw/quill.c", "--format", "json", *ONLY)
    assert ran.document["tree"]["reach"] == "headers"
    assert ran.document["tree"]["root"] == str(folder / "qemu")
    assert [found["path"] for found in ran.findings] == ["hw/quill.c"]
    assert ran.document["notices"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("gone.c",), 3, "gone.c: no such file or folder"),
        (("nibs/README",), 3, "nibs/README: no C file there"),
        (("empty",), 3, "empty: no C file there"),
        ((), 3, "no QEMU tree around the current directory (name one with --tree)"),
        (("--tree", ".", "quill.c"), 3, "not a QEMU tree (no include/qapi/error.h and VERSION in it)"),
        (("--reach", "tree", "quill.c"), 2, "--reach: quill.c lies in no QEMU tree"),
        (("quill.c", f"{TREE}/hw"), 3, f"{TREE}/hw: lies in {TREE}, and quill.c in none"),
        ((f"{TREE}/hw", "quill.c"), 3, f"quill.c: lies in no QEMU tree, and {TREE}/hw lies in {TREE}"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    folder: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    (folder / "empty").mkdir()
    ran = run("check", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_an_empty_current_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("check", ".")
    assert (ran.code, ran.err) == (3, f"qerrlint: {tmp_path}: no C files in this folder\n")


def test_standard_input_in_place_of_a_file(tmp_path: Path) -> None:
    """The buffer of an editor: in a tree, as a new file in it, outside of one."""
    top = tmp_path / "qemu"
    shutil.copytree(TREE, top)
    hub = top / "hw/intc/pulsehub.c"
    spoilt = hub.read_text().replace("        return;\n", "        ;\n", 1).encode()
    selected = ("--select", "error-set-twice", "--format", "json")

    def rules_of(name: str | Path, *arguments: str | Path) -> tuple[set[str], str]:
        ran = run("check", "--stdin-filename", name, *arguments, *selected, stdin=spoilt)
        (path,) = {found["path"] for found in ran.findings}
        return ran.rules, path

    assert rules_of(hub) == ({"error-set-twice"}, "hw/intc/pulsehub.c")
    assert rules_of(top / "hw/intc/new.c") == ({"error-set-twice"}, "hw/intc/new.c")
    assert rules_of("hw/intc/pulsehub.c", "--tree", top) == ({"error-set-twice"}, "hw/intc/pulsehub.c")
    assert rules_of(tmp_path / "lone.c") == ({"error-set-twice"}, "lone.c")
    assert hub.read_bytes() != spoilt, "no file is changed"
    ran = run("check", "--stdin-filename", hub, *selected, stdin=hub.read_bytes())
    assert (ran.code, ran.findings) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stdin-filename", "x.txt"), "--stdin-filename: x.txt is not the name of a C file"),
        (
            ("--stdin-filename", "x.c", "y.c"),
            "--stdin-filename takes one file, without PATH, --rev and --fix",
        ),
        (
            ("--stdin-filename", "x.c", "--fix"),
            "--stdin-filename takes one file, without PATH, --rev and --fix",
        ),
    ],
)
def test_a_wrong_use_of_standard_input(arguments: tuple[str, ...], message: str) -> None:
    ran = run("check", *arguments, stdin=b"")
    assert (ran.code, ran.out, ran.err) == (2, "", f"qerrlint: {message}\n")
    ran = run("check", "--stdin-filename", "nowhere/x.c", stdin=b"")
    assert (ran.code, ran.err) == (3, "qerrlint: nowhere/x.c: no such folder\n")
