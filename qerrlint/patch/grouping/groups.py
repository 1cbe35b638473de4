# SPDX-License-Identifier: GPL-2.0-or-later
"""Members of series put together, and the versions of one series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qerrlint.errors import UsageError
from qerrlint.patch.grouping.mails import Mail, Title, title_of
from qerrlint.patch.listed_numbers import listed_numbers
from qerrlint.patch.subject import Subject, folded
from qerrlint.patch.thread import name_words, same_person

# Of the series that a mail may belong to by its sender or thread, the latest are looked at: a series is sent
# in one go.
_LATEST = 64


@dataclass(slots=True)
class Group:
    """A series in the making: members by index, the cover letter under 0."""

    first: Mail
    members: dict[int, Mail] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unnumbered: bool = False
    left_out: set[int] = field(default_factory=set)  # earlier versions that are not reviewed

    @classmethod
    def of(cls, mail: Mail, unnumbered: bool = False) -> Group:
        """The series that one mail begins."""
        return cls(mail, {mail.index: mail}, unnumbered=unnumbered)

    @property
    def key(self) -> tuple[bool, int, int | None]:
        """Whether it is a pull request, its version and its length: equal for all members."""
        return _key(self.first.subject)

    @property
    def has_patch(self) -> bool:
        """Whether there is more than a cover letter."""
        return any(index > 0 for index in self.members)

    @property
    def titles(self) -> set[str]:
        """The folded titles of the members."""
        return {folded(mail.subject.title) for mail in self.members.values()} - {""}

    @property
    def roots(self) -> set[str]:
        """The message-ids at the top of the members' threads."""
        return {mail.root for mail in self.members.values()} - {""}

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the patches that are not there."""
        total = self.first.subject.total or 0
        return tuple(index for index in range(1, total + 1) if index not in self.members)


def _key(subject: Subject) -> tuple[bool, int, int | None]:
    return subject.kind == "pull", subject.version, subject.total


class Grouping:
    """Members of series put together: by number, version and length, and by thread or sender."""

    def __init__(self, members: Sequence[Mail]) -> None:
        self.groups: list[Group] = []
        self._logs: dict[str, Group] = {}
        self._by_mark: dict[tuple[object, ...], list[int]] = {}
        self._alone: dict[Title, list[Mail]] = {}
        for mail in members:
            if mail.subject.index is None:
                self._unnumbered(mail)
            else:
                self._numbered(mail)

    def _unnumbered(self, mail: Mail) -> None:
        if mail.message.commit is not None:
            # format-patch without numbers, or git log: the order of the input is the series
            log = self._logs.get(mail.root)
            if log is None:
                self._logs[mail.root] = log = Group(mail, unnumbered=True)
                self.groups.append(log)
            log.members[len(log.members) + 1] = mail
            return
        same = self._alone.setdefault(title_of(mail.subject), [])
        if mail.diff.changes and any(mail.changes_as(other) for other in same[-_LATEST:]):
            return  # forwarded, or sent to a second list
        same.append(mail)
        self.groups.append(Group.of(mail))

    def _numbered(self, mail: Mail) -> None:
        number = self._number_of(mail)
        if number is None:
            number = len(self.groups)
            self.groups.append(Group.of(mail))
        group = self.groups[number]
        there = group.members.get(mail.index)
        if there is not None and there is not mail:
            if there.diff.changes and there.changes_as(mail):
                return  # forwarded, or sent to a second list
            group.problems.append(f"patch {mail.index} was sent twice: the later one is used")
        group.members[mail.index] = mail
        self._remember(mail, number)

    def _number_of(self, mail: Mail) -> int | None:
        numbers = {n for mark in _marks(mail) for n in self._by_mark.get(mark, ())[-_LATEST:]}
        return next((n for n in sorted(numbers, reverse=True) if _belongs(mail, self.groups[n])), None)

    def _remember(self, mail: Mail, number: int) -> None:
        for mark in _marks(mail):
            numbers = self._by_mark.setdefault(mark, [])
            if not numbers or numbers[-1] != number:
                numbers.append(number)


def _marks(mail: Mail) -> list[tuple[object, ...]]:
    """What the members of one series have in common: the key, with the thread or something of the sender."""
    key = _key(mail.subject)
    words, address = name_words(mail.message.sender)
    own = [("root", mail.root), ("address", address), *(("name", word) for word in words[:6])]
    marks: list[tuple[object, ...]] = [(key, kind, value) for kind, value in own if value]
    # Where mails have no ids, the patches of several authors are one series.
    return marks if mail.root else [*marks, (key, "no id")]


def _belongs(mail: Mail, group: Group) -> bool:
    """Whether a numbered mail is a member of a series of the same version and length."""
    there = group.members.get(mail.index)
    if there is not None and folded(there.subject.title) != folded(mail.subject.title):
        return False
    if mail.root and mail.root in group.roots:
        return True
    return same_person(mail.message.sender, group.first.message.sender) or not (mail.root or group.roots)


def newest(groups: Sequence[Group]) -> list[Group]:
    """Groups of which no higher version is there; a partial one is filled up from the one it answers."""
    related = _Related(groups)
    owners: dict[str, Group] = {}
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

    def __init__(self, groups: Sequence[Group]) -> None:
        self._by_mark: dict[tuple[object, ...], list[Group]] = {}
        for group in sorted(groups, key=lambda group: -group.key[1]):
            for mark in _relations(group) if group.has_patch else ():
                self._by_mark.setdefault(mark, []).append(group)

    def later(self, group: Group) -> Group | None:
        """The latest version of a series that supersedes it, None where there is none."""
        shared: dict[int, int] = {}
        found: dict[int, Group] = {}
        cover = group.members.get(0)
        for mark in _relations(group):
            for other in self._by_mark.get(mark, ())[:_LATEST]:
                if other.key[1] <= group.key[1]:
                    break
                whole = mark[1] == "root" or (cover is not None and mark[2] == folded(cover.subject.title))
                found[id(other)] = other
                shared[id(other)] = shared.get(id(other), 0) + (len(group.titles) if whole else 1)
        return next((other for key, other in found.items() if 2 * shared[key] >= len(group.titles)), None)


def _relations(group: Group) -> list[tuple[object, ...]]:
    """What a later version of a series shares with it: a title or a thread."""
    if group.unnumbered:
        return []
    pull = group.key[0]
    return [*((pull, "root", r) for r in group.roots), *((pull, "title", t) for t in sorted(group.titles))]


def _fill_up(group: Group, owners: Mapping[str, Group]) -> None:
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


def of_version(groups: Sequence[Group], version: int) -> list[Group]:
    """The groups of one version; raises UsageError where there is none."""
    chosen = [group for group in groups if not group.unnumbered and group.key[1] == version]
    if not chosen:
        there = sorted({group.key[1] for group in groups})
        found = ", ".join(str(number) for number in there) or "none"
        raise UsageError(f"version {version} is not among the messages (found: {found})")
    return chosen
