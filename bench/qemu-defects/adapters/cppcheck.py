# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs cppcheck over an export and writes its findings for score.py.

    python bench/qemu-defects/adapters/cppcheck.py EXPORT FINDINGS.json [--jobs N]

Each file is checked by itself, without QEMU's headers, in the configurations that cppcheck draws from the
file's own conditions (two at most). The checks are those of its classes error, warning and portability.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

TEMPLATE = "{file}\t{line}\t{id}\t{message}"
NO_DEFECTS = (
    "syntaxError",
    "unknownMacro",
    "preprocessorErrorDirective",
    "internalAstError",
    "cppcheckError",
)


def main() -> int:
    """Exit code: 0; 2 when cppcheck is missing or fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("findings", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    program = shutil.which("cppcheck")
    if program is None:
        print("cppcheck: not installed", file=sys.stderr)
        return 2
    command = [
        program,
        "--quiet",
        "--enable=warning,portability",
        "--max-configs=2",
        f"--template={TEMPLATE}",
    ]
    command += [f"-j{options.jobs}", "--language=c", str(options.export)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        print(f"cppcheck: exit code {done.returncode}", file=sys.stderr)
        return 2
    rows = [line.split("\t", 3) for line in done.stderr.splitlines() if line.count("\t") >= 3]
    findings = [
        {"path": path, "line": int(line), "rule": rule, "message": message}
        for path, line, rule, message in rows
        if rule not in NO_DEFECTS
    ]
    options.findings.write_text(json.dumps({"findings": findings}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
