# SPDX-License-Identifier: GPL-2.0-or-later
"""The fixes of a tree as changes that can be committed one after the other: one a file or folder and rule."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence

from qerrlint.records import record
from qerrlint.result import Reported
from qerrlint.review.fixes.fixed_files import FixedFile, Refused, fix_files
from qerrlint.rules.rule import RuleSet
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.source import Source

FILE, FOLDER = "file", "folder"

# The findings of one file of a tree, those that are to be mended.
Look = Callable[[Source, str], Sequence[Reported]]


@record(frozen=True, slots=True)
class FixPatch:
    """What one commit changes: the findings of one rule in `area`.

    The area is a file's path without its suffix, or a folder. The files' old bytes are those after the
    patches before this one.
    """

    rule: str
    area: str
    files: tuple[FixedFile, ...]

    @property
    def mended(self) -> tuple[Reported, ...]:
        """The findings that it mends, by file."""
        return tuple(item for file in self.files for item in file.mended)


@record(frozen=True, slots=True)
class FixSeries:
    """The patches in order, and what could not be fixed."""

    patches: tuple[FixPatch, ...]
    refused: tuple[Refused, ...]


def fix_series(
    source: Source, found: Iterable[Reported], rules: RuleSet, reach: str, by: str, look: Look
) -> FixSeries:
    """The fixes of `found`, rule by rule in the order of their ids, then by path.

    `by` is FILE or FOLDER. `look` gives the findings of a file that an earlier patch has changed.
    """
    wanted: dict[str, dict[str, list[Reported]]] = {}
    for item in found:
        if item.fixes and item.suppressed is None:
            wanted.setdefault(item.rule, {}).setdefault(item.place.path, []).append(item)
    changed: dict[str, bytes | None] = {}
    patches: list[FixPatch] = []
    refused: list[Refused] = []
    for rule in sorted(wanted):
        for area, paths in _areas(wanted[rule], by):
            now = OverlaySource(source, changed)
            items: list[Reported] = []
            for path in paths:
                of_file = look(now, path) if path in changed else wanted[rule][path]
                items += [item for item in of_file if item.rule == rule]
            files = []
            for file in fix_files(now, items, rules, reach):
                refused += file.refused
                if file.old != file.new:
                    files.append(file)
                    changed[file.path] = file.new
            if files:
                patches.append(FixPatch(rule, area, tuple(files)))
    return FixSeries(tuple(patches), tuple(refused))


def _areas(paths: Iterable[str], by: str) -> Iterator[tuple[str, list[str]]]:
    """What the subject of a patch begins with, and the files of it."""
    areas: dict[str, list[str]] = {}
    for path in sorted(paths):
        folder, name = posixpath.split(path)
        stem = name.split(".")[0]
        areas.setdefault(posixpath.join(folder, stem) if by == FILE or not folder else folder, []).append(
            path
        )
    yield from areas.items()
