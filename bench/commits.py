# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs `qerrlint diff` over commits drawn at random from QEMU's history; knows git and qerrlint's JSON, no C.

Each run is a fresh process, as in a hook. Printed, and written as JSON: exit code, stderr, wall and CPU time,
peak memory and findings of each commit, with totals: introduced findings a hundred commits are the noise.

    python bench/commits.py --git qemu.git --count 200 --seed 1 --json commits.json
    python bench/commits.py --git qemu.git --errors-only --print-findings     # for judging
    python bench/commits.py --git qemu.git --round-trip                       # as a mail, too: the same?

The draw depends on the seed and the history only, so a later version can be given the same commits.
Exit code: 0; 1 when a run crashed, timed out, ended with a code that its document does not explain, or
differed as a mail.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

ABOUT_ERRORS = re.compile(r"errp|Error \*|error_")
C_PATHS = ("*.c", "*.h")
# What a finding is known by in both commands; line and fingerprint have to agree, too.
IDENTITY = ("path", "line", "column", "rule", "function", "fingerprint", "relation", "message", "confidence")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """One process: times in seconds, `peak` in KiB, stdout parsed where it is JSON. `code` is negative for a
    signal. CPU time is that of the process and of the git processes it waited for."""

    code: int
    stderr: str
    wall: float
    cpu: float
    peak: int
    document: Json | None

    @property
    def failed(self) -> bool:
        """Whether the run did not end as a run over good input must. Code 3 is honest where the document
        names what could not be analysed, and a failure where it does not."""
        if self.document is None or "Traceback" in self.stderr:
            return True
        coverage = self.document.get("coverage", {})
        named = any(coverage.get(key) for key in ("damaged", "incomplete", "skipped"))
        return self.code not in ((0, 1, 3) if named else (0, 1))


