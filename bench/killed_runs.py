# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills runs that write to one store at random moments: does a later run say what one without a store says?

    python bench/killed_runs.py --tree qemu --count 500 --seed 1 hw/misc hw/timer hw/rtc hw/watchdog

Two runs at a time check the paths with one store, each with two processes, and each is ended by SIGKILL at a
random moment of its first --longest seconds. Before a quarter of the rounds the store is deleted. After each
--every kills a run that is left alone is compared with one that has no store, byte by byte, and 2 seconds
after its parent no process may be left. Exit code: 1 for a difference, or for a process that stays.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_PAUSE = 2.0
# In so many rounds the runs begin without a store.
_AFRESH = 0.25


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    random_ = random.Random(options.seed)
    store = Path(tempfile.mkdtemp(prefix="killed-runs-"))
    try:
        return _runs(options, random_, store)
    finally:
        shutil.rmtree(store, ignore_errors=True)


def _runs(options: argparse.Namespace, random_: random.Random, store: Path) -> int:
    command = [sys.executable, "-m", "qerrlint", "check", "--tree", options.tree, "--format", "json"]
    command += ["--jobs", "2", "--fail-on", "never", *options.paths]
    environment = {**os.environ, "QERRLINT_CACHE_DIR": str(store)}
    expected = _output([*command, "--no-cache"], environment)
    killed = ended = compared = differing = left = since = 0
    while killed < options.count:
        if random_.random() < _AFRESH:
            shutil.rmtree(store, ignore_errors=True)
        parents = []
        for _ in range(2):
            run = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
            parents.append((run, time.monotonic() + options.longest * random_.random()))
        for run, end in parents:
            time.sleep(max(0.0, end - time.monotonic()))
            if run.poll() is None:
                os.kill(run.pid, signal.SIGKILL)
                killed += 1
                since += 1
            else:
                ended += 1
            run.wait()
        if since >= options.every or killed >= options.count:
            since = 0
            time.sleep(_PAUSE)
            left += sum(_is_alive(run.pid) for run, _ in parents)
            compared += 1
            differing += _output(command, environment) != expected
            print(
                f"{killed} killed, {ended} ended before; {compared} compared, {differing} differ", flush=True
            )
    print(f"sessions with a process left after {_PAUSE:g} s: {left}")
    return 1 if differing or left else 0


def _is_alive(session: int) -> bool:
    """Whether a process of a session is there; each run leads one of its own."""
    return (
        subprocess.run(["pgrep", "-s", str(session)], stdout=subprocess.DEVNULL, check=False).returncode == 0
    )


def _output(command: Sequence[str], environment: dict[str, str]) -> bytes:
    return subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True).stdout


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Kill runs that share a store.")
    default = os.environ.get("QERRLINT_QEMU_TREE")
    parser.add_argument(
        "--tree", default=default, required=default is None, help="default: $QERRLINT_QEMU_TREE"
    )
    parser.add_argument("--count", type=int, default=500, help="runs to kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=3.0, help="seconds within which a run is killed")
    parser.add_argument("--every", type=int, default=25, help="kills between two comparisons")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="what is checked, relative to the tree")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
