# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mail of a series each answer is to."""

from __future__ import annotations

from collections.abc import Container, Sequence

from qerrlint.patch.grouping.groups import Group
from qerrlint.patch.grouping.mails import Ids, Title, title_of
from qerrlint.patch.message import Message
from qerrlint.patch.subject import Subject
from qerrlint.patch.thread import MOST_QUOTES, Reply, quotes


class Answers:
    """The replies by the mail that each answers: by its ids, else by its subject."""

    def __init__(
        self, groups: Sequence[Group], replies: Sequence[tuple[Message, Subject]], by_id: Ids
    ) -> None:
        known = {
            mail.message.message_id
            for group in groups
            for mail in group.members.values()
            if mail.message.message_id
        }
        titles = {title_of(mail.subject) for group in groups for mail in group.members.values()}
        self.to_none: list[Message] = []
        """The replies to mails that are not at hand."""
        self._replies = [message for message, _ in replies]
        self._by_id: dict[str, list[int]] = {}
        self._by_title: dict[Title, list[int]] = {}
        nearest = _Nearest(known, by_id)
        for number, (message, subject) in enumerate(replies):
            ident = nearest.above(message)
            if ident is not None:
                self._by_id.setdefault(ident, []).append(number)
            else:
                title = title_of(subject)
                self._by_title.setdefault(title, []).append(number)
                if title not in titles:
                    self.to_none.append(message)

    def to(self, group: Group) -> list[Reply]:
        """The replies to members of a group: by their dates, or in their order where one has none."""
        numbers: dict[int, int] = {}
        for index, mail in group.members.items():
            for number in (
                *self._by_id.get(mail.message.message_id or "", ()),
                *self._by_title.get(title_of(mail.subject), ()),
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

    def __init__(self, known: Container[str | None], by_id: Ids) -> None:
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
