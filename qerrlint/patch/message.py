# SPDX-License-Identifier: GPL-2.0-or-later
"""Message: one mail, or one patch that came without a mail; and the kinds of input messages are read from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import AnyStr

from qerrlint.errors import InputError

# More than this after decompression is no thread but a whole archive (or a bomb).
_LARGEST = 512 * 1024 * 1024

_FROM_LINE = re.compile(rb"^From (\S+)[ \t].*\d\d:\d\d.*\d{4}[^\n]*\n", re.M)
_HEADER_LINE = re.compile(rb"[!-9;-~]+[ \t]*:")
_MAIL_HEADER = re.compile(rb"^(?:From|Subject|Message-ID)[ \t]*:", re.M | re.I)
_DEAR_HTML = re.compile(rb"\s*<(?:!doctype\s+html|html|head|\?xml)\b", re.I)
# The date git writes into every From line of `git format-patch`.
_FORMAT_PATCH = b" Mon Sep 17 00:00:00 2001"
_PATCH_SUFFIXES = (".patch", ".diff", ".eml", ".mbox", ".mbx", ".cover", ".mail", ".txt", ".html", ".gz")


@dataclass(frozen=True, slots=True)
class Message:
    """One mail as its reader sees it.

    `message_id`, `in_reply_to` and `references` are without angle brackets. `sender` is "Name <address>"
    or what of it is known. `text` has newlines only and is decoded; bytes that are in no declared charset
    are surrogate-escaped, so that `body` gives back a diff byte for byte. `origin` is the file it came
    from; `lines_offset` how many lines of that file precede the text, None where the text is not
    verbatim in it. `commit` is the commit id that `git format-patch` or `git log` wrote down.
    `recipients` are those of To and Cc, each "Name <address>" or an address.
    """

    message_id: str | None
    sender: str
    subject: str
    date: datetime | None
    in_reply_to: str | None
    references: tuple[str, ...]
    text: str
    origin: str
    lines_offset: int | None = None
    commit: str | None = None
    recipients: tuple[str, ...] = ()

    @property
    def body(self) -> bytes:
        """The text as bytes: UTF-8, with undecodable bytes as they were."""
        return self.text.encode("utf-8", "surrogateescape")


def name_and_address(text: str) -> tuple[str, str]:
    """The name ("" without one) and the address of a sender or recipient, as a Message has them: decoded, so
    that a name can hold a comma."""
    text = " ".join(text.split())
    if not text.endswith(">") or "<" not in text:
        return "", text
    name, _, address = text[:-1].rpartition("<")
    return name.strip(' "'), address.strip()


def read_messages(data: bytes, origin: str) -> list[Message]:
    """The messages in the bytes of one file, in their order.

    Takes an mbox (also compressed with gzip), one mail, `git format-patch` and `git log -p` output, a
    bare diff, and the saved text or HTML of an archive page (patchew, lore). Raises InputError when
    the data is none of these.
    """
    data = _unpacked(data, origin)
    if not data.strip():
        raise InputError(f"{origin}: empty")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if _DEAR_HTML.match(data):
        from qerrlint.patch.archive import html_text, read_page

        return read_page(html_text(data), origin, None)
    blank = len(data) - len(data.lstrip(b"\r\n"))
    skipped, data = data.count(b"\n", 0, blank), data[blank:]
    if _FROM_LINE.match(data):
        return list(_mailbox(data, origin, skipped))
    if _is_mail(data):
        from qerrlint.patch.mime import read_mail

        return read_mail(data, origin, skipped)
    from qerrlint.patch.archive import is_page, read_page
    from qerrlint.patch.diff import has_diff
    from qerrlint.patch.gitlog import is_log, read_log

    text = _newlines(data)
    if is_log(text):
        return read_log(text, origin, skipped)
    if is_page(text):
        return read_page(text, origin, skipped)
    if b"\0" in data[:1024] or not has_diff(text.encode("utf-8", "surrogateescape")):
        raise InputError(f"{origin}: neither a mail nor a diff")
    name = os.path.basename(origin)
    return [Message(None, "", name, None, None, (), text, origin, skipped)]


def read_path(path: str | os.PathLike[str]) -> list[Message]:
    """The messages of a file, or of a folder: a maildir, an MH folder, or a directory of patch files.

    Raises InputError when `path` cannot be read or holds no message.
    """
    text = os.fspath(path)
    if os.path.isdir(text):
        files = _folder(text)
        if not files:
            raise InputError(f"{text}: no mail or patch in this directory")
        return [message for file in files for message in read_path(file)]
    try:
        with open(text, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(f"{text}: cannot be read: {error.strerror}") from None
    return read_messages(data, text)


def _folder(path: str) -> list[str]:
    names = _listed(path)
    if "cur" in names and "new" in names:
        return [
            os.path.join(path, part, name)
            for part in ("cur", "new")
            for name in _listed(os.path.join(path, part))
            if not name.startswith(".") and not _is_special(os.path.join(path, part, name))
        ]
    chosen = [name for name in names if name.lower().endswith(_PATCH_SUFFIXES) or name.isdigit()]
    chosen.sort(key=lambda name: (int(name) if name.isdigit() else 0, name))
    return [os.path.join(path, name) for name in chosen if os.path.isfile(os.path.join(path, name))]


def _is_special(path: str) -> bool:
    """Whether a path is a pipe, a socket or a device, which would be waited for, or a folder."""
    return os.path.exists(path) and not os.path.isfile(path)


def _listed(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be listed: {error.strerror}") from None


def _unpacked(data: bytes, origin: str) -> bytes:
    if len(data) > _LARGEST:
        raise InputError(f"{origin}: larger than {_LARGEST >> 20} MiB")
    if not data.startswith(b"\x1f\x8b"):
        return data
    import gzip
    import io
    import zlib

    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            data = file.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error):
        raise InputError(f"{origin}: damaged gzip data") from None
    if len(data) > _LARGEST:
        raise InputError(f"{origin}: larger than {_LARGEST >> 20} MiB")
    return data


def _newlines(data: bytes) -> str:
    """The text of a file without mail around it; CRs go only when every line has one."""
    if data.count(b"\r\n") == data.count(b"\n"):
        data = data.replace(b"\r\n", b"\n")
    return data.decode("utf-8", "surrogateescape")


def _is_mail(data: bytes) -> bool:
    if not _HEADER_LINE.match(data):
        return False
    head = re.split(rb"\r?\n\r?\n", data[:65536], maxsplit=1)[0]
    lines = head.splitlines()
    return _MAIL_HEADER.search(head) is not None and all(
        line[:1] in (b" ", b"\t") or _HEADER_LINE.match(line) for line in lines
    )


def cut_at(
    marks: Sequence[re.Match[AnyStr]], text: AnyStr, newline: AnyStr, skipped: int
) -> Iterator[tuple[re.Match[AnyStr], AnyStr, int]]:
    """Each mark, what stands between it and the next one, and how many lines precede that; `skipped` lines
    precede the text."""
    line, counted = skipped, 0
    for number, mark in enumerate(marks):
        end = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        line += text.count(newline, counted, mark.end())
        counted = mark.end()
        yield mark, text[counted:end], line


def _mailbox(data: bytes, origin: str, skipped: int) -> Iterator[Message]:
    """Split at From lines that begin the file or follow an empty line, and undo the quoting of others."""
    from qerrlint.patch.mime import read_mail

    starts = [
        match
        for match in _FROM_LINE.finditer(data)
        if match.start() == 0 or data.endswith((b"\n\n", b"\n\r\n"), 0, match.start())
        if _HEADER_LINE.match(data, match.end()) or data[match.end() : match.end() + 1] in (b">", b"")
    ]
    for start, rest, line in cut_at(starts, data, b"\n", skipped):
        mail = re.sub(rb"^>(>*From )", rb"\1", rest, flags=re.M)
        commit = start[1].decode("ascii", "replace") if _FORMAT_PATCH in start[0] else None
        yield from read_mail(mail, origin, line, commit)
