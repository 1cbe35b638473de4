# SPDX-License-Identifier: GPL-2.0-or-later
"""A file as an editor has it: its findings, which of them are new, its fixes; independent of the protocol."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qerrlint.errors import InputError, QerrlintError
from qerrlint.records import record

if TYPE_CHECKING:
    from qerrlint.cli.options import Options
    from qerrlint.cli.settings import Settings
    from qerrlint.result import Reported, ReportedFix, Skipped
    from qerrlint.source.overlay import OverlaySource


@record(frozen=True, slots=True)
class Seen:
    """The findings of a buffer, in source order; `new` are those that HEAD's file has not (all where no git
    repository tells), `skipped` says that the file was not analysed."""

    path: str
    found: tuple[Reported, ...]
    new: frozenset[int]
    skipped: tuple[Skipped, ...] = ()

    def is_new(self, number: int) -> bool:
        """Whether the finding of that number is new."""
        return number in self.new


@dataclass(slots=True)
class Buffer:
    """The bytes of an open file, whose name on disk need not exist yet."""

    file: str
    data: bytes
    options: Options
    _source: OverlaySource | None = field(default=None, repr=False)
    _path: str = ""
    _inside: bool = False

    def open(self) -> OverlaySource:
        """The tree around the file with the buffer in it. Raises InputError."""
        if self._source is None:
            self._source, self._path, self._inside = overlaid(self.file, self.data)
        return self._source

    def seen(self) -> Seen:
        """Analyse the buffer. Raises QerrlintError, for a broken configuration say."""
        from qerrlint.engine.check_files import CheckOptions, check_files
        from qerrlint.review.apply_policy import standing

        source = self.open()
        settings = self._settings()
        if settings.configuration.excludes(self._path):
            return Seen(self._path, (), frozenset())
        checked = check_files(source, [self._path], CheckOptions(settings.reach, self.options.rules))
        found, _ = standing(
            checked.found, settings.all_rules, settings.configuration, settings.baseline, source
        )
        shown = tuple(item for item in found if settings.shows(item))
        introduced = self._introduced(settings)
        new = {
            number
            for number, item in enumerate(shown)
            if introduced is None or (item.fingerprint, item.place.line, item.place.column) in introduced
        }
        return Seen(self._path, shown, frozenset(new), checked.coverage.skipped)

    def fix(self, found: Reported) -> ReportedFix | None:
        """The fix of a finding, if it stands up to a second analysis of the buffer."""
        from qerrlint.review.fixes.fixed_files import fix_files

        if not found.fixes:
            return None
        settings = self._settings()
        for file in fix_files(self.open(), [found], settings.all_rules, settings.reach):
            if file.mended:
                return found.fixes[0]
        return None

    def contract(self, name: str) -> Sequence[str]:
        """What is known of a function of that name, as this file sees it; nothing for any other name."""
        from qerrlint.queries.contract_lookup import find_contract
        from qerrlint.report.queries.contract_text import lines

        if not self._inside and self._source is not None:
            return ()
        try:
            return [line.text for line in lines(find_contract(self.open(), name, self._path, _PLACES))]
        except QerrlintError:
            return ()

    def _settings(self) -> Settings:
        from dataclasses import replace

        from qerrlint.cli.settings import settle

        settings = settle(self.options, self.open())
        return settings if self._inside else replace(settings, reach="patch")

    def _introduced(self, settings: Settings) -> set[tuple[str, int, int]] | None:
        """The findings that the buffer has and HEAD has not; None where there is no HEAD to compare with."""
        from qerrlint.result import TreeInfo
        from qerrlint.review.review_options import ReviewOptions
        from qerrlint.review.revision_review import review_change
        from qerrlint.review.scope import FilePair
        from qerrlint.source.git_tree import GitSource, locate

        source = self.open()
        if not self._inside or locate(source.root) is None:
            return None
        try:
            head = GitSource(source.root)
        except InputError:  # a repository without any commit
            return None
        with head:
            old = self._path if head.exists(self._path) else None
            tree = TreeInfo(source.root, head.revision, "HEAD", settings.reach)
            options = ReviewOptions(settings.all_rules)
            result = review_change(head, source, [FilePair(old, self._path)], options, tree)
        return {
            (item.fingerprint, item.place.line, item.place.column)
            for item in result.findings
            if item.status == "introduced"
        }


# Places in each list of a hover.
_PLACES = 5


def overlaid(file: str, data: bytes) -> tuple[OverlaySource, str, bool]:
    """The tree that a file lies in with `data` as its content, its path there, and whether that is QEMU's.

    A file outside of a QEMU tree is alone in its folder. The file need not exist, its folder has to.
    """
    from qerrlint.source.directory import DirectorySource
    from qerrlint.source.open_tree import open_tree, tree_of
    from qerrlint.source.overlay import OverlaySource

    # The folder's links are followed, the file's own name is kept.
    folder, name = os.path.split(os.path.abspath(file))
    folder = os.path.realpath(folder)
    if not os.path.isdir(folder):
        raise InputError(f"{file}: no such folder")
    root = tree_of([os.path.join(folder, name)])
    base = open_tree(root) if root is not None else DirectorySource(folder, [])
    path = os.path.relpath(os.path.join(folder, name), os.path.realpath(base.root)).replace(os.sep, "/")
    return OverlaySource(base, {path: data}), path, root is not None
