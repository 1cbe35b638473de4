# SPDX-License-Identifier: GPL-2.0-or-later
"""Store: the results of earlier runs by key, in one SQLite file in the user's cache folder.

An entry never changes: a key is a digest of all that its result was made from, so there is nothing to
invalidate, only keys that are not found. Deleting the file is always safe. Where it is damaged, locked or not
writable the run goes on without a cache, and `trouble` says why.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

# Another layout of the table gets another file name.
_NAME = "results-1.sqlite"
_LARGEST = 256 << 20
_AT_ONCE = 500


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


@dataclass(frozen=True, slots=True)
class Contents:
    """What the store holds: its file, how many results, how many bytes on disk."""

    file: Path
    results: int
    size: int


class Store:
    """The results by key. Use it in one process only; it is a context manager."""

    def __init__(self, directory: Path | None = None) -> None:
        self.file = (directory or folder()) / _NAME
        self.trouble: str | None = None
        self._connection: sqlite3.Connection | None = None

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The results that are there."""
        out: dict[str, bytes] = {}
        wanted = list(keys)
        for at in range(0, len(wanted), _AT_ONCE):
            some = wanted[at : at + _AT_ONCE]
            marks = ",".join("?" * len(some))
            out.update(self._run(f"SELECT key, result FROM results WHERE key IN ({marks})", some))
        return out

    def put(self, results: Mapping[str, bytes]) -> None:
        """Keep results; those that are there already stay. The oldest go when the file grows too large."""
        import sqlite3

        connection = self._open()
        if connection is None or not results:
            return
        try:
            with connection:
                connection.executemany("INSERT OR IGNORE INTO results VALUES (?, ?)", results.items())
                if self._size() > _LARGEST:
                    connection.execute(
                        "DELETE FROM results WHERE rowid <= "
                        "(SELECT (min(rowid) + max(rowid)) / 2 FROM results)"
                    )
        except sqlite3.Error as error:
            self._give_up(error)

    def contents(self) -> Contents:
        """What is in the store; nothing where there is no file."""
        if not self.file.exists():
            return Contents(self.file, 0, 0)
        ((count,),) = self._run("SELECT count(*) FROM results", []) or [(0,)]
        return Contents(self.file, count, self._size())

    def clear(self) -> None:
        """Delete the store's files. Raises OSError where that cannot be done."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, statement: str, values: list[str]) -> list[tuple]:  # type: ignore[type-arg]
        import sqlite3

        connection = self._open()
        if connection is None:
            return []
        try:
            return connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _open(self) -> sqlite3.Connection | None:
        import sqlite3

        if self._connection is not None or self.trouble is not None:
            return self._connection
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.file, timeout=2)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = OFF")
            with self._connection:
                self._connection.execute(
                    "CREATE TABLE IF NOT EXISTS results (key TEXT UNIQUE NOT NULL, result BLOB NOT NULL)"
                )
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)
        return self._connection

    def _give_up(self, error: Exception) -> None:
        self.close()
        self.trouble = f"{self.file}: not used as a cache: {error}"

    def _size(self) -> int:
        return sum(file.stat().st_size for file in (self.file, Path(f"{self.file}-wal")) if file.exists())
