# SPDX-License-Identifier: GPL-2.0-or-later
"""What each exemption takes away on whole trees of QEMU; it judges no figure.

    python bench/exemptions.py TREE... [--list ID]

A row of rules/exemptions.toml that takes nothing away on any tree, nor on the labelled changes, has no use.
The counts are of findings: one observation counts once for each rule that would have worded it. With `--list`
the places of one exemption are printed as well.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def taken(tree: str) -> Iterator[tuple[str, str]]:
    """The id of an exemption and the finding that it took away, or lowered, for each one of a tree."""
    from qerrlint.engine.analyse_file import analyse_unit
    from qerrlint.engine.check_files import core_files
    from qerrlint.model.program import Program
    from qerrlint.rules.loader import load_rules
    from qerrlint.source.open_tree import open_tree

    rules = load_rules().everything()
    with open_tree(tree) as source:
        program = Program(source)
        for path in core_files(source):
            unit = program.unit(path)
            assert unit is not None
            for took in analyse_unit(unit, rules).exempted:
                line, _ = unit.lines.position(took.span.start)
                for rule in took.rules:
                    yield took.exemption, f"{path}:{line}: {rule} {took.effect} {took.function}()"
            program.forget(path)


def main() -> None:
    from qerrlint.engine.gc_tuning import relax
    from qerrlint.policy.exemptions import load_exemptions

    parser = argparse.ArgumentParser(description="Count what each exemption takes away on trees of QEMU.")
    parser.add_argument("trees", nargs="+", metavar="TREE", help="a work tree")
    parser.add_argument("--list", metavar="ID", help="print the places of this exemption")
    given = parser.parse_args()
    known = [row.id for row in load_exemptions().rows]
    if given.list is not None and given.list not in known:
        parser.error(f"there is no exemption {given.list}")
    relax()
    counts: list[Counter[str]] = []
    for tree in given.trees:
        found = list(taken(os.path.abspath(tree)))
        counts.append(Counter(exemption for exemption, _ in found))
        for exemption, place in found:
            if exemption == given.list:
                print(f"{tree} {place}")
    names = [os.path.basename(os.path.abspath(tree))[:12] for tree in given.trees]
    print(f"{'exemption':32}" + "".join(f"{name:>13}" for name in names))
    for ident in known:
        print(f"{ident:32}" + "".join(f"{count[ident]:>13}" for count in counts))


if __name__ == "__main__":
    sys.path.insert(0, os.fspath(ROOT))
    main()
