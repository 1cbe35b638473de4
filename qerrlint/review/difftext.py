# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of a change, ready to show: diffs as values of the Result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qerrlint.patch.diff import FileChange, Hunk
from qerrlint.patch.linemap import LineMap
from qerrlint.result import DiffFile, DiffHunk, DiffLine

CONTEXT = 3
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
    return DiffFile(old_path, new_path, status, False, tuple(_hunks(_lines(old), _lines(new), lines)))


def _hunks(before: Sequence[bytes], after: Sequence[bytes], lines: LineMap) -> Iterator[DiffHunk]:
    """The hunks of a diff: the changed stretches of a line map with their context."""
    rows: list[DiffLine] = []
    old = new = 1
    equal = 0
    # A line map also counts what stands after the last line end; the last stretch is none, at the end.
    ends = len(before) + 1, len(after) + 1
    stretches = [
        (run.old, run.new, min(run.count, ends[0] - run.old, ends[1] - run.new)) for run in lines.runs
    ]
    for old_end, new_end, count in [*(one for one in stretches if one[2] > 0), (*ends, 0)]:
        if old < old_end or new < new_end:
            if not rows:
                leading = min(CONTEXT, equal)
                rows += _context(after, old - leading, new - leading, leading)
            rows += [DiffLine("-", _decoded(before[n - 1]), n, None) for n in range(old, old_end)]
            rows += [DiffLine("+", _decoded(after[n - 1]), None, n) for n in range(new, new_end)]
        if rows and count <= 2 * CONTEXT:
            rows += _context(after, old_end, new_end, count)
        elif rows:
            rows += _context(after, old_end, new_end, CONTEXT)
            yield DiffHunk("", tuple(rows))
            rows = []
        old, new, equal = old_end + count, new_end + count, count
    if rows:
        trailing = next(n for n, row in enumerate(reversed(rows)) if row.sign != " ")
        yield DiffHunk("", tuple(rows[: len(rows) - max(trailing - CONTEXT, 0)]))


def _context(after: Sequence[bytes], old: int, new: int, count: int) -> list[DiffLine]:
    return [DiffLine(" ", _decoded(after[new + n - 1]), old + n, new + n) for n in range(count)]


def _lines(data: bytes) -> list[bytes]:
    """Lines as git counts them; what stands after the last line end is one if there is anything."""
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def _decoded(line: bytes) -> str:
    return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")
