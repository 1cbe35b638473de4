# SPDX-License-Identifier: GPL-2.0-or-later
"""A file change applied to a file's bytes in memory: exact context, at the stated line or the nearest one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qerrlint.errors import InputError
from qerrlint.patch.diff import FileChange, Hunk
from qerrlint.patch.linemap import IDENTITY, LineMap, line_map


class HunkMismatch(InputError):  # noqa: N818 (the interface is named after what happened)
    """A change that does not fit: `path`, `hunk` (from 1; 0 for the file as a whole) and `why`."""

    def __init__(self, path: str, hunk: int, why: str) -> None:
        super().__init__(f"{path}: hunk {hunk}: {why}" if hunk else f"{path}: {why}")
        self.path = path
        self.hunk = hunk
        self.why = why


class AlreadyApplied(HunkMismatch):
    """The file already is what the change makes of it."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A file after a change.

    `data` is None when the change deletes the file. `offsets` has one number a hunk: how many lines
    from its stated place it was found. `notes` are sentences on what was put up with.
    """

    data: bytes | None
    line_map: LineMap
    offsets: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


# How lines are compared: as they are, without the CR of line endings, without trailing blanks.
_Fold = Callable[[bytes], bytes]


def _exact(line: bytes) -> bytes:
    return line


def _plain(line: bytes) -> bytes:
    return line[:-2] + b"\n" if line.endswith(b"\r\n") else line


def _stripped(line: bytes) -> bytes:
    return line.rstrip()


@dataclass(frozen=True, slots=True)
class _Text:
    """The file as lines, and as the keys by which they are compared."""

    lines: list[bytes]
    keys: list[bytes]
    fold: _Fold


# A hunk's lines of one side, as they are compared, and the index at which the hunk says that they stand.
_Side = tuple[list[bytes], int]


def apply_change(change: FileChange, old: bytes | None) -> Applied:
    """The file `old` (None: there is none) after `change`.

    Raises AlreadyApplied when the file already has the change, HunkMismatch when it does not fit, when
    the change is binary or one of its hunks is damaged.
    """
    path = change.path
    if change.binary:
        raise HunkMismatch(path, 0, "a binary change cannot be applied")
    for number, hunk in enumerate(change.hunks, 1):
        if hunk.damage is not None:
            raise HunkMismatch(path, number, hunk.damage)
    if change.status == "A" or (old is None and _only_adds(change)):
        return _create(change, old)
    if old is None:
        raise HunkMismatch(path, 0, f"there is no {change.old_path} in the base")
    if not change.hunks:
        return Applied(None, LineMap(())) if change.status == "D" else Applied(old, IDENTITY)
    ending = _ending(change, old)
    text, placed = _place_all(change, split_lines(old), other_ending=ending is not None)
    notes = []
    if text.fold is _exact:
        ending = None
    if ending is not None:
        notes.append(f"{path}: line endings of patch and file differ; the file's were kept")
    if text.fold is _stripped:
        notes.append(f"{path}: trailing blanks of patch and file differ; the file's were kept")
    data = _build(change, text, placed, ending)
    if change.status == "D" and data:
        raise HunkMismatch(path, 0, "the file to delete has more lines than the change removes")
    offsets = tuple(offset for _, offset in placed)
    notes += [f"{path}: hunk {i} found {_lines(offset)}" for i, offset in enumerate(offsets, 1) if offset]
    return Applied(None if change.status == "D" else data, _map(change, placed), offsets, tuple(notes))


def split_lines(data: bytes) -> list[bytes]:
    """Lines with their newlines, split at newlines only: a lone carriage return ends none."""
    if b"\r" not in data:
        return data.splitlines(keepends=True)
    lines = [line + b"\n" for line in data.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _only_adds(change: FileChange) -> bool:
    """A new file in a plain diff, which may name an empty file where git says /dev/null."""
    return bool(change.hunks) and all(hunk.old_start == hunk.old_count == 0 for hunk in change.hunks)


def _place_all(
    change: FileChange, lines: list[bytes], *, other_ending: bool
) -> tuple[_Text, list[tuple[int, int]]]:
    """All hunks placed exactly, else without regard to line endings, else to trailing blanks.

    Mail can strip or add the CR of line endings, and mailers strip blanks at line ends.
    """
    first: HunkMismatch | None = None
    for fold in (_exact, _plain, _stripped) if other_ending else (_exact, _stripped):
        text = _Text(lines, lines if fold is _exact else [fold(line) for line in lines], fold)
        try:
            return text, _place(change, text)
        except AlreadyApplied:
            raise
        except HunkMismatch as error:
            first = first or error
    assert first is not None
    raise first


def _lines(offset: int) -> str:
    plural = "" if abs(offset) == 1 else "s"
    return f"{abs(offset)} line{plural} {'below' if offset > 0 else 'above'} its stated place"


def _create(change: FileChange, old: bytes | None) -> Applied:
    data = b"".join(text for hunk in change.hunks for text in hunk.after)
    if old is not None:
        if old == data:
            raise AlreadyApplied(change.path, 0, "the file to add is there already, with the same content")
        if old:
            raise HunkMismatch(change.path, 0, "the file to add is there already")
    placed = [(0, 0)] * len(change.hunks)
    return Applied(data, _map(change, placed), (0,) * len(placed))


def _ending(change: FileChange, old: bytes) -> bytes | None:
    """The file's line ending when patch and file disagree on it (mail strips or adds CR), else None."""
    file_has = b"\r\n" in old
    expected = [text for hunk in change.hunks for text in hunk.before] or [
        text for hunk in change.hunks for text in hunk.after
    ]
    patch_has = any(text.endswith(b"\r\n") for text in expected)
    if file_has == patch_has:
        return None
    return b"\r\n" if old.count(b"\r\n") * 2 > old.count(b"\n") else b"\n"


