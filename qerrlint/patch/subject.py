# SPDX-License-Identifier: GPL-2.0-or-later
"""Subject lines of patch mails taken apart: prefix, version, n/m, title."""

from __future__ import annotations

import re

from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

# The words by which mailers of many languages mark answers and forwards. The rare ones are titles of patches
# as well: they count where brackets follow.
_ANSWER = r"(?:re|aw|antw|antwort|sv|ref|réf|fwd?|wg|回复|答复|回覆|答覆|转发|轉寄)"
_RARE = r"(?:vs|res|r|odp|rv|ynt|tr|enc|doorst|vb|i)"
_REPLY = lazy_re(
    rf"(?:{_ANSWER}(?:\[\d{{1,4}}\])?\s?[:\uff1a]|{_RARE}\s?:(?=\s?(?:\[|{_ANSWER}\s?:)))\s?", re.I
)
_FORWARD = lazy_re(r"(?:fwd?|wg|tr|enc|doorst|i|vb|转发|轉寄)\s?[:\uff1a]", re.I)
_GROUP = lazy_re(r"\s?\[([^\[\]]*)\]\s?")
# What a prefix is known by: a kind, a number "2/7", or a version.
_NUMBER = lazy_re(r"(?<![\w./])(?:patch)?(\d{1,4})\s?(?:/|\sof\s)\s?(\d{1,4})(?![\w/]|\.\d)", re.I)
_VERSION = lazy_re(r"(?:(?<=patch)|(?<=rfc)|(?<=pull)|(?<![^\s,/\-_]))v\s?(\d{1,3})(?!\d)", re.I)
_KIND = lazy_re(
    r"patch|pull|rfc|resend|repost|\b(?:wip|poc|hack|draft|backport|stable|staging|untested)\b|\bfor[-\s]\d",
    re.I,
)
_RELEASE = lazy_re(r"\b(?:for|stable)[-\s]\d[\d.]*(?:-rc\d)?", re.I)
# "PATCH v2 1/2 hw/foo: text": mailers and archives that drop the brackets
_BARE = lazy_re(r"((?:RFC\s)?PATCH(?:\sfor-\S{1,20})?(?:\sv\d{1,3})?(?:\s\d{1,4}/\d{1,4})?)\s?:?\s(?=\S)")
# A prefix ends long before this; what follows is title, and is not looked through.
_HEAD = 400
# No series is longer; a larger number would make as many missing patches.
_MOST = 1000


@record(frozen=True, slots=True)
class Subject:
    """What a subject says. `kind` is patch, pull or "" (no patch prefix); version counts from 1;
    `index` and `total` are None where there is no n/m (index 0 is a cover letter). `says_patch`: there has to
    be a patch in the mail, or a cover letter."""

    title: str
    kind: str
    reply: bool
    version: int
    index: int | None
    total: int | None
    says_patch: bool = False


def parse_subject(text: str) -> Subject:
    """The parts of a subject line; whatever its prefix, this never fails."""
    whole = " ".join(text.split())
    rest, tail = whole[:_HEAD], whole[_HEAD:]
    reply, rest = _strip_reply(rest)
    groups: list[str] = []
    known_ahead = [match.end() for match in re.finditer(r"\[([^\[\]]*)\]", rest) if _is_known(match[1])]
    length = len(rest)
    while match := _GROUP.match(rest):
        inner = match[1].strip()
        known = _is_known(inner)
        here = length - len(rest) + match.end()
        if not known and (groups or not any(end > here for end in known_ahead)):
            break  # a title may begin with brackets of its own, the name of a list stands before others
        if known:
            groups.append(inner)
        rest = rest[match.end() :]
        again, rest = _strip_reply(rest)
        reply = reply or again
    if not groups and (bare := _BARE.match(rest)):
        groups.append(bare[1])
        rest = rest[bare.end() :]
    prefix = " ".join(groups)
    number = _NUMBER.search(_RELEASE.sub(" ", prefix))
    version = _VERSION.search(prefix)
    kind = "pull" if re.search(r"\bpull\b", prefix, re.I) else "patch" if prefix else ""
    if number is not None and int(number[2]) > _MOST:
        number = None
    return Subject(
        (rest + tail).lstrip(": "),
        kind,
        reply,
        int(version[1]) if version else 1,
        int(number[1]) if number else None,
        int(number[2]) if number else None,
        # "[list:branch 3/7]" is written by those who report on patches.
        "patch" in prefix.lower() or (number is not None and ":" not in prefix),
    )


def _is_known(group: str) -> bool:
    """Whether the text of a pair of brackets is a prefix as `git format-patch` and people make them."""
    return any(form.search(group) for form in (_KIND, _NUMBER)) or _VERSION.fullmatch(group) is not None


def is_forward(text: str) -> bool:
    """Whether a subject is that of a forwarded mail."""
    return _FORWARD.match(" ".join(text[:_HEAD].split())) is not None


def folded(title: str) -> str:
    """A title to compare by: lower case, without blanks and punctuation at the ends."""
    return re.sub(r"\W+", " ", title).strip().lower()


def _strip_reply(text: str) -> tuple[bool, str]:
    start = 0
    while match := _REPLY.match(text, start):
        start = match.end()
    return start > 0, text[start:].lstrip()
