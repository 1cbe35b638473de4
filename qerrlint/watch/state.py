# SPDX-License-Identifier: GPL-2.0-or-later
"""The state of a watcher, in one SQLite file: the next run finishes or repeats what was interrupted.

Mails are stored with the mark of the place that they were read from, in one transaction. A thread with new
mails is *open* until its series are reviewed. The results of a review (its row, its drafts) are stored in
one transaction, after its page is written. Drafts are files that are written after that, each under a name
that depends on the mail that it answers; a row says that this was done, so that a draft which its owner sent
or deleted does not come again.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from qerrlint.errors import UsageError
from qerrlint.patch.mail.arrivals import Arrival, Delivery
from qerrlint.records import record

_VERSION = "1"
_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS marks (place TEXT PRIMARY KEY NOT NULL, mark TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mails (number INTEGER PRIMARY KEY, ident TEXT UNIQUE NOT NULL,
    thread INTEGER NOT NULL, time INTEGER NOT NULL, place TEXT NOT NULL, blob TEXT NOT NULL, data BLOB);
CREATE INDEX IF NOT EXISTS mails_of_thread ON mails (thread);
CREATE TABLE IF NOT EXISTS idents (ident TEXT PRIMARY KEY NOT NULL, thread INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idents_of_thread ON idents (thread);
CREATE TABLE IF NOT EXISTS open (thread INTEGER PRIMARY KEY NOT NULL);
CREATE TABLE IF NOT EXISTS series (key TEXT PRIMARY KEY NOT NULL, thread INTEGER NOT NULL, row TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS series_of_thread ON series (thread);
CREATE TABLE IF NOT EXISTS drafts (answered TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, data BLOB,
    written INTEGER NOT NULL);
"""

WAITING, REVIEWED, FAILED = "waiting", "reviewed", "failed"


@record(frozen=True, slots=True)
class SeriesRow:
    """One series and what is known of it.

    `key` is the message-id that it is known by, `mails` those of its cover letter and patches, `titles` the
    folded titles of both. `seen` are the numbers of the mails (answers too) that were there at its review.
    `time` is that of its newest patch. `state` is WAITING (patches are still missing), REVIEWED or FAILED
    (`problems` says why). `applied` is False where a patch could not be applied. `counts` has findings by
    severity. `run` is the number of the run that reviewed it first. `superseded_by` is the key of a later
    version, or "".
    """

    key: str
    page: str
    title: str
    author: str
    version: int
    patches: int
    total: int
    time: int
    mails: tuple[str, ...]
    titles: tuple[str, ...]
    seen: tuple[int, ...] = ()
    state: str = WAITING
    applied: bool = True
    counts: tuple[tuple[str, int], ...] = ()
    findings: tuple[str, ...] = ()
    subsystems: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    run: int = 0
    superseded_by: str = ""


@record(frozen=True, slots=True)
class Draft:
    """A reply: the id of the mail that it answers, the name of its file, the whole mail."""

    answered: str
    name: str
    data: bytes


@record(frozen=True, slots=True)
class StoredMail:
    """A mail of a thread: its bytes, or where they are (see Arrival)."""

    number: int
    ident: str
    time: int
    place: str
    blob: str
    data: bytes | None


