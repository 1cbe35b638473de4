# SPDX-License-Identifier: GPL-2.0-or-later
"""Where one mail of a mailbox ends and the next begins: at the lines that `git mailsplit` takes for such."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.diff import has_diff

_HEADER_LINE = lazy_re(rb"[!-9;-~]+[ \t]*:")
_TIME = lazy_re(rb"\d:\d\d")
_YEAR = lazy_re(rb"\d{4}")
_ID = lazy_re(rb"From ([0-9a-f]{40,64}) Mon Sep 17 00:00:00 2001")
# Enough to see how a mail begins.
_HEAD = 4096
_MAIL = lazy_re(rb"(?:From [^\n]*\n)?[!-9;-~]+[ \t]*:")
_IDENT = lazy_re(rb"^Message-ID[ \t]*:", re.M | re.I)
_NAMES = lazy_re(rb"^([!-9;-~]+)[ \t]*:", re.M)
_WHOLE = frozenset((b"message-id", b"from", b"subject", b"date"))
_END_OF_HEADER = lazy_re(rb"\n\r?\n")
_MULTIPART = lazy_re(
    rb"^Content-Type:[ \t]*multipart/[^\n]*(?:\n[ \t][^\n]*){0,9}?boundary=\"?([^\"\s;]{1,70})", re.M | re.I
)
_QUOTED_FROM = lazy_re(rb"^>(>*From )", re.M)


class Piece(NamedTuple):
    """A mail of a mailbox: its bytes after the From line, how many lines precede them, and the commit that
    `git format-patch` wrote into the From line."""

    data: bytes
    line: int
    commit: str | None


def starts(data: bytes) -> list[tuple[int, int]]:
    """Where From lines begin, and where the mails after them do.

    A From line has a time and a year, like git's, and a header after it. That an empty line stands in front
    of it is not asked for: patches that are strung together without a signature have none.
    """
    found = []
    at = 0 if data.startswith(b"From ") else data.find(b"\nFrom ") + 1
    while at or data.startswith(b"From ", at):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end + 1
        # The first line of a file needs no date: some tools write "From nobody".
        if (at == 0 or _is_from_line(data[at:end])) and (
            end == len(data) or _HEADER_LINE.match(data, end) or data.startswith((b">From ", b"From "), end)
        ):
            found.append((at, end))
        at = data.find(b"\nFrom ", end - 1) + 1
        if not at:
            break
    return _without_pasted(data, found)


def _without_pasted(data: bytes, found: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The From lines without those of a patch file that somebody has pasted into the text of a mail: what
    `git format-patch` writes, below a mail that another program has made and that has no patch yet."""
    kept: list[tuple[int, int]] = []
    top = last = 0  # where the mail begins, and up to where it has been looked through
    patched = False
    for start, end in found:
        patched = patched or has_diff(data[last:start])
        last = end
        above = data[top : top + _HEAD]
        by_git = _ID.match(data, start) is not None
        if by_git and not patched and start > top and _MAIL.match(above) and not _ID.match(above):
            continue
        kept.append((start, end))
        top, patched = start, False
    return kept


def further_mails(data: bytes) -> list[int]:
    """Where, in what begins as a mail, others begin that were strung to it without a From line: `cat *.eml`,
    digests. A mail begins at a header with its id, sender, subject and date, which nobody writes into a text.

    The parts of a mail are its own, attached mails among them.
    """
    found = []
    head = _END_OF_HEADER.search(data)
    at = head.end() if head is not None else len(data)
    if head is not None and (boundary := _MULTIPART.search(data, 0, at)) is not None:
        end = data.find(b"\n--" + boundary[1] + b"--", at)
        at = end + 1 if end >= 0 else len(data)
    for ident in _IDENT.finditer(data, at):
        if ident.start() < at:
            continue
        begin = _begin_of_header(data, at, ident.start())
        end_of = _END_OF_HEADER.search(data, ident.start())
        at = end_of.end() if end_of is not None else len(data)
        names = {name.lower() for name in _NAMES.findall(data, begin, at)}
        if names >= _WHOLE:
            found.append(begin)
            if (boundary := _MULTIPART.search(data, begin, at)) is not None:
                end = data.find(b"\n--" + boundary[1] + b"--", at)
                at = end + 1 if end >= 0 else len(data)
    return found


def _begin_of_header(data: bytes, least: int, at: int) -> int:
    """The first line of the header that a line is of."""
    while at > least:
        above = data.rfind(b"\n", least, at - 1) + 1 or least
        if _HEADER_LINE.match(data, above) is None and data[above : above + 1] not in (b" ", b"\t"):
            break
        at = above
    return at


def _is_from_line(line: bytes) -> bool:
    """Whether a line has, after its sender, a time of day and then a year (git's is_from_line())."""
    time = None
    for time in _TIME.finditer(line, 5):  # noqa: B007 (the last one is wanted)
        pass
    return time is not None and _YEAR.search(line, time.end()) is not None


def split(data: bytes, found: Sequence[tuple[int, int]], skipped: int) -> Iterator[Piece]:
    """The mails of a mailbox whose From lines are `found`, with the quoting of other From lines undone.

    `skipped` lines precede the data.
    """
    line, counted = skipped, 0
    for number, (start, begin) in enumerate(found):
        end = found[number + 1][0] if number + 1 < len(found) else len(data)
        line += data.count(b"\n", counted, begin)
        counted = begin
        commit = _ID.match(data, start)
        mail = _QUOTED_FROM.sub(rb"\1", data[begin:end]) if b"\n>" in data[begin:end] else data[begin:end]
        yield Piece(mail, line, commit[1].decode("ascii") if commit else None)
