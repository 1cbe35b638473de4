# SPDX-License-Identifier: GPL-2.0-or-later
"""Output of `git log -p`, `git show` and `hg export` read as messages; it runs neither."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone

from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.message import Message
from qerrlint.patch.subject import parse_subject

_COMMIT = lazy_re(
    r"^commit ([0-9a-f]{40,64})\b[^\n]*\n"
    r"(?:(?:[A-Z][A-Za-z-]*: |(?:tree|parent|author|committer) )[^\n]*\n)+",
    re.M,
)
# --oneline and --format=reference: no header, only an id and a title
_ONE_LINE = lazy_re(r"^([0-9a-f]{7,64}) \S[^\n]*\n", re.M)
_CHANGESET = lazy_re(r"^# HG changeset patch\n(?:# [^\n]*\n)*", re.M)
_AUTHOR = lazy_re(r"^(?:Author: +|author )([^\n]+)$", re.M)
_DATE = lazy_re(r"^(?:Author)?Date: +([^\n]+)$", re.M)
_SECONDS = lazy_re(r"^(?:author [^\n]*>|# Date) (\d{1,12}) ([+-]?\d{1,6})$", re.M)
_USER = lazy_re(r"^# User ([^\n]+)$", re.M)
_NODE = lazy_re(r"^# Node ID ([0-9a-f]{12,64})$", re.M)
_BLOBS = lazy_re(r"^index ([0-9a-f]{7,64})\.\.([0-9a-f]{7,64})", re.M)
_DIFF = lazy_re(r"^diff --(?:git|cc|combined) ", re.M)
# So many digits are compared: two logs abbreviate ids to lengths of their own.
_DIGITS = 7
_FORMATS = (
    "%a %b %d %H:%M:%S %Y %z",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%dT%H:%M:%S%z",
    "%a, %d %b %Y %H:%M:%S %z",
)


def is_log(text: str) -> bool:
    """Whether the text begins as git log and git show write it."""
    return _COMMIT.match(text) is not None or (_ONE_LINE.match(text) is not None and "\ndiff --git " in text)


def is_hg_export(text: str) -> bool:
    """Whether the text begins as hg export and hg email write it."""
    return _CHANGESET.match(text) is not None


def read_log(text: str, origin: str, skipped: int = 0) -> list[Message]:
    """One message a commit, oldest first (git log has the newest first); `skipped` lines precede the text."""
    form = _COMMIT if _COMMIT.match(text) is not None else _ONE_LINE
    messages = []
    for start, rest, line in _cut_at(list(form.finditer(text)), text, skipped):
        author, when = _AUTHOR.search(start[0]), _DATE.search(start[0])
        body = _unindented(rest)
        subject = next((part.strip() for part in body.split("\n") if part.strip()), "")
        if form is _ONE_LINE:
            subject = start[0].strip().partition(" ")[2]
        sender = re.sub(r" \d{1,12} [+-]\d{4}$", "", author[1].strip()) if author else ""
        date = _date(when[1].strip()) if when else _from_seconds(start[0])
        messages.append(Message(None, sender, subject, date, None, (), body, origin, line, start[1]))
    return oldest_first(messages, newest_first=True)


def read_hg_export(text: str, origin: str, skipped: int = 0) -> list[Message]:
    """One message a changeset, in their order; `skipped` lines precede the text."""
    messages = []
    for start, rest, line in _cut_at(list(_CHANGESET.finditer(text)), text, skipped):
        user, node = _USER.search(start[0]), _NODE.search(start[0])
        subject = next((part.strip() for part in rest.split("\n") if part.strip()), "")
        messages.append(
            Message(
                None,
                user[1].strip() if user else "",
                subject,
                _from_seconds(start[0]),
                None,
                (),
                rest,
                origin,
                line,
                node[1] if node else None,
            )
        )
    return messages


def oldest_first(messages: list[Message], newest_first: bool = False) -> list[Message]:
    """Messages of commits in the order in which they were made.

    Mails that count themselves, or that name no commit, stay as they are. Blob ids tell the order: where one
    commit starts from what another has made of a file. Else dates do, and where they do not either,
    `newest_first` says how the input's format has them.
    """
    if len(messages) < 2 or any(
        message.commit is None or parse_subject(message.subject).index is not None for message in messages
    ):
        return messages
    onwards, backwards = _succession(messages)
    if onwards != backwards:
        turned = backwards > onwards
    else:
        dates = [message.date for message in messages if message.date is not None]
        first, last = (dates[0], dates[-1]) if len(dates) > 1 else (None, None)
        turned = newest_first if first is None or last is None or first == last else first > last
    return messages[::-1] if turned else messages


def _succession(messages: Sequence[Message]) -> tuple[int, int]:
    """How often a file's blob in one message is what a message in front of it, or after it, has made."""
    made: dict[str, int] = {}
    found = []
    for number, message in enumerate(messages):
        for old, new in _BLOBS.findall(message.text):
            found.append((number, old[:_DIGITS]))
            made.setdefault(new[:_DIGITS], number)
    steps = [(made[old], number) for number, old in found if old.strip("0") and old in made]
    return sum(a < b for a, b in steps), sum(a > b for a, b in steps)


def _cut_at(
    marks: Sequence[re.Match[str]], text: str, skipped: int
) -> Iterator[tuple[re.Match[str], str, int]]:
    """Each mark, what stands between it and the next one, and how many lines precede that; `skipped` lines
    precede the text."""
    line, counted = skipped, 0
    for number, mark in enumerate(marks):
        end = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        line += text.count("\n", counted, mark.end())
        counted = mark.end()
        yield mark, text[counted:end], line


def _unindented(body: str) -> str:
    """The commit message without git's indentation; the diff after it as it is."""
    diff = _DIFF.search(body)
    end = diff.start() if diff is not None else len(body)
    return re.sub(r"^ {4}", "", body[:end], flags=re.M) + body[end:]


def _date(text: str) -> datetime | None:
    dates = (_parsed(text[:64], form) for form in _FORMATS)
    return next((date for date in dates if date is not None), None)


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except (ValueError, OverflowError):
        return None


def _from_seconds(head: str) -> datetime | None:
    """The date of raw git and hg headers: seconds since 1970, and git's zone or hg's seconds west of UTC."""
    found = _SECONDS.search(head)
    if found is None:
        return None
    try:
        return datetime.fromtimestamp(0, timezone.utc) + timedelta(seconds=int(found[1]))
    except OverflowError:
        return None
