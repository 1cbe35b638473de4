# SPDX-License-Identifier: GPL-2.0-or-later
"""Verdicts: runs a claim with its control on a QEMU and says whether the defect was shown."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.claim import Claim, Expectation, Stage
from proofs.process import MissingError
from proofs.stage import Observed, run_stage
from proofs.target import Target

PROVED = "proved"
NOT_REPRODUCED = "not reproduced"
MISSING = "precondition missing"
FIXED = "fixed in this version"
WITHHELD = "withheld"
CANNOT = "cannot run here"
STATUSES = (PROVED, NOT_REPRODUCED, FIXED, MISSING, WITHHELD, CANNOT)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a claim on one QEMU: a status, and in one line why it is no other."""

    claim: Claim
    status: str
    reason: str = ""
    version: str = ""


def try_claim(claim: Claim, target: Target) -> Verdict:
    """Run a claim, and where it was shown its control, which must not show it."""
    if claim.withheld:
        return Verdict(claim, WITHHELD, claim.withheld)
    if claim.unprovable:
        return Verdict(claim, CANNOT, claim.unprovable)
    version = next((v for stage in reversed(claim.stages) if (v := target.version(stage.qemu))), "")
    if version and claim.since and _numbers(version) < _numbers(claim.since):
        return Verdict(claim, MISSING, f"came with {claim.since}", version)
    try:
        faults = _run(claim, claim.stages, target)
    except MissingError as error:
        return Verdict(claim, MISSING, str(error), version)
    if faults:
        fixed = claim.fixed and version and _numbers(version) >= _numbers(claim.fixed)
        return Verdict(claim, FIXED if fixed else NOT_REPRODUCED, "; ".join(faults), version)
    try:
        faults = _run(claim, claim.control, target)
    except MissingError as error:
        return Verdict(claim, MISSING, f"control: {error}", version)
    if faults:
        return Verdict(claim, NOT_REPRODUCED, f"the control fails as well: {'; '.join(faults)}", version)
    return Verdict(claim, PROVED, "", version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _run(claim: Claim, stages: Sequence[Stage], target: Target) -> list[str]:
    """What the last stage's expectations lack; an earlier stage that lacks one is a missing precondition."""
    kept: dict[str, str] = {}
    with _work_folder(target) as work:
        for index, stage in enumerate(stages):
            observed = run_stage(
                stage, target, work, (claim.folder / "peers", claim.folder.parent / "peers"), kept
            )
            lacking = faults(stage.expect, observed, work, kept)
            if index == len(stages) - 1:
                return lacking
            if lacking:
                raise MissingError(f"{stage.binary}, stage {index + 1}: {lacking[0]}")
    return []


@contextmanager
def _work_folder(target: Target) -> Iterator[Path]:
    work = target.work_folder()
    try:
        yield work
    finally:
        shutil.rmtree(work, onerror=_unlocked)


def _unlocked(remove: Callable[[str], object], path: str, _error: Any) -> None:
    """Remove what is in a folder that was made read-only."""
    try:
        os.chmod(os.path.dirname(path), 0o755)
        remove(path)
    except OSError:
        pass


def faults(expect: Expectation, observed: Observed, work: Path, kept: dict[str, str]) -> list[str]:
    """What was expected and not observed, one text each."""
    last = observed.stderr.strip().splitlines()[-1:] or [""]
    found = []
    if re.fullmatch(expect.end, observed.end) is None:
        found.append(f"it ended with {observed.end}, not {expect.end} {last[0][:160]}".rstrip())
    if expect.stderr and re.search(expect.stderr, observed.stderr, re.S) is None:
        found.append(f"stderr: {last[0][:160] or 'nothing'}")
    if expect.silent and (match := re.search(expect.silent, observed.stderr, re.S)):
        found.append(f"stderr: {match[0][:160]}")
    if expect.stdout and re.search(expect.stdout, observed.stdout, re.S) is None:
        found.append(f"stdout: {observed.stdout[-160:].strip() or 'nothing'}")
    if expect.leaves and not any(work.glob(expect.leaves)):
        found.append(f"no file {expect.leaves}")
    if expect.grows and observed.grown <= expect.grows:
        found.append(f"memory grew by {observed.grown} KiB")
    if expect.content:
        name, digits = expect.content
        data = (work / name).read_bytes()[: len(digits) // 2] if (work / name).exists() else b""
        if data.hex() != digits:
            found.append(f"{name} begins with {data.hex() or 'nothing'}")
    for pair, same in (*((p, False) for p in expect.differs), *((p, True) for p in expect.same)):
        values = [kept.get(name, "") for name in pair]
        if not all(values) or (values[0] == values[1]) != same:
            found.append(
                ", ".join(f"{name}: {value or 'no answer'}" for name, value in zip(pair, values, strict=True))
            )
    return found + observed.lacking
