# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs qerrlint on the revisions of the benchmark and writes its findings for score.py.

    python bench/qemu-defects/adapters/qerrlint_findings.py FINDINGS.json --git DIR [--jobs N]

Unlike the other adapters it reads the history and not an export: each labelled function is analysed in its
tree, with the headers that its file includes. Findings of low confidence are left out. The document says
which rules answer which class, as the pages of the rules do.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from defects import all_labels, key_of, load_extents

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.located import Resolver
from qerrlint.engine.pool import run_tasks
from qerrlint.errors import QerrlintError
from qerrlint.model.include_graph import DeclarationCache
from qerrlint.model.program import Program
from qerrlint.replay.labels import answering
from qerrlint.rules.loader import load_rules
from qerrlint.source.git_tree import GitSource

Task = tuple[str, str, frozenset[str]]


class Bench:
    """One process's rules and cache of declarations."""

    def __init__(self, git: str) -> None:
        self.git = git
        self.rules = load_rules()
        self.cache = DeclarationCache()


def findings(bench: Bench, task: Task) -> list[dict[str, Any]]:
    """What the rules say of some functions of a file in a revision."""
    revision, path, functions = task
    with GitSource(bench.git, revision) as source:
        program = Program(source, "headers", cache=bench.cache)
        unit = program.unit(path)
        if unit is None:
            return []
        report = analyse_unit(unit, bench.rules, set(functions))
        resolver = Resolver(program)
        made = [resolver.locate(f, "") for f in report.findings if f.confidence != "low"]
    return [
        {
            "path": f"{revision}/{found.place.path}",
            "line": found.place.line,
            "rule": found.finding.rule,
            "message": found.finding.message,
        }
        for found in made
    ]


def answers() -> dict[str, list[str]]:
    """The rules that answer each class."""
    rules = load_rules()
    labels = {name: label for label in all_labels() for name in (label.defect, *label.also)}
    return {
        name: sorted(answering(replace(label, defect=name, also=()), rules)) for name, label in labels.items()
    }


def main() -> int:
    """Exit code: 0; 2 when the history cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("findings", type=Path)
    parser.add_argument("--git", required=True)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
    extents = load_extents()
    for label in all_labels():
        for extent in extents.get(key_of(label), {}).values():
            wanted[extent.revision, extent.path].add(label.function)
    tasks: list[Task] = [(*key, frozenset(names)) for key, names in wanted.items()]
    try:
        done = list(run_tasks(findings, partial(Bench, options.git), tasks, options.jobs))
    except QerrlintError as error:
        print(f"qerrlint: {error}", file=sys.stderr)
        return 2
    found = sorted((f for part in done for f in part), key=lambda f: (f["path"], f["line"]))
    document = {"answers": answers(), "findings": found}
    options.findings.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
