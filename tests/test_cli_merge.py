# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint diff` in a merge: only what no merged commit has is introduced; both hooks in real merges."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import FIXTURES, Ran, git, run, scratch_repository

HOOK = FIXTURES.parent / "docs" / "ci" / "pre-commit"
PULSEHUB = "hw/intc/pulsehub.c"
VIREO = "hw/arm/vireo.c"
QUARTZ = "hw/timer/quartz.c"
SPOILT = ("        return;\n", "        ;\n")
CALLER = """
bool pulsehub_clock(PulseHubState *s, QuartzState *clock, Error **errp)
{
    if (quartz_apply_rate(clock, 8, errp) < 0) {
        error_setg(errp, "the hub has no clock");
        return false;
    }
    return true;
}
"""


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository on `main`, with a branch `theirs` that has a defect of its own."""
    made = scratch_repository(tmp_path / "qemu")
    git(made, "checkout", "-q", "-b", "theirs")
    change(made, PULSEHUB, *SPOILT)
    git(made, "commit", "-q", "-a", "-m", "theirs")
    git(made, "checkout", "-q", "main")
    return made


def change(top: Path, path: str, old: str, new: str) -> None:
    text = (top / path).read_text()
    assert old in text
    (top / path).write_text(text.replace(old, new, 1))


def merge(top: Path, *arguments: str, code: int = 0) -> None:
    settings = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", "-C", os.fspath(top), *settings, "merge", "-q", "--no-ff", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr


def review(top: Path, *arguments: str) -> Ran:
    return run("diff", "--tree", top, "--format", "json", "--select", "error-set-twice", *arguments)


def places(ran: Ran) -> list[tuple[str, str]]:
    return [(found["path"], found["function"]) for found in ran.findings]


def test_what_the_other_branch_brings_is_not_introduced(top: Path) -> None:
    change(top, VIREO, "#include", "/* Ours. */\n#include")
    git(top, "commit", "-q", "-a", "-m", "ours")
    merge(top, "--no-commit", "theirs")
    for arguments in (("--staged",), ()):
        ran = review(top, *arguments)
        assert (ran.code, ran.findings) == (0, [])
        assert "one finding of theirs counts as persisting" in ran.document["notices"][0]
    assert places(review(top, "--staged", "--status", "persisting")) == [(PULSEHUB, "pulsehub_realize")]
    # A revision that is named is all that is compared with.
    assert review(top, "--staged", "main").code == 1


def test_a_defect_of_the_resolution_is_introduced(top: Path) -> None:
    for branch, text in (("theirs", "/* Theirs. */"), ("main", "/* Ours. */")):
        git(top, "checkout", "-q", branch)
        change(
            top, VIREO, "    if (!vireo_wire(s, errp)) {\n", f"    {text}\n    if (!vireo_wire(s, errp)) {{\n"
        )
        git(top, "commit", "-q", "-a", "-m", text)
    merge(top, "theirs", code=1)
    conflict = review(top, "--staged")
    assert conflict.code == 3, "nothing is resolved yet"
    assert [item["path"] for item in conflict.document["coverage"]["skipped"]] == [VIREO]

    git(top, "checkout", "-q", "--ours", VIREO)
    git(top, "add", "-A")
    assert (review(top, "--staged").code, review(top).code) == (0, 0)
    change(top, VIREO, "        goto undo_hub;\n", "        ;\n")
    git(top, "add", "-A")
    for arguments in (("--staged",), ()):
        ran = review(top, *arguments)
        assert (ran.code, places(ran)) == (1, [(VIREO, "vireo_realize")])


def test_a_defect_that_only_both_sides_together_have_is_introduced(top: Path) -> None:
    git(top, "checkout", "-q", "theirs")
    says = '        error_setg(errp, "%u Hz is too slow", hz);\n        return -EDOM;\n'
    change(top, QUARTZ, "        return -EDOM;\n", says)
    git(top, "commit", "-q", "-a", "-m", "says why")
    git(top, "checkout", "-q", "main")
    change(
        top,
        "hw/intc/pulsehub_kvm.c",
        '#include "qapi/error.h"\n',
        '#include "qapi/error.h"\n#include "hw/timer/quartz.h"\n',
    )
    with (top / "hw/intc/pulsehub_kvm.c").open("a") as file:
        file.write(CALLER)
    git(top, "commit", "-q", "-a", "-m", "calls it")
    merge(top, "--no-commit", "theirs")
    assert places(review(top, "--staged")) == [("hw/intc/pulsehub_kvm.c", "pulsehub_clock")]


def test_an_octopus_is_compared_with_each_branch(top: Path) -> None:
    git(top, "checkout", "-q", "-b", "third", "main")
    change(top, VIREO, "        goto undo_hub;\n", "        ;\n")
    git(top, "commit", "-q", "-a", "-m", "third")
    git(top, "checkout", "-q", "main")
    git(top, "commit", "-q", "--allow-empty", "-m", "ours")
    merge(top, "--no-commit", "theirs", "third")
    ran = review(top, "--staged")
    assert (ran.code, ran.findings) == (0, [])
    assert "2 findings of theirs count as persisting" in ran.document["notices"][0]


def test_a_comment_of_the_other_branch_is_no_addition_of_the_merge(top: Path) -> None:
    git(top, "checkout", "-q", "theirs")
    allow = "    /* qerrlint: allow error-set-twice the callee sets none */\n"
    change(
        top, QUARTZ, '        error_setg(errp, "a quartz', f'    {allow}        error_setg(errp, "a quartz'
    )
    git(top, "commit", "-q", "-a", "-m", "allow")
    git(top, "checkout", "-q", "main")
    merge(top, "--no-commit", "theirs")
    rules = ("--select", "error-set-twice", "--select", "added-suppression")
    of_the_branch = run("diff", "--tree", top, "--format", "json", *rules, "main..theirs")
    assert "added-suppression" in of_the_branch.rules
    assert run("diff", "--tree", top, "--format", "json", *rules, "--staged").findings == []


@pytest.mark.skipif(shutil.which("sh") is None, reason="no POSIX shell")
@pytest.mark.parametrize("stops", [False, True])
def test_the_plain_hook_in_a_real_merge(top: Path, tmp_path: Path, stops: bool) -> None:
    """Without conflict git runs pre-merge-commit, after one is resolved pre-commit."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "qerrlint"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m qerrlint "$@"\n')
    command.chmod(0o755)
    (top / ".git" / "hooks").mkdir(exist_ok=True)
    for name in ("pre-commit", "pre-merge-commit"):
        shutil.copy(HOOK, top / ".git" / "hooks" / name)
        (top / ".git" / "hooks" / name).chmod(0o755)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.fspath(FIXTURES.parent),
    }

    def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
        settings = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        line = ["git", "-C", os.fspath(top), *settings, *arguments]
        return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)

    (top / "later").write_text("later\n")
    git(top, "add", "-A")
    git(top, "commit", "-q", "--no-verify", "-m", "ours")
    automatic = ran("merge", "--no-edit", "theirs")
    assert automatic.returncode == 0, automatic.stderr
    git(top, "reset", "-q", "--hard", "HEAD^")

    ran("merge", "--no-commit", "theirs")
    if stops:
        change(top, VIREO, "        goto undo_hub;\n", "        ;\n")
        git(top, "add", "-A")
    done = ran("commit", "--no-edit")
    assert done.returncode == (1 if stops else 0), done.stderr
    assert ("error-set-twice" in done.stderr + done.stdout) == stops
