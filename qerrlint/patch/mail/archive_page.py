# SPDX-License-Identifier: GPL-2.0-or-later
"""Saved pages of mail archives (patchew, lore), as text or HTML, read as messages; it fetches nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import NamedTuple

from qerrlint.errors import InputError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.message import Message

_UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
# patchew: a title, then this line with a name and a time, then the mail's text
_POSTED = lazy_re(r"^[ \t]*Posted by (\S[^\n]*)$", re.M)
# lore, whole thread on a page
_LISTED = lazy_re(
    r"^From: (?P<name>.+?) @ (?P<date>\d{4}-\d\d-\d\d) +(?P<time>\d\d?:\d\d)(?: UTC)?(?P<links>.*)$", re.M
)
# lore, one mail on a page: headers in the midst of the text
_HEADED = lazy_re(r"^From: [^\n]+\n(?:[A-Z][\w-]*: [^\n]*\n|[ \t]+\S[^\n]*\n)*", re.M)
# what lore puts after headers: "Message-ID: <...> (raw)", "Date: ...<TAB>[thread overview]"
_HEADER_LINKS = lazy_re(
    r"(?<![ \t])[ \t]*(?:\((?:permalink|raw|permalink / raw)\)|\[thread overview\])$", re.M
)
_LISTED_END = lazy_re(r"^\^ permalink raw reply\b", re.M)
_HEADED_END = lazy_re(r"^[ \t]*(?:[a-z]+[ \t]+)*other threads:\[", re.M)


class _Posted(NamedTuple):
    """A "Posted by" line: where it begins and ends, and whom it names."""

    start: int
    end: int
    name: str


def _posted_lines(text: str) -> Iterator[_Posted]:
    for match in _POSTED.finditer(text):
        name = _poster(match[1])
        if name:
            yield _Posted(match.start(), match.end(), name)


def _poster(line: str) -> str:
    """The name in "NAME 2 years, 3 months ago" or "NAME on DATE"; the empty text for other lines."""
    words = line.split()
    if not words:
        return ""
    if words[-1] == "ago":
        end = len(words) - 1
        while end >= 2 and words[end - 1].rstrip("s,") in _UNITS and _is_number(words[end - 2]):
            end -= 2
            if end and words[end - 1] in ("and", "&"):
                end -= 1
        return " ".join(words[:end]) if end < len(words) - 1 else ""
    end = words.index("on") if "on" in words[1:-1] else 0
    return " ".join(words[:end])


def _is_number(word: str) -> bool:
    return word in ("a", "an") or (word.isascii() and word.isdigit())


def is_page(text: str) -> bool:
    """Whether the text looks like a saved page of an archive."""
    return (
        next(_posted_lines(text), None) is not None
        or _LISTED.search(text) is not None
        or (
            ("permalink" in text or "(raw)" in text)
            and any("\nSubject: " in head[0] for head in _HEADED.finditer(text))
        )
    )


def read_page(text: str, origin: str, skipped: int | None = 0) -> list[Message]:
    """The mails of a saved page in their order; `skipped` lines precede the text (None: its lines are
    not those of the file, as in HTML).

    A page gives neither message-ids nor, mostly, dates. Raises InputError when no mail is found.
    """
    messages = (
        _posted(text, origin, skipped) or _listed(text, origin, skipped) or _headed(text, origin, skipped)
    )
    if messages:
        return messages
    from qerrlint.patch.diff import has_diff

    if has_diff(text.encode("utf-8", "surrogateescape")):
        return [Message(None, "", _title(text), None, None, (), text, origin, skipped)]
    raise InputError(f"{origin}: a page without any mail or diff in it")


def _title(text: str) -> str:
    return next((line.strip() for line in text.split("\n") if "[PATCH" in line), "")


def _line_before(text: str, at: int) -> tuple[int, str]:
    """Start and text of the last line with something on it before `at` (the start of a line)."""
    end = at
    while end and text[end - 1].isspace():
        end -= 1
    start = text.rfind("\n", 0, end) + 1
    return start, text[start:end].strip()


class _Lines:
    """How many lines of the file precede places of the text, which are asked for in their order."""

    def __init__(self, text: str, skipped: int | None) -> None:
        self._text = text
        self._at = 0
        self._count = skipped

    def before(self, at: int) -> int | None:
        """Lines before `at`; None where the text's lines are not those of the file."""
        if self._count is not None:
            self._count += self._text.count("\n", self._at, at)
            self._at = at
        return self._count


def _posted(text: str, origin: str, skipped: int | None) -> list[Message]:
    marks = list(_posted_lines(text))
    titles = [_line_before(text, mark.start) for mark in marks]
    messages = []
    lines = _Lines(text, skipped)
    for number, mark in enumerate(marks):
        end = titles[number + 1][0] if number + 1 < len(marks) else len(text)
        start = min(mark.end + 1, len(text))
        offset = lines.before(start)
        subject = " ".join(titles[number][1].split())
        messages.append(Message(None, mark.name, subject, None, None, (), text[start:end], origin, offset))
    return messages


def _listed(text: str, origin: str, skipped: int | None) -> list[Message]:
    marks = list(_LISTED.finditer(text))
    messages = []
    lines = _Lines(text, skipped)
    for number, mark in enumerate(marks):
        limit = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        body = text.find("\n\n", mark.end(), limit)
        if body < 0:
            continue
        closing = _LISTED_END.search(text, body, limit)
        above = text[marks[number - 1].end() if number else 0 : mark.start()]
        heads = re.findall(r"^\* (.+)$", above, re.M)
        hours, minutes = (int(part) for part in mark["time"].split(":"))
        year, month, day = (int(part) for part in mark["date"].split("-"))
        try:
            date = datetime(year, month, day, hours, minutes, tzinfo=timezone.utc)
        except ValueError:
            date = None
        content = text[body + 2 : closing.start() if closing else limit]
        offset = lines.before(body + 2)
        subject = " ".join(heads[-1].split()) if heads else ""
        messages.append(Message(None, mark["name"], subject, date, None, (), content, origin, offset))
    return messages


def _headed(text: str, origin: str, skipped: int | None) -> list[Message]:
    from qerrlint.patch.mail.mime import read_mail

    for head in _HEADED.finditer(text):
        if "\nSubject: " not in head[0]:
            continue
        closing = _HEADED_END.search(text, head.end())
        content = text[head.start() : closing.start() if closing else len(text)]
        clean = _HEADER_LINKS.sub("", content[: len(head[0])])
        clean = clean.rstrip("\n") + "\n\n"
        body = content[len(head[0]) :].lstrip("\n")
        mails = read_mail((clean + body).encode("utf-8", "surrogateescape"), origin).messages
        offset = _Lines(text, skipped).before(head.start() + len(content) - len(body))
        return [replace(mail, lines_offset=offset) for mail in mails]
    return []
