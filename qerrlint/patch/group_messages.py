# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages sorted into series: what is a patch, a cover letter or a reply, and which belong together."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qerrlint.errors import UsageError
from qerrlint.patch.diff import Diff, FileChange, has_diff
from qerrlint.patch.diffparser import parse_diff
from qerrlint.patch.listed_numbers import listed_numbers
from qerrlint.patch.message import Message
from qerrlint.patch.missing_patches import missing_sentence, missing_titles
from qerrlint.patch.series import Series, build_patch
from qerrlint.patch.subject import Subject, folded, parse_subject
from qerrlint.patch.thread import MOST_QUOTES, Reply, name_words, quotes, same_person

_NO_DIFF = Diff((), ())
_SEPARATOR = re.compile(r"^(?:---[ \t\r]*|.{0,40}(?:-+[ ]?)(?:8<|>8).*| .{1,200}\|[ ]+(?:\d+|Bin).*)$", re.M)
_QUOTED = re.compile(r"^[ \t]?>", re.M)
_DIFF = re.compile(r"^(?:diff --git |--- \S)", re.M)
# Of the series that a mail may belong to by its sender or thread, the latest are looked at: a series is sent
# in one go.
_LATEST = 64

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

    def changes_as(self, other: _Mail) -> bool:
        """Whether both make the same changes, wherever they stand in their texts."""
        return [_content(change) for change in self.diff.changes] == [
            _content(change) for change in other.diff.changes
        ]


def _content(change: FileChange) -> tuple[object, ...]:
    return change.old_path, change.new_path, change.status, [hunk.lines for hunk in change.hunks]


@dataclass(slots=True)
class _Group:
    """A series in the making: members by index, the cover letter under 0."""

    first: _Mail
    members: dict[int, _Mail] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unnumbered: bool = False
    left_out: set[int] = field(default_factory=set)  # earlier versions that are not reviewed

    @classmethod
    def of(cls, mail: _Mail, unnumbered: bool = False) -> _Group:
        return cls(mail, {mail.index: mail}, unnumbered=unnumbered)

    @property
    def key(self) -> tuple[bool, int, int | None]:
        return _key(self.first.subject)

    @property
    def has_patch(self) -> bool:
        """Whether there is more than a cover letter."""
        return any(index > 0 for index in self.members)

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


def _key(subject: Subject) -> tuple[bool, int, int | None]:
    return subject.kind == "pull", subject.version, subject.total


def assemble(messages: Iterable[Message], version: int | None = None) -> list[Series]:
    """The series in the messages, in the order in which they first appear.

    What a mail holds decides, more than its subject: an answer or a forward with a diff of its own is a patch
    where the patch that it names is not among the messages. Of a series that was sent in several versions
    only the highest is given, or the one asked for by `version`. Messages that are there twice count once.
    Replies go to the patch they answer; those that answer none are left out. A mail that should hold a patch
    and cannot be read is a patch without changes. Raises UsageError when `version` is not among the messages.
    """
    sorted_ = _Sorted(_distinct(messages))
    groups = _Grouping(sorted_.members).groups
    chosen = _of_version(groups, version) if version is not None else _newest(groups)
    answers = _Answers(groups, sorted_.replies, sorted_.by_id)
    subjects: dict[str, list[Subject]] = {}
    for message, subject in sorted_.replies:
        subjects.setdefault(sorted_.roots.of(message), []).append(subject)
    suggested: dict[str | None, list[Message]] = {}
    for message in sorted_.suggestions:
        suggested.setdefault(message.message_id, []).append(message)
    return [_series(group, answers.to(group), subjects, suggested) for group in chosen]


def _distinct(messages: Iterable[Message]) -> list[Message]:
    seen: set[object] = set()
    out = []
    for message in messages:
        key: object = message.message_id or (message.sender, message.subject, message.text, message.problem)
        if key not in seen:
            seen.add(key)
            out.append(message)
    return out


class _Roots:
    """The message-id at the top of each message's thread, as far as it is known; "" where mails have none."""

    def __init__(self, by_id: _Ids) -> None:
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


