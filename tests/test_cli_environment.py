# SPDX-License-Identifier: GPL-2.0-or-later
"""What surrounds a run is out of order: closed streams, a directory that is gone, files that are none."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import DEMO, FIXTURES, TREE, committed_tree, run

from qerrlint.source import directory

ROOT = FIXTURES.parent
COMMAND = f"{shlex.quote(sys.executable)} -m qerrlint"

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="no POSIX shell")


def shell(text: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """A command line in a directory, as a user types it."""
    variables = {**os.environ, "PYTHONPATH": os.fspath(ROOT)}
    return subprocess.run(
        ["sh", "-c", text],
        cwd=directory,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_result(tmp_path: Path, closed: str) -> None:
    tree = committed_tree()
    plain = run("patch", DEMO, "--tree", tree, "--format", f"json:{tmp_path}/plain.json")
    review = f"{COMMAND} patch {shlex.quote(str(DEMO))} --tree {shlex.quote(str(tree))}"
    done = shell(f"{review} --format json:closed.json {closed}", tmp_path)
    assert (plain.code, done.returncode) == (1, 1)
    assert done.stderr == ""
    assert (tmp_path / "closed.json").read_bytes() == (tmp_path / "plain.json").read_bytes()


def test_closed_input_holds_no_patch(tmp_path: Path) -> None:
    done = shell(f"{COMMAND} patch - <&-", tmp_path)
    assert done.returncode == 3
    assert done.stderr.startswith("qerrlint: standard input: ")
    assert done.stderr.count("\n") == 1


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    done = shell(f"mkdir gone; cd gone; rmdir ../gone; {COMMAND} check", tmp_path)
    assert (done.returncode, done.stderr) == (3, "qerrlint: the current directory does not exist any more\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_named_pipe_is_no_rule(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    ran = run("rules", "--rules", tmp_path)
    assert (ran.code, ran.err) == (2, f"qerrlint: {tmp_path}/pipe.md: cannot be read: not a regular file\n")


def test_a_file_larger_than_any_source_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "_LARGEST", 1 << 20)
    shutil.copytree(TREE, tmp_path / "tree")
    with open(tmp_path / "tree" / "hw" / "holes.c", "wb") as file:
        file.truncate((1 << 20) + 1)
    before = run("check", "--tree", TREE, "--format", "json", "--no-cache")
    ran = run("check", "--tree", tmp_path / "tree", "--format", "json", "--no-cache", "--jobs", "1")
    assert [finding["fingerprint"] for finding in ran.findings] == [
        finding["fingerprint"] for finding in before.findings
    ]
    (skipped,) = ran.document["coverage"]["skipped"]
    assert skipped["path"] == "hw/holes.c"
    assert "larger than 1 MB" in skipped["reason"]
