# SPDX-License-Identifier: GPL-2.0-or-later
"""InvertedIndex: which files something of a given checksum belongs to, for sets that only grow.

A pair of checksum and file takes eight bytes, in sorted tables. Nothing is taken out, so what it names are
candidates; the caller looks into them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

# Pairs in the rest, before it becomes a sorted table; and in one that does not grow any more.
_REST = 40_000
_TABLE = 400_000
# Pairs of a table that are merged at once: as Python's numbers they take five times the memory.
_MERGED = 20_000
_FILE_BITS = 20


class InvertedIndex:
    """The files by checksums of 32 bits."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._paths: list[str] = []
        self._tables: list[array[int]] = []
        self._rest: dict[int, set[int]] = {}
        self._size_of_rest = 0

    def add(self, path: str, checksums: Iterable[int]) -> None:
        """Add checksums of a file. One that it has already in another table takes its eight bytes again."""
        number = self._numbers.setdefault(path, len(self._paths))
        if number == len(self._paths):
            self._paths.append(path)
        for checksum in checksums:
            self._rest.setdefault(checksum, set()).add(number)
            self._size_of_rest += 1
        if self._size_of_rest >= _REST:
            self._make_table()

    @property
    def size(self) -> int:
        """The number of pairs of checksum and file that it holds."""
        return sum(map(len, self._tables)) + self._size_of_rest

    def files(self, checksums: Iterable[int]) -> set[str]:
        """The files that have one of the checksums."""
        return {self._paths[number] for checksum in checksums for number in self._numbers_of(checksum)}

    def _make_table(self) -> None:
        """Make a table of the rest, together with small ones that were made before."""
        pairs = array(
            "Q",
            sorted(
                checksum << _FILE_BITS | number for checksum, found in self._rest.items() for number in found
            ),
        )
        while self._tables and len(self._tables[-1]) <= len(pairs) < _TABLE:
            pairs = _merged(self._tables.pop(), pairs)
        self._tables.append(pairs)
        self._rest, self._size_of_rest = {}, 0

    def _numbers_of(self, checksum: int) -> Iterator[int]:
        yield from self._rest.get(checksum, ())
        start = checksum << _FILE_BITS
        end = start + (1 << _FILE_BITS)
        for table in self._tables:
            for at in range(bisect_left(table, start), len(table)):
                if table[at] >= end:
                    break
                yield table[at] - start


def _merged(one: array[int], other: array[int]) -> array[int]:
    """The numbers of two sorted tables in one, each once."""
    out = array("Q")
    done = 0
    for start in range(0, len(one), _MERGED):
        part = one[start : start + _MERGED]
        end = bisect_right(other, part[-1], done)
        out.extend(sorted({*part, *other[done:end]}))
        done = end
    out.extend(other[done:])
    return out
