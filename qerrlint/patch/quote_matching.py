# SPDX-License-Identifier: GPL-2.0-or-later
"""Where quoted lines stand in a patch, although mailers trim, wrap and join them; it reads no remarks."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from qerrlint.patch.diff import FileChange

# A line with fewer characters than this (without blanks) is found too often to place a wrapped quote by.
_TELLING = 12
# Characters of a quote that are looked at where it has to be read as one run: some fifty lines.
_LONGEST = 4_000
# Places that are compared for one quote; a line that stands more often tells nothing.
_MOST = 50


class Places:
    """The lines of a patch by their text without blanks, to find quoted lines in."""

    def __init__(self, changes: Sequence[FileChange]) -> None:
        self._lines: list[tuple[str, int, str]] = []
        self._by_text: dict[str, list[int]] = {}
        for change in changes:
            for hunk in change.hunks:
                for (sign, text), place in zip(hunk.lines, hunk.text_lines, strict=True):
                    key = _key(sign + text.decode("utf-8", "replace"))
                    self._by_text.setdefault(key, []).append(len(self._lines))
                    self._lines.append((key, place, change.path))

        self._row_at = {place: row for row, (_, place, _) in enumerate(self._lines)}
        # By their text and by its reverse, for quotes that are the beginning or the end of a line.
        self._forwards = sorted((key, row) for row, (key, _, _) in enumerate(self._lines))
        self._backwards = sorted((key[::-1], row) for row, (key, _, _) in enumerate(self._lines))
        self._by_head: dict[str, list[int]] = {}
        for row, (key, _, _) in enumerate(self._lines):
            if len(key) > _TELLING:
                self._by_head.setdefault(key[1 : _TELLING + 1], []).append(row)

    def knows(self, line: str) -> bool:
        """Whether the patch has this line (one without any word says nothing)."""
        return (
            re.search(r"\w", line) is not None and line[:1] in "+- " and self._own_key(line) in self._by_text
        )

    def find(self, context: Sequence[str]) -> tuple[str | None, tuple[int, ...]]:
        """Path and patch lines of the place whose lines upwards agree best with the quoted ones."""
        keys = [self._own_key(line) for line in context]
        best: tuple[int, list[int]] | None = None
        for at in self._candidates(keys[-1]):
            score, covered, row = 1, [at], at - 1
            for key in reversed(keys[:-1]):
                # A trimmed quote leaves lines out: look a little further up for the next one.
                ahead = next((r for r in range(row, max(row - 4, -1), -1) if self._lines[r][0] == key), None)
                if ahead is None or self._lines[ahead][2] != self._lines[at][2]:
                    continue
                covered.append(ahead)
                score, row = score + 1, ahead - 1
            if best is None or score > best[0]:
                best = (score, covered)
        return (None, ()) if best is None else self._place(best[1])

    def find_flowed(self, text: str) -> tuple[str | None, tuple[int, ...]]:
        """Path and patch lines that a quote shows whose lines are not the patch's own.

        Mailers wrap long lines, join short ones, and drop the signs of lines that they move. So the quote is
        read as one run of characters without blanks and signs, and the patch's lines are looked for in it.
        Only lines long enough to be told by are taken, and only if they stand in it once; all of them
        in one file, at most a few lines apart from each other, up to the one that the quote ends with.
        """
        stream = _stream(text)[-_LONGEST:]
        ends: dict[int, list[int]] = {}
        for at in range(len(stream) - _TELLING + 1):
            for row in self._by_head.get(stream[at : at + _TELLING], ())[:_MOST]:
                plain = self._lines[row][0][1:]
                if stream.startswith(plain, at):
                    ends.setdefault(row, []).append(at + len(plain))
        rows = [
            (found[0], row)
            for row, found in sorted(ends.items())
            if len(found) == 1 and self._alone(self._lines[row][0][1:])
        ]
        if not rows:
            return None, ()
        end, last = max(rows)
        # What follows the last line found may be the beginning of a longer one, not a page of prose.
        if len(stream) - end > 2 * _TELLING:
            return None, ()
        covered = [last]
        for at, row in sorted(rows, reverse=True):
            if at < end and 0 < covered[-1] - row <= 6 and self._lines[row][2] == self._lines[last][2]:
                covered.append(row)
        return self._place(covered)

    def following(self, place: int, quoted: Sequence[str]) -> tuple[int, ...]:
        """The patch lines after a place that are among the quoted ones, up to the first that is not."""
        row = self._row_at.get(place)
        keys = {self._own_key(line) for line in quoted}
        found: list[int] = []
        while row is not None and row + 1 < len(self._lines) and self._lines[row + 1][0] in keys:
            row += 1
            found.append(self._lines[row][1])
        return tuple(found)

    def wrapped_off(self, line: str, own: str) -> int:
        """How many characters of the unquoted text `own` are the rest of the quoted `line`, which a mailer
        broke without marking it; 0 where the two together are no line of the patch."""
        if self.knows(line):
            return 0
        end = 0
        for _ in range(2):
            end = own.find("\n", end) + 1 or len(own)
            if self.knows(line + own[:end]):
                return end
        return 0

    def _own_key(self, line: str) -> str:
        """The key of a quoted line: some mailers put blanks in front of the sign."""
        key = _key(line)
        return key if key in self._by_text or line[:1] != " " else _key(line.lstrip())

    def _alone(self, plain: str) -> bool:
        """Whether only one kind of line has this text; a removed line and the added one can be equal."""
        return sum(len(self._by_text.get(sign + plain, ())) for sign in "+- ") == 1

    def _place(self, covered: Sequence[int]) -> tuple[str, tuple[int, ...]]:
        rows = sorted(covered)
        return self._lines[rows[-1]][2], tuple(self._lines[row][1] for row in rows)

    def _candidates(self, key: str) -> list[int]:
        exact = self._by_text.get(key)
        if exact is not None:
            return exact[:_MOST]
        if len(key) < _TELLING:
            return []
        # A line that a mailer has wrapped is quoted in part: its beginning, or its end on a line of its own.
        tail = key.lstrip("+- ")
        rows = set(_beginning(self._forwards, key))
        if len(tail) >= _TELLING:
            rows.update(_beginning(self._backwards, tail[::-1]))
        return sorted(rows)


def _beginning(texts: Sequence[tuple[str, int]], head: str) -> Iterator[int]:
    """The rows of sorted texts that begin in a certain way, the first ones."""
    at = bisect_left(texts, (head, 0))
    for text, row in texts[at : at + _MOST]:
        if not text.startswith(head):
            return
        yield row


def _key(line: str) -> str:
    """Sign and text of a diff line without any blanks."""
    sign = line[:1] if line[:1] in ("+", "-") else " "
    return sign + "".join(line[1 if line[:1] in ("+", "-") else 0 :].split())


def _stream(text: str) -> str:
    """Quoted lines in a row without signs and blanks."""
    return "".join(_key(line)[1:] for line in text.split("\n"))
