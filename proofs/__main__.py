# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the claims on the QEMU that it finds and prints a table; `python -m proofs --help`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proofs.claim import Claim
from proofs.load import ClaimError, load_claims
from proofs.report import ReportError, report
from proofs.results import RESULTS, record, recorded, results_table
from proofs.target import Target, TargetError
from proofs.verdict import NOT_REPRODUCED, STATUSES, Verdict, try_claim

CLAIMS = Path(__file__).parent / "claims"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0; 1 when a claim is not reproduced; 2 for a wrong argument, claim or place of QEMU."""
    options = _parser().parse_args(arguments)
    try:
        claims = _chosen(load_claims([CLAIMS, *map(Path, options.claims)]), options.names)
        target = Target(
            root=Path(options.chroot).absolute() if options.chroot else None,
            folder=Path(options.qemu_bin) if options.qemu_bin else None,
        )
        target.check()
    except (ClaimError, TargetError) as error:
        print(f"proofs: {error}", file=sys.stderr)
        return 2
    if options.list:
        for claim in claims:
            print(f"{claim.subject}/{claim.id}: {claim.title} ({claim.place}, {claim.rule}, {claim.trigger})")
        return 0
    if options.report:
        return _print_reports(claims)
    if options.results:
        print(results_table(claims, recorded()), end="")
        return 0
    verdicts = _try_all(claims, target, options.jobs)
    print(table(verdicts))
    if options.json:
        Path(options.json).write_text(json.dumps(_document(verdicts), indent=1) + "\n", encoding="utf-8")
    if options.record:
        for path in record(verdicts, RESULTS):
            print(f"proofs: {path} written", file=sys.stderr)
    return 1 if any(v.status == NOT_REPRODUCED for v in verdicts) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m proofs", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a claim, a finding's fingerprint, or a subject; default: all",
    )
    parser.add_argument(
        "--chroot",
        default=os.environ.get("CHROOT"),
        metavar="DIR",
        help="run in this chroot (environment: CHROOT)",
    )
    parser.add_argument(
        "--qemu-bin",
        default=os.environ.get("QEMU_BIN"),
        metavar="DIR",
        help="the folder with QEMU's programs (environment: QEMU_BIN); default: those on PATH",
    )
    parser.add_argument(
        "--claims", action="append", default=[], metavar="DIR", help="further claims, which are not kept here"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="claims at a time (default 2)")
    parser.add_argument("--json", metavar="FILE", help="write the verdicts to a file as well")
    parser.add_argument("--record", action="store_true", help="keep the verdicts in proofs/results/")
    parser.add_argument("--results", action="store_true", help="print what is kept in proofs/results/")
    parser.add_argument("--report", action="store_true", help="print bug reports and run nothing")
    parser.add_argument("--list", action="store_true", help="list the claims and run nothing")
    return parser


def _chosen(claims: Sequence[Claim], names: Sequence[str]) -> list[Claim]:
    wanted = set(names)
    known = {name for claim in claims for name in _names(claim)}
    for name in names:
        if name not in known:
            raise ClaimError(f"{name!r} is neither a claim nor a subject (see --list)")
    return [claim for claim in claims if not wanted or wanted & _names(claim)]


def _names(claim: Claim) -> set[str]:
    """What a claim is known by: its name, its subject, and the fingerprint of the finding."""
    return {claim.id, claim.subject, claim.fingerprint} - {""}


def _print_reports(claims: Sequence[Claim]) -> int:
    try:
        print("\n".join(report(claim, recorded()) for claim in claims), end="")
    except ReportError as error:
        print(f"proofs: {error}", file=sys.stderr)
        return 2
    return 0


def _try_all(claims: Sequence[Claim], target: Target, jobs: int) -> list[Verdict]:
    """The verdicts in the order of the claims; what takes longest is begun first."""
    by_length = sorted(claims, key=lambda claim: -sum(stage.limit for stage in claim.stages))
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        running = {claim.id: pool.submit(try_claim, claim, target) for claim in by_length}
        try:
            return [running[claim.id].result() for claim in claims]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def table(verdicts: Sequence[Verdict]) -> str:
    """A line for each claim, the reason where it was not proved, and a sum."""
    width = max((len(v.claim.id) for v in verdicts), default=0)
    lines = []
    for verdict in verdicts:
        claim = verdict.claim
        lines.append(f"{verdict.status:22}{claim.id:{width}}  {claim.trigger:10}{claim.place} ({claim.rule})")
        if verdict.reason:
            lines.append(f"{'':22}{verdict.reason}")
    counts = Counter(v.status for v in verdicts)
    versions = sorted({v.version for v in verdicts if v.version})
    total = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    lines.append(f"QEMU {', '.join(versions) or 'not found'}: {total or 'no claims'}")
    return "\n".join(lines)


def _document(verdicts: Sequence[Verdict]) -> dict[str, object]:
    return {
        "schema": "qerrlint-proofs/1",
        "verdicts": [
            {
                "id": v.claim.id,
                "subject": v.claim.subject,
                "path": v.claim.path,
                "line": v.claim.line,
                "function": v.claim.function,
                "rule": v.claim.rule,
                "fingerprint": v.claim.fingerprint or None,
                "trigger": v.claim.trigger,
                "status": v.status,
                "reason": v.reason or None,
                "version": v.version or None,
            }
            for v in verdicts
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
