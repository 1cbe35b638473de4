# SPDX-License-Identifier: GPL-2.0-or-later
"""A file change applied to a file's bytes in memory: where `git apply` would, or not at all.

Context has to be equal. A hunk may stand at another line than stated, under the rules of git's find_pos()
(apply.c), which patch.hunk_places follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from qerrlint.errors import InputError
from qerrlint.patch.diff import FileChange, Hunk
from qerrlint.patch.hunk_places import Image, Wanted
from qerrlint.patch.linemap import IDENTITY, LineMap, line_map
from qerrlint.patch.listed_numbers import listed_numbers
from qerrlint.records import record


class HunkMismatch(InputError):  # noqa: N818 (the interface is named after what happened)
    """A change that does not fit: `path`, `hunk` (from 1; 0 for the file as a whole) and `why`."""

    def __init__(self, path: str, hunk: int, why: str) -> None:
        super().__init__(f"{path}: hunk {hunk}: {why}" if hunk else f"{path}: {why}")
        self.path = path
        self.hunk = hunk
        self.why = why


class AlreadyApplied(HunkMismatch):
    """The file already is what the change makes of it."""


@record(frozen=True, slots=True)
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


# A hunk's place: the index of its first old line in the file, and how far that is from where it should be.
_Place = tuple[int, int]


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
        return _without_hunks(change, old)
    lines = split_lines(old)
    if (placed := _without_context(change, lines)) is not None:
        data = _build(change, lines, placed, None)
        return _applied(change, lines, data, placed, [*_untold(change, placed, len(lines))])
    ending = _ending(change, old)
    fold, placed = _place_all(change, lines, other_ending=ending is not None)
    notes = []
    if fold is _exact:
        ending = None
    if ending is not None:
        notes.append(f"{path}: line endings of patch and file differ; the file's were kept")
    if fold is _stripped:
        notes.append(f"{path}: trailing blanks of patch and file differ; the file's were kept")
    data = _build(change, lines, placed, ending)
    notes += _moved(path, [offset for _, offset in placed])
    return _applied(change, lines, data, placed, notes)


def _applied(
    change: FileChange, lines: Sequence[bytes], data: bytes, placed: Sequence[_Place], notes: Sequence[str]
) -> Applied:
    told = [f"{problem}; git apply refuses it so" for problem in mended(change)]
    told += notes
    if (
        lines
        and not lines[-1].endswith(b"\n")
        and any(
            at == len(lines) and not hunk.before for hunk, (at, _) in zip(change.hunks, placed, strict=True)
        )
    ):
        told.append(
            f"{change.path}: the file's last line gets a newline, where git apply would join two lines"
        )
    if change.status == "D" and data:
        raise HunkMismatch(change.path, 0, "the file to delete has more lines than the change removes")
    offsets = tuple(offset for _, offset in placed)
    return Applied(None if change.status == "D" else data, _map(change, placed), offsets, tuple(told))


def mended(change: FileChange) -> list[str]:
    """A sentence for each hunk in which something that a mailer has done was undone."""
    return [
        f"{change.path}: hunk {number}: {hunk.mended}"
        for number, hunk in enumerate(change.hunks, 1)
        if hunk.mended
    ]


def _without_hunks(change: FileChange, old: bytes) -> Applied:
    """A rename, a change of mode, a deletion whose lines are not shown (`git format-patch -D`)."""
    if change.status != "D":
        return Applied(old, IDENTITY)
    note = f"{change.path}: the patch deletes the file without showing its lines, which git apply refuses"
    return Applied(None, LineMap(()), (), (note,) if old else ())


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


def _without_context(change: FileChange, lines: Sequence[bytes]) -> list[_Place] | None:
    """The stated places of hunks that have no context at all (`git diff -U0`), where their old lines stand.

    `git apply` takes such hunks at the file's end only, unless it is called with --unidiff-zero.
    """
    placed: list[_Place] = []
    done = 0
    for hunk in change.hunks:
        before = hunk.before
        at = hunk.old_start - (1 if before else 0)
        if any(sign == " " for sign, _ in hunk.lines) or at < done or at + len(before) > len(lines):
            return None
        if placed and at == placed[-1][0]:
            return None  # two hunks at one place: no diff has that
        if lines[at : at + len(before)] != before:
            return None
        placed.append((at, 0))
        done = at + len(before)
    return placed


def _untold(change: FileChange, placed: Sequence[_Place], count: int) -> Iterator[str]:
    """Remarks on the hunks without context that `git apply` would refuse or put elsewhere."""
    for number, (hunk, (at, _)) in enumerate(zip(change.hunks, placed, strict=True), 1):
        old_count = len(hunk.before)
        if at + old_count != count or (hunk.old_start <= 1 and at):
            yield (
                f"{change.path}: hunk {number} has no context: taken at its stated line, which git apply "
                "does with --unidiff-zero only"
            )


def _place_all(change: FileChange, lines: list[bytes], *, other_ending: bool) -> tuple[_Fold, list[_Place]]:
    """All hunks placed exactly, else without regard to line endings, else to trailing blanks.

    Mail can strip or add the CR of line endings, and mailers strip blanks at line ends.
    """
    first: HunkMismatch | None = None
    for fold in (_exact, _plain, _stripped) if other_ending else (_exact, _stripped):
        keys = lines if fold is _exact else [fold(line) for line in lines]
        try:
            return fold, _place(change, keys, fold)
        except AlreadyApplied:
            raise
        except HunkMismatch as error:
            first = first or error
    assert first is not None
    raise first


def _moved(path: str, offsets: Sequence[int]) -> Iterator[str]:
    """One sentence on the hunks that were found elsewhere."""
    moved = [number for number, offset in enumerate(offsets, 1) if offset]
    found = sorted({offset for offset in offsets if offset})
    if not moved:
        return
    noun = "lines" if len(found) > 1 or abs(found[0]) != 1 else "line"
    if len(found) == 1:
        where = f"{abs(found[0])} {noun} {'below' if found[0] > 0 else 'above'}"
    else:
        where = f"{min(map(abs, found))} to {max(map(abs, found))} lines from"
    hunks = f"hunk {moved[0]}" if len(moved) == 1 else f"hunks {listed_numbers(moved)}"
    yield f"{path}: {hunks} found {where} {'its stated place' if len(moved) == 1 else 'their stated places'}"


def _create(change: FileChange, old: bytes | None) -> Applied:
    path = change.path
    data = b"".join(text for hunk in change.hunks for text in hunk.after)
    if old is not None and (old == data or change.status == "A"):
        if old == data:
            raise AlreadyApplied(path, 0, "the file to add is there already, with the same content")
        raise HunkMismatch(path, 0, "the file to add is there already")
    if old:
        raise HunkMismatch(path, 0, "the file to add is there already")
    if len(change.hunks) > 1 or any(hunk.before for hunk in change.hunks):
        raise HunkMismatch(path, 0, "the file to add would have lines already")
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


def _place(change: FileChange, keys: Sequence[bytes], fold: _Fold) -> list[_Place]:
    """The place of each hunk; raises HunkMismatch for the first hunk that has none."""
    placed = _located(keys, [_old_side(hunk, fold) for hunk in change.hunks])
    if len(placed) < len(change.hunks):
        raise _mismatch(change, keys, fold, placed)
    # Lines like the old ones may stand elsewhere in a file that has all of the change where it should be.
    if any(offset for _, offset in placed) and not any(_applied_offsets(change, keys, fold) or (1,)):
        raise AlreadyApplied(change.path, 0, "the change is in the file already")
    return placed


def _located(keys: Sequence[bytes], sides: Sequence[Wanted]) -> list[_Place]:
    """Where the lines of each hunk stand, up to the first hunk that has no place."""
    image = Image(keys)
    placed: list[_Place] = []
    for wanted in sides:
        place = image.place(wanted)
        if place is None:
            break
        placed.append(place)
    return placed


def _old_side(hunk: Hunk, fold: _Fold) -> Wanted:
    before = tuple(fold(line) for line in hunk.before)
    return Wanted(
        before, len(hunk.after), max(hunk.new_start - 1, 0), hunk.old_start <= 1, hunk.lines[-1][0] != " "
    )


def _new_side(hunk: Hunk, fold: _Fold) -> Wanted:
    after = tuple(fold(line) for line in hunk.after)
    return Wanted(
        after, len(after), max(hunk.new_start - 1, 0), hunk.new_start <= 1, hunk.lines[-1][0] != " "
    )


def _mismatch(
    change: FileChange, keys: Sequence[bytes], fold: _Fold, placed: Sequence[_Place]
) -> HunkMismatch:
    """Why the hunk after those that are placed has no place: all of the change is there already, this hunk
    is, or the context differs."""
    if _applied_offsets(change, keys, fold) is not None:
        return AlreadyApplied(change.path, 0, "the change is in the file already")
    number = len(placed) + 1
    hunk = change.hunks[number - 1]
    if hunk.mended:
        return HunkMismatch(change.path, number, f"{hunk.mended}; put right, it does not fit")
    side = _new_side(hunk, fold)
    if side.lines and Image(keys).place(side) is not None:
        return HunkMismatch(change.path, number, "it is in the file already, other hunks are not")
    wanted = _old_side(hunk, fold)
    drift = placed[-1][1] if placed else 0
    at = hunk.old_start - 1 + drift
    for distance, line in enumerate(wanted.lines):
        if not 0 <= at + distance < len(keys) or keys[at + distance] != line:
            if wanted.stands_in(keys):
                return HunkMismatch(change.path, number, _elsewhere(wanted))
            shown = line.decode("utf-8", "replace").strip()[:60]
            return HunkMismatch(
                change.path, number, f"its context is nowhere in the file (first difference: {shown!r})"
            )
    return HunkMismatch(change.path, number, _elsewhere(wanted) if not placed else "it overlaps another hunk")


def _elsewhere(wanted: Wanted) -> str:
    end = "beginning" if wanted.at_start else "end"
    return f"it was made for the {end} of a file, and its lines stand elsewhere in this one"


def _applied_offsets(change: FileChange, keys: Sequence[bytes], fold: _Fold) -> list[int] | None:
    """How far the hunks' new lines are from their stated places; None when they are not all there."""
    placed = _located(keys, [_new_side(hunk, fold) for hunk in change.hunks])
    return [offset for _, offset in placed] if len(placed) == len(change.hunks) else None


def _build(
    change: FileChange, lines: Sequence[bytes], placed: Sequence[_Place], ending: bytes | None
) -> bytes:
    out: list[bytes] = []
    done = 0
    for hunk, at in _in_order(change, placed):
        out.extend(lines[done:at])
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
                out.append(lines[done])
            done += 1
    out.extend(lines[done:])
    return b"".join(out)


def _map(change: FileChange, placed: Sequence[_Place]) -> LineMap:
    pieces = []
    drift = 0
    for hunk, at in _in_order(change, placed):
        signs = tuple(sign for sign, _ in hunk.lines)
        pieces.append((at + 1, at + 1 + drift, signs, hunk.text_lines))
        drift += signs.count("+") - signs.count("-")
    return line_map(pieces)


def _in_order(change: FileChange, placed: Sequence[_Place]) -> list[tuple[Hunk, int]]:
    """The hunks with their places in the file; git takes them in any order."""
    pairs = [(hunk, at) for hunk, (at, _) in zip(change.hunks, placed, strict=True)]
    return sorted(pairs, key=lambda pair: pair[1])
