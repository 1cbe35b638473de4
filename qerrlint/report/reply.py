# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings as reply mails, one a patch: headers, threading, encoding; quoting.py makes the text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from email.charset import QP, Charset
from email.header import Header
from email.message import Message as Mail
from email.policy import compat32
from email.utils import format_datetime, formataddr

from qerrlint.patch.message import name_and_address
from qerrlint.patch.series import Patch, Series
from qerrlint.records import record
from qerrlint.report.printable import without_surrogates
from qerrlint.report.quoting import reply_text
from qerrlint.result import Reported, Result

# RFC 5322, 2.1.1: a line has at most 998 octets.
_LONGEST_LINE = 990
_ENVELOPE = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"


@record(frozen=True, slots=True)
class ReplyMail:
    """A reply to the patch `index` of its series, and the whole mail with newlines at its line ends."""

    index: int
    data: bytes


def reply_mails(
    result: Result, series: Sequence[Series], sender: str, date: datetime, raised: bool = False
) -> tuple[ReplyMail, ...]:
    """A mail for each patch that introduces a finding; none for a patch without one.

    Findings that a reviewer of this version has raised are left out unless `raised`. Patches that came
    without a Message-ID cannot be answered and get none (see `unanswerable`).
    """
    mails = []
    for patch, one, found in _answered(result, series, raised):
        if patch.message.message_id is not None:
            text = without_surrogates(reply_text(patch, found, result.patches))
            mails.append(ReplyMail(patch.index, _mail(patch, one, text, sender, date)))
    return tuple(mails)


def unanswerable(result: Result, series: Sequence[Series], raised: bool = False) -> tuple[Patch, ...]:
    """The patches with findings that came without a Message-ID, such as bare diffs."""
    answered = _answered(result, series, raised)
    return tuple(patch for patch, _, _ in answered if patch.message.message_id is None)


def mailbox(mails: Iterable[ReplyMail]) -> bytes:
    """The mails as an mbox (mboxrd: lines that begin like its own are quoted)."""
    quoted = (re.sub(rb"^(>*From )", rb">\1", mail.data, flags=re.M) for mail in mails)
    return b"".join(_ENVELOPE + data + b"\n" for data in quoted)


def _answered(
    result: Result, series: Sequence[Series], raised: bool
) -> Iterator[tuple[Patch, Series, list[Reported]]]:
    """Each patch, in the order of the result, with its findings."""
    known = [(patch, one) for one in series for patch in one.patches]
    for number, info in enumerate(result.patches, 1):
        found = [
            item
            for item in result.findings
            if item.patch == number and item.status == "introduced" and item.suppressed is None
            if raised or item.raised_by is None or item.raised_by.version is not None
        ]
        for patch, one in known:
            if (patch.message.message_id, patch.index) == (info.message_id, info.index) and found:
                if patch.subject != info.subject and patch.message.message_id is None:
                    continue
                yield patch, one, found
                break


def _mail(patch: Patch, series: Series, text: str, sender: str, date: datetime) -> bytes:
    message = patch.message
    mail = Mail(policy=compat32.clone(max_line_length=0))
    mail["From"] = _address(sender)
    mail["To"] = _address(message.sender)
    heard = [reply.message.sender for reply in series.replies if reply.patch == patch.index]
    copies = list(_others([*message.recipients, *heard], (message.sender, sender)))
    if copies:
        mail["Cc"] = ",\n ".join(_address(copy) for copy in copies)
    mail["Subject"] = _folded(f"Re: {message.subject}", "Subject")
    mail["Date"] = format_datetime(date)
    mail["Message-ID"] = _message_id(message.message_id or "", sender, text)
    mail["In-Reply-To"] = f"<{message.message_id}>"
    above = message.references or ((message.in_reply_to,) if message.in_reply_to else ())
    idents = dict.fromkeys([*above, message.message_id])
    mail["References"] = "\n ".join(f"<{ident}>" for ident in idents)
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = "text/plain; charset=UTF-8; format=fixed"
    body = text.encode("utf-8")
    if max(map(len, body.split(b"\n"))) > _LONGEST_LINE:
        charset = Charset("utf-8")
        charset.body_encoding = QP
        mail["Content-Transfer-Encoding"] = "quoted-printable"
        mail.set_payload(charset.body_encode(text))
    else:
        mail["Content-Transfer-Encoding"] = "8bit"
        mail.set_payload(body.decode("ascii", "surrogateescape"))
    return mail.as_bytes()


def _others(candidates: Iterable[str], without: Iterable[str]) -> Iterator[str]:
    """Addresses, each once, that are not among those without."""
    seen = {name_and_address(address)[1].lower() for address in without}
    for candidate in candidates:
        address = name_and_address(candidate)[1].lower()
        if "@" in address and address not in seen:
            seen.add(address)
            yield candidate


def _address(text: str) -> str:
    """An address whose name is quoted or encoded as its characters demand."""
    name, address = name_and_address(without_surrogates(text))
    return formataddr((name, address), charset="utf-8") if address.isascii() else address


def _folded(text: str, name: str) -> str:
    text = " ".join(without_surrogates(text).split())
    return Header(text, "us-ascii" if text.isascii() else "utf-8", header_name=name).encode()


def _message_id(answered: str, sender: str, text: str) -> str:
    """The same for the same reply, so that a reply sent twice is shown once."""
    digest = hashlib.sha256("\0".join((answered, sender, text)).encode("utf-8", "replace")).hexdigest()
    domain = name_and_address(sender)[1].rpartition("@")[2]
    return f"<qerrlint-{digest[:24]}@{domain or 'localhost'}>"
