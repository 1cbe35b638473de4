# SPDX-License-Identifier: GPL-2.0-or-later
"""What the checks cost where a review asks about a few functions of each file.

    python bench/asked_functions.py --tree TREE --every 9

Of every ninth C file of the tree 1, 2, 5 or 10 functions are drawn, twice, and the checks are run over these
and the tables of the file, as a review of a change does. Prints the number of files, and the CPU seconds of
the checks. --reports names a file to write all reports to, so that two states can be compared.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from qerrlint.c.cut import OTHER
from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.check_files import core_files
from qerrlint.engine.gc_tuning import relax
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.rules.loader import load_rules
from qerrlint.source.open_tree import open_tree

COUNTS = (1, 2, 5, 10)


def drawn(unit: TranslationUnit, draw: random.Random) -> set[str]:
    """Some functions of a file, and its tables."""
    names = sorted(unit.functions)
    chosen = set(draw.sample(names, min(len(names), draw.choice(COUNTS))))
    return chosen | {piece.name for piece in unit.definitions.pieces if piece.kind == OTHER and piece.name}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--every", type=int, default=9)
    parser.add_argument("--reports", type=Path)
    options = parser.parse_args()
    relax()
    rules = load_rules()
    spent, reports = 0.0, []
    with open_tree(str(options.tree)) as source:
        program = Program(source)
        paths = core_files(source)[:: options.every]
        for path in paths:
            unit = program.unit(path)
            if unit is None:
                continue
            draw = random.Random(path)
            for only in (drawn(unit, draw), drawn(unit, draw)):
                begun = time.process_time()
                report = analyse_unit(unit, rules, only)
                spent += time.process_time() - begun
                reports.append(f"{path} {sorted(only)} {report}\n")
            program.forget(path)
    if options.reports is not None:
        options.reports.write_text("".join(reports), encoding="utf-8", errors="surrogateescape")
    sys.stdout.write(f"{len(paths)} files, {spent:.2f} s\n")


if __name__ == "__main__":
    main()
