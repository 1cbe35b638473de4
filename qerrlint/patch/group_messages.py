# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages sorted into series: what is a patch, a cover letter or a reply, and which belong together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from qerrlint.errors import UsageError
from qerrlint.patch.diff import Diff, has_diff, parse_diff
from qerrlint.patch.message import Message
from qerrlint.patch.missing_patches import missing_sentence, missing_titles
from qerrlint.patch.series import Series, build_patch
from qerrlint.patch.subject import Subject, folded, parse_subject
from qerrlint.patch.thread import Reply, quotes, same_person

_NO_DIFF = Diff((), ())

# Looked up by In-Reply-To, which can be missing; None is no key of it.
_Ids = dict[str | None, Message]


@dataclass(slots=True)
class _Mail:
    """A message with what its subject says and, unless it is a reply, its diff."""

    message: Message
    subject: Subject
    diff: Diff
    order: int
    root: str

    @property
    def index(self) -> int:
        return 1 if self.subject.index is None else self.subject.index


@dataclass(slots=True)
class _Group:
    """A series in the making: members by index, the cover letter under 0."""

    members: dict[int, _Mail] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unnumbered: bool = False

    @property
    def first(self) -> _Mail:
        return min(self.members.values(), key=lambda mail: mail.order)

    @property
    def key(self) -> tuple[bool, int, int | None]:
        subject = self.first.subject
        return subject.kind == "pull", subject.version, subject.total

    @property
    def titles(self) -> set[str]:
        return {folded(mail.subject.title) for mail in self.members.values()} - {""}

    @property
    def roots(self) -> set[str]:
        return {mail.root for mail in self.members.values()} - {""}

    @property
    def missing(self) -> tuple[int, ...]:
        total = self.first.subject.total or 0
        return tuple(index for index in range(1, total + 1) if index not in self.members)


def assemble(messages: Iterable[Message], version: int | None = None) -> list[Series]:
    """The series in the messages, in the order in which they first appear.

    Of a series that was sent in several versions only the highest is given, or the one asked for by
    `version`. Messages that are there twice count once. Replies go to the patch they answer; those that
    answer none are left out. Raises UsageError when `version` is not among the messages.
    """
    distinct = _distinct(messages)
    by_id: _Ids = {message.message_id: message for message in distinct if message.message_id}
    members: list[_Mail] = []
    replies: list[tuple[Message, Subject]] = []
    for order, message in enumerate(distinct):
        subject = parse_subject(message.subject)
        if _is_reply(message, subject, by_id):
            replies.append((message, subject))
            continue
        body = message.body
        diff = parse_diff(body) if has_diff(body) else _NO_DIFF
        if diff is not _NO_DIFF or subject.index is not None:
            members.append(_Mail(message, subject, diff, order, _root(message, by_id)))
    groups = _groups(members)
    chosen = _of_version(groups, version) if version is not None else _newest(groups)
    answers = _Answers(groups, replies, by_id)
    subjects = [(_root(message, by_id), subject) for message, subject in replies]
    return [_series(group, answers.to(group), subjects) for group in chosen]


def _distinct(messages: Iterable[Message]) -> list[Message]:
    seen: set[object] = set()
    out = []
    for message in messages:
        key: object = message.message_id or (message.sender, message.subject, message.text)
        if key not in seen:
            seen.add(key)
            out.append(message)
    return out


def _is_reply(message: Message, subject: Subject, by_id: _Ids) -> bool:
    if subject.reply:
        return True
    # "[PATCH v2]" sent into the thread of v1 is a patch; an answer whose subject was changed is none.
    return not subject.kind and message.in_reply_to in by_id


def _root(message: Message, by_id: _Ids) -> str:
    """The message-id at the top of the thread, as far as it is known; "" where mails have no ids."""
    seen = set()
    while message.in_reply_to in by_id and message.message_id not in seen:
        seen.add(message.message_id)
        message = by_id[message.in_reply_to]
    return (message.references[0] if message.references else message.in_reply_to) or message.message_id or ""


def _groups(members: Sequence[_Mail]) -> list[_Group]:
    groups: list[_Group] = []
    logs: dict[str, _Group] = {}
    for mail in members:
        if mail.subject.index is None:
            if mail.message.commit is not None:
                # format-patch without numbers, or git log: the order of the input is the series
                log = logs.setdefault(mail.root, _Group(unnumbered=True))
                if not log.members:
                    groups.append(log)
                log.members[len(log.members) + 1] = mail
            else:
                groups.append(_Group({1: mail}))
            continue
        group = next((group for group in reversed(groups) if _belongs(mail, group)), None)
        if group is None:
            groups.append(_Group({mail.index: mail}))
            continue
        if mail.index in group.members:
            group.problems.append(f"patch {mail.index} was sent twice: the later one is used")
        group.members[mail.index] = mail
    return groups


def _belongs(mail: _Mail, group: _Group) -> bool:
    """Whether a numbered mail is a member of a series of the same version and length."""
    if group.unnumbered or group.first.subject.index is None:
        return False
    if group.key != (mail.subject.kind == "pull", mail.subject.version, mail.subject.total):
        return False
    there = group.members.get(mail.index)
    if there is not None and folded(there.subject.title) != folded(mail.subject.title):
        return False
    if mail.root and mail.root in group.roots:
        return True
    return same_person(mail.message.sender, group.first.message.sender) or not (mail.root or group.roots)


