# SPDX-License-Identifier: GPL-2.0-or-later
"""What `qerrlint check` of a work tree costs after an edit of one file, with a store.

    python bench/edits.py --tree TREE --count 20 --seed 11

TREE is a clone of QEMU that the script may edit; `git checkout .` undoes that. C files are drawn by how often
the last commits have touched them. Each in turn gets a comment at its end, and after that each a statement in
one of its functions; a run with one process follows each edit, and its CPU seconds (children included) are
printed, with the median and the greatest. The store is one in a temporary directory, which a first run over
the whole tree fills, unless --store names a directory.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from qerrlint.source.tree_folders import is_core

COMMITS = 6000
BODY = re.compile(rb"^\{\n", re.MULTILINE)


def drawn(tree: Path, count: int, draw: random.Random) -> list[str]:
    """Different C files, each as likely as commits have touched it often."""
    log = ("log", "--no-merges", "--format=", "--name-only", f"-{COMMITS}")
    names = subprocess.run(("git", "-C", tree, *log), capture_output=True, text=True, check=True).stdout
    touched = Counter(
        name
        for name in names.splitlines()
        if name.endswith(".c") and is_core(name) and (tree / name).is_file()
    )
    found: dict[str, None] = {}
    while len(found) < min(count, len(touched)):
        found[draw.choices(list(touched), list(touched.values()))[0]] = None
    return list(found)


def with_comment(text: bytes, draw: random.Random) -> bytes:
    """The text with a comment at its end."""
    return text + b"\n/* edited: %d */\n" % draw.randrange(10**6)


def with_statement(text: bytes, draw: random.Random) -> bytes:
    """The text with a statement more in one of its functions; as it is where it has none."""
    places = [found.end() for found in BODY.finditer(text)]
    if not places:
        return text
    at = draw.choice(places)
    return text[:at] + b"    note_edit(%d);\n" % draw.randrange(10**6) + text[at:]


def cost(tree: Path, store: str) -> float:
    """The CPU seconds of a run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = (sys.executable, "-m", "qerrlint", "check", "--tree", tree, "--jobs", "1", "--format", "json")
    environment = {**os.environ, "QERRLINT_CACHE_DIR": store}
    done = subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"the run has ended with {done.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", help="the directory of the store")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    paths = drawn(options.tree, options.count, draw)
    with tempfile.TemporaryDirectory() as temporary:
        store = options.store or temporary
        print(f"seed {options.seed}; first run {cost(options.tree, store):.2f}")
        # The tables of the program are kept by the first run that finds a store.
        cost(options.tree, store)
        print(f"nothing changed {cost(options.tree, store):.2f}")
        for what, edit in (("comment", with_comment), ("statement", with_statement)):
            costs = []
            for path in paths:
                file = options.tree / path
                file.write_bytes(edit(file.read_bytes(), draw))
                costs.append(cost(options.tree, store))
                print(f"{what} {costs[-1]:.2f} {path}", flush=True)
            print(f"{what}: median {statistics.median(costs):.2f}, greatest {max(costs):.2f}", flush=True)


if __name__ == "__main__":
    main()
