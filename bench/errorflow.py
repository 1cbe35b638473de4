# SPDX-License-Identifier: GPL-2.0-or-later
"""What the rules on errors cost a function, and which have more paths than are followed; it judges no figure.

    QERRLINT_QEMU_TREE=DIR python bench/errorflow.py [--json] [--names]

One process, one core, CPU time. Of each function that mentions an Error, a notifier or a blocker, in the
files that `qerrlint check` looks at, three times are taken: `parse` (parse and lower it; all those of a file
first), `exploration` (interpret it, with what that asks for the first time: effects of calls, headers, other
callees in the file) and `checks` (the conclusions of the checks of the analysis "errors"). Cutting the file
comes before, the other analyses and wording come after.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def measure(tree: str) -> dict[str, Any]:
    """Milliseconds a function and the functions over the state limit, for a whole tree."""
    from qerrlint.checks.function import AnalysedFunction
    from qerrlint.checks.registry import function_checks
    from qerrlint.engine.check_files import core_files
    from qerrlint.engine.gc_tuning import relax
    from qerrlint.model.program import Program
    from qerrlint.source.open_tree import open_tree

    relax()
    errors = [check for check in function_checks() if check.analysis == "errors"]
    parses: list[float] = []
    flows: list[tuple[float, str]] = []
    conclusions: list[float] = []
    over: list[str] = []
    with open_tree(tree) as source:
        program = Program(source)
        for path in core_files(source):
            unit = program.unit(path)
            assert unit is not None
            readable = []
            for piece in unit.definitions.relevant():
                start = time.process_time_ns()
                lowered = unit.lowering.function(piece)
                parsed = time.process_time_ns()
                if lowered is not None:
                    readable.append((piece, lowered))
                    parses.append((parsed - start) / 1e6)
            for piece, lowered in readable:
                start = time.process_time_ns()
                result = unit.interpretation.result(piece)
                explored = time.process_time_ns()
                assert result is not None
                analysed = AnalysedFunction(unit, piece, lowered, result)
                for check in errors:
                    for _ in check.run(analysed):
                        pass
                done = time.process_time_ns()
                place = f"{piece.name}() at {path}:{unit.text.lines.position(piece.span.start)[0]}"
                flows.append(((explored - start) / 1e6, place))
                conclusions.append((done - explored) / 1e6)
                if not result.complete:
                    over.append(place)
            program.forget(path)
    slowest, where = max(flows)
    return {
        "functions": len(flows),
        "parse_ms": spread(parses),
        "exploration_ms": spread([spent for spent, _ in flows]),
        "checks_ms": spread(conclusions),
        "slowest": f"{where}, {slowest:.0f} ms",
        "over_limit": len(over),
        "over_limit_percent": round(100 * len(over) / len(flows), 2),
        "over_limit_names": over,
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean, median and 99th percentile."""
    order = sorted(values)
    return {
        "mean": round(sum(order) / len(order), 3),
        "median": round(order[len(order) // 2], 3),
        "p99": round(order[len(order) * 99 // 100], 3),
    }


def table(found: dict[str, Any], names: bool) -> str:
    """The figures for people."""
    lines = [f"errorflow: functions {found['functions']}, one process"]
    lines.append(f"  {'CPU ms a function':18}{'mean':>9}{'median':>9}{'p99':>9}")
    for key in ("parse_ms", "exploration_ms", "checks_ms"):
        one = found[key]
        lines.append(f"  {key[:-3]:18}{one['mean']:>9.2f}{one['median']:>9.2f}{one['p99']:>9.2f}")
    lines.append(f"  slowest: {found['slowest']}")
    lines.append(f"  over the state limit: {found['over_limit']} ({found['over_limit_percent']} %)")
    return "\n".join(lines + [f"    {name}" for name in found["over_limit_names"] if names])


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what the rules on errors cost a function of QEMU.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--names", action="store_true", help="name the functions over the state limit")
    given = parser.parse_args()
    tree = os.environ.get("QERRLINT_QEMU_TREE")
    if not tree:
        print("bench: name a QEMU tree in QERRLINT_QEMU_TREE", file=sys.stderr)
        sys.exit(2)
    found = measure(os.path.abspath(tree))
    print(json.dumps(found, indent=2) if given.json else table(found, given.names))


if __name__ == "__main__":
    sys.path.insert(0, os.fspath(ROOT))
    main()
