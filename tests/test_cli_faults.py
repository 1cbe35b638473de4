# SPDX-License-Identifier: GPL-2.0-or-later
"""A defect of this program costs the file that it shows in: named, code 3; the rest of the run goes on."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from commandline import DEMO, TREE, run

from qerrlint.engine import callers
from qerrlint.engine import check_files as whole
from qerrlint.errors import InputError
from qerrlint.model import interpretation
from qerrlint.source.directory import DirectorySource

BELL = "chardev/bell.c"
LINE = (
    r"qerrlint: %s: not analysed: internal error: "
    r"ZeroDivisionError in qerrlint/model/interpretation\.py:\d+; "
)


def break_on(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let the exploration of a function end in an error that nobody's input is to blame for."""
    from qerrlint.transfer.interpretation import interpret as real

    def broken(function: Any, *more: Any) -> Any:
        if function.name == name:
            raise ZeroDivisionError(object())
        return real(function, *more)

    monkeypatch.setattr(interpretation, "interpret", broken)


def first_function(path: str) -> str:
    from qerrlint.model.program import Program

    made = Program(DirectorySource(TREE)).unit(path)
    assert made is not None
    return made.definitions.relevant()[0].name


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> str:
    """A function of a file with findings cannot be explored; gives the file."""
    break_on(monkeypatch, first_function(BELL))
    return BELL


def test_check_names_the_file_and_finds_the_rest(broken: str) -> None:
    ran = run("check", "--tree", TREE, "--format", "json")
    assert ran.code == 1
    assert re.fullmatch(LINE % re.escape(broken) + r"please report it with .*QERRLINT_DEBUG.*\n", ran.err)
    assert [skipped["path"] for skipped in ran.document["coverage"]["skipped"]] == [broken]
    paths = {finding["path"] for finding in ran.findings}
    assert paths
    assert broken not in paths


def test_alone_it_is_code_3(broken: str) -> None:
    ran = run("check", "--tree", TREE, broken)
    assert ran.code == 3
    assert f"{broken} (internal error: ZeroDivisionError in" in " ".join(ran.out.split())


@pytest.mark.parametrize("how", ["-v", "QERRLINT_DEBUG"])
def test_the_traceback_is_there_for_the_asking(
    broken: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how != "-v":
        monkeypatch.setenv(how, "1")
    ran = run("check", "--tree", TREE, *(["-v"] if how == "-v" else []), broken)
    assert ran.code == 3
    assert "Traceback (most recent call last):" in ran.err
    assert "Traceback" not in ran.out
    assert ran.err.endswith("please report it with the lines above\n")


def test_what_is_broken_is_not_kept(broken: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(whole, "ONE_PROCESS_BYTES", 0)
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path))
    arguments = ("check", "--tree", TREE, "--jobs", "1", "--format", "json")
    assert run(*arguments).document["coverage"]["skipped"]
    monkeypatch.undo()
    monkeypatch.setattr(whole, "ONE_PROCESS_BYTES", 0)
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path))
    assert run(*arguments) == run(*arguments, "--no-cache")


def test_a_review_goes_on_without_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    whole_review = run("patch", DEMO, "--tree", TREE, "--format", "json", "--status", "introduced,fixed")
    break_on(monkeypatch, "quartz_kvm_cpr_notify")
    ran = run("patch", DEMO, "--tree", TREE, "--format", "json", "--status", "introduced,fixed")
    assert ran.code == 1
    assert re.match(LINE % r"hw/timer/quartz_kvm\.c", ran.err)
    assert [one["path"] for one in ran.document["coverage"]["skipped"]] == ["hw/timer/quartz_kvm.c"]
    left = [finding for finding in whole_review.findings if finding["path"] != "hw/timer/quartz_kvm.c"]
    assert left
    assert ran.findings == left


def test_an_untouched_caller_that_breaks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    break_on(monkeypatch, "vireo_start_clock")
    ran = run("patch", DEMO, "--tree", TREE, "--format", "json")
    assert [one["path"] for one in ran.document["coverage"]["skipped"]] == ["hw/arm/vireo.c"]
    assert "hw/arm/vireo.c" not in {finding["path"] for finding in ran.findings}


@pytest.mark.parametrize("format_", ["json", "text"])
def test_what_breaks_while_callers_are_asked_is_named(monkeypatch: pytest.MonkeyPatch, format_: str) -> None:
    """The findings stay as the files alone show them."""
    before = run("check", "--tree", TREE, "--format", "json")
    asked = {finding["path"] for finding in before.findings if finding["rule"] == "failure-without-error"}
    assert asked

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError(object())

    monkeypatch.setattr(callers, "_judged", broken)
    ran = run("check", "--tree", TREE, "--format", format_)
    assert ran.code == 1
    for path in asked:
        assert f"qerrlint: {path}: not analysed: internal error: ZeroDivisionError" in ran.err
    assert "while its callers were asked" in ran.err
    if format_ == "json":
        assert asked <= {skipped["path"] for skipped in ran.document["coverage"]["skipped"]}
        assert asked <= {finding["path"] for finding in ran.findings}


@pytest.mark.parametrize("unreadable", [BELL, "include/chardev/bell.h"])
def test_a_file_that_cannot_be_read_costs_no_other(monkeypatch: pytest.MonkeyPatch, unreadable: str) -> None:
    """Root reads everything, so the refusal is made here."""
    real = DirectorySource.read

    def refusing(source: DirectorySource, path: str) -> bytes | None:
        if path == unreadable:
            raise InputError(f"{path}: cannot be read: Permission denied")
        return real(source, path)

    monkeypatch.setattr(DirectorySource, "read", refusing)
    ran = run("check", "--tree", TREE, "--format", "json", "--jobs", "1")
    assert (ran.code, ran.err) == (1, "")
    reason = f"{unreadable}: cannot be read: Permission denied"
    skipped = [{"path": path, "reason": reason} for path in sorted({BELL, unreadable})]
    assert ran.document["coverage"]["skipped"] == skipped
    assert run("check", "--tree", TREE, BELL).code == 3


def test_a_folder_that_cannot_be_listed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def refusing(path: str) -> Any:
        if path.endswith(("tree/hw/intc", "tree/docs")):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    ran = run("check", "--tree", TREE, "--format", "json")
    folder = {"path": "hw/intc/", "reason": "cannot be listed: Permission denied"}
    assert ran.document["coverage"]["skipped"] == [folder]
    assert run("check", "--tree", TREE, "--fail-on", "never").code == 3
    assert run("check", "--tree", TREE, "--fail-on", "never", "hw/arm").code == 0


def test_a_baseline_is_not_made_of_half_a_tree(broken: str, tmp_path: Path) -> None:
    top = tmp_path / "qemu"
    shutil.copytree(TREE, top)
    (top / ".qerrlint-baseline").write_text("")
    for command in (("write",), ("update", "--add")):
        ran = run("baseline", *command, "--tree", top)
        assert (ran.code, ran.out) == (3, "")
        assert re.fullmatch(
            rf"qerrlint: {broken}: not analysed: .*; the baseline is left as it is\n", ran.err
        )
        assert (top / ".qerrlint-baseline").read_text() == ""
