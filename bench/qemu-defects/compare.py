# SPDX-License-Identifier: GPL-2.0-or-later
"""Scores several tools on the labels and prints one table: by class, how many each tool finds.

    python bench/qemu-defects/compare.py --git DIR --tree DIR [--keep DIR]     # runs all adapters first
    python bench/qemu-defects/compare.py qerrlint=a.json cppcheck=b.json ...   # findings that are there

The other tools' rules are matched with classes as answers.toml says. "any" counts every finding of a tool in
the labelled function, whatever it says.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from score import ScoreError, read_answers, read_findings, score

from qerrlint.errors import QerrlintError
from qerrlint.replay.labels import CORE, FORM, NO_RULE, Label
from qerrlint.replay.outcomes import Outcome
from qerrlint.replay.scores import Score
from qerrlint.replay.scores import score as total

HERE = Path(__file__).parent
TOTALS: tuple[tuple[str, Callable[[Label], bool]], ...] = (
    ("intra core", lambda label: label.scope == "intra" and label.defect in CORE),
    ("all but other, message, redundant", lambda label: label.defect not in NO_RULE | FORM),
    ("all", lambda label: True),
)


def run_adapters(git: str, tree: str, folder: Path) -> dict[str, Path]:
    """Export the files and run each adapter; the findings of those that worked."""
    export = folder / "export"
    python = [sys.executable]
    subprocess.run([*python, str(HERE / "export.py"), "--git", git, "--out", str(export)], check=True)
    adapters = HERE / "adapters"
    commands = {
        "qerrlint": [str(adapters / "qerrlint_findings.py"), "{}", "--git", git],
        "cppcheck": [str(adapters / "cppcheck.py"), str(export), "{}"],
        "coccinelle": [str(adapters / "coccinelle.py"), str(export), "{}", "--tree", tree],
    }
    done = {}
    for tool, words in commands.items():
        findings = folder / f"{tool}.json"
        command = [*python, *(word.replace("{}", str(findings)) for word in words)]
        if subprocess.run(command, check=False).returncode == 0:
            done[tool] = findings
    return done


def outcomes_of(findings: Mapping[str, Path]) -> dict[str, list[Outcome]]:
    """The outcomes by column: each tool's, and for the others what any of their findings would give."""
    columns = {}
    for tool, path in findings.items():
        found, own = read_findings(path)
        answers = own if own is not None else read_answers(HERE / "answers.toml", tool)
        columns[tool] = score(found, answers, ())
        if own is None:
            columns[f"{tool}, any"] = score(found, None, ())
    return columns


def rows(columns: Mapping[str, Sequence[Outcome]]) -> Iterator[list[str]]:
    """A row for each class, with labels and what each column found; then the totals in full."""
    labels = [outcome.label for outcome in next(iter(columns.values()))]
    yield ["class", "labels", *columns]
    for name in sorted({label.defect for label in labels}):
        of_class = partial(_is_of, name)
        scores = [_of(outcomes, of_class) for outcomes in columns.values()]
        yield [name, str(scores[0].labels), *(str(s.found) for s in scores)]
    for name, chosen in TOTALS:
        scores = [_of(outcomes, chosen) for outcomes in columns.values()]
        for word in ("found", "near", "quiet", "submitted"):
            of = scores[0].changes if word == "submitted" else scores[0].labels
            yield [f"{name}: {word}", str(of), *(str(getattr(s, word)) for s in scores)]


def _is_of(name: str, label: Label) -> bool:
    return label.defect == name


def _of(outcomes: Sequence[Outcome], chosen: Callable[[Label], bool]) -> Score:
    return total(outcome for outcome in outcomes if chosen(outcome.label))


@contextmanager
def _folder(keep: str | None) -> Iterator[Path]:
    if keep is not None:
        Path(keep).mkdir(parents=True, exist_ok=True)
        yield Path(keep)
        return
    folder = Path(tempfile.mkdtemp(prefix="qemu-defects-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def main() -> int:
    """Exit code: 0; 2 for wrong arguments or documents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("findings", nargs="*", metavar="TOOL=FILE")
    parser.add_argument("--git", help="a git repository with QEMU's history")
    parser.add_argument("--tree", help="a work tree of QEMU, for its Coccinelle scripts")
    parser.add_argument("--keep", metavar="DIR", help="keep the export and the findings there")
    options = parser.parse_args()
    if not options.findings and not (options.git and options.tree):
        parser.error("name findings, or --git and --tree")
    try:
        with _folder(options.keep) as folder:
            findings = {name: Path(path) for name, _, path in (f.partition("=") for f in options.findings)}
            findings = findings or run_adapters(options.git, options.tree, folder)
            table = list(rows(outcomes_of(findings)))
    except (ScoreError, QerrlintError, subprocess.CalledProcessError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table:
        print(
            "  ".join(
                [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