class _Sorted:
    """Messages sorted into members of series and replies, by what they hold.

    `suggestions` are the replies whose own diff is not reviewed: a reviewer's proposal beside the patch.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        self.by_id: _Ids = {message.message_id: message for message in messages if message.message_id}
        self.roots = _Roots(self.by_id)
        self.members: list[_Mail] = []
        self.suggestions: list[Message] = []
        answers: list[_Mail] = []
        self._replies: list[_Mail] = []
        for order, message in enumerate(messages):
            subject = parse_subject(message.subject)
            body = message.body
            diff = parse_diff(body) if has_diff(body) else _NO_DIFF
            mail = _Mail(message, subject, diff, order, self.roots.of(message))
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

    def _with_covers(self) -> list[_Mail]:
        """The members; those without number and diff are cover letters where patches of a series answer."""
        below: dict[str, _Mail] = {}
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

    def _judge(self, answers: Sequence[_Mail]) -> None:
        """Which answers with a diff of their own are patches."""
        originals: dict[_Title, list[_Mail]] = {}
        by_message: dict[int, _Mail] = {}
        for mail in self.members:
            originals.setdefault(_title(mail.subject), []).append(mail)
            by_message[id(mail.message)] = mail
        left: list[_Mail] = []
        for mail in answers:
            found = list(originals.get(_title(mail.subject), ()))
            above = self.by_id.get(mail.message.in_reply_to)
            if not found and above is not None and id(above) in by_message and not mail.subject.kind:
                found.append(by_message[id(above)])
            if any(mail.changes_as(other) for other in found):
                self._replies.append(mail)
            elif _is_patch(mail, found):
                self.members.append(_standing_alone(mail) if mail.subject.index == 0 else mail)
                originals.setdefault(_title(mail.subject), []).append(mail)
            else:
                left.append(mail)
        if not any(mail.diff.changes or mail.message.problem for mail in self.members):
            # Nothing else is there to be reviewed.
            self.members += [_standing_alone(mail) for mail in left]
            left = []
        self._replies += left
        self.suggestions = [mail.message for mail in left]


def _is_patch(mail: _Mail, originals: Sequence[_Mail]) -> bool:
    """Whether an answer with a diff is a patch: in form, and of somebody who may send it."""
    text = mail.message.text
    diff = _DIFF.search(text)
    head = text[: diff.start()] if diff is not None else text
    in_form = _SEPARATOR.search(head) is not None
    if not any(other.diff.changes for other in originals):
        return in_form or _QUOTED.search(head) is None
    return in_form and all(same_person(mail.message.sender, other.message.sender) for other in originals)


def _standing_alone(mail: _Mail) -> _Mail:
    return replace(mail, subject=replace(mail.subject, index=None, total=None))


class _Grouping:
    """Members of series put together: by number, version and length, and by thread or sender."""

    def __init__(self, members: Sequence[_Mail]) -> None:
        self.groups: list[_Group] = []
        self._logs: dict[str, _Group] = {}
        self._by_mark: dict[tuple[object, ...], list[int]] = {}
        self._alone: dict[_Title, list[_Mail]] = {}
        for mail in members:
            if mail.subject.index is None:
                self._unnumbered(mail)
            else:
                self._numbered(mail)

    def _unnumbered(self, mail: _Mail) -> None:
        if mail.message.commit is not None:
            # format-patch without numbers, or git log: the order of the input is the series
            log = self._logs.get(mail.root)
            if log is None:
                self._logs[mail.root] = log = _Group(mail, unnumbered=True)
                self.groups.append(log)
            log.members[len(log.members) + 1] = mail
            return
        same = self._alone.setdefault(_title(mail.subject), [])
        if mail.diff.changes and any(mail.changes_as(other) for other in same[-_LATEST:]):
            return  # forwarded, or sent to a second list
        same.append(mail)
        self.groups.append(_Group.of(mail))

    def _numbered(self, mail: _Mail) -> None:
        number = self._number_of(mail)
        if number is None:
            number = len(self.groups)
            self.groups.append(_Group.of(mail))
        group = self.groups[number]
        there = group.members.get(mail.index)
        if there is not None and there is not mail:
            if there.diff.changes and there.changes_as(mail):
                return  # forwarded, or sent to a second list
            group.problems.append(f"patch {mail.index} was sent twice: the later one is used")
        group.members[mail.index] = mail
        self._remember(mail, number)

    def _number_of(self, mail: _Mail) -> int | None:
        numbers = {n for mark in _marks(mail) for n in self._by_mark.get(mark, ())[-_LATEST:]}
        return next((n for n in sorted(numbers, reverse=True) if _belongs(mail, self.groups[n])), None)

    def _remember(self, mail: _Mail, number: int) -> None:
        for mark in _marks(mail):
            numbers = self._by_mark.setdefault(mark, [])
            if not numbers or numbers[-1] != number:
                numbers.append(number)


def _marks(mail: _Mail) -> list[tuple[object, ...]]:
    """What the members of one series have in common: the key, with the thread or something of the sender."""
    key = _key(mail.subject)
    words, address = name_words(mail.message.sender)
    own = [("root", mail.root), ("address", address), *(("name", word) for word in words[:6])]
    marks: list[tuple[object, ...]] = [(key, kind, value) for kind, value in own if value]
    # Where mails have no ids, the patches of several authors are one series.
    return marks if mail.root else [*marks, (key, "no id")]


def _belongs(mail: _Mail, group: _Group) -> bool:
    """Whether a numbered mail is a member of a series of the same version and length."""
    there = group.members.get(mail.index)
    if there is not None and folded(there.subject.title) != folded(mail.subject.title):
        return False
    if mail.root and mail.root in group.roots:
        return True
    return same_person(mail.message.sender, group.first.message.sender) or not (mail.root or group.roots)


def _newest(groups: Sequence[_Group]) -> list[_Group]:
    """Groups of which no higher version is there; a partial one is filled up from the one it answers."""
    related = _Related(groups)
    owners: dict[str, _Group] = {}
    for group in groups:
        for mail in group.members.values():
            if mail.message.message_id:
                owners[mail.message.message_id] = group
    chosen = []
    for group in groups:
        later = related.later(group)
        if later is not None:
            later.left_out.add(group.key[1])
            continue
        chosen.append(group)
        _fill_up(group, owners)
    return chosen


class _Related:
    """Which series are later versions of which: those of a higher version in the same thread, with the same
    cover letter's title, or with half of the patches' titles."""

    def __init__(self, groups: Sequence[_Group]) -> None:
        self._by_mark: dict[tuple[object, ...], list[_Group]] = {}
        for group in sorted(groups, key=lambda group: -group.key[1]):
            for mark in _relations(group) if group.has_patch else ():
                self._by_mark.setdefault(mark, []).append(group)

    def later(self, group: _Group) -> _Group | None:
        """The latest version of a series that supersedes it, None where there is none."""
        shared: dict[int, int] = {}
        found: dict[int, _Group] = {}
        cover = group.members.get(0)
        for mark in _relations(group):
            for other in self._by_mark.get(mark, ())[:_LATEST]:
                if other.key[1] <= group.key[1]:
                    break
                whole = mark[1] == "root" or (cover is not None and mark[2] == folded(cover.subject.title))
                found[id(other)] = other
                shared[id(other)] = shared.get(id(other), 0) + (len(group.titles) if whole else 1)
        return next((other for key, other in found.items() if 2 * shared[key] >= len(group.titles)), None)


def _relations(group: _Group) -> list[tuple[object, ...]]:
    """What a later version of a series shares with it: a title or a thread."""
    if group.unnumbered:
        return []
    pull = group.key[0]
    return [*((pull, "root", r) for r in group.roots), *((pull, "title", t) for t in sorted(group.titles))]


def _fill_up(group: _Group, owners: Mapping[str, _Group]) -> None:
    """Take what a re-sent patch's series lacks from the older series of the same length that it answers."""
    missing = group.missing
    if not missing or group.unnumbered or 0 in group.members:
        return
    answers = {mail.message.in_reply_to for mail in group.members.values()}
    older = {id(owner): owner for ident in answers if (owner := owners.get(ident or "")) is not None}
    if len(older) != 1 or any((ident or "") not in owners for ident in answers):
        return
    (other,) = older.values()
    (pull, version, total), (other_pull, other_version, other_total) = group.key, other.key
    if other.unnumbered or pull != other_pull or version <= other_version or total != other_total:
        return
    filled = [index for index in missing if index in other.members]
    group.members.update((index, other.members[index]) for index in filled)
    if 0 in other.members:
        group.members[0] = other.members[0]
    if filled:
        group.left_out.discard(other_version)
        shown = listed_numbers(filled)
        group.problems.append(
            f"patch {shown} is that of version {other_version}"
            if len(filled) == 1
            else f"patches {shown} are those of version {other_version}"
        )


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
        nearest = _Nearest(known, by_id)
        for number, (message, subject) in enumerate(replies):
            ident = nearest.above(message)
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
        left = MOST_QUOTES
        for number, index in sorted(numbers.items()):
            message = self._replies[number]
            own = quotes(message.text)
            if len(own) > left:
                group.problems.append(
                    f"the answers quote the series more than {MOST_QUOTES} times; the rest is not read"
                )
                break
            left -= len(own)
            found.append(Reply(message, index, own))
        # Pages tell no dates: their order stands. Sorting is stable, so it stands among equal dates, too.
        if all(reply.message.date is not None for reply in found):
            found.sort(key=lambda reply: reply.message.date.timestamp() if reply.message.date else 0)
        return found


