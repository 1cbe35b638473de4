# SPDX-License-Identifier: GPL-2.0-or-later
"""Store: results of earlier runs, in one SQLite file in the user's cache folder.

A result is stored under its *subject* (a digest of what was analysed: the program, the bytes) and the
*scene* it was seen valid in (a digest of the tree around). It has its reads, by which it can be found valid
in another scene. An entry never changes and has a checksum; one that does not match it is ignored. Deleting
the file is always safe. Where it is damaged, locked or not writable the run goes on without it, and
`trouble` says why. Transactions are short and atomic: runs may share a store, and be killed at any moment.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qerrlint.errors import InputError
from qerrlint.records import record

if TYPE_CHECKING:
    import sqlite3

# Another layout of the tables gets another file name.
_NAME = "results-2.sqlite"
_OLD_NAMES = ("results-1.sqlite",)
_LARGEST = 256 << 20
# What is deleted at a time when the file grows too large: one part in so many, the least recently used.
_PART = 16
_AT_ONCE = 500
# Scenes of one subject that are tried, the last used first.
_MOST_SCENES = 4
_DAY = 86_400
KEPT_FOR_TREE = "tree "
"""What the subjects of entries begin with that are no results of a file: states of trees, texts."""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS results (subject TEXT NOT NULL, scene TEXT NOT NULL, used INTEGER NOT NULL, "
    "sum BLOB NOT NULL, reads BLOB NOT NULL, result BLOB NOT NULL, UNIQUE (subject, scene))",
    "CREATE TABLE IF NOT EXISTS notes "
    "(name TEXT PRIMARY KEY NOT NULL, sum BLOB NOT NULL, text BLOB NOT NULL)",
)


def folder() -> Path:
    """Where the store lies: QERRLINT_CACHE_DIR, else `qerrlint` in the user's cache directory."""
    if given := os.environ.get("QERRLINT_CACHE_DIR"):
        return Path(given)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "qerrlint"


@record(frozen=True, slots=True)
class Contents:
    """What the store holds: its file, how many results, how many bytes on disk."""

    file: Path
    results: int
    size: int


class Entry(NamedTuple):
    """A result with its reads, both as bytes."""

    subject: str
    scene: str
    reads: bytes
    result: bytes


