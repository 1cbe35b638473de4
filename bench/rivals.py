# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs qerrlint and the rivals that are installed in pairs, and prints what each costs; it judges no figure.

    python bench/rivals.py --tree QEMU --git GIT [--below hw/net] [--runs 5] [--json FILE] [--path DIR]

--tree is a work tree of QEMU, --git a repository that holds the commit --commit, whose last eight commits
are the series. A rival is looked for on PATH and in --path (the bin folder of a virtual environment with
ast-grep-cli and semgrep); one that is missing is named in a line. Each pair is qerrlint and a rival one
directly after the other, as often as --runs says, so that both meet the same load. Shown are the medians of
wall and CPU seconds (of all processes) with the least and the greatest, the largest memory of a process in
MiB, and the median of the ratios of the pairs. Exit code: 0; 1 when a run failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULE = Path(__file__).resolve().parent / "rivals-semgrep.yml"
COMMIT = "ee1ca09fc1"
SERIES = 8
PATTERN = "error_setg($$$)"


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds, and MiB of the largest process."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments; exit codes up to `fine` are good. `prepare` is called before each run."""

    what: str
    words: Sequence[str]
    fine: int = 0
    variables: tuple[tuple[str, str], ...] = ()
    prepare: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A pair of programs: medians, and (least, greatest) of our wall and CPU seconds and the other's."""

    job: str
    ours: str
    other: str
    runs: int
    wall: tuple[float, float]
    cpu: tuple[float, float]
    wall_range: tuple[tuple[float, float], tuple[float, float]]
    cpu_range: tuple[tuple[float, float], tuple[float, float]]
    peak: tuple[float, float]
    wall_ratio: float
    cpu_ratio: float


def once(command: Command) -> Run:
    """Run a command. Ends this program where it fails."""
    if command.prepare is not None:
        command.prepare()
    environment = {**os.environ, "PYTHONPATH": os.fspath(ROOT), **dict(command.variables)}
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command.words, stdout=subprocess.DEVNULL, stderr=errors, env=environment, cwd=ROOT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        told = errors.read().decode("utf-8", "replace").strip()
    if not 0 <= process.returncode <= command.fine:
        sys.exit(f"bench: {command.what}: exit code {process.returncode}: {told[-400:]}")
    peak = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)
    return Run(wall, usage.ru_utime + usage.ru_stime, peak)


def pair(job: str, ours: Command, other: Command, runs: int) -> Row:
    """Run both by turns; a first run of each, which fills the file system's cache, is not counted."""
    once(ours)
    once(other)
    both = [(once(ours), once(other)) for _ in range(runs)]

    def medians(key: Callable[[Run], float]) -> tuple[float, float]:
        one, two = (round(statistics.median(key(runs[side]) for runs in both), 2) for side in (0, 1))
        return one, two

    def ranges(key: Callable[[Run], float]) -> tuple[tuple[float, float], tuple[float, float]]:
        found = [[key(runs[side]) for runs in both] for side in (0, 1)]
        one, two = ((round(min(values), 2), round(max(values), 2)) for values in found)
        return one, two

    return Row(
        job,
        ours.what,
        other.what,
        runs,
        medians(lambda run: run.wall),
        medians(lambda run: run.cpu),
        ranges(lambda run: run.wall),
        ranges(lambda run: run.cpu),
        medians(lambda run: run.peak),
        round(statistics.median(one.wall / two.wall for one, two in both), 2),
        round(statistics.median(one.cpu / max(two.cpu, 0.001) for one, two in both), 2),
    )


def tree_rivals(find: Callable[[str], str | None], tree: str, where: str) -> Iterator[Command]:
    """The programs that search a tree."""
    script = os.path.join(tree, "scripts/coccinelle/error-use-after-free.cocci")
    if found := find("ast-grep"):
        yield Command("ast-grep, one pattern", (found, "run", "-p", PATTERN, "-l", "c", where), 1)
    if found := find("spatch"):
        words = (found, "--very-quiet", "--sp-file", script, "--dir", where)
        yield Command("spatch, error-use-after-free.cocci", words)
    if found := find("semgrep"):
        options = ("scan", "--metrics", "off", "--disable-version-check", "--no-git-ignore", "--quiet")
        yield Command("semgrep, one local rule", (found, *options, "--config", os.fspath(RULE), where), 1)


def qerrlint(what: str, cache: str, *words: str, cold: bool) -> Command:
    """A command of this program, with a store of its own that is emptied before each run if `cold`."""

    def empty() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    return Command(
        what,
        (sys.executable, "-m", "qerrlint", *words),
        1,
        (("QERRLINT_CACHE_DIR", cache),),
        empty if cold else None,
    )


def rows(options: argparse.Namespace, scratch: str) -> Iterator[Row]:
    """All pairs."""

    def find(name: str) -> str | None:
        found = shutil.which(name, path=f"{options.path}{os.pathsep}{os.environ.get('PATH', '')}")
        if found is None:
            print(f"bench: {name} is not installed: left out", file=sys.stderr)
        return found

    cache = os.path.join(scratch, "cache")
    where = os.path.join(options.tree, options.below)
    check = ("check", "--tree", options.tree, "--fail-on", "never", *([where] if options.below else ()))
    job = f"check {options.below or 'of the whole tree'}"
    for rival in tree_rivals(find, options.tree, where):
        yield pair(job, qerrlint("qerrlint, no store", cache, *check, cold=True), rival, options.runs)
    perl = find("perl")
    script = os.path.join(options.tree, "scripts/checkpatch.pl")
    if perl is None or not os.path.exists(script) or not options.git:
        return
    series = os.path.join(scratch, "series.mbox")
    with open(series, "wb") as stream:
        mails = ("format-patch", "--stdout", f"{options.commit}~{SERIES}..{options.commit}")
        subprocess.run(("git", "-C", options.git, *mails), stdout=stream, check=True)
    checkpatch = Command("checkpatch.pl --terse", (perl, script, "--no-tree", "--terse", series), 1)
    base = ("--base", f"{options.commit}~{SERIES}")
    patch = ("patch", series, "--tree", options.git, *base, "--fail-on", "never")
    job = f"{SERIES} patches up to {options.commit}"
    for what, cold in (("qerrlint, no store", True), ("qerrlint, store warm", False)):
        yield pair(job, qerrlint(what, cache, *patch, cold=cold), checkpatch, options.runs)


def line(row: Row) -> str:
    """A row of the table in Markdown."""

    def told(values: tuple[float, float], ranges: Sequence[tuple[float, float]]) -> str:
        return " | ".join(
            f"{value:.2f} ({low:.2f} to {high:.2f})"
            for value, (low, high) in zip(values, ranges, strict=True)
        )

    return (
        f"| {row.job} | {row.ours} | {row.other} | {told(row.wall, row.wall_range)} | {row.wall_ratio:.2f} | "
        f"{told(row.cpu, row.cpu_range)} | {row.cpu_ratio:.2f} | {row.peak[0]:.0f} | {row.peak[1]:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tree", required=True)
    parser.add_argument("--git", default="")
    parser.add_argument("--commit", default=COMMIT)
    parser.add_argument("--below", default="", help="only this folder of the tree")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--path", default="", help="a folder with rivals")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    found = []
    heads = ("job", "a", "b", "wall of a, s", "wall of b, s", "a/b", "CPU of a, s", "CPU of b, s", "a/b")
    print("| " + " | ".join((*heads, "MiB a", "MiB b")) + " |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for row in rows(options, scratch):
            found.append(row)
            print(line(row), flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
