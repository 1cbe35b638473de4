# SPDX-License-Identifier: GPL-2.0-or-later
"""Series: patches with their cover letter and replies; what a patch mail says beside its diff."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.diff import Diff, FileChange
from qerrlint.patch.message import Message
from qerrlint.patch.quote_matching import Places
from qerrlint.patch.subject import Subject, parse_subject
from qerrlint.patch.thread import Remark, Reply, remarks, same_person
from qerrlint.records import record

_TRAILER = lazy_re(r"([A-Za-z][A-Za-z0-9-]*): ?(\S.*)")
_BASE = lazy_re(r"^base-commit: ([0-9a-f]{7,64})\s*$", re.M)
_BASED_ON = lazy_re(
    r"^[ \t]*(?:Based-on|Supersedes-base|prerequisite-message-id):\s*(?:<([^<>\s]+)>|(\S+@\S+))", re.M | re.I
)
# What `git format-patch --base` writes of patches between the base commit and the series.
_PREREQUISITE = lazy_re(r"^prerequisite-patch-id: ([0-9a-f]{40,64})\s*$", re.M)
_END_OF_MESSAGE = lazy_re(r"^(?:---\s*$|diff --git |--- \S|Index: \S)", re.M)
# In front of the text, also below the line that `git format-patch` begins a file with.
_BODY_FROM = lazy_re(r"\s*(?:From [0-9a-f]{40,64} .*\n)?From: (.+)\n")


@record(frozen=True, slots=True)
class Patch:
    """One patch of a series.

    `index` counts from 1; `total` is None where the mail does not say. `subject` is the whole subject,
    `title` the part after its prefix. `author` is the From line in the mail's text, else its sender.
    `base_commit` is the commit of a `base-commit:` line, `based_on` the message-ids of Based-on lines.
    `problems` are sentences; `refused` are names and reasons of changes that are not among `changes`.
    """

    index: int
    total: int | None
    version: int
    subject: str
    title: str
    author: str
    message: Message
    changes: tuple[FileChange, ...]
    trailers: tuple[tuple[str, str], ...] = ()
    base_commit: str | None = None
    based_on: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


@record(frozen=True, slots=True)
class Series:
    """Patches in the order in which they apply. `missing` are the indices that no message has."""

    patches: tuple[Patch, ...]
    cover: Message | None
    replies: tuple[Reply, ...]
    missing: tuple[int, ...]
    version: int
    problems: tuple[str, ...] = ()

    @property
    def base_commit(self) -> str | None:
        """The commit of the first `base-commit:` line, in the cover letter or a patch."""
        return next((found for text in self._texts() if (found := base_commit(text))), None)

    @property
    def title(self) -> str:
        """The title of the cover letter, else that of the first patch."""
        if self.cover is not None:
            return parse_subject(self.cover.subject).title
        return self.patches[0].title if self.patches else ""

    @property
    def message_id(self) -> str | None:
        """The message-id of the cover letter, else that of the first patch."""
        if self.cover is not None:
            return self.cover.message_id
        return self.patches[0].message.message_id if self.patches else None

    @property
    def message_ids(self) -> frozenset[str]:
        """The ids of cover letter and patches, without angle brackets."""
        mails = [patch.message for patch in self.patches] + ([self.cover] if self.cover else [])
        return frozenset(mail.message_id for mail in mails if mail.message_id)

    @property
    def based_on(self) -> tuple[str, ...]:
        """The message-ids that Based-on lines of the cover letter and the patches name, each once."""
        own = self.message_ids
        found = [ident for text in self._texts() for ident in based_on(text)]
        return tuple(ident for ident in dict.fromkeys(found) if ident not in own)

    @property
    def prerequisites(self) -> tuple[str, ...]:
        """The patch-ids (of `git patch-id --stable`) of the patches that come before the series."""
        return tuple(dict.fromkeys(ident for text in self._texts() for ident in _PREREQUISITE.findall(text)))

    def _texts(self) -> list[str]:
        return ([self.cover.text] if self.cover else []) + [patch.message.text for patch in self.patches]

    def remarks(self) -> tuple[tuple[Patch, Remark], ...]:
        """The reviewers' remarks with the patch they are on, oldest first; what a patch's own author
        answers is left out, so that the first remark on a line is by whom raised it."""
        by_index = {patch.index: patch for patch in self.patches}
        places: dict[int, Places] = {}
        found: list[tuple[Patch, Remark]] = []
        for reply in self.replies:
            patch = by_index.get(reply.patch or 0)
            if patch is None or self._is_authors(reply, patch):
                continue
            if patch.index not in places:
                places[patch.index] = Places(patch.changes)
            found.extend((patch, remark) for remark in remarks(reply, places[patch.index]))
        return tuple(found)

    def _is_authors(self, reply: Reply, patch: Patch) -> bool:
        sender = reply.message.sender
        return same_person(sender, patch.author) or same_person(sender, patch.message.sender)


def build_patch(message: Message, subject: Subject, diff: Diff, index: int) -> Patch:
    """The patch in a message; a message without any change in it is a problem of its own."""
    text = message.text
    problems = list(diff.problems)
    refused = list(diff.refused)
    name = subject.title or message.origin
    if message.problem:
        problems.append(f"{name}: {message.problem}")
        refused.append((message.origin, message.problem))
    elif not diff.changes and not diff.problems:
        problems.append(f"{name}: there is no diff in this message")
        refused.append((message.origin, "there is no diff in this message"))
    author = _BODY_FROM.match(text)
    return Patch(
        index,
        subject.total,
        subject.version,
        message.subject,
        subject.title,
        author[1].strip() if author else message.sender,
        message,
        diff.changes,
        tuple(trailers(text)),
        base_commit(text),
        tuple(based_on(text)),
        tuple(problems),
        tuple(refused),
    )


def description(text: str) -> str:
    """The commit message in a patch mail's text: what stands before `---` or the diff."""
    end = _END_OF_MESSAGE.search(text)
    return text[: end.start()] if end else text


def trailers(text: str) -> Iterator[tuple[str, str]]:
    """Key and value of the trailers in the last paragraph of the commit message."""
    paragraphs = re.split(r"\n\s*\n", description(text).strip())
    for line in paragraphs[-1].split("\n"):
        match = _TRAILER.fullmatch(line.rstrip())
        if match is not None:
            yield match[1], match[2]


def base_commit(text: str) -> str | None:
    """The commit id of a `base-commit:` line, None when there is none."""
    match = _BASE.search(text)
    return match[1] if match else None


def based_on(text: str) -> Iterator[str]:
    """The message-ids of `Based-on:` lines."""
    for match in _BASED_ON.finditer(text):
        yield match[1] or match[2].strip("<>")
