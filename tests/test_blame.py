# SPDX-License-Identifier: GPL-2.0-or-later
"""The commits that introduced findings, in small histories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commandline import git, run
from test_history import CALLER, PLAIN, TWICE, Repository, header

BELL = "hw/bell.c"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    made = Repository(tmp_path / "qemu")
    made.commit({"include/hw/gong.h": header("bool"), BELL: PLAIN})
    return made


def blamed(repository: Repository, *arguments: str, rule: str = "error-set-twice") -> dict[str, Any]:
    """What is said of the one finding of a rule."""
    ran = run(
        "blame", *arguments, "--tree", repository.top, "--jobs", "1", "--format", "json", "--select", rule
    )
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["revision"] == repository.head()
    (found,) = document["findings"]
    assert isinstance(found, dict)
    return found


def test_the_commit_that_brought_a_line_in(repository: Repository) -> None:
    repository.commit({BELL: "/* before */\n" + PLAIN})
    bad = repository.commit({BELL: TWICE}, subject="bell: say no")
    repository.commit({BELL: "/* behind */\n" + TWICE})
    found = blamed(repository, BELL)
    assert (found["introduced_by"], found["line"]) == (bad, 8)
    assert found["fixes"] == f'Fixes: {bad[:12]} ("bell: say no")'
    text = run("blame", found["fingerprint"], "--tree", repository.top).out
    assert f"    introduced by {bad}, " in text
    assert text.endswith(f'    Fixes: {bad[:12]} ("bell: say no")\n')


def test_a_line_that_is_older_than_the_defect(repository: Repository) -> None:
    """git blame would name the commit that wrote the line."""
    checked = TWICE.replace(
        "    gong_start(g, errp);", "    if (!gong_start(g, errp)) {\n        return;\n    }"
    )
    repository.commit({BELL: checked})
    bad = repository.commit({BELL: TWICE})
    assert blamed(repository, BELL)["introduced_by"] == bad


def test_through_names(repository: Repository) -> None:
    bad = repository.commit({BELL: TWICE})
    repository.commit({BELL: TWICE.replace("bell_start", "bell_begin")})
    repository.commit({BELL: None, "hw/misc/bell.c": TWICE.replace("bell_start", "bell_begin")})
    repository.commit(
        {"hw/misc/bell.c": TWICE.replace("bell_start", "bell_begin").replace("Gong *g", "Gong *h")}
    )
    words = (
        TWICE.replace("bell_start", "bell_begin").replace("Gong *g", "Gong *bell").replace("(g,", "(bell,")
    )
    repository.commit({"hw/misc/bell.c": words})
    found = blamed(repository, "hw/misc")
    assert found["introduced_by"] == bad
    assert (found["was"]["path"], found["was"]["function"]) == (BELL, "bell_start")


def test_a_function_that_moved_from_another_file(repository: Repository) -> None:
    text = '#include "hw/gong.h"\n\nint bell_ring(void)\n{\n    return 1;\n}\n\n'
    other = "\nint bell_size(void)\n{\n    return 8;\n}\n\nint bell_age(void)\n{\n    return 9;\n}\n"
    repository.commit({"hw/ring.c": text, BELL: PLAIN + other})
    bad = repository.commit({BELL: TWICE + other})
    function = TWICE.split("\n\n", 1)[1]
    repository.commit({BELL: '#include "qapi/error.h"\n' + other, "hw/ring.c": text + function})
    repository.commit({"hw/ring.c": text + function + "\n"})
    found = blamed(repository, "hw/ring.c")
    assert found["introduced_by"] == bad
    assert found["was"]["path"] == BELL


def test_a_header(repository: Repository) -> None:
    repository.commit({"include/hw/gong.h": header("int"), "hw/caller.c": CALLER})
    repository.commit({"hw/note.c": "int other_note;\n"})
    bad = repository.commit({"include/hw/gong.h": header("bool")})
    repository.commit({"hw/caller.c": CALLER + "\nint later;\n"})
    rules = {found["rule"] for found in json.loads(checked(repository))["findings"]}
    assert "wrong-error-test" in rules
    for rule in rules:
        assert blamed(repository, "hw/caller.c", rule=rule)["introduced_by"] == bad


def checked(repository: Repository) -> str:
    return run("check", "hw/caller.c", "--rev", "HEAD", "--tree", repository.top, "--format", "json").out


def test_a_branch_and_a_second_time(repository: Repository) -> None:
    """What was mended in between counts from when it came back; a branch that never had it says nothing."""
    repository.commit({BELL: TWICE})
    repository.commit({BELL: PLAIN})
    git(repository.top, "checkout", "-q", "-b", "side")
    bad = repository.commit({BELL: TWICE})
    git(repository.top, "checkout", "-q", "main")
    repository.commit({BELL: PLAIN + "\nint main_line;\n"})
    git(repository.top, "merge", "-q", "--no-ff", "-m", "merge", "-X", "theirs", "side")
    assert blamed(repository, BELL)["introduced_by"] == bad


def test_the_first_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(Repository, "commit", lambda self, files=None, subject="": "")
    empty = Repository(tmp_path / "qemu")
    monkeypatch.undo()
    first = empty.commit({"include/hw/gong.h": header("bool"), BELL: TWICE})
    empty.commit({BELL: TWICE + "\nint later;\n"})
    assert blamed(empty, BELL)["introduced_by"] == first


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("0123456789abcdef",), 3, "no finding with this fingerprint"),
        (("hw/none.c",), 3, "no such file or folder"),
        (("--rev", "nothing"), 3, "unknown revision"),
        ((BELL, "--format", "html"), 2, "html"),
    ],
)
def test_wrong_use(repository: Repository, arguments: tuple[str, ...], code: int, words: str) -> None:
    ran = run("blame", *arguments, "--tree", repository.top)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1
