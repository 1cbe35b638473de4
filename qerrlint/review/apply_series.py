# SPDX-License-Identifier: GPL-2.0-or-later
"""A series applied patch by patch in memory: the tree after each, and what of each patch did not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from qerrlint.errors import InputError
from qerrlint.patch.apply import AlreadyApplied, HunkMismatch, apply_change
from qerrlint.patch.diff import FileChange, reverse
from qerrlint.patch.linemap import LineMap
from qerrlint.patch.series import Patch, Series
from qerrlint.result import PatchInfo
from qerrlint.review.difftext import diff_of_patch
from qerrlint.review.scope import FilePair
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.source import Source


@dataclass(slots=True)
class Stage:
    """One patch applied: its files before and after, their line maps (by the path after), its problems.

    `changes` is the whole overlay from the base to the tree after this patch; `there` says that the base has
    the patch already, `repeated` that it has one of its file changes.
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
            source = OverlaySource(base, stage.changes)
            for change in reversed(patch.changes):
                _apply(stage, reverse(change), source)
            if stage.skipped or stage.repeated or not patch.changes:
                break
            changes = stage.changes
        else:
            return count, changes
    return 0, {}


def _apply_all(base: Source, series: Sequence[Series], start: dict[str, bytes | None]) -> list[Stage]:
    stages: list[Stage] = []
    changes = start
    for one in series:
        for patch in one.patches:
            stage = Stage(patch, one, dict(changes))
            stage.problems += [p for p in patch.problems if p not in stage.problems]
            source = OverlaySource(base, stage.changes)
            for change in patch.changes:
                _apply(stage, change, source)
            if not patch.changes:
                stage.skipped.append((patch.message.origin, "no change in this message"))
            changes = stage.changes
            stages.append(stage)
    return stages


def _apply(stage: Stage, change: FileChange, source: OverlaySource) -> None:
    if change.binary or not change.regular:
        return
    old_path, new_path = change.old_path, change.new_path
    try:
        old = source.read(old_path) if old_path is not None else None
        applied = apply_change(change, old)
    except AlreadyApplied as error:
        stage.problems.append(f"{error}; the tree has this change already")
        stage.repeated = True
        return
    except (HunkMismatch, InputError) as error:
        stage.problems = [p for p in stage.problems if p != str(error)]
        stage.problems.append(f"{error}; not applied")
        stage.skipped.append((change.path, str(error).removeprefix(f"{change.path}: ")))
        return
    stage.problems += applied.notes
    if old_path is not None and (change.status in ("D", "R") or applied.data is None):
        _set(stage, source, old_path, None)
    if applied.data is not None and new_path is not None:
        _set(stage, source, new_path, applied.data)
        stage.maps[new_path] = applied.line_map
    stage.pairs.append(
        FilePair(old_path if old is not None else None, new_path if applied.data is not None else None)
    )


def _set(stage: Stage, source: OverlaySource, path: str, data: bytes | None) -> None:
    stage.changes[path] = data
    source.changes[path] = data


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
