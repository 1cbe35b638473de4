# SPDX-License-Identifier: GPL-2.0-or-later
"""How a run ends before its time: Ctrl-C in one line, and no process that outlives it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from commandline import TREE, run

import qerrlint

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system has no /proc")


def slow(functions: int, branches: int) -> str:
    """A file that takes a while: branches that cannot be told apart from those that matter."""
    tests = "".join(
        f"    if (step_{n}(s, &err)) {{\n        error_propagate(errp, err);\n        return;\n    }}\n"
        for n in range(branches)
    )
    return '#include "qapi/error.h"\n\n' + "".join(
        f"void gong_{n}(Gong *s, Error **errp)\n{{\n    Error *err = NULL;\n{tests}}}\n\n"
        for n in range(functions)
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree that takes two processes several seconds."""
    shutil.copytree(TREE, tmp_path / "qemu")
    text = slow(12, 150)
    for number in range(8):
        (tmp_path / f"qemu/hw/gong{number}.c").write_text(text)
    return tmp_path / "qemu"


@pytest.fixture
def started(tree: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a check of the tree in a process group of its own, and kills the group in the end."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "qerrlint",
            "check",
            "--tree",
            os.fspath(tree),
            "--no-cache",
            *arguments,
        ]
        running.append(
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.fspath(Path(qerrlint.__file__).parent.parent)},
            )
        )
        return running[-1]

    yield start
    for process in running:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def workers(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes of the group but the first."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # state, parent, group
        if int(fields[2]) == process.pid and int(folder.name) != process.pid and fields[0] != "Z":
            found.append(int(folder.name))
    return found


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_their_parent(
    started: Callable[..., subprocess.Popen[bytes]], number: signal.Signals
) -> None:
    process = started("--jobs", "2")
    assert wait_until(lambda: len(workers(process)) >= 2, 120)
    time.sleep(0.5)
    process.send_signal(number)
    process.wait(60)
    assert wait_until(lambda: not workers(process), 10), "a worker outlives its parent"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c(started: Callable[..., subprocess.Popen[bytes]], jobs: str) -> None:
    process = started("--jobs", jobs)
    if jobs == "2":
        assert wait_until(lambda: len(workers(process)) >= 2, 120)
    time.sleep(1)
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - begin < 10
    assert (process.returncode, out, err) == (130, b"", b"qerrlint: interrupted\n")
    assert wait_until(lambda: not workers(process), 10)


@pytest.mark.long
def test_killed_runs_leave_a_good_store(tree: Path, tmp_path: Path) -> None:
    """Two at a time on one store, killed at some moment when it is open; the next run says what one without a
    store says."""
    draw = random.Random(11)
    # Little work in much text: less than a megabyte is done without the store.
    text = f"{slow(1, 60)}/*\n{'a line of text' * 6000}\n*/\n"
    for number in range(16):
        (tree / f"hw/gong{number}.c").write_text(text)
    command = [sys.executable, "-m", "qerrlint", "check", "--tree", os.fspath(tree), "--format", "json"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.fspath(Path(qerrlint.__file__).parent.parent),
        "QERRLINT_CACHE_DIR": os.fspath(tmp_path / "cache"),
    }
    for _ in range(3):
        pair = [
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
            for _ in range(2)
        ]
        wait_until(lambda: any((tmp_path / "cache").rglob("*.sqlite")), 60)
        time.sleep(draw.uniform(0, 0.6))
        for process in pair:
            process.kill()
            assert process.communicate()[1] == b""
    last = subprocess.run(command, capture_output=True, env=environment, check=False)
    reference = run("check", "--tree", tree, "--format", "json", "--no-cache", "--jobs", "1")
    assert (last.returncode, last.stdout.decode(), last.stderr.decode()) == (1, reference.out, reference.err)


def test_ctrl_c_while_the_program_starts(tree: Path) -> None:
    """From the first moment that Python runs any code of the program on."""
    code = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'click':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "sys.argv[1:] = ['check']\n"
        "from qerrlint.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=False,
        cwd=Path(qerrlint.__file__).parent.parent,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"qerrlint: interrupted\n")
