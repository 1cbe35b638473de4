# SPDX-License-Identifier: GPL-2.0-or-later
"""Subject lines of patch mails taken apart: prefix, version, n/m, title; it knows no mail."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REPLY = re.compile(r"\s*(?:re|aw|antw|sv|vs|ref|fwd?|wg)(?:\[\d+\])?\s*:\s*", re.I)
_GROUP = re.compile(r"\s*\[([^\[\]]*)\]")
_KNOWN_AHEAD = re.compile(r"\s*(?:(?:re|aw)\s*:\s*)*\[[^\[\]]*(?:patch|pull|rfc|resend|\d/\d)", re.I)
_NUMBER = re.compile(r"(\d{1,4})\s*(?:/|\sof\s)\s*(\d{1,4})")
_VERSION = re.compile(r"(?:(?<=patch)|(?<=rfc)|(?<=pull)|(?<![^\s,/\-_]))v\s?(\d{1,3})(?![\d])", re.I)
_KIND = re.compile(r"patch|pull|rfc|resend|repost", re.I)
# "PATCH v2 1/2 hw/foo: text": mailers and archives that drop the brackets
_BARE = re.compile(r"\s*((?:RFC\s+)?PATCH(?:\s+for-\S+)?(?:\s+v\d+)?(?:\s+\d+/\d+)?)\s*:?\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a subject says. `kind` is patch, pull or "" (no patch prefix); version counts from 1;
    `index` and `total` are None where there is no n/m (index 0 is a cover letter)."""

    title: str
    kind: str
    reply: bool
    version: int
    index: int | None
    total: int | None


def parse_subject(text: str) -> Subject:
    """The parts of a subject line; whatever its prefix, this never fails."""
    rest = " ".join(text.split())
    reply, rest = _strip_reply(rest)
    groups: list[str] = []
    while match := _GROUP.match(rest):
        inner = match[1].strip()
        known = _KIND.search(inner) or _NUMBER.fullmatch(inner) or re.fullmatch(r"v\d{1,3}", inner, re.I)
        if not known and not groups and not _KNOWN_AHEAD.match(rest, match.end()):
            break  # a title may begin with brackets of its own, the name of a list stands before others
        if known:
            groups.append(inner)
        elif groups:
            break
        rest = rest[match.end() :]
        again, rest = _strip_reply(rest)
        reply = reply or again
    if not groups and (bare := _BARE.match(rest)):
        groups.append(bare[1])
        rest = rest[bare.end() :]
    prefix = " ".join(groups)
    number = _NUMBER.search(re.sub(r"\bfor[-\s]\d[\d.]*(?:-rc\d)?", " ", prefix, flags=re.I))
    version = _VERSION.search(prefix)
    kind = "pull" if re.search(r"\bpull\b", prefix, re.I) else "patch" if prefix else ""
    return Subject(
        rest.lstrip(": "),
        kind,
        reply,
        int(version[1]) if version else 1,
        int(number[1]) if number else None,
        int(number[2]) if number else None,
    )


def folded(title: str) -> str:
    """A title to compare by: lower case, without blanks and punctuation at the ends."""
    return re.sub(r"\W+", " ", title).strip().lower()


def _strip_reply(text: str) -> tuple[bool, str]:
    found = False
    while match := _REPLY.match(text):
        found = True
        text = text[match.end() :]
    return found, text
