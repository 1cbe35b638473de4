# SPDX-License-Identifier: GPL-2.0-or-later
"""The series in a number of messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from qerrlint.patch.grouping.answers import Answers
from qerrlint.patch.grouping.groups import Group, Grouping, newest, of_version
from qerrlint.patch.grouping.mails import SortedMessages, Title, title_of
from qerrlint.patch.listed_numbers import listed_numbers
from qerrlint.patch.message import Message
from qerrlint.patch.missing_patches import missing_sentence, missing_titles
from qerrlint.patch.series import Series, build_patch
from qerrlint.patch.subject import Subject, parse_subject
from qerrlint.patch.thread import Reply


def assemble(messages: Iterable[Message], version: int | None = None) -> list[Series]:
    """The series in the messages, in the order in which they first appear.

    The contents of a mail decide, more than its subject: an answer or a forward with a diff of its own is a
    patch where the patch that it names is not among the messages. If a series was sent in several versions,
    only the highest is given, or the one that `version` asks for. Messages that are there twice count once.
    Replies go to the patch they answer; those that answer none are left out, and named with the first series
    where they hold a diff. A mail that should hold a patch and cannot be read is a patch without changes.
    Raises UsageError when `version` is not among the messages.
    """
    sorted_ = SortedMessages(_distinct(messages))
    groups = Grouping(sorted_.members).groups
    chosen = of_version(groups, version) if version is not None else newest(groups)
    answers = Answers(groups, sorted_.replies, sorted_.by_id)
    subjects: dict[str, list[Subject]] = {}
    for message, subject in sorted_.replies:
        subjects.setdefault(sorted_.roots.of(message), []).append(subject)
    suggested: dict[str | None, list[Message]] = {}
    for message in sorted_.suggestions:
        suggested.setdefault(message.message_id, []).append(message)
    found = [_series(group, answers.to(group), subjects, suggested) for group in chosen]
    if found and (problems := tuple(_left_out(answers.to_none, suggested))):
        found[0] = replace(found[0], problems=(*found[0].problems, *problems))
    return found


def _distinct(messages: Iterable[Message]) -> list[Message]:
    """The messages without copies. Mails of one id under different titles are no copies: some senders give
    all mails of a series the same id.
    """
    seen: dict[object, set[Title]] = {}
    out = []
    for message in messages:
        key: object = message.message_id or (message.sender, message.subject, message.text, message.problem)
        title = title_of(parse_subject(message.subject))
        titles = seen.setdefault(key, set())
        if title not in titles:
            titles.add(title)
            out.append(message)
    return out


def _series(
    group: Group,
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
    problems = [*group.problems, *_left_out([reply.message for reply in replies], suggested)]
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


def _left_out(replies: Sequence[Message], suggested: Mapping[str | None, Sequence[Message]]) -> Iterator[str]:
    """A sentence for each diff in an answer that is not reviewed."""
    for reply in replies:
        if any(reply is message for message in suggested.get(reply.message_id, ())):
            named = f" (<{reply.message_id}>)" if reply.message_id else ""
            who = f"{reply.sender}{named}"
            yield f"the diff in an answer by {who} is taken for a suggestion: not reviewed"