@dataclass(slots=True)
class Outcome:
    """A commit and what the tool did with it. `differences` are sentences about the run as a mail."""

    commit: str
    date: str
    subject: str
    run: Run
    mail: Run | None = None
    differences: list[str] = field(default_factory=list)

    @property
    def introduced(self) -> list[Json]:
        """The introduced findings of the `diff` run."""
        return _introduced(self.run)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    commits = list(draw(options))
    print(
        f"seed {options.seed}: {len(commits)} commits of {options.since} to {options.until}, "
        + ("only about errors" if options.errors_only else "any that touch .c or .h")
    )
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(options.parallel) as pool:
        for outcome in pool.map(lambda commit: review(options, commit), commits):
            outcomes.append(outcome)
            if sys.stderr.isatty():
                print(f"\r{len(outcomes)}/{len(commits)}", end="", file=sys.stderr, flush=True)
    if options.print_findings:
        _print_findings(options.git, outcomes)
    print_summary(outcomes, options.slow)
    if options.json is not None:
        document = {
            "seed": options.seed,
            "since": options.since,
            "until": options.until,
            "errors_only": options.errors_only,
            "arguments": options.argument,
            "totals": totals(outcomes, options.slow),
            "commits": [asdict(outcome) for outcome in outcomes],
        }
        Path(options.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if any(o.run.failed or o.differences for o in outcomes) else 0


def draw(options: argparse.Namespace) -> Iterator[str]:
    """The commits to review, in the order drawn; each is tested only when its turn comes."""
    span = ("--no-merges", f"--since={options.since}", f"--until={options.until}")
    found = _git(options.git, "log", *span, "--format=%H", options.branch, "--", *C_PATHS).split()
    if not found:
        raise SystemExit(
            f"{options.git}: no commit of {options.since} to {options.until} touches .c or .h files"
        )
    random.Random(options.seed).shuffle(found)
    left = options.count
    for commit in found:
        if left == 0:
            return
        if options.errors_only and not _about_errors(options.git, commit):
            continue
        left -= 1
        yield commit


def _about_errors(git: str, commit: str) -> bool:
    """Whether an added or removed line of C speaks of an Error."""
    shown = _git(
        git, "show", "--format=", "--unified=0", "--no-ext-diff", "--no-textconv", commit, "--", *C_PATHS
    )
    lines = (line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---"))
    return any(ABOUT_ERRORS.search(line) for line in lines)


def review(options: argparse.Namespace, commit: str) -> Outcome:
    """Run the tool on one commit, as a range and, if wanted, as a mail."""
    date, _, subject = _git(options.git, "log", "-1", "--format=%cs %s", commit).strip().partition(" ")
    common = ("--tree", options.git, "--format", "json", "--jobs", "1", *options.argument)
    tool = (sys.executable, "-m", "qerrlint")
    run = _measured((*tool, "diff", f"{commit}^..{commit}", *common), b"", options.timeout)
    outcome = Outcome(commit, date, subject, run)
    if options.round_trip:
        mail = _git_bytes(options.git, "format-patch", "-1", "--stdout", commit)
        arguments = (*tool, "patch", "--base", f"{commit}^", *common, "-")
        outcome.mail = _measured(arguments, mail, options.timeout)
        outcome.differences = compare(run, outcome.mail)
    return outcome


def compare(run: Run, mail: Run) -> list[str]:
    """How the run as a mail differs from the run as a range."""
    out = []
    if run.code != mail.code:
        out.append(f"exit code {run.code} as a range, {mail.code} as a mail: {mail.stderr.strip()}")
    first, second = Counter(map(_identity, _introduced(run))), Counter(map(_identity, _introduced(mail)))
    out += [f"only as a range: {' '.join(map(str, found))}" for found in (first - second).elements()]
    out += [f"only as a mail: {' '.join(map(str, found))}" for found in (second - first).elements()]
    for name in ("summary", "coverage"):
        was, now = (run.document or {}).get(name), (mail.document or {}).get(name)
        if was != now and run.document is not None and mail.document is not None:
            out.append(f"{name}: {json.dumps(was)} as a range, {json.dumps(now)} as a mail")
    return out


def totals(outcomes: Sequence[Outcome], slow: float) -> Json:
    """The figures of all runs together."""
    runs = [run for o in outcomes for run in (o.run, o.mail) if run is not None]
    found = [f for o in outcomes for f in o.introduced]
    summaries = [o.run.document["summary"] for o in outcomes if o.run.document is not None]
    coverages = [o.run.document["coverage"] for o in outcomes if o.run.document is not None]
    mails = [o for o in outcomes if o.mail is not None]
    return {
        "commits": len(outcomes),
        "exit_codes": {str(code): n for code, n in sorted(Counter(run.code for run in runs).items())},
        "failed": sum(run.failed for run in runs),
        "with_stderr": sum(bool(run.stderr.strip()) for run in runs),
        "slower_than": slow,
        "slow": sum(run.wall > slow for run in runs),
        "wall": _spread([run.wall for run in runs]),
        "cpu": _spread([run.cpu for run in runs]),
        "peak_mib": round(max((run.peak for run in runs), default=0) / 1024, 1),
        "functions": sum(c["functions"] for c in coverages),
        "explored": sum(c["explored"] for c in coverages),
        "damaged": sum(len(c["damaged"]) for c in coverages),
        "incomplete": sum(len(c["incomplete"]) for c in coverages),
        "skipped": sum(len(c["skipped"]) for c in coverages),
        "introduced": len(found),
        "fixed": sum(s["fixed"] for s in summaries),
        "persisting": sum(s["persisting"] for s in summaries),
        "commits_with_findings": sum(bool(o.introduced) for o in outcomes),
        "introduced_per_100_commits": round(100 * len(found) / max(len(outcomes), 1), 2),
        "by_rule": dict(sorted(Counter(f["rule"] for f in found).items())),
        "by_relation": dict(sorted(Counter(f["relation"] for f in found).items())),
        "as_mail": len(mails),
        "differing_as_mail": sum(bool(o.differences) for o in mails),
    }


def print_summary(outcomes: Sequence[Outcome], slow: float) -> None:
    """The totals as a table, then each run that failed, was slow or differed."""
    for name, value in totals(outcomes, slow).items():
        if isinstance(value, dict):
            value = "  ".join(f"{key}: {n}" for key, n in value.items()) or "none"
        print(f"{name.replace('_', ' '):<28}{value}")
    for outcome in outcomes:
        place = f"{outcome.commit[:12]} {outcome.subject}"
        for kind, run in (("diff", outcome.run), ("patch", outcome.mail)):
            if run is None:
                continue
            if run.failed:
                print(f"FAILED {kind} {place}: exit code {run.code}: {run.stderr.strip()[-2000:]}")
            elif run.stderr.strip():
                print(f"STDERR {kind} {place}: {run.stderr.strip()[-2000:]}")
            if run.wall > slow:
                print(f"SLOW {kind} {place}: {run.wall:.2f} s, {run.cpu:.2f} s of CPU time")
        for difference in outcome.differences:
            print(f"DIFFERS {place}: {difference}")


def _print_findings(git: str, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if not outcome.introduced:
            continue
        print(f"\n{outcome.commit[:12]} {outcome.date} {outcome.subject}")
        for found in outcome.introduced:
            text = (
                _git(git, "show", f"{outcome.commit}:{found['path']}").split("\n")[found["line"] - 1].strip()
            )
            print(f"  {found['path']}:{found['line']}: {found['function']}(): {found['rule']}", end=" ")
            print(f"[{found['severity']}, {found['confidence']}, {found['relation']}]")
            print(f"    {found['message']}\n    | {text}")
            for step in found["steps"]:
                print(f"      {step['path']}:{step['line']}: {step['message']}")
    print()


def _measured(command: Sequence[str], stdin: bytes, timeout: float) -> Run:
    """Run a process to its end, or to the timeout: it is killed then and its code is -9."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        started = time.monotonic()
        process = subprocess.Popen(command, stdin=given, stdout=out, stderr=err)
        timer = Timer(timeout, process.kill)
        timer.start()
        try:
            # The resources of this one process: RUSAGE_CHILDREN would add up all that run at the same time.
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        try:
            document = json.loads(out.read())
        except ValueError:
            document = None
        return Run(
            code=process.returncode,
            stderr=err.read().decode("utf-8", "replace"),
            wall=round(wall, 3),
            cpu=round(usage.ru_utime + usage.ru_stime, 3),
            peak=usage.ru_maxrss,
            document=document,
        )


def _introduced(run: Run) -> list[Json]:
    findings: list[Json] = run.document["findings"] if run.document is not None else []
    return [found for found in findings if found["status"] == "introduced"]


def _identity(found: Json) -> tuple[object, ...]:
    steps = tuple((step["path"], step["line"], step["message"]) for step in found["steps"])
    return (*(found[name] for name in IDENTITY), steps)


def _spread(values: Sequence[float]) -> Json:
    if not values:
        return {}
    order = sorted(values)
    return {
        "median": round(order[len(order) // 2], 3),
        "p95": round(order[min(len(order) * 95 // 100, len(order) - 1)], 3),
        "max": round(order[-1], 3),
        "sum": round(sum(order), 1),
    }


def _git(git: str, *arguments: str) -> str:
    return _git_bytes(git, *arguments).decode("utf-8", "surrogateescape")


def _git_bytes(git: str, *arguments: str) -> bytes:
    done = subprocess.run(
        ("git", "-C", git, *arguments), capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise SystemExit(f"git {arguments[0]} in {git}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Run qerrlint on commits drawn at random from QEMU's history."
    )
    default = os.environ.get("QERRLINT_QEMU_GIT")
    parser.add_argument(
        "--git", default=default, required=default is None, help="default: $QERRLINT_QEMU_GIT"
    )
    parser.add_argument("--branch", default="HEAD", help="whose history to draw from (default: HEAD)")
    parser.add_argument("--since", default="2024-01-01")
    parser.add_argument("--until", default="2026-08-01")
    parser.add_argument("--count", type=int, default=200, help="how many commits (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default: 1)")
    parser.add_argument(
        "--errors-only", action="store_true", help="only commits that change a line about errors"
    )
    parser.add_argument(
        "--print-findings", action="store_true", help="print each introduced finding with its line"
    )
    parser.add_argument("--round-trip", action="store_true", help="run each as a mail, too, and compare")
    parser.add_argument(
        "--argument", action="append", default=[], help="a further argument for qerrlint; repeatable"
    )
    parser.add_argument("--parallel", type=int, default=1, help="runs at a time (default: 1; times suffer)")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds until a run is ended")
    parser.add_argument("--slow", type=float, default=5.0, help="seconds above which a run is named")
    parser.add_argument("--json", metavar="FILE", help="write everything there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
