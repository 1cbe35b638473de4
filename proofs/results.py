# SPDX-License-Identifier: GPL-2.0-or-later
"""What the claims gave on each version of QEMU that they were run on: a file a version, a line a claim."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from proofs.claim import Claim
from proofs.verdict import CANNOT, FIXED, MISSING, NOT_REPRODUCED, PROVED, WITHHELD, Verdict

RESULTS = Path(__file__).parent / "results"


def record(verdicts: Iterable[Verdict], folder: Path) -> list[Path]:
    """Write the verdicts, each to the file of its version; those of other claims stay there."""
    by_version: dict[str, dict[str, str]] = defaultdict(dict)
    for verdict in verdicts:
        if verdict.version and verdict.status not in (CANNOT, WITHHELD):
            by_version[verdict.version][verdict.claim.id] = verdict.status
    folder.mkdir(exist_ok=True)
    written = []
    for version, new in sorted(by_version.items()):
        path = folder / f"{version}.tsv"
        statuses = {**(_read(path) if path.exists() else {}), **new}
        text = "".join(f"{name}\t{status}\n" for name, status in sorted(statuses.items()))
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def recorded(folder: Path = RESULTS) -> dict[str, dict[str, str]]:
    """The statuses of claims by version, oldest first."""
    paths = sorted(folder.glob("*.tsv"), key=lambda path: [int(part) for part in path.stem.split(".")])
    return {path.stem: _read(path) for path in paths}


_SHORT = {PROVED: "proved", NOT_REPRODUCED: "no", FIXED: "fixed", MISSING: "-"}


def results_table(claims: Sequence[Claim], statuses: dict[str, dict[str, str]]) -> str:
    """The recorded statuses as a table in Markdown, newest version first; at its end a sum of the proved."""
    versions = list(statuses)[::-1]
    rows = [["claim", "place", "triggered by", *versions], ["---"] * (3 + len(versions))]
    for claim in claims:
        if claim.withheld:
            cells = ["withheld"] * len(versions)
        elif claim.unprovable:
            cells = ["not here"] * len(versions)
        else:
            cells = [_SHORT.get(statuses[version].get(claim.id, MISSING), "-") for version in versions]
        rows.append([f"`{claim.id}`", claim.place, claim.trigger, *cells])
    proved = [str(list(statuses[version].values()).count(PROVED)) for version in versions]
    rows.append(["proved", "", "", *proved])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _read(path: Path) -> dict[str, str]:
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line)
    return {name: status for name, status in rows}  # noqa: C416
