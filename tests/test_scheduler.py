# SPDX-License-Identifier: GPL-2.0-or-later
"""Work on a cluster: the same bytes as without one, with workers killed on the way; and what goes wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import spawned
from test_history import PLAIN, TWICE, Repository, header

import qerrlint
from qerrlint.engine.pool import run_tasks
from qerrlint.errors import InputError, UsageError


def doubled(_: int, number: int) -> int:
    return 2 * number


def test_no_scheduler_answers() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match="no scheduler answers"):
        list(run_tasks(doubled, int, [1], 1, "tcp://127.0.0.1:9"))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'qerrlint\[cluster\]'"):
        list(run_tasks(doubled, int, [1], 1, "tcp://127.0.0.1:8786"))


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.fspath(Path(qerrlint.__file__).parent.parent)}


class Cluster:
    """A scheduler and workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.address = self._address()

    def _address(self) -> str:
        for _ in range(600):
            found = re.search(r"Scheduler at:\s+(tcp://\S+)", (self._folder / "log").read_text())
            if found is not None:
                return found[1]
            time.sleep(0.2)
        raise TimeoutError("no scheduler has started")

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        with open(self._folder / "log", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=environment(),
            )
        self._processes.append(process)
        return process

    def add_worker(self) -> None:
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
        self.workers.append(self._start("worker", self.address, *options))

    def close(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    made = Cluster(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_a_history_on_a_cluster_whose_workers_die(cluster: Cluster, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "qemu")
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN})
    for number in range(40):
        repository.commit({"hw/bell.c": TWICE + f"/* {number} */\n" if number % 3 else PLAIN})
    arguments = ("history", f"{start}..HEAD", "--tree", repository.top, "--no-cache", "-v")
    alone = spawned(*arguments, "--jobs", "1", "--output", tmp_path / "alone.json")
    assert alone.code == 0, alone.err
    cluster.add_worker()
    cluster.add_worker()
    where = ("--scheduler", cluster.address, "--output", os.fspath(tmp_path / "there.json"))
    there = subprocess.Popen(
        [sys.executable, "-m", "qerrlint", *map(str, arguments), *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    time.sleep(3)
    cluster.workers[0].send_signal(signal.SIGKILL)
    cluster.add_worker()
    out, err = there.communicate(timeout=300)
    assert there.returncode == 0, err
    assert out == alone.out
    assert (tmp_path / "there.json").read_bytes() == (tmp_path / "alone.json").read_bytes()
