# SPDX-License-Identifier: GPL-2.0-or-later
"""The command as its user meets it: exit code, standard output, standard error.

`run` calls main() in this process, which is quick; `spawned` starts the interpreter anew, for what only
a process of its own shows (hash seeds, worker processes, the working directory of `git`).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import qerrlint

FIXTURES = Path(__file__).parent.parent / "fixtures"
TREE = FIXTURES / "tree"
PATCHES = FIXTURES / "patches"
DEMO = PATCHES / "demo" / "series.mbox"


def tree_of(case: Path) -> Path:
    """The tree that a case of fixtures/patches is reviewed on: what its expect.toml names, or before/."""
    named = re.search(r'^tree = "(.*)"$', (case / "expect.toml").read_text(encoding="utf-8"), re.M)
    return (case / (named[1] if named else "before")).resolve()


# After each commit git would start a process that looks whether the repository needs to be packed.
_GIT_SETTINGS = ("commit.gpgSign=false", "maintenance.auto=false", "gc.auto=0")


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def findings(self) -> list[dict[str, Any]]:
        found = self.document["findings"]
        assert isinstance(found, list)
        return found

    @property
    def rules(self) -> set[str]:
        return {finding["rule"] for finding in self.findings}


def run(*arguments: str | os.PathLike[str], stdin: bytes = b"", encoding: str = "utf-8") -> Ran:
    """Run the command in this process, on streams of that encoding."""
    from qerrlint.cli.main import main

    raw = io.BytesIO(), io.BytesIO()
    out, err = (io.TextIOWrapper(buffer, encoding=encoding, newline="\n") for buffer in raw)
    fed = io.TextIOWrapper(io.BytesIO(stdin))
    argv = ["qerrlint", *(os.fspath(argument) for argument in arguments)]
    with mock.patch.multiple(sys, argv=argv, stdin=fed, stdout=out, stderr=err):
        try:
            main()
        except SystemExit as error:
            code = error.code
    assert isinstance(code, int)
    out.flush()
    err.flush()
    return Ran(code, *(buffer.getvalue().decode(encoding) for buffer in raw))


@cache
def review_of_demo(*options: str) -> Ran:
    """The review of the demo's series on the tree of the fixtures, made once for the same options.

    For what a test reads of its output; the options name no file to write.
    """
    return run("patch", DEMO, "--tree", TREE, *options)


def spawned(
    *arguments: str | os.PathLike[str], cwd: Path | None = None, stdin: bytes = b"", **variables: str
) -> Ran:
    """Run the command in a process of its own."""
    path = os.fspath(Path(qerrlint.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-m", "qerrlint", *(os.fspath(argument) for argument in arguments)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": path, **variables},
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def other_seed() -> str:
    """A seed of hashes that is not that of this process."""
    return "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"


def on_terminal(columns: int, *arguments: str | os.PathLike[str]) -> str:
    """What the command writes to a terminal of so many columns, without colours."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    path = os.fspath(Path(qerrlint.__file__).parent.parent)
    with subprocess.Popen(
        [sys.executable, "-m", "qerrlint", *(os.fspath(argument) for argument in arguments)],
        stdin=subprocess.DEVNULL,
        stdout=inner,
        stderr=subprocess.DEVNULL,
        env={**env, "PYTHONPATH": path, "TERM": "dumb"},
    ):
        os.close(inner)
        found = b""
        # The end of a terminal that nobody writes to any more is an error on Linux.
        with contextlib.suppress(OSError):
            while piece := os.read(outer, 65536):
                found += piece
    os.close(outer)
    return found.decode().replace("\r\n", "\n")


def git(top: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """Run git in a scratch repository, whatever the user's own configuration says."""
    settings = ("user.name=A Tester", "user.email=tester@example.org", *_GIT_SETTINGS)
    options = [part for setting in settings for part in ("-c", setting)]
    dropped = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY")
    env = {name: value for name, value in os.environ.items() if name not in dropped}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", os.fspath(top), *options, *arguments],
        input=stdin,
        capture_output=True,
        env=env,
        check=True,
    )
    return done.stdout.decode()


@cache
def _committed_tree() -> tempfile.TemporaryDirectory[str]:
    """A folder with the repository that scratch_repository() copies; it is removed when the process ends."""
    folder = tempfile.TemporaryDirectory()
    top = Path(folder.name) / "qemu"
    shutil.copytree(TREE, top)
    git(top, "init", "-q", "-b", "main")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "base")
    # There is half as much to copy then.
    git(top, "repack", "-adq")
    return folder


def committed_tree() -> Path:
    """That repository itself, to be read only: the store has a review on it after the first time."""
    return Path(_committed_tree().name) / "qemu"


def scratch_repository(top: Path) -> Path:
    """A repository whose one commit is fixtures/tree."""
    shutil.copytree(committed_tree(), top)
    return top


def everything_below(top: Path) -> dict[str, tuple[int, int, str]]:
    """Every file below a directory: its size, time of change in ns, and a digest of its bytes."""
    found = {}
    for path in sorted(top.rglob("*")):
        if path.is_file():
            status = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[os.fspath(path.relative_to(top))] = (status.st_size, status.st_mtime_ns, digest)
    return found
