# SPDX-License-Identifier: GPL-2.0-or-later
"""Scores a tool's findings against the labels: JSON or SARIF in, a table out. It knows no tool and no tree.

    python bench/qemu-defects/score.py FINDINGS [--answers answers.toml --tool NAME] [--labels dev]

FINDINGS is SARIF 2.1.0, or {"findings": [{"path": ..., "line": ..., "rule": ..., "message": ...}]}, perhaps
with "answers", a table from classes to rules. Its paths end in REVISION/PATH, as export.py lays the files.
The answers say which rules of a tool answer which class (those of --answers, else the document's own);
without them every finding in the labelled function counts. The columns are those of `qerrlint replay`:

  found      a rule that answers the class speaks in the labelled function, before the fix
  near       within 8 lines of the label's line
  quiet      found, and the fix silences the nearest such finding
  submitted  of the changes that brought a defect in: the finding is there after the change and was not before
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from defects import Extent, all_labels, key_of, load_extents

from qerrlint.errors import QerrlintError
from qerrlint.replay.labels import Label
from qerrlint.replay.outcomes import FoundItem, Outcome
from qerrlint.replay.scores import table
from qerrlint.source.toml import TomlError, read_toml

_PLACE = re.compile(r"(?:^|/)([0-9a-f]{40})/(.+)\Z")


class ScoreError(Exception):
    """Input that is no list of findings; its text is one line."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding: the line, the rule, and the message without numbers, which tells equal ones from others."""

    line: int
    rule: str
    message: str


Findings = Mapping[tuple[str, str], Sequence[Found]]
Answers = Mapping[str, Sequence[str]]


def read_findings(path: Path) -> tuple[Findings, Answers | None]:
    """The findings of a document, by revision and path, and its own answers; other files are passed over."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScoreError(f"{path}: {error}") from None
    found: dict[tuple[str, str], list[Found]] = defaultdict(list)
    try:
        rows = _of_sarif(document) if "runs" in document else _of_json(document)
    except (KeyError, TypeError, IndexError, AttributeError):
        raise ScoreError(f"{path}: neither SARIF nor a list of findings") from None
    for place, line, rule, message in rows:
        match = _PLACE.search(place)
        if match is not None:
            found[match[1], match[2]].append(Found(line, rule, re.sub(r"\d+", "#", message)))
    return found, document.get("answers")


def _of_sarif(document: dict[str, Any]) -> list[tuple[str, int, str, str]]:
    rows = []
    for run in document["runs"]:
        for result in run.get("results", []):
            for location in result.get("locations", [])[:1]:
                place = location["physicalLocation"]
                line = place.get("region", {}).get("startLine", 1)
                message = result.get("message", {}).get("text", "")
                rows.append((place["artifactLocation"]["uri"], line, result.get("ruleId", ""), message))
    return rows


def _of_json(document: dict[str, Any]) -> list[tuple[str, int, str, str]]:
    found = document["findings"]
    return [(item["path"], item["line"], item["rule"], item.get("message", "")) for item in found]


def read_answers(path: Path, tool: str) -> Answers:
    """The rules that answer each class, as the file says for the tool."""
    try:
        return dict(read_toml(path.read_bytes())[tool])
    except (OSError, TomlError, KeyError) as error:
        raise ScoreError(f"{path}: {error}") from None


def outcome(
    label: Label,
    extents: Mapping[str, Extent],
    findings: Findings,
    answers: Answers | None,
) -> Outcome:
    """What the findings say of one label."""
    if "before" not in extents:
        return Outcome(label, unfit="the function is not found before the fix")
    rules = None if answers is None else {r for d in (label.defect, *label.also) for r in answers.get(d, ())}

    def said(role: str) -> list[Found]:
        extent = extents.get(role)
        if extent is None:
            return []
        here = findings.get((extent.revision, extent.path), ())
        return [f for f in here if extent.first <= f.line <= extent.last]

    def answering(role: str) -> list[Found]:
        return [f for f in said(role) if rules is None or f.rule in rules]

    before = sorted(answering("before"), key=lambda f: abs(f.line - label.line))
    left = [(f.rule, f.message) for f in answering("after")]
    made = {(f.rule, f.message) for f in answering("introduced")}
    old = {(f.rule, f.message) for f in answering("unchanged")}
    submitted = bool(made - old) if "introduced" in extents else None
    return Outcome(
        label,
        answers=tuple(_said(f, label) for f in before),
        others=tuple(_said(f, label) for f in said("before") if f not in before),
        quiet=bool(before) and (before[0].rule, before[0].message) not in left,
        submitted=submitted,
    )


def _said(found: Found, label: Label) -> FoundItem:
    distance = abs(found.line - label.line)
    return FoundItem(found.rule, found.line, "", found.message, "", distance)


def score(findings: Findings, answers: Answers | None, names: Sequence[str]) -> list[Outcome]:
    """The outcomes of the labels in the named files (none: all)."""
    extents = load_extents()
    return [outcome(label, extents.get(key_of(label), {}), findings, answers) for label in all_labels(names)]


def main() -> int:
    """Exit code: 0; 2 for input that is none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("findings", type=Path)
    parser.add_argument("--answers", type=Path, help="which rules answer which class (TOML, a table a tool)")
    parser.add_argument("--tool", default="", help="the table of --answers")
    parser.add_argument("--labels", action="append", default=[], help="a file of labels/, without its ending")
    options = parser.parse_args()
    try:
        findings, answers = read_findings(options.findings)
        if options.answers:
            answers = read_answers(options.answers, options.tool)
        outcomes = score(findings, answers, options.labels)
    except (ScoreError, QerrlintError) as error:
        print(f"score: {error}", file=sys.stderr)
        return 2
    print("\n".join(table(outcomes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