def _newest(groups: Sequence[_Group]) -> list[_Group]:
    """Groups of which no higher version is there; a partial one is filled up from the one it answers."""
    chosen = []
    for group, related in zip(groups, _related(groups), strict=True):
        older = [other for other in related if _supersedes(group, other)]
        if any(_supersedes(other, group) for other in related):
            continue
        chosen.append(group)
        for other in sorted(older, key=lambda old: old.key[1], reverse=True):
            if group.missing and _rerolls(group, other):
                filled = [index for index in group.missing if index in other.members]
                group.members.update((index, other.members[index]) for index in filled)
                if 0 not in group.members and 0 in other.members:
                    group.members[0] = other.members[0]
                shown = ", ".join(str(index) for index in filled)
                if filled:
                    group.problems.append(f"patches {shown} are those of version {other.key[1]}")
    return chosen


def _related(groups: Sequence[_Group]) -> list[list[_Group]]:
    """For each group those that share a title or a thread with it, itself too, in their order."""
    marks = [[*(("title", t) for t in group.titles), *(("root", r) for r in group.roots)] for group in groups]
    holders: dict[tuple[str, str], list[int]] = {}
    for number, own in enumerate(marks):
        for mark in own:
            holders.setdefault(mark, []).append(number)
    return [[groups[n] for n in sorted({n for mark in own for n in holders[mark]})] for own in marks]


def _supersedes(newer: _Group, older: _Group) -> bool:
    """Whether one of two related groups is a later version of the other."""
    if newer.unnumbered or older.unnumbered:
        return False
    (pull, high, _), (other_pull, low, _) = newer.key, older.key
    return pull == other_pull and high > low


def _rerolls(newer: _Group, older: _Group) -> bool:
    """Whether the newer mails were sent as answers to patches of the older series of the same length."""
    ids = {mail.message.message_id for mail in older.members.values()} - {None}
    answers = {mail.message.in_reply_to for mail in newer.members.values()}
    return newer.key[2] == older.key[2] and 0 not in newer.members and answers <= ids


def _of_version(groups: Sequence[_Group], version: int) -> list[_Group]:
    chosen = [group for group in groups if not group.unnumbered and group.key[1] == version]
    if not chosen:
        there = sorted({group.key[1] for group in groups})
        found = ", ".join(str(number) for number in there) or "none"
        raise UsageError(f"version {version} is not among the messages (found: {found})")
    return chosen


# What a subject is compared by where no id tells: folded title, version, number.
_Title = tuple[str, int, int | None]


class _Answers:
    """The replies by the mail that each answers: by its ids, else by its subject."""

    def __init__(
        self, groups: Sequence[_Group], replies: Sequence[tuple[Message, Subject]], by_id: _Ids
    ) -> None:
        known = {
            mail.message.message_id
            for group in groups
            for mail in group.members.values()
            if mail.message.message_id
        }
        self._replies = [message for message, _ in replies]
        self._by_id: dict[str, list[int]] = {}
        self._by_title: dict[_Title, list[int]] = {}
        for number, (message, subject) in enumerate(replies):
            ident = next((i for i in _above(message, by_id) if i in known), None)
            if ident is not None:
                self._by_id.setdefault(ident, []).append(number)
            else:
                self._by_title.setdefault(_title(subject), []).append(number)

    def to(self, group: _Group) -> list[Reply]:
        """The replies to members of a group: by their dates, or in their order where one has none."""
        numbers: dict[int, int] = {}
        for index, mail in group.members.items():
            for number in (
                *self._by_id.get(mail.message.message_id or "", ()),
                *self._by_title.get(_title(mail.subject), ()),
            ):
                numbers.setdefault(number, index)
        found = []
        for number, index in sorted(numbers.items()):
            message = self._replies[number]
            found.append(Reply(message, index, quotes(message.text)))
        # Pages tell no dates: their order stands. Sorting is stable, so it stands among equal dates, too.
        if all(reply.message.date is not None for reply in found):
            found.sort(key=lambda reply: reply.message.date.timestamp() if reply.message.date else 0)
        return found


def _title(subject: Subject) -> _Title:
    return folded(subject.title), subject.version, subject.index


def _above(message: Message, by_id: _Ids) -> Iterator[str]:
    """The ids of the mails above a reply, the nearest first: of those at hand, then those it refers to."""
    chain: list[str | None] = []
    parent: Message | None = message
    while parent is not None and parent.in_reply_to not in chain:
        chain.append(parent.in_reply_to)
        parent = by_id.get(parent.in_reply_to)
    yield from (ident for ident in chain if ident is not None)
    yield from reversed(message.references)


def _series(group: _Group, replies: Sequence[Reply], answered: Sequence[tuple[str, Subject]]) -> Series:
    cover = group.members.get(0)
    order = sorted(index for index in group.members if index > 0)
    patches = []
    for index in order:
        mail = group.members[index]
        patch = build_patch(mail.message, mail.subject, mail.diff, index)
        patches.append(replace(patch, total=len(order)) if group.unnumbered and len(order) > 1 else patch)
    problems = [*group.problems]
    missing = group.missing
    version = group.first.subject.version if not patches else max(patch.version for patch in patches)
    if missing:
        total = group.first.subject.total or 0
        known = {mail.subject.index: mail.subject.title for mail in group.members.values() if mail.index}
        told = [
            subject
            for root, subject in answered
            if root in group.roots and (subject.version, subject.total) == (version, total)
        ]
        titles = missing_titles(missing, cover.message.text if cover else "", known, told)
        problems.append(missing_sentence(missing, total, titles))
    return Series(
        tuple(patches), cover.message if cover else None, tuple(replies), missing, version, tuple(problems)
    )
