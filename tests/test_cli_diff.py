# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint diff` in a scratch repository: what it reports, and that it writes nothing there."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from commandline import Ran, everything_below, git, run, scratch_repository

PULSEHUB = "hw/intc/pulsehub.c"
# What these tests count on; other rules may have their say on the same lines.
SELECTED = ("error-set-twice", "int-as-bool", "unguarded-errp-dereference")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return scratch_repository(tmp_path / "qemu")


def spoil(top: Path, path: str = PULSEHUB) -> None:
    """Take the first bare return out of a file: what follows then sets the error again."""
    text = (top / path).read_text()
    changed = text.replace("        return;\n", "        ;\n", 1)
    assert changed != text
    (top / path).write_text(changed)


def diff(top: Path, *arguments: str) -> Ran:
    selected = (part for rule in SELECTED for part in ("--select", rule))
    return run("diff", "--tree", top, "--format", "json", *selected, *arguments)


def introduced(ran: Ran) -> list[dict[str, Any]]:
    assert ran.code == 1, ran.err
    assert {finding["status"] for finding in ran.findings} == {"introduced"}
    return ran.findings


def clean(ran: Ran) -> None:
    assert (ran.code, ran.findings, ran.err) == (0, [], "")


def test_nothing_has_changed(repository: Path) -> None:
    for arguments in ((), ("--staged",), ("HEAD",), ("HEAD..HEAD",)):
        clean(diff(repository, *arguments))


def test_work_tree_and_index_are_told_apart(repository: Path) -> None:
    spoil(repository)
    (finding,) = introduced(diff(repository))
    assert (finding["rule"], finding["path"]) == ("error-set-twice", PULSEHUB)
    assert finding["relation"] == "changed-function", "the line that is wrong now is one that nobody touched"
    clean(diff(repository, "--staged"))
    git(repository, "add", "-A")
    assert introduced(diff(repository, "--staged")) == [finding]
    git(repository, "checkout", "-q", "HEAD", "--", ".")
    clean(diff(repository))


def test_what_is_staged_counts_not_what_lies_beside_it(repository: Path) -> None:
    spoil(repository)
    git(repository, "add", "-A")
    (repository / PULSEHUB).write_text(git(repository, "show", "HEAD:" + PULSEHUB))
    introduced(diff(repository, "--staged"))
    clean(diff(repository))


def test_ranges(repository: Path) -> None:
    git(repository, "checkout", "-q", "-b", "topic")
    spoil(repository)
    git(repository, "commit", "-q", "-a", "-m", "spoil")
    git(repository, "checkout", "-q", "main")
    (repository / "chardev" / "bell.c").write_text("int bell;\n")
    git(repository, "commit", "-q", "-a", "-m", "bell")
    found = introduced(diff(repository, "topic^..topic"))
    assert introduced(diff(repository, "main...topic")) == found
    assert introduced(diff(repository, "HEAD...topic")) == found
    backwards = diff(repository, "topic..topic^", "--status", "introduced,fixed")
    assert backwards.code == 0
    assert [(f["rule"], f["status"]) for f in backwards.findings] == [("error-set-twice", "fixed")]
    with_bell = diff(repository, "main..topic")
    assert {finding["path"] for finding in introduced(with_bell)} == {PULSEHUB, "chardev/bell.c"}


def test_a_removed_file_and_a_renamed_one(repository: Path) -> None:
    text = (repository / PULSEHUB).read_text()
    (repository / PULSEHUB).unlink()
    gone = diff(repository, "--status", "introduced,fixed")
    assert [(f["rule"], f["status"]) for f in gone.findings] == [("int-as-bool", "fixed")]
    (repository / "hw" / "intc" / "new.c").write_text(text)
    git(repository, "add", "-A")
    clean(diff(repository, "--staged", "--status", "introduced,fixed"))