class State:
    """The state in the file `path`, for one process at a time; a context manager.

    Raises UsageError when another process has it, or it is no state of this program.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._db = sqlite3.connect(path, timeout=0.2, isolation_level=None)
        try:
            # Held until this process ends, however it ends.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("BEGIN EXCLUSIVE")
            for statement in _TABLES.split(";"):
                self._db.execute(statement)
            self._db.execute("COMMIT")
            if self.fact("layout", _VERSION) != _VERSION:
                raise UsageError(f"{path}: made by another version of qerrlint: delete it to begin anew")
        except sqlite3.OperationalError as error:
            self._db.close()
            if "locked" in str(error):
                raise UsageError(f"{path}: another process is at work with it") from None
            raise UsageError(f"{path}: {error}") from None
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise UsageError(f"{path}: {error}") from None

    def __enter__(self) -> State:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def fact(self, name: str, default: str) -> str:
        """What is kept under a name; `default` is kept where nothing is."""
        self._db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, default))
        ((text,),) = self._db.execute("SELECT text FROM facts WHERE name = ?", (name,))
        return str(text)

    def has_fact(self, name: str) -> bool:
        """Whether something is kept under a name."""
        return self._db.execute("SELECT 1 FROM facts WHERE name = ?", (name,)).fetchone() is not None

    def set_fact(self, name: str, text: str) -> None:
        """Keep a text under a name."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, text))

    def marks(self) -> dict[str, str]:
        """The mark of each place that was read."""
        return dict(self._db.execute("SELECT place, mark FROM marks"))

    def take(self, delivery: Delivery) -> int:
        """Keep new mails, open their threads, and set the mark; returns how many mails were not there."""
        new = 0
        self._db.execute("BEGIN")
        for mail in delivery.mails:
            new += self._add(mail)
        self._db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (delivery.place, delivery.mark))
        self._db.execute("COMMIT")
        return new

    def open_threads(self) -> list[int]:
        """The threads that have new mails, the oldest first."""
        return [thread for (thread,) in self._db.execute("SELECT thread FROM open ORDER BY thread")]

    def settle_thread(self, thread: int) -> None:
        """Note that nothing is left to be done for a thread."""
        self._db.execute("DELETE FROM open WHERE thread = ?", (thread,))

    def mails(self, thread: int) -> list[StoredMail]:
        """The mails of a thread, in the order in which they came."""
        found = self._db.execute(
            "SELECT number, ident, time, place, blob, data FROM mails WHERE thread = ? ORDER BY number",
            (thread,),
        )
        return [
            StoredMail(number, ident, time, place, blob, zlib.decompress(data) if data is not None else None)
            for number, ident, time, place, blob, data in found
        ]

    def series(self, thread: int | None = None) -> list[SeriesRow]:
        """All series, or those of a thread."""
        where, values = ("", ()) if thread is None else (" WHERE thread = ?", (thread,))
        return [
            _row(text) for (text,) in self._db.execute(f"SELECT row FROM series{where} ORDER BY key", values)
        ]

    def keep(self, thread: int, rows: Iterable[SeriesRow], drafts: Sequence[Draft] = ()) -> None:
        """Keep series, and drafts for mails that had none yet."""
        self._db.execute("BEGIN")
        for row in rows:
            self._db.execute(
                "INSERT OR REPLACE INTO series VALUES (?, ?, ?)", (row.key, thread, json.dumps(asdict(row)))
            )
        for draft in drafts:
            self._db.execute(
                "INSERT OR IGNORE INTO drafts VALUES (?, ?, ?, 0)", (draft.answered, draft.name, draft.data)
            )
        self._db.execute("COMMIT")

    def thread_of(self, key: str) -> int:
        """The thread of a series."""
        ((thread,),) = self._db.execute("SELECT thread FROM series WHERE key = ?", (key,))
        return int(thread)

    def unwritten(self) -> Iterator[Draft]:
        """The drafts that are no files yet."""
        found = self._db.execute("SELECT answered, name, data FROM drafts WHERE written = 0 ORDER BY name")
        yield from [Draft(*row) for row in found]

    def set_written(self, draft: Draft) -> None:
        """Note that a draft is a file now; its text is not kept."""
        self._db.execute("UPDATE drafts SET written = 1, data = NULL WHERE answered = ?", (draft.answered,))

    def _add(self, mail: Arrival) -> int:
        there = self._db.execute("SELECT 1 FROM mails WHERE ident = ?", (mail.ident,)).fetchone()
        if there is not None:
            return 0
        names = sorted({mail.ident, *mail.refers})
        known = sorted(
            {
                thread
                for name in names
                for (thread,) in self._db.execute("SELECT thread FROM idents WHERE ident = ?", (name,))
            }
        )
        data = None if mail.blob else zlib.compress(mail.data)
        cursor = self._db.execute(
            "INSERT INTO mails (ident, thread, time, place, blob, data) VALUES (?, 0, ?, ?, ?, ?)",
            (mail.ident, mail.time, mail.place, mail.blob, data),
        )
        # A thread has the number of its first mail.
        thread = known[0] if known else cursor.lastrowid
        self._db.execute("UPDATE mails SET thread = ? WHERE ident = ?", (thread, mail.ident))
        self._db.executemany("INSERT OR IGNORE INTO idents VALUES (?, ?)", [(name, thread) for name in names])
        for other in known[1:]:
            for table in ("mails", "idents", "series"):
                self._db.execute(f"UPDATE {table} SET thread = ? WHERE thread = ?", (thread, other))
            self._db.execute("DELETE FROM open WHERE thread = ?", (other,))
        self._db.execute("INSERT OR IGNORE INTO open VALUES (?)", (thread,))
        return 1


def _row(text: str) -> SeriesRow:
    fields: dict[str, Any] = json.loads(text)
    fields["counts"] = tuple((name, number) for name, number in fields["counts"])
    for name, value in fields.items():
        fields[name] = tuple(value) if isinstance(value, list) else value
    return SeriesRow(**fields)
