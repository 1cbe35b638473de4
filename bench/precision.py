# SPDX-License-Identifier: GPL-2.0-or-later
"""Precision of the rules by findings that somebody judged in the source; it knows qerrlint's JSON and no C.

    python bench/precision.py                                      # the verdicts alone
    QERRLINT_QEMU_GIT=qemu.git python bench/precision.py           # against what the tool says today
    QERRLINT_QEMU_TREE=DIR python bench/precision.py               # the same, of a work tree at that revision
    python bench/precision.py --findings up.json                   # the same, of a run made before
    python bench/precision.py --sample 20 --seed 1 --per-rule 3    # unjudged findings, to be judged
    python bench/precision.py --merge bench/judged/REV.jsonl new.jsonl

A verdict belongs to the finding with its fingerprint in its file, or else to the one of its rule on its line.
Verdicts are true (a maintainer would take a patch), tolerated (it holds, and nobody would act on it) and
false. Precision is true and tolerated ones over the judged findings that the tool still makes; in strict
precision the tolerated ones count as false. One that holds and is made no longer is "merged" if its rule
still speaks in its function, else "lost"; a false one is "mended".
Exit code: 0; 2 for a bad file or option, or a run that failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scoring import WANTED, Comparison, Json, compare, draw, scores, table
from verdicts import Verdict, VerdictError, load, merge

ROOT = Path(__file__).resolve().parent.parent
JUDGED = ROOT / "bench" / "judged"
# Of each list that a run prints, unless --list is given.
SHOWN = 20


def as_task(revision: str, finding: Json) -> str:
    """A finding to judge: place, message, steps, and the line to fill in."""
    place = f"{finding['path']}:{finding['line']}:{finding['column']}"
    head = f"{place}: {finding['severity']}[{finding['rule']}], {finding['confidence']}: {finding['message']}"
    steps = [f"  {s['path']}:{s['line']}: {s['message']}" for s in finding.get("steps", ())]
    blank = {key: finding[key] for key in ("fingerprint", "rule", "path", "line", "function")}
    blank |= {"revision": revision, "verdict": "", "why": ""}
    return "\n".join([head, f"  in {finding['function']}()", *steps, json.dumps(blank, ensure_ascii=False)])


def findings_of(document: object, where: str) -> list[Json]:
    """The findings of a run's JSON; raises VerdictError where it is none of qerrlint's."""
    if not isinstance(document, dict) or document.get("schema") != "qerrlint/1":
        raise VerdictError(f"{where}: not JSON of qerrlint (schema qerrlint/1)")
    found: list[Json] = document["findings"]
    return found


def run_check(tree: str, revision: str | None, options: argparse.Namespace) -> list[Json]:
    """What the tool of this checkout says of a tree; raises VerdictError with its own line when it fails."""
    command = [sys.executable, "-m", "qerrlint", "check", "--tree", tree, "--format", "json", "-q"]
    command += ["--fail-on", "never", "--jobs", str(options.jobs), "--min-confidence", options.min_confidence]
    command += ["--rev", revision] if revision is not None else []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "findings.json"
        done = subprocess.run(
            [*command, "--output", os.fspath(out)],
            env={**os.environ, "PYTHONPATH": os.fspath(ROOT)},
            capture_output=True,
            check=False,
        )
        # 3: some file could not be analysed; the findings of the others are there.
        if done.returncode not in (0, 3) or not out.exists():
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise VerdictError(f"{tree}: {lines[-1] if lines else f'exit code {done.returncode}'}")
        return findings_of(json.loads(out.read_bytes()), tree)


def gather(options: argparse.Namespace) -> list[Comparison]:
    """The verdicts of all files by revision, each compared with the findings at hand."""
    files = [Path(name) for name in options.judged] or sorted(JUDGED.glob("*.jsonl"))
    by_revision: dict[str, list[Verdict]] = defaultdict(list)
    for file in files:
        for verdict in load(file):
            by_revision[verdict.revision].append(verdict)
    if options.revision is not None:
        chosen = by_revision.get(options.revision, [])
        by_revision = defaultdict(list, {options.revision: chosen} if chosen else {})
    if not by_revision:
        where = ", ".join(map(os.fspath, files)) or os.fspath(JUDGED)
        on = f" on {options.revision}" if options.revision is not None else ""
        raise VerdictError(f"{where}: no verdicts{on} there")
    history, tree = os.environ.get("QERRLINT_QEMU_GIT"), os.environ.get("QERRLINT_QEMU_TREE")
    alone = len(by_revision) == 1
    if not alone and (options.findings or (tree and not history)):
        known = ", ".join(sorted(by_revision))
        raise VerdictError(f"one tree and verdicts on several revisions: name one with --revision ({known})")
    comparisons = []
    for revision, verdicts in sorted(by_revision.items()):
        findings: list[Json] | None = None
        if options.findings:
            findings = _read(Path(options.findings))
        elif history:
            findings = run_check(history, revision, options)
        elif tree:
            findings = run_check(tree, None, options)
        comparisons.append(compare(revision, verdicts, findings))
    return comparisons


def _read(path: Path) -> list[Json]:
    try:
        return findings_of(json.loads(path.read_bytes()), os.fspath(path))
    except OSError as error:
        raise VerdictError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise VerdictError(f"{path}: no JSON: {error}") from None


def report(comparisons: Sequence[Comparison], whole: bool) -> str:
    """Tables, rules below what is wanted, unjudged findings and vanished verdicts (`whole`: all of them)."""
    rules = scores(comparisons, "rule")
    parts = [table("rule", rules)]
    if all(one.findings is None for one in comparisons):
        parts.append("verdicts alone: name a history in QERRLINT_QEMU_GIT, or a tree in QERRLINT_QEMU_TREE,")
        parts[-1] += "\nto compare them with what the tool says today"
    else:
        parts += [table(by, scores(comparisons, by)) for by in ("severity", "confidence")]
    low = [name for name, row in rules.items() if row.precision is not None and row.precision < WANTED]
    parts.append(f"rules under {WANTED:.2f}: {', '.join(low) or 'none'}")
    for one in comparisons:
        if one.findings is None:
            continue
        unjudged = [f"{f['path']}:{f['line']}: {f['rule']} ({f['confidence']})" for f in one.unjudged]
        # "lost" sorts before "mended" and "merged": what is right and not said comes first.
        fates = sorted((one.fate(v), v.path, v.line, v.rule, v.why) for v in one.vanished)
        vanished = [f"{fate}: {path}:{line}: {rule}: {why}" for fate, path, line, rule, why in fates]
        parts.append(_listed(f"{one.revision}: {len(unjudged)} unjudged", unjudged, whole))
        parts.append(_listed(f"{one.revision}: {len(vanished)} judged, no longer found", vanished, whole))
    return "\n\n".join(parts)


def _listed(head: str, lines: list[str], whole: bool) -> str:
    shown = lines if whole else lines[:SHOWN]
    more = [f"and {len(lines) - len(shown)} more (--list shows all)"] if len(shown) < len(lines) else []
    return "\n  ".join([head, *shown, *more])


def document(comparisons: Sequence[Comparison]) -> Json:
    """Everything as JSON."""

    def rows(by: str) -> Json:
        found = scores(comparisons, by)
        return {
            name: {**asdict(row), "precision": row.precision, "strict": row.strict}
            for name, row in found.items()
        }

    return {
        "wanted": WANTED,
        "by_rule": rows("rule"),
        "by_severity": rows("severity"),
        "by_confidence": rows("confidence"),
        "revisions": [
            {
                "revision": one.revision,
                "verdicts": len(one.verdicts),
                "findings": None if one.findings is None else len(one.findings),
                "unjudged": one.unjudged,
                "vanished": [{**asdict(verdict), "fate": one.fate(verdict)} for verdict in one.vanished],
            }
            for one in comparisons
        ],
    }


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Precision of the rules by judged findings.")
    parser.add_argument("judged", nargs="*", metavar="FILE", help="verdicts (default: bench/judged/*.jsonl)")
    parser.add_argument(
        "--revision", metavar="REV", help="only the verdicts on this revision, as written there"
    )
    parser.add_argument("--findings", metavar="FILE", help="findings of a run with --format json")
    parser.add_argument("--min-confidence", choices=("low", "medium", "high"), default="medium")
    parser.add_argument("--jobs", type=int, default=0, help="processes of the check; 0: one for each core")
    parser.add_argument(
        "--list", action="store_true", help="list all unjudged findings and vanished verdicts"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="draw N unjudged findings to be judged")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-rule", type=int, metavar="M", default=0, help="at most M of a rule")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    parser.add_argument(
        "--merge", metavar="FILE", help="write the verdicts of all files there, sorted, and end"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_options(arguments)
    try:
        if options.merge is not None:
            count = merge(Path(options.merge), [Path(name) for name in options.judged])
            print(f"{options.merge}: {count} verdicts")
            return 0
        comparisons = gather(options)
        if options.sample is not None:
            if all(one.findings is None for one in comparisons):
                raise VerdictError(
                    "a sample is drawn from findings: name --findings, QERRLINT_QEMU_GIT or _TREE"
                )
            drawn = draw(comparisons, options.sample, options.seed, options.per_rule)
            print("\n\n".join(as_task(*item) for item in drawn) or "nothing is unjudged")
            return 0
        print(report(comparisons, options.list))
        if options.json is not None:
            text = json.dumps(document(comparisons), indent=1, ensure_ascii=False) + "\n"
            Path(options.json).write_text(text, encoding="utf-8")
    except VerdictError as error:
        print(f"precision: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"precision: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
