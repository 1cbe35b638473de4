# SPDX-License-Identifier: GPL-2.0-or-later
"""Message: one mail as its reader sees it, or one patch that came without a mail."""

from __future__ import annotations

from datetime import datetime

from qerrlint.records import record


@record(frozen=True, slots=True)
class Message:
    """One mail as its reader sees it.

    `message_id`, `in_reply_to` and `references` are without angle brackets. `sender` is "Name <address>"
    or what of it is known. `text` has newlines only and is decoded; bytes that are in no declared charset
    are surrogate-escaped, so that `body` gives back a diff byte for byte. `origin` is the file it came
    from; `lines_offset` how many lines of that file precede the text, None where the text is not
    verbatim in it. `commit` is the commit id that `git format-patch` or `git log` wrote down.
    `recipients` are those of To and Cc, each "Name <address>" or an address. `problem` says what of the
    mail could not be read, "" for nothing. `is_envelope`: its patches are attached mails, each a message of
    its own.
    """

    message_id: str | None
    sender: str
    subject: str
    date: datetime | None
    in_reply_to: str | None
    references: tuple[str, ...]
    text: str
    origin: str
    lines_offset: int | None = None
    commit: str | None = None
    recipients: tuple[str, ...] = ()
    problem: str = ""
    is_envelope: bool = False

    @property
    def body(self) -> bytes:
        """The text as bytes: UTF-8, with undecodable bytes as they were."""
        return self.text.encode("utf-8", "surrogateescape")


def name_and_address(text: str) -> tuple[str, str]:
    """The name ("" without one) and the address of a sender or recipient, as a Message has them: decoded, so
    that a name can hold a comma."""
    text = " ".join(text.split())
    if not text.endswith(">") or "<" not in text:
        return "", text
    name, _, address = text[:-1].rpartition("<")
    return name.strip(' "'), address.strip()