class _Nearest:
    """The nearest patch or cover letter above a reply: among the mails at hand, then those it refers to."""

    def __init__(self, known: Container[str | None], by_id: _Ids) -> None:
        self._known = known
        self._by_id = by_id
        self._found: dict[str | None, str | None] = {}

    def above(self, message: Message) -> str | None:
        """Its id; None for a reply to none of them. Each step upwards is made once for all replies."""
        way: list[str | None] = []
        ident = message.in_reply_to
        while ident is not None and ident not in self._found and ident not in self._known:
            self._found[ident] = None
            way.append(ident)
            parent = self._by_id.get(ident)
            ident = parent.in_reply_to if parent is not None else None
        nearest = ident if ident is not None and ident in self._known else self._found.get(ident)
        for passed in way:
            self._found[passed] = nearest
        if nearest is not None:
            return nearest
        return next((ident for ident in reversed(message.references) if ident in self._known), None)


def _title(subject: Subject) -> _Title:
    return folded(subject.title), subject.version, subject.index


def _series(
    group: _Group,
    replies: Sequence[Reply],
    answered: Mapping[str, Sequence[Subject]],
    suggested: Mapping[str | None, Sequence[Message]],
) -> Series:
    cover = group.members.get(0)
    order = sorted(index for index in group.members if index > 0)
    patches = []
    for index in order:
        mail = group.members[index]
        patch = build_patch(mail.message, mail.subject, mail.diff, index)
        patches.append(replace(patch, total=len(order)) if group.unnumbered and len(order) > 1 else patch)
    problems = [*group.problems, *_left_out(replies, suggested)]
    if group.left_out:
        noun = "version" if len(group.left_out) == 1 else "versions"
        shown = listed_numbers(sorted(group.left_out))
        problems.append(f"{noun} {shown} of the series in the same input: not reviewed")
    missing = group.missing
    version = group.first.subject.version if not patches else max(patch.version for patch in patches)
    if missing:
        total = group.first.subject.total or 0
        known = {mail.subject.index: mail.subject.title for mail in group.members.values() if mail.index}
        told = [
            subject
            for root in sorted(group.roots)
            for subject in answered.get(root, ())
            if (subject.version, subject.total) == (version, total)
        ]
        titles = missing_titles(missing, cover.message.text if cover else "", known, told)
        problems.append(missing_sentence(missing, total, titles))
    return Series(
        tuple(patches), cover.message if cover else None, tuple(replies), missing, version, tuple(problems)
    )


def _left_out(replies: Sequence[Reply], suggested: Mapping[str | None, Sequence[Message]]) -> Iterator[str]:
    """A sentence for each diff in an answer that is not reviewed."""
    for reply in replies:
        if any(reply.message is message for message in suggested.get(reply.message.message_id, ())):
            named = f" (<{reply.message.message_id}>)" if reply.message.message_id else ""
            who = f"{reply.message.sender}{named}"
            yield f"the diff in an answer by {who} is taken for a suggestion: not reviewed"
