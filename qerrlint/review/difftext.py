# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of a change, ready to show: diffs as values of the Result; it knows no findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qerrlint.patch.diff import FileChange, Hunk
from qerrlint.patch.linemap import LineMap
from qerrlint.review.result import DiffFile, DiffHunk, DiffLine

CONTEXT = 3
_Bounds = tuple[int, int, int, int]
_NO_LINE_END = DiffLine("\\", " No newline at end of file", None, None)


def diff_of_patch(changes: Sequence[FileChange]) -> tuple[DiffFile, ...]:
    """The diffs of a patch as it was posted, also of files that are not C."""
    return tuple(
        DiffFile(
            change.old_path, change.new_path, change.status, change.binary, tuple(map(_posted, change.hunks))
        )
        for change in changes
    )


def _posted(hunk: Hunk) -> DiffHunk:
    old, new = hunk.old_start, hunk.new_start
    lines: list[DiffLine] = []
    for (sign, text), place in zip(hunk.lines, hunk.text_lines, strict=True):
        on_old, on_new = sign != "+", sign != "-"
        lines.append(DiffLine(sign, _decoded(text), old if on_old else None, new if on_new else None, place))
        if not text.endswith(b"\n"):
            lines.append(_NO_LINE_END)
        old += on_old
        new += on_new
    return DiffHunk(hunk.section, tuple(lines))


def diff_between(
    old_path: str | None, new_path: str | None, old: bytes, new: bytes, lines: LineMap
) -> DiffFile:
    """The diff from `old` to `new` by their line map, with CONTEXT lines round what differs."""
    status = "A" if old_path is None else "D" if new_path is None else "M" if old_path == new_path else "R"
    before, after = _lines(old), _lines(new)
    hunks = tuple(
        DiffHunk("", tuple(_stretch(before, after, lines, bounds)))
        for bounds in _bounds(lines, len(before), len(after))
    )
    return DiffFile(old_path, new_path, status, False, hunks)


def _bounds(lines: LineMap, old_count: int, new_count: int) -> Iterator[_Bounds]:
    """(old, new, old_end, new_end) of each hunk, ends excluded: the gaps between equal runs, and context."""
    hunk: _Bounds | None = None
    old = new = 1
    runs = [(run.old, run.new, run.count) for run in lines.runs]
    for run_old, run_new, count in [*runs, (old_count + 1, new_count + 1, 0)]:
        run_old, run_new = min(run_old, old_count + 1), min(run_new, new_count + 1)
        if run_old > old or run_new > new:
            before = min(CONTEXT, old - 1, new - 1)
            # Two gaps with little between them share a hunk.
            if hunk is not None and old - before <= hunk[2]:
                hunk = (hunk[0], hunk[1], run_old, run_new)
            else:
                if hunk is not None:
                    yield hunk
                hunk = (old - before, new - before, run_old, run_new)
        old, new = min(run_old + count, old_count + 1), min(run_new + count, new_count + 1)
        if hunk is not None and hunk[2] == run_old:
            after = min(CONTEXT, old - run_old)
            hunk = (hunk[0], hunk[1], run_old + after, run_new + after)
    if hunk is not None:
        yield hunk


def _stretch(
    before: Sequence[bytes], after: Sequence[bytes], lines: LineMap, bounds: _Bounds
) -> Iterator[DiffLine]:
    old, new, old_end, new_end = bounds
    while old < old_end or new < new_end:
        if old < old_end and lines.to_new(old) is None:
            yield DiffLine("-", _decoded(before[old - 1]), old, None)
            old += 1
        elif new < new_end and lines.to_old(new) is None:
            yield DiffLine("+", _decoded(after[new - 1]), None, new)
            new += 1
        else:
            yield DiffLine(" ", _decoded(after[new - 1]), old, new)
            old += 1
            new += 1


def _lines(data: bytes) -> list[bytes]:
    """Lines as git counts them; what stands behind the last line end is one if there is anything."""
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def _decoded(line: bytes) -> str:
    return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")
