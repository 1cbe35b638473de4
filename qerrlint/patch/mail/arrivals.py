# SPDX-License-Identifier: GPL-2.0-or-later
"""The mails that have come into an archive or a folder since it was last read; it knows headers, no patches.

What was read is a *mark* for each place: of a repository its newest commit, of a file its size and time.
Marks are given back with the mails, and the caller keeps both in one step.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from email.utils import parsedate_to_datetime

from qerrlint.errors import InputError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.mail.inbox import Archive, mail_ids, repositories
from qerrlint.patch.mail.mailbox import split, starts
from qerrlint.records import record

_MONTH = 30 * 86400
_DATE = lazy_re(rb"^Date:[ \t]*(.{1,200})$", re.M | re.I)
_HEAD = 65536
# A file of a maildir: flags after the colon change when it is read.
_FLAGS = lazy_re(r":2,[A-Za-z]*\Z")


@record(frozen=True, slots=True)
class Arrival:
    """A mail. `ident` is its message-id, or made of its bytes where it has none; `refers` are the ids that it
    refers to. `time` (seconds since 1970) is when it arrived, in a folder when it was sent, or
    where it does not say, when its file was written.

    Of an archive `blob` is the object in the repository `place`, of a folder it is "" and `place` a file.
    """

    ident: str
    refers: frozenset[str]
    time: int
    place: str
    blob: str
    data: bytes


@record(frozen=True, slots=True)
class Delivery:
    """New mails of one place, oldest first, and the mark of the place after them."""

    place: str
    mark: str
    mails: tuple[Arrival, ...]


def deliveries(folder: str, marks: Mapping[str, str], start: int, lot: int = 500) -> Iterator[Delivery]:
    """What is new in a public-inbox archive (v1 or v2), a maildir, a folder of mailboxes or one mailbox.

    Mails before `start` are left out. A delivery has up to `lot` mails; the mark of all but the last of a
    place is the one before. Raises InputError when the folder cannot be read.
    """
    _require(folder)
    if _is_archive(folder):
        for path in reversed(repositories(folder)):
            yield from _of_repository(folder, path, marks, start, lot)
    else:
        yield from _of_files(folder, marks, start, lot)


def month_before_newest(folder: str) -> int:
    """The time 30 days before the newest mail; 0 without any. Raises InputError as deliveries() does."""
    _require(folder)
    times = []
    if _is_archive(folder):
        for path in repositories(folder):
            with closing(Archive(path)) as archive:
                times.append(archive.newest() or 0)
    else:
        times = [_sent(data) for path in _files(folder) for data in _mails(path)]
    return max(0, max(times, default=0) - _MONTH)


def _require(folder: str) -> None:
    if not os.path.exists(folder):
        raise InputError(f"{folder}: no such file or folder")


class StoredMails:
    """The mails of an archive by place and blob; a context manager that ends git's processes."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._archives: dict[str, Archive] = {}

    def read(self, place: str, blob: str) -> bytes | None:
        """The bytes of a mail; None where it is gone."""
        if place not in self._archives:
            self._archives[place] = Archive(os.path.join(self._folder, place))
        return self._archives[place].read(blob)

    def __enter__(self) -> StoredMails:
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._archives.values():
            archive.close()


def _is_archive(folder: str) -> bool:
    """Whether there are repositories: epochs of v2, or one of v1."""
    return repositories(folder) != [folder] or os.path.isdir(os.path.join(folder, "objects"))


def _of_repository(
    folder: str, path: str, marks: Mapping[str, str], start: int, lot: int
) -> Iterator[Delivery]:
    place = os.path.relpath(path, folder)
    with closing(Archive(path)) as archive:
        head = archive.head()
        before = marks.get(place) or None
        if head is None or head == before:
            return
        entries = archive.arrived(before, head, start)
        for at in range(0, max(len(entries), 1), lot):
            mails = []
            for time, blob in entries[at : at + lot]:
                data = archive.read(blob)
                if data is not None:
                    mails.append(_arrival(data, time, place, blob))
            last = at + lot >= len(entries)
            yield Delivery(place, head if last else before or "", tuple(mails))


def _of_files(folder: str, marks: Mapping[str, str], start: int, lot: int) -> Iterator[Delivery]:
    for path in _files(folder):
        status = os.stat(path)
        # A mail of a maildir moves from new/ to cur/, and its flags change; its text does not.
        is_mail = os.path.basename(os.path.dirname(path)) in ("cur", "new")
        name = os.path.basename(path)
        place = f"maildir/{_FLAGS.sub('', name)}" if is_mail else os.path.relpath(path, folder)
        mark = "read" if is_mail else f"{status.st_size} {status.st_mtime_ns}"
        if marks.get(place) == mark:
            continue
        mails = [
            mail
            for mail in (
                _arrival(data, _sent(data) or int(status.st_mtime), place, "") for data in _mails(path)
            )
            if mail.time >= start
        ]
        for at in range(0, max(len(mails), 1), lot):
            last = at + lot >= len(mails)
            yield Delivery(place, mark if last else marks.get(place, ""), tuple(mails[at : at + lot]))


def _files(folder: str) -> list[str]:
    """The files of a maildir, or all files of a folder and of those below it, in a certain order."""
    if os.path.isfile(folder):
        return [folder]
    if all(os.path.isdir(os.path.join(folder, part)) for part in ("cur", "new")):
        tops = [os.path.join(folder, part) for part in ("cur", "new")]
        found = [os.path.join(top, name) for top in tops for name in sorted(os.listdir(top))]
    else:
        found = [
            os.path.join(top, name)
            for top, below, names in os.walk(folder)
            for name in sorted(names)
            if not below.sort()
        ]
    return [path for path in found if os.path.isfile(path) and not os.path.basename(path).startswith(".")]


def _mails(path: str) -> Iterator[bytes]:
    """The mails of a file: of a mailbox each, else the file."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    marks = starts(data)
    if marks and marks[0][0] == 0:
        for piece in split(data, marks, 0):
            # What git format-patch wrote down of the commit is in the From line.
            head = f"From {piece.commit} Mon Sep 17 00:00:00 2001\n".encode() if piece.commit else b""
            yield head + piece.data
    elif data.strip():
        yield data


def _arrival(data: bytes, time: int, place: str, blob: str) -> Arrival:
    own, refers = mail_ids(data)
    if not own:
        own = f"{hashlib.sha256(data).hexdigest()[:32]}@no-message-id.invalid"
    return Arrival(own, refers, time, place, blob, data)


def _sent(data: bytes) -> int:
    match = _DATE.search(data[:_HEAD])
    try:
        date = parsedate_to_datetime(match[1].decode("ascii", "replace").strip()) if match else None
        return int(date.timestamp()) if date is not None else 0
    except (ValueError, OverflowError, TypeError, IndexError):
        return 0
