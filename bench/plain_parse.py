# SPDX-License-Identifier: GPL-2.0-or-later
"""The rival of a whole-tree check: read the same files and parse each whole with tree-sitter, nothing more.

    python bench/plain_parse.py TREE JOBS

It does none of the work that findings need: no tool that begins with a tree of each file can be quicker.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial


def core_paths(tree: str) -> list[tuple[int, str]]:
    """(size, path) of the files that `qerrlint check` looks at, largest first."""
    from qerrlint.engine.check_files import core_files
    from qerrlint.source.open_tree import open_tree

    with open_tree(tree) as source:
        return sorted(((os.path.getsize(os.path.join(tree, p)), p) for p in core_files(source)), reverse=True)


def parse(tree: str, path: str) -> int:
    """Parse one file; the number of bytes."""
    import tree_sitter_c
    from tree_sitter import Language, Parser

    with open(os.path.join(tree, path), "rb") as file:
        data = file.read()
    parsed = Parser(Language(tree_sitter_c.language())).parse(data)
    assert parsed.root_node is not None
    return len(data)


def main() -> None:
    tree, jobs = sys.argv[1], int(sys.argv[2])
    paths = [path for _, path in core_paths(tree)]
    work = partial(parse, tree)
    if jobs == 1:
        total = sum(map(work, paths))
    else:
        with ProcessPoolExecutor(jobs) as pool:
            total = sum(pool.map(work, paths, chunksize=16))
    print(f"{len(paths)} files, {total} bytes")


if __name__ == "__main__":
    main()