def _place(change: FileChange, text: _Text) -> list[tuple[int, int]]:
    """For each hunk the index of its first old line and how far that is from the stated place."""
    placed = _located(change, text, _old_side)
    if len(placed) < len(change.hunks):
        raise _mismatch(change, text, placed)
    distance = sum(abs(offset) for _, offset in placed)
    # Lines like the old ones may stand elsewhere in a file that has the change: the nearer reading wins.
    if distance and (applied := _applied_distance(change, text)) is not None and applied < distance:
        raise AlreadyApplied(change.path, 0, "the change is in the file already")
    return placed


def _old_side(hunk: Hunk, text: _Text) -> _Side:
    before = [text.fold(line) for line in hunk.before]
    return before, hunk.old_start - 1 if before else hunk.old_start


def _new_side(hunk: Hunk, text: _Text) -> _Side:
    after = [text.fold(line) for line in hunk.after]
    return after, hunk.new_start - 1 if after else hunk.new_start


def _located(change: FileChange, text: _Text, side: Callable[[Hunk, _Text], _Side]) -> list[tuple[int, int]]:
    """Where the hunks' lines of one side stand, as _place has it, up to the first hunk that has no place."""
    placed: list[tuple[int, int]] = []
    drift = floor = 0
    for hunk in change.hunks:
        lines, stated = side(hunk, text)
        at = _find(text.keys, lines, hunk, stated + drift, floor)
        if at is None:
            break
        drift, floor = at - stated, at + len(lines)
        placed.append((at, drift))
    return placed


def _find(keys: Sequence[bytes], before: list[bytes], hunk: Hunk, expected: int, floor: int) -> int | None:
    """Where `before` stands: at `expected`, else at the nearest place not above `floor`."""
    leading, trailing = _context(hunk)
    last = len(keys) - len(before)
    # As git does: a hunk that lacks context at one end was at that end of the file, and still has to be.
    at_start = leading == 0 and trailing > 0 and hunk.old_start <= 1
    at_end = trailing == 0 and leading > 0

    def fits(at: int) -> bool:
        return (not at_start or at == 0) and (not at_end or at == last) and _fits(keys, before, at)

    if expected >= floor and fits(expected):
        return expected
    if not before:
        return None  # nothing to recognise the place by
    first = before[0]
    best: int | None = None
    at = floor - 1
    while True:
        try:
            at = keys.index(first, at + 1, last + 1 if last >= 0 else 0)
        except ValueError:
            return best
        if best is not None and at - expected >= abs(best - expected):
            return best
        if fits(at):
            best = at


def _context(hunk: Hunk) -> tuple[int, int]:
    signs = "".join(sign for sign, _ in hunk.lines)
    return len(signs) - len(signs.lstrip(" ")), len(signs) - len(signs.rstrip(" "))


def _fits(keys: Sequence[bytes], before: list[bytes], at: int) -> bool:
    return 0 <= at <= len(keys) - len(before) and keys[at : at + len(before)] == before


def _mismatch(change: FileChange, text: _Text, placed: Sequence[tuple[int, int]]) -> HunkMismatch:
    """Why the hunk behind those that are placed has no place: all of the change is there already, this hunk
    is, or the context differs."""
    if _applied_distance(change, text) is not None:
        return AlreadyApplied(change.path, 0, "the change is in the file already")
    number = len(placed) + 1
    hunk = change.hunks[number - 1]
    after, stated = _new_side(hunk, text)
    if _find(text.keys, after, hunk, stated, 0) is not None and after:
        return HunkMismatch(change.path, number, "it is in the file already, other hunks are not")
    before, _ = _old_side(hunk, text)
    at = hunk.old_start - 1 + (placed[-1][1] if placed else 0)
    for distance, line in enumerate(before):
        if not 0 <= at + distance < len(text.keys) or text.keys[at + distance] != line:
            shown = line.decode("utf-8", "replace").strip()[:60]
            return HunkMismatch(
                change.path, number, f"its context is nowhere in the file (first difference: {shown!r})"
            )
    return HunkMismatch(change.path, number, "it overlaps the hunk before it")


def _applied_distance(change: FileChange, text: _Text) -> int | None:
    """How far in all the hunks' new lines are from their stated places; None when they are not all there."""
    placed = _located(change, text, _new_side)
    return sum(abs(offset) for _, offset in placed) if len(placed) == len(change.hunks) else None


def _build(change: FileChange, text: _Text, placed: Sequence[tuple[int, int]], ending: bytes | None) -> bytes:
    out: list[bytes] = []
    done = 0
    for hunk, (at, _) in zip(change.hunks, placed, strict=True):
        out.extend(text.lines[done:at])
        done = at
        for sign, line in hunk.lines:
            if sign == "+":
                if ending is not None and line.endswith(b"\n"):
                    line = _plain(line)[:-1] + ending
                if out and not out[-1].endswith(b"\n"):
                    out[-1] += ending or b"\n"
                out.append(line)
                continue
            if sign == " ":
                out.append(text.lines[done])
            done += 1
    out.extend(text.lines[done:])
    return b"".join(out)


def _map(change: FileChange, placed: Sequence[tuple[int, int]]) -> LineMap:
    pieces = []
    drift = 0
    for hunk, (at, _) in zip(change.hunks, placed, strict=True):
        signs = tuple(sign for sign, _ in hunk.lines)
        pieces.append((at + 1, at + 1 + drift, signs, hunk.text_lines))
        drift += signs.count("+") - signs.count("-")
    return line_map(pieces)