def test_a_line_that_is_rewritten_and_not_mended_persists(repository: Path) -> None:
    spoil(repository)
    git(repository, "commit", "-q", "-a", "-m", "spoil")
    (finding,) = introduced(diff(repository, "HEAD^..HEAD"))
    every = ("--status", "introduced,fixed,persisting")
    file = repository / PULSEHUB
    first, other = "    if (!pulsehub_connect(s, 0, errp)) {\n", "    if (!pulsehub_connect(s, 1, errp)) {\n"
    text = file.read_text()
    file.write_text(text.replace(first, other))
    ran = diff(repository, *every)
    assert [(f["status"], f["rule"], f["line"]) for f in ran.findings] == [
        ("persisting", finding["rule"], finding["line"])
    ]
    # The same mistake in another place is a new one, whatever becomes of the old. The call behind it set the
    # Error a second time before as well, and is told now that the first of them has gone.
    block = first + "        return;\n    }\n"
    end = "        pulsehub_drop_all(s);\n    }\n}\n\nstatic"
    assert block in text
    assert end in text
    moved = end.replace("}\n\nstatic", block.replace(first, other) + "}\n\nstatic")
    file.write_text(text.replace(block, "").replace(end, moved))
    ran = diff(repository, *every)
    assert sorted((f["status"], f["rule"]) for f in ran.findings) == [
        ("fixed", finding["rule"]),
        ("introduced", finding["rule"]),
        ("persisting", finding["rule"]),
    ]


def test_from_inside_the_tree(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(repository)
    monkeypatch.chdir(repository / "hw")
    introduced(run("diff", "--format", "json"))


@pytest.fixture
def edited(repository: Path) -> Path:
    """A commit, whose patch lies beside the repository, a staged change, and an index that is behind."""
    spoil(repository)
    git(repository, "commit", "-q", "-a", "-m", "spoil")
    (repository.parent / "topic.patch").write_text(git(repository, "format-patch", "-1", "--stdout"))
    git(repository, "reset", "-q", "--hard", "HEAD")
    spoil(repository, "hw/timer/quartz.c")
    git(repository, "add", "-A")
    # A time of change that the index does not have yet: git would like to refresh its index here.
    (repository / "VERSION").touch()
    return repository


@pytest.mark.parametrize(
    "arguments",
    [
        ("diff",),
        ("diff", "--staged"),
        ("diff", "HEAD^..HEAD"),
        ("check",),
        ("check", "--rev", "HEAD"),
        ("patch", "../topic.patch"),
        ("patch", "../topic.patch", "--base", "HEAD^"),
    ],
    ids=" ".join,
)
def test_nothing_in_the_repository_is_written(
    edited: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    before = everything_below(edited)
    assert any(name.startswith(".git/objects/") for name in before)
    monkeypatch.chdir(edited)
    monkeypatch.setenv("GIT_OPTIONAL_LOCKS", "1")
    ran = run(*arguments)
    assert ran.code in (0, 1, 3), ran.err
    assert "not analysed" not in ran.err
    assert everything_below(edited) == before
    git(edited, "status")
    assert everything_below(edited) != before, "git itself refreshes its index, so the test can fail"


def test_nothing_of_the_repository_is_executed(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = tmp_path / "executed"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {witness}\ncat\n")
    script.chmod(0o755)
    settings = {
        "core.fsmonitor": script,
        "core.pager": script,
        "diff.external": script,
        "diff.own.textconv": script,
        "filter.own.clean": script,
        "filter.own.smudge": script,
    }
    for name, value in settings.items():
        git(repository, "config", name, str(value))
    (repository / ".gitattributes").write_text("*.c diff=own filter=own\n")
    for hook in ("pre-commit", "post-index-change", "fsmonitor-watchman"):
        place = repository / ".git" / "hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(script.read_bytes())
        place.chmod(0o755)
    spoil(repository)
    monkeypatch.chdir(repository)
    for arguments in (("diff",), ("diff", "--staged"), ("check", "--rev", "HEAD"), ("diff", "HEAD..HEAD")):
        assert run(*arguments).code in (0, 1)
        assert not witness.exists(), arguments
    git(repository, "diff")
    assert witness.exists(), "git itself executes them, so the test can fail"


def test_a_staged_conflict_is_named_and_has_the_code_of_what_was_not_analysed(repository: Path) -> None:
    path = repository / "VERSION"
    git(repository, "checkout", "-q", "-b", "one")
    path.write_text("1\n")
    git(repository, "commit", "-q", "-am", "one")
    git(repository, "checkout", "-q", "-b", "two", "HEAD^")
    path.write_text("2\n")
    git(repository, "commit", "-q", "-am", "two")
    done = subprocess.run(
        ["git", "-C", str(repository), "merge", "-q", "one"], capture_output=True, check=False
    )
    assert done.returncode == 1, "the merge has to stop in a conflict"
    ran = run("diff", "--staged", "--tree", str(repository))
    assert ran.code == 3
    assert "VERSION" in ran.out
    assert "in conflict" in ran.out
