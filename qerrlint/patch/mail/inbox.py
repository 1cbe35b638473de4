# SPDX-License-Identifier: GPL-2.0-or-later
"""The thread of a message-id in a local public-inbox archive, by git objects only; it knows mail headers.

Layouts (public-inbox-v1-format(5) and public-inbox-v2-format(5)): in v2 the folder holds git/0.git, git/1.git
and so on, and each commit has one mail as the file `m`; in v1 it is one repository, with a mail at xx/yyyy...
named by the SHA-1 of its message-id. Nothing is written: the indexes beside the repositories are not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import NamedTuple

from qerrlint.errors import InputError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.mail.read_input import read_messages
from qerrlint.patch.message import Message
from qerrlint.source.git_tree import require
from qerrlint.source.gitprocess import BlobReader, Git

_MAIL_PATH = lazy_re(rb"m|[0-9a-f]{2}/[0-9a-f]{38}")
_IDS = lazy_re(rb"^(message-id|in-reply-to|references)[ \t]*:((?:.*\n)(?:[ \t].*\n)*)", re.M | re.I)
_ID = lazy_re(rb"<([^<>\s]+)>")
_HINT = lazy_re(r"(?<!\d)(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_DAY = 86400
# How far from the mail itself the rest of its thread is looked for: patches get answers within weeks.
_BEFORE, _AFTER = 45 * _DAY, 120 * _DAY
# A mail whose id holds a date arrives within this time of it, if clocks are right.
_ARRIVAL = 10 * _DAY
# Times of commits are those of the mails, and some clocks are wrong: after so many older ones in a row there
# is nothing more to expect. (git's own --since stops at the first one.)
_STRAGGLERS = 10_000


class _Entry(NamedTuple):
    """A commit's mail: when it was committed (seconds), and the blob."""

    time: int
    blob: str


class _Head(NamedTuple):
    """What a mail's header says: its own id and those that it refers to."""

    own: str
    refers: frozenset[str]


def read_thread(folder: str | os.PathLike[str], message_id: str) -> list[Message]:
    """All mails of the thread that the mail `message_id` is in, oldest first.

    The others are looked for among the mails that arrived up to 45 days before and 120 days after it.
    Raises InputError when the folder is no archive, or does not hold the mail.
    """
    root = os.fspath(folder)
    wanted = message_id.strip().strip("<>")
    archives = [Archive(path) for path in repositories(root)]
    try:
        found = next((entry for archive in archives if (entry := archive.find(wanted)) is not None), None)
        if found is None:
            raise InputError(f"{root}: there is no mail <{wanted}> in this archive")
        near = [
            (archive, entry)
            for archive in archives
            for entry in archive.entries(found.time - _BEFORE, found.time + _AFTER)
        ]
        heads = [head for archive in archives for head in archive.heads(e for a, e in near if a is archive)]
        members = _members(heads, wanted)
        chosen = sorted(
            (entry.time, -number, archive, entry)
            for number, (archive, entry) in enumerate(near)
            if number in members
        )
        return [message for _, _, archive, entry in chosen for message in archive.messages(entry, root)]
    finally:
        for archive in archives:
            archive.close()


def repositories(root: str) -> list[str]:
    """The repositories of an archive, the newest epoch first."""
    for folder in (os.path.join(root, "git"), root):
        epochs = [name for name in _listed(folder) if re.fullmatch(r"\d+\.git", name)]
        if epochs:
            epochs.sort(key=lambda name: int(name[:-4]), reverse=True)
            return [os.path.join(folder, name) for name in epochs]
    return [root]


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _members(heads: Sequence[_Head], wanted: str) -> set[int]:
    """The numbers of the mails that hang together with `wanted` by the ids in their headers."""
    holders: dict[str, list[int]] = {}
    for number, head in enumerate(heads):
        for ident in (head.own, *head.refers):
            holders.setdefault(ident, []).append(number)
    found: set[int] = set()
    seen = {wanted}
    waiting = [wanted]
    while waiting:
        for number in holders.get(waiting.pop(), ()):
            found.add(number)
            fresh = {heads[number].own, *heads[number].refers} - seen - {""}
            seen |= fresh
            waiting += fresh
    return found


def mail_ids(data: bytes) -> tuple[str, frozenset[str]]:
    """The message-id of a mail, "" without one, and the ids that it refers to."""
    return _head(data)


def _head(data: bytes) -> _Head:
    end = re.search(rb"^\r?\n", data, re.M)
    own, refers = "", set()
    for field in _IDS.finditer(data[: end.start()] if end else data):
        idents = [ident.decode("utf-8", "surrogateescape") for ident in _ID.findall(field[2])]
        if field[1].lower() == b"message-id":
            own = own or next(iter(idents), "")
        else:
            refers.update(idents)
    return _Head(own, frozenset(refers))


