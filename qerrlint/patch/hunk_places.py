# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a hunk's lines stand in a file, by the rules of `git apply` (find_pos() in git's apply.c).

The file's lines become characters, one character for each different line, so that str.find() does the search;
its cost grows with the file, not with the file times the hunk. Nothing here looks into a line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from qerrlint.errors import InputError
from qerrlint.records import record

# Stands for a line that a hunk has replaced or shown already: no other hunk may touch it.
_TAKEN = "\U0010ffff"
_SURROGATES = range(0xD800, 0xE000)
# One character for each different line; the longest file of QEMU has 171,906 lines.
_MOST = ord(_TAKEN) - len(_SURROGATES) - 1


@record(frozen=True, slots=True)
class Wanted:
    """A hunk's lines as they are compared, and where they should stand.

    `grown` is the number of lines that the hunk leaves in their place. `expected` is an index into the file
    as the hunks before have made it. `at_start`, `at_end`: they have to be the file's first or last lines.
    """

    lines: tuple[bytes, ...]
    grown: int
    expected: int
    at_start: bool
    at_end: bool

    def stands_in(self, keys: Sequence[bytes]) -> bool:
        """Whether the lines stand in a file at all, in a row."""
        return Image(keys).holds(self.lines)


class Image:
    """A file in which hunks are placed one by one. Indices count the lines of the file as it was at first.

    As in git, hunks may come in any order, but no line belongs to two of them. Raises InputError for a
    file of more than a million different lines.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        codes: dict[bytes, str] = {}
        for key in keys:
            if key not in codes:
                codes[key] = _character(len(codes))
        self._codes = codes
        self._text = "".join([codes[key] for key in keys])
        # The stretches between the placed hunks: where each begins in the file as it was, and as it is now.
        self._begins = [0]
        self._now = [0]
        # The lines that are left between hunks at either end; whether those hunks have put lines there.
        self._first, self._last = 0, len(self._text)
        self._start_taken = self._end_taken = False

    def holds(self, lines: Sequence[bytes]) -> bool:
        """Whether the lines stand somewhere, in a row."""
        pattern = self._pattern(lines)
        return pattern is not None and pattern in self._text

    def place(self, wanted: Wanted) -> tuple[int, int] | None:
        """Where the lines stand, and how many lines from the expected place that is; None for nowhere.

        The place is taken from then on.
        """
        pattern = self._pattern(wanted.lines)
        at = None if pattern is None else self._find(pattern, wanted)
        if at is None:
            return None
        now = self._image_index(at)
        offset = now - wanted.expected
        self._take(at, len(wanted.lines), wanted.grown, now)
        return at, offset

    def _pattern(self, lines: Sequence[bytes]) -> str | None:
        codes = [self._codes.get(line) for line in lines]
        return None if None in codes else "".join(code for code in codes if code is not None)

    def _find(self, pattern: str, wanted: Wanted) -> int | None:
        if wanted.at_start or wanted.at_end:
            return self._find_at_end(pattern, wanted)
        stretch = bisect_right(self._now, wanted.expected) - 1
        at = self._begins[stretch] + wanted.expected - self._now[stretch]
        if stretch + 1 < len(self._begins):
            at = min(at, self._begins[stretch + 1])
        if self._text.startswith(pattern, at):
            return at
        below = self._text.find(pattern, at)
        above = self._last_before(pattern, at)
        if below < 0 or above < 0:
            return max(below, above) if max(below, above) >= 0 else None
        # git looks below first, so that of two places that are equally near the lower one is taken.
        down = self._image_index(below) - wanted.expected
        up = wanted.expected - self._image_index(above)
        return below if down <= up else above

    def _find_at_end(self, pattern: str, wanted: Wanted) -> int | None:
        """The place of lines that have to be the first or the last ones; of none, after all others."""
        length = len(pattern)
        untouched = not (self._start_taken or self._end_taken)
        if not length:
            fits = not wanted.at_start or (untouched and self._first >= self._last)
            return len(self._text) if fits else None
        at = self._first if wanted.at_start else self._last - length
        if at < self._first or at + length > self._last or not self._text.startswith(pattern, at):
            return None
        if wanted.at_start and self._start_taken:
            return None
        return None if wanted.at_end and (self._end_taken or at + length != self._last) else at

    def _last_before(self, pattern: str, at: int) -> int:
        """The last place before `at`, -1 for none. In reverse, for only find() is linear in any case."""
        count, length = len(self._text), len(pattern)
        found = self._text[::-1].find(pattern[::-1], max(count - (at - 1) - length, 0))
        return -1 if found < 0 else count - found - length

    def _image_index(self, at: int) -> int:
        stretch = bisect_right(self._begins, at) - 1
        return self._now[stretch] + at - self._begins[stretch]

    def _take(self, at: int, count: int, grown: int, now: int) -> None:
        self._text = self._text[:at] + _TAKEN * count + self._text[at + count :]
        stretch = bisect_right(self._begins, at + count)
        if stretch < len(self._begins):
            self._now[stretch:] = [index + grown - count for index in self._now[stretch:]]
        self._begins.insert(stretch, at + count)
        self._now.insert(stretch, now + grown)
        if at == self._first:
            self._first += count
            self._start_taken = self._start_taken or grown > 0
        if at + count >= self._last:
            self._last = min(self._last, at)
            self._end_taken = self._end_taken or grown > 0


def _character(number: int) -> str:
    if number >= _MOST:
        raise InputError(f"a file with more than {_MOST} different lines")
    return chr(number if number < _SURROGATES.start else number + len(_SURROGATES))
