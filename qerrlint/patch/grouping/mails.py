# SPDX-License-Identifier: GPL-2.0-or-later
"""What each message is: a patch, a cover letter, or an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.diff import Diff, FileChange, has_diff
from qerrlint.patch.diffparser import parse_diff
from qerrlint.patch.message import Message
from qerrlint.patch.subject import Subject, folded, parse_subject
from qerrlint.patch.thread import same_person

_NO_DIFF = Diff((), ())
_SEPARATOR = lazy_re(r"^(?:---[ \t\r]*|.{0,40}(?:-+[ ]?)(?:8<|>8).*| .{1,200}\|[ ]+(?:\d+|Bin).*)$", re.M)
_SIGNED_OFF = lazy_re(r"^Signed-off-by: ", re.M)
_QUOTED = lazy_re(r"^[ \t]?>", re.M)
_DIFF = lazy_re(r"^(?:diff --git |--- \S)", re.M)

# Looked up by In-Reply-To, which can be missing; None is no key of it.
Ids: TypeAlias = "dict[str | None, Message]"
# What a subject is compared by where no id tells: folded title, version, number.
Title: TypeAlias = "tuple[str, int, int | None]"


@dataclass(slots=True)
class Mail:
    """A message with what its subject says and, unless it is a reply, its diff."""

    message: Message
    subject: Subject
    diff: Diff
    order: int
    root: str

    @property
    def index(self) -> int:
        """Its number in the series, 0 for the cover letter; 1 where the subject has none."""
        return 1 if self.subject.index is None else self.subject.index

    def changes_as(self, other: Mail) -> bool:
        """Whether both make the same changes, wherever they stand in their texts."""
        return [_content(change) for change in self.diff.changes] == [
            _content(change) for change in other.diff.changes
        ]


def _content(change: FileChange) -> tuple[object, ...]:
    return change.old_path, change.new_path, change.status, [hunk.lines for hunk in change.hunks]


def title_of(subject: Subject) -> Title:
    """What the subject is compared by."""
    return folded(subject.title), subject.version, subject.index


class _Roots:
    """The message-id at the top of each message's thread, as far as it is known; "" where mails have none."""

    def __init__(self, by_id: Ids) -> None:
        self._by_id = by_id
        self._known: dict[int, str] = {}

    def of(self, message: Message) -> str:
        """The root of a message; each step upwards is made once for all messages."""
        way: list[Message] = []
        seen: set[int] = set()
        while id(message) not in self._known and id(message) not in seen:
            seen.add(id(message))
            way.append(message)
            parent = self._by_id.get(message.in_reply_to)
            if parent is None:
                break
            message = parent
        root = self._known.get(id(message))
        if root is None:
            above = message.references[0] if message.references else message.in_reply_to
            root = above or message.message_id or ""
        for passed in way:
            self._known[id(passed)] = root
        return root


class SortedMessages:
    """Messages sorted into members of series and replies, by what they hold.

    `suggestions` are the replies whose own diff is not reviewed: a reviewer's proposal beside the patch.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        self.by_id: Ids = {message.message_id: message for message in messages if message.message_id}
        self.roots = _Roots(self.by_id)
        self.members: list[Mail] = []
        self.suggestions: list[Message] = []
        answers: list[Mail] = []
        self._replies: list[Mail] = []
        for order, message in enumerate(messages):
            subject = parse_subject(message.subject)
            body = message.body
            diff = parse_diff(body) if has_diff(body) else _NO_DIFF
            mail = Mail(message, subject, diff, order, self.roots.of(message))
            own = bool(diff.changes or diff.problems)
            if message.problem:
                self.members.append(mail)
            elif self._looks_like_answer(message, subject):
                (answers if own else self._replies).append(mail)
            elif own or self._should_hold_patch(message, subject):
                self.members.append(mail)
        self._judge(answers)
        self.members = self._with_covers()
        self.members.sort(key=lambda mail: mail.order)
        self._replies.sort(key=lambda mail: mail.order)

    @property
    def replies(self) -> list[tuple[Message, Subject]]:
        """The answers in the order of the input."""
        return [(mail.message, mail.subject) for mail in self._replies]

    def _looks_like_answer(self, message: Message, subject: Subject) -> bool:
        # "[PATCH v2]" sent into the thread of v1 is a patch; an answer whose subject was changed is none.
        return subject.reply or (not subject.kind and message.in_reply_to in self.by_id)

    def _should_hold_patch(self, message: Message, subject: Subject) -> bool:
        if message.is_envelope:
            return subject.index == 0
        return subject.says_patch and (subject.index is not None or subject.kind != "pull")

    def _with_covers(self) -> list[Mail]:
        """The members; those without number and diff are cover letters where patches of a series answer."""
        below: dict[str, Mail] = {}
        for mail in self.members:
            if mail.subject.total is not None and (mail.diff.changes or mail.message.problem):
                for ident in {mail.message.in_reply_to, mail.root} - {None, ""}:
                    below.setdefault(str(ident), mail)
        found = []
        for mail in self.members:
            first = below.get(mail.message.message_id or "")
            bare = mail.subject.index is None and not mail.diff.changes and not mail.diff.problems
            if bare and not mail.message.problem and first is not None:
                kind = replace(first.subject, title=mail.subject.title, index=0)
                mail = replace(mail, subject=kind)
            found.append(mail)
        return found

    def _judge(self, answers: Sequence[Mail]) -> None:
        """Which answers with a diff of their own are patches."""
        originals: dict[Title, list[Mail]] = {}
        by_message: dict[int, Mail] = {}
        for mail in self.members:
            originals.setdefault(title_of(mail.subject), []).append(mail)
            by_message[id(mail.message)] = mail
        left: list[Mail] = []
        for mail in answers:
            found = list(originals.get(title_of(mail.subject), ()))
            above = self.by_id.get(mail.message.in_reply_to)
            if not found and above is not None and id(above) in by_message and not mail.subject.kind:
                found.append(by_message[id(above)])
            if any(mail.changes_as(other) for other in found):
                self._replies.append(mail)
            elif _is_patch(mail, found):
                self.members.append(_standing_alone(mail) if mail.subject.index == 0 else mail)
                originals.setdefault(title_of(mail.subject), []).append(mail)
            else:
                left.append(mail)
        if not any(mail.diff.changes or mail.message.problem for mail in self.members):
            # Nothing else is there to be reviewed.
            self.members += [_standing_alone(mail) for mail in left]
            left = []
        self._replies += left
        self.suggestions = [mail.message for mail in left]


def _is_patch(mail: Mail, originals: Sequence[Mail]) -> bool:
    """Whether an answer with a diff is a patch: in form, and of somebody who may send it."""
    text = mail.message.text
    diff = _DIFF.search(text)
    head = text[: diff.start()] if diff is not None else text
    in_form = _SEPARATOR.search(head) is not None
    if not any(other.diff.changes for other in originals):
        return in_form or _QUOTED.search(head) is None
    own_title = not mail.subject.reply and all(
        title_of(mail.subject) != title_of(other.subject) for other in originals
    )
    if own_title and in_form and _SIGNED_OFF.search(head) is not None:
        return True  # as git makes them, sent without a tag into a thread
    return in_form and all(same_person(mail.message.sender, other.message.sender) for other in originals)


def _standing_alone(mail: Mail) -> Mail:
    return replace(mail, subject=replace(mail.subject, index=None, total=None))
