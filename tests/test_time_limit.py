# SPDX-License-Identifier: GPL-2.0-or-later
"""--time-limit: what is left when the time is over is named, ends with code 3, and is not stored."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from commandline import DEMO, TREE, Ran, git, run

from qerrlint.engine import check_files
from qerrlint.engine.time_limit import TimeLimit
from qerrlint.review import parallel

LATE = "--time-limit=1e-9"
PASSED = "the time limit of 1e-09 s had passed"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tree of the fixtures in a repository, a store of its own, and no work too small for it."""
    monkeypatch.setattr(check_files, "ONE_PROCESS_BYTES", 0)
    monkeypatch.setenv("QERRLINT_CACHE_DIR", os.fspath(tmp_path / "cache"))
    shutil.copytree(TREE, tmp_path / "qemu")
    git(tmp_path / "qemu", "init", "-q", "-b", "main")
    git(tmp_path / "qemu", "add", "-A")
    git(tmp_path / "qemu", "commit", "-q", "-m", "base")
    return tmp_path / "qemu"


@pytest.fixture
def first_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is over after three questions for it."""
    asked: list[TimeLimit] = []

    def passed(limit: TimeLimit) -> bool:
        asked.append(limit)
        return len(asked) > 3

    monkeypatch.setattr(TimeLimit, "passed", passed)


def check(tree: Path, *options: str) -> Ran:
    return run("check", "--tree", tree, "--format", "json", "--jobs", "1", *options)


def patch(tree: Path, *options: str) -> Ran:
    return run("patch", DEMO, "--tree", tree, "--base", "main", "--format", "json", "--jobs", "1", *options)


def left(ran: Ran) -> dict[str, str]:
    """What was not analysed, with the reason."""
    skipped: list[dict[str, Any]] = ran.document["coverage"]["skipped"]
    return {one["path"]: one["reason"] for one in skipped}


def test_a_check_names_the_files_that_are_left_and_stores_nothing_of_them(repository: Path) -> None:
    late = check(repository, LATE)
    assert (late.code, late.findings) == (3, [])
    assert set(left(late).values()) == {PASSED}
    assert len(left(late)) == late.document["coverage"]["files"]
    assert check(repository) == check(repository, "--no-cache")
    # What is stored needs no analysis.
    assert check(repository, LATE) == check(repository)


def test_a_check_has_the_findings_of_the_files_before(repository: Path, first_few: None) -> None:
    whole = check(repository, "--no-cache")
    some = check(repository, "--no-cache", "--time-limit", "60")
    assert len(left(some)) == whole.document["coverage"]["files"] - 3
    assert [found for found in whole.findings if found["path"] not in left(some)] == some.findings


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_review_names_the_files_that_are_left(
    repository: Path, jobs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "_WORTHWHILE", 0)
    late = patch(repository, LATE, "--jobs", jobs)
    assert (late.code, late.findings) == (3, [])
    assert set(left(late).values()) == {PASSED}
    whole = patch(repository)
    assert whole == patch(repository, "--no-cache")
    assert whole.findings
    assert all(path.endswith((".c", ".h")) for path in left(late))
    assert patch(repository, LATE) == whole


def test_a_review_leaves_out_callers_as_well(repository: Path, first_few: None) -> None:
    # The files of the first patch take the time; its callers are left.
    some = patch(repository, "--no-cache", "--time-limit", "60")
    assert left(some)
    assert set(left(some).values()) == {"the time limit of 60 s had passed"}


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_time_is_a_positive_number(repository: Path, seconds: str) -> None:
    ran = check(repository, f"--time-limit={seconds}")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "--time-limit" in ran.err
