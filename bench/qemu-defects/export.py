# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the files of the benchmark out of a git history of QEMU, for a tool to be run over.

    python bench/qemu-defects/export.py --git DIR --out DIR      # OUT/REVISION/PATH, about 1,000 files
    python bench/qemu-defects/export.py --git DIR --extents      # looks for the labelled functions anew

The second one needs the program's parser and writes extents.jsonl, which the first one and the scorer read.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from defects import Extent, all_labels, key_of, load_extents, save_extents

from qerrlint.c.cut import cut
from qerrlint.errors import QerrlintError
from qerrlint.model.program import Program
from qerrlint.replay.former import former_place
from qerrlint.replay.labels import Label
from qerrlint.review.scope import is_c
from qerrlint.source.git_tree import GitSource
from qerrlint.source.repository import Repository


def extent_of(path: str, data: bytes, name: str) -> tuple[int, int] | None:
    """The first and last line of a function or table."""
    for piece in cut(path, data):
        if piece.name == name:
            span = piece.span
            return data.count(b"\n", 0, span.start) + 1, data.count(b"\n", 0, span.end) + 1
    return None


class Blobs:
    """Files of a history, by one git process; the program's own reader would list each tree first."""

    def __init__(self, git: str) -> None:
        command = ["git", "-C", git, "cat-file", "--batch"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Blobs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def read(self, revision: str, path: str) -> bytes | None:
        """The bytes of a file; None where it is not there."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        asked.write(f"{revision}:{path}\n".encode())
        asked.flush()
        head = answers.readline().split()
        if len(head) != 3 or head[1] != b"blob":
            return None
        data = answers.read(int(head[2]))
        answers.read(1)
        return data


class Finder:
    """Looks for labelled functions in revisions of a history."""

    def __init__(self, git: str, blobs: Blobs) -> None:
        self._git = git
        self._blobs = blobs
        self._repository = Repository(git)

    def extents(self, label: Label) -> dict[str, Extent]:
        """By role, where the function is; a role where it is not is left out."""
        parent = self._repository.first_parent(label.fix)
        found = {}
        if parent is not None:
            found["before"] = self._at(parent, label.file, label.function)
            found["after"] = self._at(label.fix, self._renamed(parent, label.fix, label.file), label.function)
        if label.introduced is not None and (made := self._former(label)) is not None:
            path, name = made
            found["introduced"] = self._at(label.introduced, path, name)
            earlier = self._repository.first_parent(label.introduced)
            if earlier is not None:
                found["unchanged"] = self._at(earlier, path, name)
        return {role: extent for role, extent in found.items() if extent is not None}

    def _renamed(self, parent: str, fix: str, path: str) -> str:
        if self._blobs.read(fix, path) is not None:
            return path
        changes = self._repository.changed_paths(parent, fix)
        return next((c.new_path for c in changes if c.old_path == path and c.new_path), path)

    def _at(self, revision: str, path: str, name: str) -> Extent | None:
        data = self._blobs.read(revision, path)
        lines = extent_of(path, data, name) if data is not None else None
        return Extent(self._repository.resolve(revision), path, *lines) if lines else None

    def _former(self, label: Label) -> tuple[str, str] | None:
        """Where the function stood in the change that brought the defect in."""
        assert label.introduced is not None
        if self._at(label.introduced, label.file, label.function):
            return label.file, label.function
        earlier = self._repository.first_parent(label.introduced)
        fixed_on = self._repository.first_parent(label.fix)
        if earlier is None or fixed_on is None:
            return None
        changes = self._repository.changed_paths(earlier, label.introduced)
        paths = [change.new_path for change in changes if change.new_path and is_c(change.new_path)]
        with (
            GitSource(self._git, label.introduced) as then,
            GitSource(self._git, fixed_on) as later,
        ):
            unit = Program(later, "patch").unit(label.file)
            return former_place(Program(then, "patch"), paths, label.file, label.function, unit)


def export(blobs: Blobs, out: Path) -> int:
    """Write each file of each revision once; the number of files."""
    wanted = {extent for by_role in load_extents().values() for extent in by_role.values()}
    written = set()
    for extent in wanted:
        target = out / extent.file
        data = blobs.read(extent.revision, extent.path)
        if target in written or data is None:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        written.add(target)
    return len(written)


def main() -> int:
    """Exit code: 0; 2 when the history cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--git", required=True, help="a git repository with QEMU's history")
    parser.add_argument("--out", help="the folder to write to")
    parser.add_argument("--extents", action="store_true", help="look for the functions anew")
    options = parser.parse_args()
    try:
        Repository(options.git)
        with Blobs(options.git) as blobs:
            if options.extents:
                finder = Finder(options.git, blobs)
                labels = all_labels()
                save_extents(labels, {key_of(label): finder.extents(label) for label in labels})
            if options.out:
                print(f"{export(blobs, Path(options.out))} files")
    except QerrlintError as error:
        print(f"export: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
