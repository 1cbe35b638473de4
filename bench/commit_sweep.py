# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs `qerrlint diff` over very many commits of a history, of every kind: does it end, in time, and
honestly?

    python bench/commit_sweep.py --git qemu.git --count 20000 --seed 1 --out sweep.jsonl

`bench/commits.py` measures a few hundred runs as a user starts them. Here one process has imported everything
and forks for each commit, so that start-up is not paid for each. Merges are drawn with the others and
compared with their first parent. One line of JSON a commit is appended to --out; a later run with the same
arguments goes on behind the last one. Printed at the end, and by --summary alone: exit codes, crashes, runs
over --slow seconds, and for exit code 3 the reasons that the coverage names. Exit code: 1 when a run crashed,
was ended by the time limit, or gave 3 without naming a reason.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    out = Path(options.out)
    if not options.summary:
        sweep(options, out)
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    return print_summary(rows, options.slow)


def sweep(options: argparse.Namespace, out: Path) -> None:
    """Run what is left of the draw, until --minutes are over."""
    import qerrlint.cli.commands.diff
    import qerrlint.engine.analyse_file
    import qerrlint.report.json_
    import qerrlint.review.merge_review  # noqa: F401
    from qerrlint.policy.exemptions import load_exemptions

    load_exemptions()
    done = (
        {json.loads(line)["commit"] for line in out.read_text("utf-8").splitlines()}
        if out.exists()
        else set()
    )
    end = time.monotonic() + 60 * options.minutes
    with out.open("a", encoding="utf-8") as file:
        for commit in draw(options):
            if time.monotonic() > end:
                return
            if commit not in done:
                file.write(json.dumps(run(options, commit)) + "\n")
                file.flush()


def draw(options: argparse.Namespace) -> list[str]:
    """The commits, in the order drawn: of any kind, those without a parent left out."""
    span = (f"--since={options.since}", f"--until={options.until}", "--min-parents=1")
    command = ("git", "-C", options.git, "log", *span, "--format=%H", options.branch)
    found = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    random.Random(options.seed).shuffle(found)
    return found[options.skip : options.count]


def run(options: argparse.Namespace, commit: str) -> Json:
    """One commit in a child: its exit code (negative for a signal), seconds, peak KiB, what it did not
    analyse.
    """
    reader, writer = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _in_child(options, commit, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read()
    _, status, usage = os.wait4(child, 0)
    found = json.loads(told) if told.strip() else {"stderr": "", "reasons": []}
    return {
        "commit": commit,
        "code": os.waitstatus_to_exitcode(status),
        "wall": round(time.monotonic() - started, 2),
        "cpu": round(usage.ru_utime + usage.ru_stime, 2),
        "peak": usage.ru_maxrss,
        **found,
    }


def _in_child(options: argparse.Namespace, commit: str, writer: int) -> None:
    from qerrlint.cli.main import main as command

    resource.setrlimit(resource.RLIMIT_AS, (options.memory << 20, options.memory << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (options.timeout, options.timeout))
    raw = io.BytesIO(), io.BytesIO()
    out, err = (io.TextIOWrapper(buffer, encoding="utf-8", newline="\n") for buffer in raw)
    sys.stdout, sys.stderr = out, err
    sys.argv = ["qerrlint", "diff", f"{commit}^1..{commit}", "--tree", options.git, "--format", "json"]
    sys.argv += ["--jobs", "1", "--no-cache"]
    code = 70
    try:
        command()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 70
    finally:
        out.flush()
        err.flush()
        document, said = raw[0].getvalue(), raw[1].getvalue().decode("utf-8", "replace")
        told = {"stderr": said[-3000:], "reasons": reasons(json.loads(document)) if document else []}
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(json.dumps(told).encode())
        os._exit(code)


def reasons(document: Json) -> list[str]:
    """What the coverage says was not analysed, names and numbers taken out."""
    coverage = document["coverage"]
    found = [f"{key}: {item['reason']}" for key in ("damaged", "skipped") for item in coverage[key]]
    return sorted({re.sub(r"`[^`]*`|\d+|\S+\(\)|\S+\.[ch]\b", "*", text) for text in found})


def print_summary(rows: Sequence[Json], slow: float) -> int:
    """Print the figures; 1 for a crash, a run without an end, or an exit code without a reason."""
    codes = Counter(row["code"] for row in rows)
    crashed = [row for row in rows if row["code"] not in (0, 1, 2, 3) or "Traceback" in row["stderr"]]
    silent = [row for row in rows if row["code"] in (2, 3) and not row["reasons"] and not row["stderr"]]
    times = sorted(row["cpu"] for row in rows) or [0.0]
    told = ", ".join(f"{code}: {n}" for code, n in sorted(codes.items()))
    print(f"{len(rows)} commits; exit codes {told}")
    middle, late = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"CPU seconds: median {middle}, 99 % {late}, most {times[-1]}")
    print(f"peak memory: {max((row['peak'] for row in rows), default=0) // 1024} MiB")
    for name, found in (
        ("crashed or ended", crashed),
        ("code 2 or 3 without a reason", silent),
        (f"over {slow} s of CPU time", [row for row in rows if row["cpu"] > slow]),
    ):
        print(f"{name}: {len(found)}")
        for row in found[:20]:
            print(f"    {row['commit'][:12]} code {row['code']} {row['cpu']} s {row['stderr'][-300:]!r}")
    print("reasons of exit codes 2 and 3, by commits:")
    named: Counter[str] = Counter()
    for row in rows:
        if row["code"] in (2, 3):
            named.update(row["reasons"] or [re.sub(r"\S*/\S+|[0-9a-f]{12,}", "*", row["stderr"].strip())])
    for reason, number in named.most_common(40):
        print(f"{number:7} {reason}")
    return 1 if crashed or silent else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run qerrlint diff over very many commits.")
    default = os.environ.get("QERRLINT_QEMU_GIT")
    parser.add_argument(
        "--git", default=default, required=default is None, help="default: $QERRLINT_QEMU_GIT"
    )
    parser.add_argument("--branch", default="HEAD")
    parser.add_argument("--since", default="2010-01-01")
    parser.add_argument("--until", default="2026-12-31")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--skip", type=int, default=0, help="leave out so many at the head of the draw")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True, metavar="FILE")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so many minutes")
    parser.add_argument("--timeout", type=int, default=120, help="seconds of CPU time until a run is ended")
    parser.add_argument("--memory", type=int, default=4096, help="MiB that a run may map")
    parser.add_argument(
        "--slow", type=float, default=5.0, help="seconds of CPU time above which a run is named"
    )
    parser.add_argument("--summary", action="store_true", help="only count what is in FILE")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
