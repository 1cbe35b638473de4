# SPDX-License-Identifier: GPL-2.0-or-later
"""`check --diff` and `check --fix` on a scratch tree: streams, exit codes, and what is written where."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from commandline import TREE, Ran, everything_below, git, run, scratch_repository
from jsonschema import Draft202012Validator

import qerrlint
from qerrlint.errors import InputError
from qerrlint.source.directory import DirectorySource
from qerrlint.source.writing import replace_file

SPILL = "hw/misc/spill.c"
TEXT = """\
#include "qemu/osdep.h"
#include "qapi/error.h"

static bool spill_check(int level, Error **errp)
{
    if (level > 3) {
        error_setg(errp, "a level of %d is too high.", level);
        return false;
    }
    return true;
}
"""
FORM = ("--select", "error-message-form", "--select", "redundant-error-code")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "qemu"
    shutil.copytree(TREE, top)
    spilt(top)
    return top


def spilt(top: Path) -> Path:
    file = top / SPILL
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(TEXT)
    return file


def check(top: Path, *arguments: str) -> Ran:
    return run("check", "--tree", top, *FORM, *arguments)


def test_the_diff_goes_to_standard_output_alone_and_applies(tree: Path) -> None:
    before = everything_below(tree)
    ran = check(tree, SPILL, "--diff")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"--- a/{SPILL}\n+++ b/{SPILL}\n@@ ")
    assert everything_below(tree) == before
    git(tree, "init", "-q")
    (tree / "fix.diff").write_text(ran.out)
    git(tree, "apply", "fix.diff")
    assert (tree / SPILL).read_text() == TEXT.replace("high.", "high")


def test_fix_writes_the_file_and_keeps_its_mode(tree: Path) -> None:
    file = tree / SPILL
    file.chmod(0o640)
    ran = check(tree, SPILL, "--fix", "--format", "json")
    assert ran.code == 0
    assert ran.findings == []
    assert ran.err == "fixed 1 finding in 1 file\n"
    assert file.read_text() == TEXT.replace("high.", "high")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(path.name for path in file.parent.iterdir() if path.name.startswith(".")) == []
    again = check(tree, SPILL, "--fix", "-q")
    assert (again.code, again.err) == (0, "")


def test_only_what_is_shown_is_mended(tree: Path) -> None:
    before = everything_below(tree)
    for hidden in (("--min-severity", "warning"), ("--ignore", "error-message-form")):
        assert check(tree, SPILL, "--fix", "-q", *hidden).code == 0
    assert everything_below(tree) == before


def test_the_exit_code_counts_what_is_left(tree: Path) -> None:
    assert check(tree, SPILL, "--diff", "--fail-on", "note").code == 1
    assert check(tree, SPILL, "--fix", "-q", "--fail-on", "note").code == 0


def test_git_objects_are_not_written(tmp_path: Path) -> None:
    top = scratch_repository(tmp_path / "qemu")
    spilt(top)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "spill")
    ran = check(top, SPILL, "--rev", "HEAD", "--fix")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("qerrlint: ")
    assert "--fix changes files of a work tree, not git's objects" in ran.err
    assert check(top, SPILL, "--rev", "HEAD", "--diff").out.startswith(f"--- a/{SPILL}\n")


@pytest.mark.parametrize("other", [("--fix",), ("--format", "json"), ("--output", "x")])
def test_a_diff_goes_with_nothing_else(tree: Path, other: tuple[str, ...]) -> None:
    ran = check(tree, SPILL, "--diff", *other)
    assert (ran.code, ran.out) == (2, "")
    assert "--diff prints only a diff" in ran.err


def test_json_holds_the_fixes_and_fits_its_schema(tree: Path) -> None:
    ran = check(tree, SPILL, "--format", "json")
    schema = Path(qerrlint.__file__).parent / "report" / "schema" / "qerrlint-1.schema.json"
    Draft202012Validator(json.loads(schema.read_text("utf-8"))).validate(ran.document)
    (finding,) = ran.findings
    line = TEXT.split("\n")[6]
    assert finding["fixes"] == [
        {
            "description": "remove the period",
            "edits": [
                {
                    "path": SPILL,
                    "start_line": 7,
                    "start_column": line.index('."') + 1,
                    "end_line": 7,
                    "end_column": line.index('."') + 2,
                    "text": "",
                }
            ],
        }
    ]


def test_a_change_hears_of_the_form_of_its_own_lines_only(tmp_path: Path) -> None:
    top = scratch_repository(tmp_path / "qemu")
    file = spilt(top)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "spill")
    every = ("--format", "json", "--status", "introduced,fixed,persisting")

    file.write_text(TEXT.replace("level > 3", "level > 4"))
    assert run("diff", "--tree", top, *FORM, *every).findings == []

    file.write_text(TEXT.replace("too high", "far too high"))
    (finding,) = run("diff", "--tree", top, *FORM, *every).findings
    assert (finding["status"], finding["relation"]) == ("persisting", "added-line"), "the flaw is an old one"

    file.write_text(TEXT.replace("return true;", 'error_setg(errp, "no more.");\n    return false;'))
    (finding,) = run("diff", "--tree", top, *FORM, *every[:2]).findings
    assert (finding["status"], finding["relation"]) == ("introduced", "added-line")

    file.write_text(TEXT.replace("too high.", "too high"))
    (finding,) = run("diff", "--tree", top, *FORM, *every).findings
    assert finding["status"] == "fixed"


def test_a_rule_that_is_off_speaks_when_it_is_named(tree: Path) -> None:
    text = TEXT.replace("bool", "void").replace(" false", "").replace(" true", "")
    (tree / SPILL).write_text(text)
    assert "errp-signature" not in run("check", "--tree", tree, SPILL, "--format", "json").rules
    named = run("check", "--tree", tree, SPILL, "--select", "errp-signature", "--format", "json")
    assert named.rules == {"errp-signature"}


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.c").write_bytes(b"old")
    top = tmp_path / "top"
    top.mkdir()
    (top / "link").symlink_to(outside)
    (top / "b.c").symlink_to(outside / "a.c")
    for path in ("link/a.c", "b.c", "../outside/a.c"):
        with pytest.raises(InputError, match="has changed since it was read"):
            replace_file(DirectorySource(top), path, b"old", b"new")
    assert (outside / "a.c").read_bytes() == b"old"
    assert (top / "b.c").is_symlink()


def test_a_file_that_has_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_bytes(b"newer")
    with pytest.raises(InputError, match="has changed since it was read"):
        replace_file(DirectorySource(tmp_path), "a.c", b"old", b"new")
    assert (tmp_path / "a.c").read_bytes() == b"newer"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_bytes(b"old")
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(InputError, match="cannot be written"):
            replace_file(DirectorySource(tmp_path), "a.c", b"old", b"new")
    finally:
        tmp_path.chmod(0o755)