class Store:
    """The results by subject and scene. Use it in one process only; it is a context manager."""

    def __init__(self, directory: Path | None = None) -> None:
        self.file = (directory or folder()) / _NAME
        self.trouble: str | None = None
        self._connection: sqlite3.Connection | None = None
        self._touched: set[int] = set()
        self._broken: set[int] = set()
        self._today = int(time.time()) // _DAY

    def exact(self, subjects: Iterable[str], scenes: Sequence[str]) -> dict[str, Entry]:
        """The results of these subjects that are known to be valid in one of the scenes."""
        marks = ",".join("?" * len(scenes))
        rows = self._select(subjects, f"AND scene IN ({marks})", scenes)
        return {entry.subject: entry for entry in rows}

    def has(self, subjects: Iterable[str], scene: str) -> set[str]:
        """The subjects that have a result in a scene; it is not read."""
        wanted = list(subjects)
        found: set[str] = set()
        for at in range(0, len(wanted), _AT_ONCE):
            some = wanted[at : at + _AT_ONCE]
            marks = ",".join("?" * len(some))
            statement = f"SELECT subject FROM results WHERE subject IN ({marks}) AND scene = ?"
            found.update(row[0] for row in self._run(statement, (*some, scene)))
        return found

    def candidates(self, subjects: Iterable[str]) -> dict[str, list[Entry]]:
        """For each subject some results that may be valid, the last used first."""
        out: dict[str, list[Entry]] = {}
        for entry in self._select(subjects, "ORDER BY used DESC, rowid DESC", ()):
            known = out.setdefault(entry.subject, [])
            if len(known) < _MOST_SCENES and all(entry.reads != other.reads for other in known):
                known.append(entry)
        return out

    def add(self, entries: Iterable[Entry], instead: Iterable[tuple[str, str]] = ()) -> None:
        """Keep results, in the place of those of the (subject, scene) `instead`.

        The least recently used ones go when the file grows too large.
        """
        rows = [(*entry[:2], self._today, _sum(*entry), *entry[2:]) for entry in entries]
        if rows:
            self._change(
                ("DELETE FROM results WHERE subject = ? AND scene = ?", list(instead)),
                ("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?)", rows),
            )
            self._shrink()

    def note(self, name: str) -> bytes | None:
        """A text that was kept under a name."""
        for checksum, text in self._run("SELECT sum, text FROM notes WHERE name = ?", (name,)):
            if isinstance(text, bytes) and checksum == _sum(name, text):
                return text
        return None

    def add_note(self, name: str, text: bytes) -> None:
        """Keep a text under a name, in the place of what is there."""
        self._change(("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", [(name, _sum(name, text), text)]))

    def contents(self) -> Contents:
        """What is in the store; nothing where there is no file."""
        if not self.file.exists():
            return Contents(self.file, 0, 0)
        counted = f"SELECT count(*) FROM results WHERE subject NOT LIKE '{KEPT_FOR_TREE}%'"
        ((count,),) = self._run(counted, ()) or [(0,)]
        return Contents(self.file, count, self._size())

    def clear(self) -> None:
        """Delete the store's files. Raises OSError where that cannot be done."""
        self._disconnect()
        for name in (_NAME, *_OLD_NAMES):
            for suffix in ("", "-wal", "-shm"):
                (self.file.parent / f"{name}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Record what was used, drop what is damaged, and close the file."""
        if self._connection is not None:
            for rows, statement in (
                (self._broken, "DELETE FROM results WHERE rowid = ?"),
                (self._touched, f"UPDATE results SET used = {self._today} WHERE rowid = ?"),
            ):
                if rows:
                    self._change((statement, [(row,) for row in sorted(rows)]))
                    rows.clear()
        self._disconnect()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _select(self, subjects: Iterable[str], condition: str, values: Sequence[str]) -> Iterable[Entry]:
        wanted = list(subjects)
        for at in range(0, len(wanted), _AT_ONCE):
            some = wanted[at : at + _AT_ONCE]
            marks = ",".join("?" * len(some))
            statement = (
                "SELECT rowid, used, sum, subject, scene, reads, result FROM results "
                f"WHERE subject IN ({marks}) {condition}"
            )
            for row, used, checksum, *fields in self._run(statement, (*some, *values)):
                if not _is_entry(fields) or checksum != _sum(*fields):
                    self._broken.add(row)
                    continue
                if used != self._today:
                    self._touched.add(row)
                yield Entry(*fields)

    def _shrink(self) -> None:
        """Delete the least recently used results as long as there are more bytes than allowed."""
        while self._connection is not None and self._size() > _LARGEST:
            ((count,),) = self._run("SELECT count(*) FROM results", ()) or [(0,)]
            if not count:
                break
            part = count // _PART + 1
            oldest = "SELECT rowid FROM results ORDER BY used, rowid LIMIT ?"
            self._change((f"DELETE FROM results WHERE rowid IN ({oldest})", [(part,)]))

    def _run(self, statement: str, values: Sequence[Any]) -> list[Any]:
        import sqlite3

        connection = self._open()
        if connection is None:
            return []
        try:
            return connection.execute(statement, values).fetchall()
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            self._give_up(error)
            return []

    def _change(self, *statements: tuple[str, Sequence[Sequence[Any]]]) -> None:
        """Run statements in one transaction, each for all of its rows."""
        import sqlite3

        connection = self._open()
        if connection is None:
            return
        try:
            with connection:
                for statement, rows in statements:
                    connection.executemany(statement, rows)
        except (sqlite3.Error, UnicodeError) as error:
            self._give_up(error)

    def _open(self) -> sqlite3.Connection | None:
        import sqlite3

        if self._connection is not None or self.trouble is not None:
            return self._connection
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.file, timeout=2)
            # What a table or index says is checked by the entries' own sums.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            with self._connection:
                for statement in _TABLES:
                    self._connection.execute(statement)
        except (sqlite3.Error, OSError, UnicodeError) as error:
            # The message of a damaged file may quote bytes that are no UTF-8.
            self._give_up(error)
        return self._connection

    def _give_up(self, error: Exception) -> None:
        self._disconnect()
        self.trouble = f"{self.file}: not used as a cache: {error}"

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _size(self) -> int:
        """The bytes in use; pages that were freed are used again before the file grows."""
        sizes = [self._run(f"PRAGMA {what}", ()) for what in ("page_size", "page_count", "freelist_count")]
        if not all(sizes):
            return 0
        size, count, free = (rows[0][0] for rows in sizes)
        return int(size * (count - free))


def _is_entry(fields: Sequence[object]) -> bool:
    """Whether the fields of a row have the types of an Entry's: in a damaged file they may have others."""
    subject, scene, *rest = fields
    return isinstance(subject, str) and isinstance(scene, str) and all(isinstance(f, bytes) for f in rest)


def _sum(*fields: str | bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=12)
    for field in fields:
        data = field.encode("utf-8", "surrogateescape") if isinstance(field, str) else field
        digest.update(b"%d\0" % len(data))
        digest.update(data)
    return digest.digest()


def other_results(first: str, number: int, thing: str) -> InputError:
    """The error of a run that verifies the store: the first thing of which it has another result, and their
    number."""
    many = f"1 {thing}" if number == 1 else f"{number} {thing}s"
    return InputError(f"{first}: the store has another result ({many} in all)")
