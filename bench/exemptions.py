# SPDX-License-Identifier: GPL-2.0-or-later
"""What each exemption takes away on whole trees of QEMU; it judges no figure.

    python bench/exemptions.py TREE... [--labels FILE --git GIT] [--list ID]

A row of rules/exemptions.toml that takes nothing away on any tree, nor on the labelled changes, has no use.
`--labels` adds a column for the labels of FILE (the format of `qerrlint replay`): the files that they name,
before the fix and after it. It may be repeated.
The counts are of findings: one observation counts once for each rule that would have worded it. With `--list`
the places of one exemption are printed as well.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qerrlint.source.source import Source

ROOT = Path(__file__).resolve().parent.parent


def taken(tree: str) -> Iterator[tuple[str, str]]:
    """The id of an exemption and the finding that it took away, or lowered, for each one of a tree."""
    from qerrlint.engine.check_files import core_files
    from qerrlint.source.open_tree import open_tree

    with open_tree(tree) as source:
        yield from _taken_in(source, core_files(source))


def taken_by_labels(labels: Sequence[str], git: str) -> Iterator[tuple[str, str]]:
    """The same of the files that labels name, each at the parent of the fix and at the fix."""
    from qerrlint.source.open_tree import open_tree

    wanted: dict[str, set[str]] = {}
    for name in labels:
        for line in Path(name).read_text(encoding="utf-8").splitlines():
            label = json.loads(line)
            wanted.setdefault(label["fix"], set()).add(label["file"])
    for fix, paths in sorted(wanted.items()):
        for revision in (f"{fix}^", fix):
            with open_tree(git, revision) as source:
                for exemption, place in _taken_in(source, sorted(paths)):
                    yield exemption, f"{revision[:12]} {place}"


def _taken_in(source: Source, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    from qerrlint.engine.analyse_file import analyse_unit
    from qerrlint.model.program import Program
    from qerrlint.rules.loader import load_rules

    rules = load_rules().everything()
    program = Program(source)
    for path in paths:
        unit = program.unit(path)
        if unit is None:
            continue
        for took in analyse_unit(unit, rules).exempted:
            line, _ = unit.text.lines.position(took.span.start)
            for rule in took.rules:
                yield took.exemption, f"{path}:{line}: {rule} {took.effect} {took.function}()"
        program.forget(path)


def main() -> None:
    from qerrlint.engine.gc_tuning import relax
    from qerrlint.policy.exemptions import load_exemptions

    parser = argparse.ArgumentParser(description="Count what each exemption takes away on trees of QEMU.")
    parser.add_argument("trees", nargs="*", metavar="TREE", help="a work tree")
    parser.add_argument(
        "--labels", action="append", default=[], metavar="FILE", help="labels, one JSON object a line"
    )
    parser.add_argument("--git", metavar="GIT", help="the repository that has the commits of the labels")
    parser.add_argument("--list", metavar="ID", help="print the places of this exemption")
    given = parser.parse_args()
    known = [row.id for row in load_exemptions().rows]
    if given.list is not None and given.list not in known:
        parser.error(f"there is no exemption {given.list}")
    if given.labels and given.git is None:
        parser.error("--labels wants --git")
    relax()
    counts: list[Counter[str]] = []
    columns = [(tree, taken(os.path.abspath(tree))) for tree in given.trees]
    if given.labels:
        columns.append(("labels", taken_by_labels(given.labels, given.git)))
    for column, takes in columns:
        found = list(takes)
        counts.append(Counter(exemption for exemption, _ in found))
        for exemption, place in found:
            if exemption == given.list:
                print(f"{column} {place}")
    names = [os.path.basename(os.path.abspath(tree))[:12] for tree, _ in columns]
    print(f"{'exemption':32}" + "".join(f"{name:>13}" for name in names))
    for ident in known:
        print(f"{ident:32}" + "".join(f"{count[ident]:>13}" for count in counts))


if __name__ == "__main__":
    sys.path.insert(0, os.fspath(ROOT))
    main()
