# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the Coccinelle scripts of a QEMU tree over an export and writes what they would change, for score.py.

    python bench/qemu-defects/adapters/coccinelle.py EXPORT FINDINGS.json --tree QEMU

Each change that a script proposes (spatch prints a patch) is a finding of the script's name, at the first
line that it takes away or adds to; so is each place that a script prints. Only the scripts in SCRIPTS are
run: the others have other subjects.
A script that this version of spatch cannot read is named on stderr.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SCRIPTS = (
    "err-bad-newline",
    "error-use-after-free",
    "error_propagate_null",
    "errp-guard",
    "remove_local_err",
    "use-error_fatal",
)
_HUNK = re.compile(r"@@ -(\d+)")
_REPORT = re.compile(r"(/[^:]+):(\d+):\d+:")


def changes(patch: str) -> Iterator[tuple[str, int]]:
    """The file and line of each hunk's first change, and of what a script reports in words."""
    path, line, seen = "", 0, True
    for text in patch.splitlines():
        if text.startswith("--- "):
            path = text[4:].split("\t")[0]
        elif match := _HUNK.match(text):
            line, seen = int(match[1]), False
        elif text.startswith("+++ "):
            continue
        elif match := _REPORT.match(text):
            yield match[1], int(match[2])
        elif text.startswith(("-", "+")) and not seen:
            seen = True
            yield path, line
        elif not text.startswith("+"):
            line += 1


def main() -> int:
    """Exit code: 0; 2 when spatch or a script is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("findings", type=Path)
    parser.add_argument("--tree", type=Path, required=True, help="a work tree of QEMU, for its scripts")
    options = parser.parse_args()
    program = shutil.which("spatch")
    if program is None:
        print("coccinelle: spatch is not installed", file=sys.stderr)
        return 2
    macros = options.tree / "scripts" / "cocci-macro-file.h"
    findings = []
    for script in SCRIPTS:
        path = options.tree / "scripts" / "coccinelle" / f"{script}.cocci"
        if not path.exists():
            print(f"coccinelle: {path} is missing", file=sys.stderr)
            return 2
        command = [program, "--sp-file", str(path), "--macro-file", str(macros), "--no-includes"]
        command += ["--very-quiet", "--timeout", "20", "--dir", str(options.export.absolute())]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0 or "parse error" in done.stderr:
            print(f"coccinelle: {script}.cocci was not run to its end", file=sys.stderr)
        for place, line in changes(done.stdout):
            findings.append({"path": place, "line": line, "rule": script, "message": ""})
    options.findings.write_text(json.dumps({"findings": findings}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
