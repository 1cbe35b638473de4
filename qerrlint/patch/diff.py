# SPDX-License-Identifier: GPL-2.0-or-later
"""Unified diffs as values: file changes and hunks."""

from __future__ import annotations

import re

from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

# No repetition in it meets what it repeats again: the text comes from mails.
_DIFF = lazy_re(
    rb"^(?:diff --(?:git|cc|combined) .|--- .+\n\+\+\+ .+\n@@(?!@)|GIT binary patch"
    rb"|@@ -\d{1,9}(?:,\d{1,9})? \+\d)",
    re.M,
)
SYMLINK = "120000"
SUBMODULE = "160000"


@record(frozen=True, slots=True)
class Hunk:
    """One hunk. Lines count from 1, as in the `@@` header.

    `lines` holds (sign, bytes) with sign one of " ", "+", "-"; the bytes end in a newline as in the file,
    unless the diff says that the file's last line has none. `text_line` is the line of the `@@` header
    in the parsed text, `text_lines` that of each entry of `lines`. `damage` says what is wrong with the
    hunk's own form (cut short, wrong counts, wrapped by a mailer), None when nothing is. `mended` says what a
    mailer had done to its context lines and was undone, "" for nothing.
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str
    lines: tuple[tuple[str, bytes], ...]
    text_line: int
    text_lines: tuple[int, ...]
    damage: str | None = None
    mended: str = ""

    @property
    def before(self) -> list[bytes]:
        """The lines the hunk expects to find."""
        return [text for sign, text in self.lines if sign != "+"]

    @property
    def after(self) -> list[bytes]:
        """The lines the hunk leaves behind."""
        return [text for sign, text in self.lines if sign != "-"]


@record(frozen=True, slots=True)
class FileChange:
    """What a diff does to one file.

    `status` is git's letter: A(dded), D(eleted), M(odified, also a change of mode alone), R(enamed),
    C(opied). Blob ids are as the diff has them (abbreviated), None where it has none. `text_line` is the
    line of the change's first header line.
    """

    old_path: str | None
    new_path: str | None
    old_blob: str | None
    new_blob: str | None
    old_mode: str | None
    new_mode: str | None
    status: str
    binary: bool
    hunks: tuple[Hunk, ...]
    text_line: int = 0

    @property
    def path(self) -> str:
        """The path after the change, of a deleted file the one before it."""
        return self.new_path or self.old_path or ""

    @property
    def regular(self) -> bool:
        """Whether both sides are regular files, neither symbolic links nor submodules."""
        return not {self.old_mode, self.new_mode} & {SYMLINK, SUBMODULE}

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each damaged hunk, naming file and hunk."""
        return tuple(
            f"{self.path}: hunk {number}: {hunk.damage}"
            for number, hunk in enumerate(self.hunks, 1)
            if hunk.damage is not None
        )


@record(frozen=True, slots=True)
class Diff:
    """All changes of one text in their order; `problems` names what was refused or is damaged.

    `refused` are the names and reasons of what is not among the changes: paths that leave the tree, merges.
    """

    changes: tuple[FileChange, ...]
    problems: tuple[str, ...]
    refused: tuple[tuple[str, str], ...] = ()


def has_diff(data: bytes) -> bool:
    """Whether the text seems to hold a diff of its own: a quick test without parsing."""
    return _DIFF.search(data) is not None


def reverse(change: FileChange) -> FileChange:
    """The change that undoes this one; text lines stay those of the original."""
    hunks = tuple(
        Hunk(
            hunk.new_start,
            hunk.new_count,
            hunk.old_start,
            hunk.old_count,
            hunk.section,
            tuple(({"+": "-", "-": "+"}.get(sign, sign), text) for sign, text in hunk.lines),
            hunk.text_line,
            hunk.text_lines,
            hunk.damage,
            hunk.mended,
        )
        for hunk in change.hunks
    )
    return FileChange(
        change.new_path,
        change.old_path,
        change.new_blob,
        change.old_blob,
        change.new_mode,
        change.old_mode,
        {"A": "D", "D": "A", "C": "D"}.get(change.status, change.status),
        change.binary,
        hunks,
        change.text_line,
    )
