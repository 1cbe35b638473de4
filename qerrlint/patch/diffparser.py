# SPDX-License-Identifier: GPL-2.0-or-later
"""The parser behind parse_diff: it walks the lines of a text once and knows git's and diff's headers."""

from __future__ import annotations

import re

from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.diff import Diff, FileChange, Hunk
from qerrlint.patch.diffpaths import PathError, checked, git_names, header_name, strip_pair, unquote

# More digits are no line of a source file; the bound keeps arithmetic on hostile input harmless.
_HUNK = lazy_re(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?(.*)", re.S)
_INDEX = lazy_re(rb"index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: (\d{6}))?\s*$")
# So many blank context lines can be missing at the end of a hunk: git's context by default.
_MOST_SUPPLIED = 3
# How much of a refused path is repeated.
_SHOWN = 200
# What ids of an empty file begin with, by SHA-1 and SHA-256.
_EMPTY_BLOBS = ("e69de29", "473a0f4")
_START = (b"diff --git ", b"--- ", b"diff --cc ", b"diff --combined ")


class _Header:
    """The headers of one file change while they are read."""

    __slots__ = ("binary", "git", "line", "modes", "names", "new_blob", "old_blob", "paths", "status")

    def __init__(self, line: int) -> None:
        self.line = line
        self.git = False
        self.names: tuple[str, str] | None = None  # of the `diff --git` line
        self.paths: list[str | None] = [None, None]  # of `rename from` and the like, without prefix
        self.modes: list[str | None] = [None, None]
        self.old_blob: str | None = None
        self.new_blob: str | None = None
        self.status = "M"
        self.binary = False


class Parser:
    """One pass over a text; `run` gives its changes and problems."""

    def __init__(self, data: bytes) -> None:
        self._lines = data.split(b"\n")
        self._ends = len(self._lines) - (1 if not self._lines[-1] else 0)
        self._at = 0
        self._changes: list[FileChange] = []
        self._problems: list[str] = []
        self._refused: list[tuple[str, str]] = []

    def run(self) -> Diff:
        """Parse everything."""
        lines = self._lines
        while self._at < self._ends:
            line = lines[self._at]
            if not line.startswith(_START):
                self._at += 1
            elif line.startswith(b"diff --git "):
                self._git_change()
            elif line.startswith(b"--- "):
                if self._names_follow():
                    self._finish(_Header(self._at + 1))
                else:
                    self._at += 1
            else:
                name = line.split(b" ", 2)[2].decode("utf-8", "replace").strip()
                self._refuse(name, "a merge's combined diff cannot be applied")
                self._at += 1
        return Diff(tuple(self._changes), tuple(self._problems), tuple(self._refused))

    def _refuse(self, name: str, why: str) -> None:
        self._problems.append(f"{name}: {why}")
        self._refused.append((name, why))

    def _names_follow(self) -> bool:
        """Whether the line at hand is the `--- ` of a pair that a hunk follows (no signature, no prose)."""
        lines, at = self._lines, self._at
        return (
            at + 2 < len(lines)
            and lines[at].startswith(b"--- ")
            and lines[at + 1].startswith(b"+++ ")
            and _begins_hunk(lines[at + 2])
        )

    def _git_change(self) -> None:
        header = _Header(self._at + 1)
        header.git = True
        header.names = git_names(self._lines[self._at][11:].rstrip(b"\r"))
        self._at += 1
        seen = 0
        while self._at < self._ends and self._extended(header, self._lines[self._at].rstrip(b"\r")):
            self._at += 1
            seen += 1
        cut = not self._names_follow() and self._cut_short(header, seen)
        if seen == 0 and not cut and not self._names_follow():
            return  # prose that begins with "diff --git"
        self._finish(header, cut)

    def _cut_short(self, header: _Header, seen: int) -> bool:
        """Whether hunks should follow the `seen` extended headers that were read, where none do."""
        if header.binary:
            return False
        at = self._at
        line = self._lines[at].rstrip() if at < self._ends else b""
        if line.startswith(b"--- "):
            return at + 1 >= self._ends or self._lines[at + 1].startswith(b"+++ ")
        if seen == 0:
            old, new = strip_pair(*header.names) if header.names is not None else (None, None)
            return (
                old is not None and old == new and (line in (b"", b"--") or line.startswith(b"diff --git "))
            )
        # `git diff -D` prints no hunks of a file that is deleted; svn's header stands after git's.
        if (
            line.startswith(b"Index: ")
            or header.status == "D"
            or header.old_blob is None
            or header.new_blob is None
        ):
            return False
        empty = header.status == "A" and header.new_blob.startswith(_EMPTY_BLOBS)
        return header.old_blob != header.new_blob and not empty

    def _extended(self, header: _Header, line: bytes) -> bool:
        """Take one extended header line; False when it is none."""
        word, _, rest = line.partition(b" ")
        if word == b"index":
            match = _INDEX.match(line)
            if match is None:
                return False
            header.old_blob, header.new_blob = match[1].decode(), match[2].decode()
            if match[3]:
                header.modes = [header.modes[0] or match[3].decode(), header.modes[1] or match[3].decode()]
        elif line.startswith((b"old mode ", b"new mode ")):
            header.modes[word == b"new"] = line[9:].decode("ascii", "replace").strip()
        elif line.startswith(b"new file mode "):
            header.status, header.modes[1] = "A", line[14:].decode("ascii", "replace").strip()
        elif line.startswith(b"deleted file mode "):
            header.status, header.modes[0] = "D", line[18:].decode("ascii", "replace").strip()
        elif line.startswith((b"rename from ", b"rename to ", b"copy from ", b"copy to ")):
            header.status = "R" if word == b"rename" else "C"
            side, _, name = rest.partition(b" ")
            header.paths[side == b"to"] = unquote(name).decode("utf-8", "surrogateescape")
        elif line.startswith(b"Binary files ") and line.endswith(b" differ"):
            header.binary = True
        elif line == b"GIT binary patch":
            header.binary = True
            self._skip_binary()
        else:
            return line.startswith((b"similarity index ", b"dissimilarity index "))
        return True

    def _skip_binary(self) -> None:
        """Leave the last line of the binary literals (two blocks, each ended by an empty line)."""
        for _ in range(2):
            follows = self._lines[self._at + 1] if self._at + 1 < self._ends else b""
            if not follows.startswith((b"literal ", b"delta ")):
                return
            while self._at + 1 < self._ends and self._lines[self._at + 1].strip():
                self._at += 1
            self._at += 1

    def _finish(self, header: _Header, cut: bool = False) -> None:
        """Names and hunks of a change whose extended headers are read; `cut`: the hunks are missing."""
        old: str | None
        new: str | None
        if self._names_follow():
            old = header_name(self._lines[self._at][4:])
            new = header_name(self._lines[self._at + 1][4:])
            self._at += 2
        elif header.names is not None:
            old, new = header.names
        else:
            old, new = header.paths
        old, new = self._sides(header, old, new)
        hunks = (_missing_hunk(header.line),) if cut else self._hunks()
        try:
            old, new = checked(old), checked(new)
        except PathError as error:
            shown = (new or old or "").encode("utf-8", "replace").decode()
            self._refuse(
                repr(shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."),
                f"the path is refused: {error}",
            )
            return
        if old is None and new is None:
            self._refuse(f"line {header.line}", "a change that names no file")
            return
        status = header.status
        if status == "M":
            status = "A" if old is None else "D" if new is None else "M" if old == new else "R"
        change = FileChange(
            old,
            new,
            header.old_blob,
            header.new_blob,
            header.modes[0],
            header.modes[1],
            status,
            header.binary,
            hunks,
            header.line,
        )
        self._changes.append(change)
        self._problems.extend(change.problems)

    def _sides(self, header: _Header, old: str | None, new: str | None) -> tuple[str | None, str | None]:
        """Both paths without prefix; None for the side that is not there."""
        if header.paths[0] is not None and header.paths[1] is not None:
            return header.paths[0], header.paths[1]
        old = None if old == "/dev/null" or header.status == "A" else old
        new = None if new == "/dev/null" or header.status == "D" else new
        if header.git and header.names is not None and (old is None or new is None):
            # --no-prefix shows only in the pair: `diff --git x x`
            plain_old, plain_new = strip_pair(*header.names)
            return (None if old is None else plain_old, None if new is None else plain_new)
        old, new = strip_pair(old, new)
        if not header.git and old is not None and new is not None and old != new:
            # `diff -u file.c.orig file.c`: the new name is the file's; a path that is refused stays
            old = new
        return old, new

    def _hunks(self) -> tuple[Hunk, ...]:
        hunks = []
        while self._at < self._ends:
            line = self._lines[self._at]
            match = _HUNK.match(line)
            if match is not None:
                hunks.append(self._hunk(match))
            elif _begins_hunk(line):
                place = self._at + 1
                hunks.append(Hunk(0, 0, 0, 0, "", (), place, (), "its header cannot be read"))
                self._at += 1
                self._skip_to_next_header()
            else:
                break
        return tuple(hunks)

    def _hunk(self, match: re.Match[bytes]) -> Hunk:
        counts = [int(match[i]) if match[i] is not None else 1 for i in (1, 2, 3, 4)]
        start = self._at
        body = _Body(self._lines, self._ends, start + 1, counts[1], counts[3])
        damage = body.read()
        if damage is None and body.at < self._ends and self._goes_on(body.at):
            damage = "it has more lines than its header says"
        elif damage is None and all(sign == " " for sign, _ in body.entries):
            damage = "it changes no line"
        elif damage is not None and (mended := self._mended(start + 1, counts)) is not None:
            body, damage = mended, None
        self._at = body.at
        if damage is not None:
            self._skip_to_next_header()
        section = match[5].decode("utf-8", "replace").rstrip()
        entries, places = tuple(body.entries), tuple(body.places)
        ranges = counts[0], counts[1], counts[2], counts[3]
        return Hunk(*ranges, section, entries, start + 1, places, damage, body.mended)

    def _mended(self, start: int, counts: list[int]) -> _Body | None:
        """The hunk without what mailers do to context lines, if then all of its lines are there."""
        body = _Body(self._lines, self._ends, start, counts[1], counts[3], lenient=True)
        if body.read() is not None or (body.at < self._ends and self._goes_on(body.at)):
            return None
        return body if body.plausible else None

    def _skip_to_next_header(self) -> None:
        """Leave the rest of a damaged hunk, so that the hunks after it are still seen."""
        while self._at < self._ends:
            line = self._lines[self._at]
            if line.startswith((b"@@ -", b"diff --git ")) or line.rstrip() == b"--" or self._names_follow():
                return
            self._at += 1

    def _goes_on(self, at: int) -> bool:
        """Whether a line that should be outside the hunk looks like more of it."""
        line = self._lines[at]
        if line.startswith(b"+"):
            return not line.startswith(b"+++ ")
        if line.startswith(b"-"):
            # "-- " begins a signature, "--- a/f" the next file, "--- " or "---" a separator
            return not (line.rstrip() in (b"--", b"---") or line.startswith(b"--- "))
        return line.startswith(b" ") and bool(line.strip())


class _Body:
    """The lines of one hunk, read up to its counts. `lenient` puts up with context lines that have lost the
    blank in front, or that were blank and are missing at the end of the text."""

    def __init__(
        self, lines: list[bytes], ends: int, at: int, old: int, new: int, lenient: bool = False
    ) -> None:
        self._lines = lines
        self._ends = ends
        self._start = at
        self._left = [old, new]
        self._lenient = lenient
        self._bare: set[int] = set()  # the entries that had no sign
        self._supplied = 0
        self.at = at
        self.entries: list[tuple[str, bytes]] = []
        self.places: list[int] = []

    @property
    def mended(self) -> str:
        """What was put up with, in words."""
        told = []
        if self._bare:
            told.append("context lines had lost the blank in front of them")
        if self._supplied:
            told.append("blank context lines at its end were missing")
        return " and ".join(told)

    @property
    def plausible(self) -> bool:
        """Whether what was put up with can be so: a mailer takes the blank from all lines or from none (what
        follows a line that was wrapped looks the same)."""
        kept = any(
            sign == " " and text[:1].strip() and number not in self._bare
            for number, (sign, text) in enumerate(self.entries)
        )
        return any(sign != " " for sign, _ in self.entries) and not (kept and self._bare)

    def read(self) -> str | None:
        """Read the lines; returns what is wrong with them, None when nothing is."""
        left = self._left
        while left[0] > 0 or left[1] > 0:
            line = self._lines[self.at] if self.at < self._ends else None
            sign = "" if line is None else chr(line[0]) if line not in (b"", b"\r") else " "
            if sign == "\\" and self.entries:
                self.entries[-1] = _unended(self.entries[-1])
                self.at += 1
                continue
            signature = line is not None and line.rstrip() == b"--" and left[0] == left[1]
            if self._lenient and (line is None or signature or sign not in (" ", "+", "-")):
                if not self._put_up(line):
                    return "cut short"
                continue
            left[0] -= sign in (" ", "-")
            left[1] -= sign in (" ", "+")
            if line is None or sign not in (" ", "+", "-") or min(left) < 0:
                return self._broken(line, min(left) < 0)
            # A mailer that strips trailing blanks leaves an empty context line without its blank.
            self._add(sign, line[1:] if line[:1] == sign.encode() else line)
        if self.at < self._ends and self._lines[self.at].startswith(b"\\ ") and self.entries:
            self.entries[-1] = _unended(self.entries[-1])
            self.at += 1
        return None

    def _add(self, sign: str, text: bytes) -> None:
        self.entries.append((sign, text + b"\n"))
        self.places.append(self.at + 1)
        self.at += 1

    def _put_up(self, line: bytes | None) -> bool:
        """Take a line without sign for context, or supply a blank one at the end of the text."""
        old, new = self._left
        if line is None or line.rstrip() == b"--" or line.startswith((b"diff --git ", b"@@ -")):
            # A text that ends after a changed line was cut off.
            if old != new or old > _MOST_SUPPLIED or not self.entries or self.entries[-1][0] != " ":
                return False
            place = self.places[-1]
            self.entries += [(" ", b"\n")] * old
            self.places += [place] * old
            self._supplied, self._left[:] = old, [0, 0]
            return True
        if old < 1 or new < 1 or line.startswith((b">", b"\\")):
            return False
        self._left[:] = [old - 1, new - 1]
        self._bare.add(len(self.entries))
        self._add(" ", line)
        return True

    def _broken(self, line: bytes | None, overrun: bool) -> str:
        if overrun:
            return "its lines do not fit the counts in its header"
        if line is None or line.startswith((b"diff --git ", b"@@ -")):
            return "it is cut short: it has fewer lines than its header says"
        number = self.at - self._start + 1
        return f"line {number} is neither context nor change (cut short, or wrapped by a mailer)"


def _begins_hunk(line: bytes) -> bool:
    """Whether a line after file names begins a hunk, even one with a damaged header (not one of a merge)."""
    return line.startswith(b"@@") and not line.startswith(b"@@@")


def _missing_hunk(line: int) -> Hunk:
    """What stands for the hunks of a change of which only the headers are there."""
    return Hunk(0, 0, 0, 0, "", (), line, (), "it is missing: the diff is cut short")


def _unended(entry: tuple[str, bytes]) -> tuple[str, bytes]:
    """A hunk's line as the last one of a file that has no newline at its end."""
    return entry[0], entry[1].removesuffix(b"\n")


def parse_diff(data: bytes) -> Diff:
    """The unified diffs in a text, whatever stands around them; quoted ones (`> `) do not count.

    Lines are those of `data` split at newlines. Never raises: what is damaged is a problem of the result.
    """
    return Parser(data).run()
