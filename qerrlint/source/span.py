# SPDX-License-Identifier: GPL-2.0-or-later
"""Span: a place in a file by byte offsets; LineIndex turns offsets into lines and columns."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from qerrlint.records import record


@record(frozen=True, slots=True, order=True)
class Span:
    """The bytes [start, end) of the file `path`; true in original and normalised text alike."""

    path: str
    start: int
    end: int


class LineIndex:
    """Lines of one file's bytes; lines and columns count from 1, columns in bytes."""

    __slots__ = ("_starts", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        # The lengths of all lines but the last, their line ends counted in, add up to the starts.
        lengths = [len(line) + 1 for line in data.split(b"\n")]
        lengths.pop()
        self._starts = list(accumulate(lengths, initial=0))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a byte offset; an offset beyond the end counts as the end."""
        offset = max(0, min(offset, len(self.data)))
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int) -> int:
        """Byte offset of the start of a line; raises IndexError for a line that is not there."""
        return self._starts[line - 1]

    def text(self, line: int) -> bytes:
        """The bytes of a line without its line ending."""
        start = self._starts[line - 1]
        end = self._starts[line] - 1 if line < len(self._starts) else len(self.data)
        return self.data[start:end].rstrip(b"\r")

    @property
    def count(self) -> int:
        """How many lines the file has; a text that ends in a newline counts no empty last line."""
        return len(self._starts) - (1 if self._starts[-1] == len(self.data) and len(self._starts) > 1 else 0)
