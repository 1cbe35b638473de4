# SPDX-License-Identifier: GPL-2.0-or-later
"""A series applied patch by patch in memory: the tree after each, and what of each patch did not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from qerrlint.errors import InputError
from qerrlint.patch.apply import AlreadyApplied, HunkMismatch, apply_change
from qerrlint.patch.diff import SYMLINK, FileChange, reverse
from qerrlint.patch.linemap import LineMap
from qerrlint.patch.series import Patch, Series
from qerrlint.result import PatchInfo
from qerrlint.review.difftext import diff_of_patch
from qerrlint.review.scope import FilePair, is_c
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.source import Source


@dataclass(slots=True)
class Stage:
    """One patch applied: its files before and after, their line maps (by the path after), its problems.

    `changes` is the whole overlay from the base to the tree after this patch, `links` what the patches do to
    symbolic links; `there` says that the base has the patch already, `repeated` that it has one of its file
    changes. `unfit` are the changes that do not fit.
    """

    patch: Patch
    series: Series
    changes: dict[str, bytes | None]
    pairs: list[FilePair] = field(default_factory=list)
    maps: dict[str, LineMap] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    there: bool = False
    repeated: bool = False
    links: dict[str, bool] = field(default_factory=dict)
    unfit: list[FileChange] = field(default_factory=list)

    def info(self) -> PatchInfo:
        """What the Result says of the patch."""
        patch = self.patch
        return PatchInfo(
            index=patch.index,
            total=patch.total,
            version=patch.version,
            subject=patch.subject or patch.title or patch.message.origin,
            message_id=patch.message.message_id,
            applied=not self.skipped,
            files=tuple(dict.fromkeys(change.path for change in patch.changes)),
            problems=tuple(self.problems),
            diff=diff_of_patch(patch.changes),
            already_applied=self.there or (self.repeated and not self.pairs and not self.skipped),
        )


def apply_series(base: Source, series: Sequence[Series]) -> tuple[Source, list[Stage]]:
    """Every patch of every series on top of the one before, and the tree that the first one starts from.

    A file that does not fit stays as it is. Where the base has the first patches already, which shows when
    they fit in reverse and not forwards, the series starts from the base without them.
    """
    stages = _apply_all(base, series, {})
    if any(stage.skipped or stage.repeated for stage in stages):
        count, undone = _taken_back(base, [patch for one in series for patch in one.patches])
        if count:
            stages = _apply_all(base, series, undone)
            for stage in stages[:count]:
                stage.there = True
                stage.problems.append(
                    "the tree has this patch already; it is reviewed against the tree without"
                )
            return OverlaySource(base, undone), stages
    return base, stages


def _taken_back(base: Source, patches: Sequence[Patch]) -> tuple[int, dict[str, bytes | None]]:
    """How many of the first patches can be taken back from the base together, and what that changes."""
    for count in range(len(patches), 0, -1):
        changes: dict[str, bytes | None] = {}
        for patch in reversed(patches[:count]):
            stage = Stage(patch, Series((patch,), None, (), (), 1), dict(changes))
            undoing = [reverse(change) for change in reversed(patch.changes)]
            applying = _Applying(base, stage, undoing)
            # Of a copy nothing tells that the file there is what it has made.
            unsure = any(change.status == "C" and not change.hunks for change in patch.changes)
            for change in undoing:
                applying.apply(change)
            if stage.skipped or stage.repeated or unsure or not patch.changes:
                break
            changes = stage.changes
        else:
            return count, changes
    return 0, {}


def _apply_all(base: Source, series: Sequence[Series], start: dict[str, bytes | None]) -> list[Stage]:
    stages: list[Stage] = []
    changes = start
    links: dict[str, bool] = {}
    for one in series:
        for patch in one.patches:
            stage = Stage(patch, one, dict(changes), links=dict(links))
            stage.problems += [p for p in patch.problems if p not in stage.problems]
            applying = _Applying(base, stage, patch.changes)
            for change in patch.changes:
                applying.apply(change)
            stage.skipped += patch.refused
            changes, links = stage.changes, stage.links
            stages.append(stage)
    return stages


class _Applying:
    """One patch while its changes are applied, as git does it.

    Renames and copies start from the tree before the patch, whatever the patch's other changes are (so that
    two files can change places); other changes follow each other.
    """

    def __init__(self, base: Source, stage: Stage, changes: Sequence[FileChange]) -> None:
        self._stage = stage
        self._before = OverlaySource(base, stage.changes, stage.links)
        self._now = OverlaySource(base, stage.changes, stage.links)
        self._written: set[str] = set()
        self._leaving = {c.old_path for c in changes if c.status in ("D", "R")}

    def apply(self, change: FileChange) -> None:
        """Apply one change, or note why it cannot be."""
        if not change.regular:
            self._link(change)
            return
        stage = self._stage
        if change.binary and not is_c(change.path):
            return
        try:
            old = self._read(change)
            applied = apply_change(change, old)
        except AlreadyApplied:
            stage.problems.append(f"{change.path}: the tree has this change already")
            stage.repeated = True
            return
        except (HunkMismatch, InputError) as error:
            stage.problems = [p for p in stage.problems if p != str(error)]
            stage.problems.append(f"{error}; not applied")
            stage.skipped.append((change.path, str(error).removeprefix(f"{change.path}: ")))
            if not change.binary:
                stage.unfit.append(change)
            return
        stage.problems += applied.notes
        old_path, new_path = change.old_path, change.new_path
        gone = old_path is not None and (change.status in ("D", "R") or applied.data is None)
        if gone and old_path is not None and old_path not in self._written:
            self._set(old_path, None)
        if applied.data is not None and new_path is not None:
            self._set(new_path, applied.data)
            self._written.add(new_path)
            stage.maps[new_path] = applied.line_map
        stage.pairs.append(
            FilePair(
                old_path if old is not None and change.status != "A" else None,
                new_path if applied.data is not None else None,
            )
        )

    def _read(self, change: FileChange) -> bytes | None:
        """What the change starts from: of an added file what is there in its place."""
        for path in (change.old_path, change.new_path):
            if path is not None and (link := self._now.link_above(path)) is not None:
                raise HunkMismatch(path, 0, f"it lies beyond the symbolic link {link}")
        old_path, new_path = change.old_path, change.new_path
        if old_path is None:
            return self._now.read(new_path) if new_path is not None else None
        if change.status not in ("R", "C"):
            return self._now.read(old_path)
        if new_path is not None and new_path not in self._leaving and self._now.exists(new_path):
            raise HunkMismatch(new_path, 0, "there is such a file already")
        return self._before.read(old_path)

    def _link(self, change: FileChange) -> None:
        """A change of a symbolic link or a submodule: what else would be written through it is refused."""
        if change.old_mode == SYMLINK and change.old_path is not None:
            self._stage.links[change.old_path] = self._now.links[change.old_path] = False
        if change.new_mode == SYMLINK and change.new_path is not None and change.status != "D":
            self._stage.links[change.new_path] = self._now.links[change.new_path] = True

    def _set(self, path: str, data: bytes | None) -> None:
        self._stage.changes[path] = data
        self._now.changes[path] = data


def union(stages: Sequence[Stage]) -> list[FilePair]:
    """The files that the stages change together: from the first one's before to the last one's after."""
    origin: dict[str, str | None] = {}
    gone: list[str | None] = []
    for pair in _pairs(stages):
        old = origin.pop(pair.old, pair.old) if pair.old is not None else None
        if pair.new is None:
            gone.append(old)
        else:
            origin[pair.new] = old if pair.old is not None else origin.get(pair.new)
    out = [FilePair(old, new) for new, old in origin.items()]
    return out + [FilePair(old, None) for old in gone if old is not None]


def _pairs(stages: Sequence[Stage]) -> Iterator[FilePair]:
    for stage in stages:
        yield from stage.pairs
