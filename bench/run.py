# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures qerrlint on a real QEMU tree and beside rivals in the same run; it judges no figure.

    QERRLINT_QEMU_TREE=DIR QERRLINT_QEMU_GIT=DIR python bench/run.py [--json FILE]

Two jobs, each in fresh processes; the file system's cache is warm after the first run, qerrlint has none:

tree   `qerrlint check` of QERRLINT_QEMU_TREE, a directory, against a tree-sitter parse of the same files
patch  `qerrlint patch` of one patch at its base in QERRLINT_QEMU_GIT, against checkpatch.pl of the same tree.
       The patch is the file in QERRLINT_SEED, else the commit --commit made a mail by git format-patch

Shown are the medians: wall and CPU seconds, and the largest memory of a single process; the ratio is that of
CPU seconds, which the machine's other load disturbs least. Exit code: 0; 1 when a run failed; 2 when there is
nothing to measure.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# The version of the founding patch that was merged: the same size, and in every history since July 2025.
COMMIT = "376cdd7e9c"


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over `runs` runs: seconds, and MiB of the largest single process."""

    what: str
    runs: int
    wall: float
    cpu: float
    peak: float


def measure(what: str, command: Sequence[str], runs: int, cwd: str, fine: int = 0) -> tuple[Cost, bytes]:
    """Run a command; its cost, and what it printed the last time. `fine` is the highest good exit code."""
    environment = {**os.environ, "PYTHONPATH": os.fspath(ROOT)}
    walls, cpus, peaks = [], [], []
    out = b""
    for _ in range(runs):
        with tempfile.TemporaryFile() as stdout:
            start = time.perf_counter()
            process = subprocess.Popen(
                command, stdout=stdout, stderr=subprocess.PIPE, cwd=cwd, env=environment
            )
            assert process.stderr is not None
            errors = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            walls.append(time.perf_counter() - start)
            process.returncode = os.waitstatus_to_exitcode(status)
            stdout.seek(0)
            out = stdout.read()
        if not 0 <= process.returncode <= fine:
            sys.exit(f"bench: {what}: exit code {process.returncode}: {errors.decode().strip()}")
        cpus.append(usage.ru_utime + usage.ru_stime)
        # Linux counts in KiB, macOS in bytes.
        peaks.append(usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20))
    wall, cpu, peak = map(statistics.median, (walls, cpus, peaks))
    return Cost(what, runs, round(wall, 3), round(cpu, 3), round(peak, 1)), out


def of_tree(tree: str, jobs: int, runs: int) -> dict[str, Any]:
    """The whole tree, checked and merely parsed."""
    check = [
        sys.executable,
        "-m",
        "qerrlint",
        "check",
        "--no-cache",
        "--tree",
        tree,
        "--format",
        "json",
        "--jobs",
        str(jobs),
    ]
    ours, out = measure("qerrlint check", check, runs, os.fspath(ROOT), fine=1)
    document = json.loads(out)
    parse = [sys.executable, os.fspath(ROOT / "bench" / "plain_parse.py"), tree, str(jobs)]
    theirs, printed = measure("tree-sitter parse", parse, runs, os.fspath(ROOT))
    coverage = document["coverage"]
    return {
        "job": "tree",
        "jobs": jobs,
        "files": coverage["files"],
        "functions": coverage["functions"],
        "explored": coverage["explored"],
        "findings": len(document["findings"]),
        "parsed": printed.decode().strip(),
        "costs": [asdict(ours), asdict(theirs)],
        "ratio": round(ours.cpu / theirs.cpu, 2),
    }


def of_patch(history: str, tree: str | None, patch: str, base: str | None, runs: int) -> dict[str, Any]:
    """One patch, reviewed and, where the tree has a checkpatch.pl, checked by that."""
    command = [sys.executable, "-m", "qerrlint", "patch", patch, "--tree", history, "--format", "json"]
    ours, out = measure(
        "qerrlint patch", command + (["--base", base] if base else []), runs, os.fspath(ROOT), fine=1
    )
    document = json.loads(out)
    found: dict[str, Any] = {
        "job": "patch",
        "subject": document["patches"][0]["subject"],
        "base": document["tree"]["revision"],
        "functions": document["coverage"]["functions"],
        "explored": document["coverage"]["explored"],
        "findings": len(document["findings"]),
        "costs": [asdict(ours)],
    }
    if tree is not None and os.path.exists(os.path.join(tree, "scripts", "checkpatch.pl")):
        rival, _ = measure(
            "checkpatch.pl", ["perl", "scripts/checkpatch.pl", "-q", patch], runs, tree, fine=1
        )
        found["costs"].append(asdict(rival))
        found["ratio"] = round(ours.cpu / rival.cpu, 2)
    return found


def as_mail(history: str, commit: str, folder: str) -> str:
    """The commit as git format-patch writes it; the file's path."""
    command = ["git", "-C", history, "format-patch", "-1", "-o", folder, commit]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {history}: no mail made of {commit}: {done.stderr.decode().strip()}")
    return done.stdout.decode().strip()


def table(job: dict[str, Any]) -> str:
    """The job's figures for people."""
    about = {key: value for key, value in job.items() if key not in ("job", "costs", "ratio")}
    lines = [f"{job['job']}: " + ", ".join(f"{key} {value}" for key, value in about.items())]
    lines.append(f"  {'':18}{'wall s':>9}{'CPU s':>9}{'peak MiB':>10}{'runs':>6}")
    lines += [
        f"  {c['what']:18}{c['wall']:>9.2f}{c['cpu']:>9.2f}{c['peak']:>10.1f}{c['runs']:>6}"
        for c in job["costs"]
    ]
    if "ratio" in job:
        lines.append(f"  CPU ratio {job['ratio']}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure qerrlint on a real QEMU tree.")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes for the tree")
    parser.add_argument("--tree-runs", type=int, default=3)
    parser.add_argument("--patch-runs", type=int, default=9)
    parser.add_argument(
        "--commit", default=COMMIT, help="the commit to review where QERRLINT_SEED names no mail"
    )
    given = parser.parse_args()
    tree, history = os.environ.get("QERRLINT_QEMU_TREE"), os.environ.get("QERRLINT_QEMU_GIT")
    if not tree and not history:
        print(
            "bench: name a QEMU tree in QERRLINT_QEMU_TREE, its git directory in QERRLINT_QEMU_GIT",
            file=sys.stderr,
        )
        sys.exit(2)
    jobs = []
    if tree:
        jobs.append(of_tree(os.path.abspath(tree), given.jobs, given.tree_runs))
        print(table(jobs[-1]))
    if history:
        seed = os.environ.get("QERRLINT_SEED")
        with tempfile.TemporaryDirectory() as folder:
            history = os.path.abspath(history)
            patch = os.path.abspath(seed) if seed else as_mail(history, given.commit, folder)
            base = None if seed else f"{given.commit}^"
            jobs.append(
                of_patch(history, os.path.abspath(tree) if tree else None, patch, base, given.patch_runs)
            )
        print(table(jobs[-1]))
    if given.json:
        machine = {"python": sys.version.split()[0], "platform": sys.platform, "cores": os.cpu_count()}
        text = json.dumps({"machine": machine, "jobs": jobs}, indent=2) + "\n"
        Path(given.json).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
