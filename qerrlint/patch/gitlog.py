# SPDX-License-Identifier: GPL-2.0-or-later
"""Output of `git log -p` and `git show` read as messages; it runs no git."""

from __future__ import annotations

import re
from datetime import datetime

from qerrlint.patch.message import Message, cut_at

_COMMIT = re.compile(r"^commit ([0-9a-f]{40,64})\b[^\n]*\n(?:[A-Z][A-Za-z-]*: [^\n]*\n)+", re.M)
_AUTHOR = re.compile(r"^Author: +(.+)$", re.M)
_DATE = re.compile(r"^(?:Author)?Date: +(.+)$", re.M)
_FORMATS = (
    "%a %b %d %H:%M:%S %Y %z",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%dT%H:%M:%S%z",
    "%a, %d %b %Y %H:%M:%S %z",
)


def is_log(text: str) -> bool:
    """Whether the text begins as git log and git show write it."""
    return _COMMIT.match(text) is not None


def read_log(text: str, origin: str, skipped: int = 0) -> list[Message]:
    """One message a commit, oldest first (git log has the newest first); `skipped` lines precede the text."""
    messages = []
    for start, rest, line in cut_at(list(_COMMIT.finditer(text)), text, "\n", skipped):
        author, when = _AUTHOR.search(start[0]), _DATE.search(start[0])
        body = _unindented(rest)
        subject = next((part.strip() for part in body.split("\n") if part.strip()), "")
        messages.append(
            Message(
                None,
                author[1].strip() if author else "",
                subject,
                _date(when[1].strip()) if when else None,
                None,
                (),
                body,
                origin,
                line,
                start[1],
            )
        )
    dates = [message.date for message in messages if message.date is not None]
    # A log made with --reverse is in order already; only dates can tell the two apart.
    if len(dates) < 2 or dates[0] >= dates[-1]:
        messages.reverse()
    return messages


def _unindented(body: str) -> str:
    """The commit message without git's indentation; the diff behind it as it is."""
    message, mark, diff = body.partition("\ndiff --git ")
    return re.sub(r"^ {4}", "", message, flags=re.M) + mark + diff


def _date(text: str) -> datetime | None:
    dates = (_parsed(text, form) for form in _FORMATS)
    return next((date for date in dates if date is not None), None)


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None
