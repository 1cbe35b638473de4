# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/ci/: the gate's script and the plain hook in scratch repositories, as docs/gate.md promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import FIXTURES, git, scratch_repository

ROOT = FIXTURES.parent
GATE = ROOT / "docs" / "ci" / "gate.sh"
HOOK = ROOT / "docs" / "ci" / "pre-commit"
PULSEHUB = "hw/intc/pulsehub.c"

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="no POSIX shell")


def environment(**variables: str) -> dict[str, str]:
    dropped = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {
        "PYTHONPATH": os.fspath(ROOT),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "QERRLINT": f"{sys.executable} -m qerrlint",
        **variables,
    }


def gate(top: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The script in a clone, with its upstream beside it."""
    command = ["sh", os.fspath(GATE), *arguments]
    variables = {
        "QERRLINT_UPSTREAM": os.fspath(top.parent / "upstream"),
        "QERRLINT_BRANCH": "main",
        **variables,
    }
    return subprocess.run(
        command, cwd=top, env=environment(**variables), capture_output=True, text=True, check=False
    )


@pytest.fixture
def topic(tmp_path: Path) -> Path:
    """A clone of an upstream that has gone on since."""
    upstream = scratch_repository(tmp_path / "upstream")
    git(tmp_path, "clone", "-q", os.fspath(upstream), "topic")
    (upstream / "later.c").write_text("int later;\n")
    git(upstream, "add", "-A")
    git(upstream, "commit", "-q", "-m", "later")
    return tmp_path / "topic"


def commit(top: Path, path: str, old: str, new: str, subject: str = "topic") -> None:
    file = top / path
    text = file.read_text() if file.exists() else ""
    assert old in text
    file.write_text(text.replace(old, new, 1))
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", subject)


def spoil(top: Path) -> None:
    commit(top, PULSEHUB, "        return;\n", "        ;\n", "spoil")


def test_nothing_since_upstream(topic: Path) -> None:
    done = gate(topic)
    assert (done.returncode, done.stdout) == (0, "")
    assert "gate: 0 commits since " in done.stderr


def test_a_harmless_commit(topic: Path) -> None:
    commit(topic, PULSEHUB, "", "/* More of it. */\n")
    commit(topic, "notes.txt", "", "no C at all\n")
    git(topic, "commit", "-q", "--allow-empty", "-m", "nothing in it")
    assert gate(topic).returncode == 0


def test_findings_with_the_commit_that_brings_them(topic: Path) -> None:
    commit(topic, "notes.txt", "", "first\n", "first")
    spoil(topic)
    before = git(topic, "for-each-ref")
    done = gate(topic, "--format", "text", "--format", "json:out.json")
    assert done.returncode == 1
    assert 'introduced by patch 2/2 "spoil"' in done.stdout
    assert (topic / "out.json").exists()
    assert git(topic, "for-each-ref") == before
    assert git(topic, "remote") == "origin\n"
    (topic / "out.json").unlink()
    assert git(topic, "status", "--porcelain") == ""


def test_a_merge_in_between_is_looked_at_as_one_change(topic: Path) -> None:
    git(topic, "checkout", "-q", "-b", "side")
    spoil(topic)
    git(topic, "checkout", "-q", "main")
    commit(topic, "notes.txt", "", "first\n")
    git(topic, "merge", "-q", "--no-ff", "side", "-m", "merge")
    assert gate(topic).returncode == 1


def test_wrong_configuration_of_the_base(topic: Path) -> None:
    upstream = topic.parent / "upstream"
    commit(upstream, ".qerrlint.toml", "", 'fail-on = "sometimes"\n')
    git(topic, "pull", "-q", "--rebase")
    commit(topic, PULSEHUB, "", "/* More of it. */\n")
    done = gate(topic)
    assert done.returncode == 2
    assert "fail-on: 'sometimes' is not one of" in done.stderr


def test_what_cannot_be_had_is_wrong_usage(topic: Path) -> None:
    gone = gate(topic, QERRLINT_UPSTREAM="/nowhere/at/all")
    assert gone.returncode == 2
    assert gone.stderr.splitlines()[-1] == "gate: /nowhere/at/all: main cannot be fetched"
    git(topic, "checkout", "-q", "--orphan", "other")
    git(topic, "commit", "-q", "-m", "other")
    orphan = gate(topic)
    assert orphan.returncode == 2
    assert "no common ancestor" in orphan.stderr


def test_a_function_beyond_the_grammar(topic: Path) -> None:
    broken = "void f(Error **errp)\n{\n    if (x) WHAT ((( @ {\n    error_setg(errp, 1);\n}\n"
    commit(topic, "hw/intc/odd.c", "", broken)
    done = gate(topic)
    assert done.returncode == 3, done.stdout
    assert "not analysed: f()" in done.stdout


def test_a_shallow_clone_and_a_given_base(topic: Path) -> None:
    upstream = topic.parent / "upstream"
    for number in range(5):
        commit(upstream, "later.c", "int later;\n", f"int later;\nint more_{number};\n")
    address = upstream.as_uri()
    git(topic.parent, "clone", "-q", "--depth", "3", address, "shallow")
    shallow = topic.parent / "shallow"
    spoil(shallow)
    commit(upstream, "later.c", "int later;\n", "int later; /* and on */\n")
    assert gate(shallow, QERRLINT_UPSTREAM=address).returncode == 1
    base = git(shallow, "rev-parse", "HEAD^").strip()
    assert gate(shallow, QERRLINT_UPSTREAM="/nowhere", QERRLINT_BASE=base).returncode == 1


def test_the_patch_does_not_decide_about_itself(topic: Path) -> None:
    spoil(topic)
    commit(topic, ".qerrlint.toml", "", 'fail-on = "never"\n')
    done = gate(topic)
    assert done.returncode == 1
    assert "loosened-configuration" in done.stdout


def hooked(top: Path, directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A commit of what is staged, the plain hook in place and qerrlint on the PATH."""
    program = directory / "qerrlint"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m qerrlint "$@"\n')
    program.chmod(0o755)
    (top / ".git" / "hooks").mkdir(exist_ok=True)
    shutil.copy(HOOK, top / ".git" / "hooks" / "pre-commit")
    path = f"{directory}{os.pathsep}{os.environ['PATH']}"
    who = ("-c", "user.name=A Tester", "-c", "user.email=tester@example.org")
    return subprocess.run(
        ["git", *who, "commit", "-q", "-m", "staged", *options],
        cwd=top,
        env=environment(PATH=path),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_plain_hook_stops_a_defect_and_lets_the_repair_pass(tmp_path: Path) -> None:
    top = scratch_repository(tmp_path / "qemu")
    (tmp_path / "bin").mkdir()
    good = (top / PULSEHUB).read_text()
    (top / PULSEHUB).write_text(good.replace("        return;\n", "        ;\n", 1))
    git(top, "add", "-A")
    stopped = hooked(top, tmp_path / "bin")
    assert stopped.returncode == 1
    assert "error[error-set-twice]" in stopped.stdout + stopped.stderr
    git(top, "reset", "-q")
    assert hooked(top, tmp_path / "bin", "-a").returncode == 1, "git makes an index of its own for -a"
    assert git(top, "rev-list", "--count", "HEAD") == "1\n"
    (top / PULSEHUB).write_text(good + "\n/* Nothing else. */\n")
    git(top, "add", "-A")
    passed = hooked(top, tmp_path / "bin")
    assert passed.returncode == 0, passed.stderr
    assert git(top, "rev-list", "--count", "HEAD") == "2\n"


def test_the_jobs_use_the_profile_and_actions_by_commit() -> None:
    profile = re.search(r"^    gate\.sh (--.*)$", (ROOT / "docs" / "gate.md").read_text(), re.M)
    assert profile is not None
    for job in ("gitlab.yml", "github.yml"):
        assert (
            f"qerrlint.sh{' ' if job == 'gitlab.yml' else chr(34) + ' '}{profile[1]}"
            in (GATE.parent / job).read_text()
        )
    used = re.findall(r"^ +(?:- )?uses: (\S+)(.*)$", (GATE.parent / "github.yml").read_text(), re.M)
    assert len(used) == 4
    for action, comment in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)


def test_the_jobs_call_the_script_as_it_is_called_here() -> None:
    text = GATE.read_text()
    for job in ("gitlab.yml", "github.yml"):
        used = set(re.findall(r"\bQERRLINT_(?!PACKAGE)[A-Z]+", (GATE.parent / job).read_text()))
        assert used <= set(re.findall(r"\bQERRLINT_[A-Z]+", text)), job