class Archive:
    """One repository of an archive. Raises InputError when there is none at `path`."""

    def __init__(self, path: str) -> None:
        self._git = Git(require(path).git_dir)
        self._reader = BlobReader(self._git)

    def head(self) -> str | None:
        """The newest commit; None in a repository without any."""
        code, out, _ = self._git.try_run(("rev-parse", "--verify", "--quiet", "HEAD^{commit}"))
        return out.decode("ascii").strip() if code == 0 else None

    def arrived(self, after: str | None, until: str, not_before: int | None = None) -> list[tuple[int, str]]:
        """Time and blob of the mails of the commits up to `until`, the oldest first.

        `after` is a commit whose mails, and those before it, are known; one that is no ancestor (the archive
        was written anew) stands for none. Without it `not_before` (seconds since 1970) bounds the mails.
        """
        if after is not None and self._git.try_run(("merge-base", "--is-ancestor", after, until))[0] == 0:
            span, not_before = f"{after}..{until}", None
        else:
            span = until
        entries = self._bounded(self._all(None, span), not_before, None)
        return [(entry.time, entry.blob) for entry in entries][::-1]

    def newest(self) -> int | None:
        """When the newest mail arrived; None without any."""
        return next((entry.time for entry in self._all(None)), None)

    def read(self, blob: str) -> bytes | None:
        """The bytes of a mail; None where the object is missing."""
        return self._reader.read(blob)

    def close(self) -> None:
        """End the git process."""
        self._reader.close()

    def find(self, wanted: str) -> _Entry | None:
        """The mail of that id: by its path in v1, else by reading, first around a date that the id holds."""
        digest = hashlib.sha1(wanted.encode("utf-8", "surrogateescape")).hexdigest()
        path = f"{digest[:2]}/{digest[2:]}"
        if self._git.try_run(("cat-file", "-e", f"HEAD:{path}"))[0] == 0:
            return next(self.entries(None, None, path), None)
        for since, until in (*_hints(wanted), (None, None)):
            entries = self.entries(since, until)
            while batch := list(islice(entries, 256)):
                for entry, head in zip(batch, self.heads(batch), strict=True):
                    if head.own == wanted:
                        return entry
        return None

    def entries(self, since: int | None, until: int | None, path: str | None = None) -> Iterator[_Entry]:
        """The mails committed in a time, the newest commit first; with `path` those of that file."""
        return self._bounded(self._all(path), since, until)

    @staticmethod
    def _bounded(entries: Iterable[_Entry], since: int | None, until: int | None) -> Iterator[_Entry]:
        older = 0
        for entry in entries:
            if since is not None and entry.time < since:
                older += 1
                if older == _STRAGGLERS:
                    return
            elif until is None or entry.time <= until:
                older = 0
                yield entry

    def _all(self, path: str | None, span: str = "HEAD") -> Iterator[_Entry]:
        command = ("log", "--raw", "-z", "--no-abbrev", "--no-renames", "--root", "--no-notes")
        form = ("--no-ext-diff", "--no-textconv", "--no-color", "--format=%x01%ct")
        for record in self._git.records((*command, *form, span, *(("--", path) if path else ()))):
            yield from _entries(record)

    def heads(self, entries: Iterable[_Entry]) -> Iterator[_Head]:
        """What the headers of the mails say, in order; of a blob that is missing, nothing."""
        for data in self._reader.read_many(entry.blob for entry in entries):
            yield _head(data or b"")

    def messages(self, entry: _Entry, root: str) -> list[Message]:
        """The mail, and those attached to it."""
        data = self._reader.read(entry.blob)
        if data is None:
            raise InputError(f"{root}: the object {entry.blob[:12]} is missing (a partial clone?)")
        return read_messages(data, f"{root}: <{_head(data).own}>")


def _hints(ident: str) -> Iterator[tuple[int, int]]:
    match = _HINT.search(ident)
    if match is not None:
        year, month, day = (int(part) for part in match.groups())
        with contextlib.suppress(ValueError):
            time = int(datetime(year, month, day, tzinfo=timezone.utc).timestamp())
            yield time - _ARRIVAL, time + _ARRIVAL


def _entries(record: bytes) -> Iterator[_Entry]:
    """The mails that one record of `git log --raw -z` adds or changes."""
    fields = iter(record.split(b"\0"))
    time = next(fields).strip()
    for head in fields:
        words = head.split()
        if len(words) == 5 and words[0].startswith(b":"):
            path = next(fields, b"")
            if words[4] in (b"A", b"M") and _MAIL_PATH.fullmatch(path):
                yield _Entry(int(time), words[3].decode("ascii"))
