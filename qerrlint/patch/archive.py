# SPDX-License-Identifier: GPL-2.0-or-later
"""Saved pages of mail archives (patchew, lore), as text or HTML, read as messages; it fetches nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from html.parser import HTMLParser

from qerrlint.errors import InputError
from qerrlint.patch.message import Message

_UNIT = r"(?:second|minute|hour|day|week|month|year)s?"
_AGO = rf"(?:\d+|an?)\s{_UNIT}(?:,?\s(?:and\s)?\d+\s{_UNIT})*\sago"
# patchew: a title, then this line, then the mail's text
_POSTED = re.compile(rf"^[ \t]*Posted by (?P<name>\S.*?)\s+(?:{_AGO}|on\s.+)[ \t]*$", re.M)
# lore, whole thread on a page
_LISTED = re.compile(
    r"^From: (?P<name>.+?) @ (?P<date>\d{4}-\d\d-\d\d) +(?P<time>\d\d?:\d\d)(?: UTC)?(?P<links>.*)$", re.M
)
# lore, one mail on a page: headers in the midst of the text
_HEADED = re.compile(r"^From: [^\n]+\n(?:[A-Z][\w-]*: [^\n]*\n|[ \t]+\S[^\n]*\n)*", re.M)
# what lore puts behind headers: "Message-ID: <...> (raw)", "Date: ...<TAB>[thread overview]"
_HEADER_LINKS = re.compile(r"[ \t]*(?:\((?:permalink|raw|permalink / raw)\)|\[thread overview\])$", re.M)
_LISTED_END = re.compile(r"^\^ permalink raw reply\b", re.M)
_HEADED_END = re.compile(r"^[ \t]*(?:[a-z]+[ \t]+)*other threads:\[", re.M)


def is_page(text: str) -> bool:
    """Whether the text looks like a saved page of an archive."""
    return (
        _POSTED.search(text) is not None
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
    marks = list(_POSTED.finditer(text))
    titles = [_line_before(text, mark.start()) for mark in marks]
    messages = []
    lines = _Lines(text, skipped)
    for number, mark in enumerate(marks):
        end = titles[number + 1][0] if number + 1 < len(marks) else len(text)
        start = min(mark.end() + 1, len(text))
        offset = lines.before(start)
        subject = " ".join(titles[number][1].split())
        sender = " ".join(mark["name"].split())
        messages.append(Message(None, sender, subject, None, None, (), text[start:end], origin, offset))
    return messages


def _listed(text: str, origin: str, skipped: int | None) -> list[Message]:
    marks = list(_LISTED.finditer(text))
    messages = []
    lines = _Lines(text, skipped)
    for number, mark in enumerate(marks):
        body = text.find("\n\n", mark.end())
        limit = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        if body < 0 or body > limit:
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
    from qerrlint.patch.mime import read_mail

    for head in _HEADED.finditer(text):
        if "\nSubject: " not in head[0]:
            continue
        closing = _HEADED_END.search(text, head.end())
        content = text[head.start() : closing.start() if closing else len(text)]
        clean = _HEADER_LINKS.sub("", content[: len(head[0])])
        clean = clean.rstrip("\n") + "\n\n"
        body = content[len(head[0]) :].lstrip("\n")
        mails = read_mail((clean + body).encode("utf-8", "surrogateescape"), origin)
        offset = _Lines(text, skipped).before(head.start() + len(content) - len(body))
        return [replace(mail, lines_offset=offset) for mail in mails]
    return []


_BLOCK_TAGS = (
    "p div br li ul ol tr table pre hr title section article header footer nav main h1 h2 h3 h4 h5 h6 "
    "blockquote form body head dl dt dd"
)
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_HIDDEN = frozenset(("script", "style", "template", "noscript"))


class _Text(HTMLParser):
    """Collects text: verbatim inside <pre>, with blanks folded and a newline at each block elsewhere."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._pre = 0
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._edge(tag, 1)

    def handle_endtag(self, tag: str) -> None:
        self._edge(tag, -1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._edge(tag, 0)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._pre:
            self.out.append(data.replace("\r\n", "\n"))
        elif data.strip():
            folded = re.sub(r"[ \t\r\n]+", " ", data)
            at_start = not self.out or self.out[-1].endswith("\n")
            self.out.append(folded.lstrip(" ") if at_start else folded)
        elif self.out and not self.out[-1].endswith(("\n", " ")):
            self.out.append(" ")

    def _edge(self, tag: str, depth: int) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden + depth)
        if tag in _BLOCKS and (not self._pre or tag in ("pre", "br")):
            if self.out and not self.out[-1].endswith("\n"):
                self.out.append("\n")
            if tag == "br" and self._pre:
                self.out.append("\n")
        if tag == "pre":
            self._pre = max(0, self._pre + depth)


def html_text(data: bytes) -> str:
    """The text of an HTML page, with the layout of its <pre> blocks kept."""
    declared = re.search(rb"charset=[\"']?([\w-]+)", data[:2048])
    try:
        page = data.decode(declared[1].decode("ascii") if declared else "utf-8", "replace")
    except LookupError:
        page = data.decode("utf-8", "replace")
    parser = _Text()
    try:
        parser.feed(page)
        parser.close()
    except AssertionError:
        # html.parser asserts on a malformed declaration; what was read up to there is all there is.
        parser.out.append("\n")
    return (
        re.sub(r"[ \t]+\n", "\n", "".join(parser.out)) if "<pre" not in page.lower() else "".join(parser.out)
    )
