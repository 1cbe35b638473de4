# SPDX-License-Identifier: GPL-2.0-or-later
"""One mail's bytes made a Message by the standard library's email package; it knows little of diffs."""

from __future__ import annotations

import email
import email.utils
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from email.errors import MessageError
from email.header import decode_header
from email.message import Message as Mail

from qerrlint.errors import InputError
from qerrlint.patch.message import Message

_ID = re.compile(r"<\s*([^<>\s]+)\s*>")
_BARE_ADDRESS = re.compile(r"[^\s<>,;:\"()]+@[^\s<>,;:\"()]+")
_PATCH_NAME = re.compile(r"\.(?:patch|diff)(?:\.txt)?$", re.I)
_PATCH_TYPES = ("text/x-patch", "text/x-diff", "text/patch")


def read_mail(data: bytes, origin: str, line: int = 0, commit: str | None = None) -> list[Message]:
    """The mail in `data`, then the mails that it carries as attachments.

    `line` is how many lines of `origin` precede the mail. Raises InputError for a mail whose parts are
    nested beyond reason.
    """
    try:
        mail = email.message_from_bytes(data)
        messages = [_message(mail, data, origin, line, commit)]
        for part in mail.walk():
            if part is not mail and part.get_content_type() == "message/rfc822":
                inner = part.get_payload()
                if isinstance(inner, list) and inner and isinstance(inner[0], Mail):
                    messages.append(_message(inner[0], b"", origin, 0, None))
    except RecursionError:
        raise InputError(f"{origin}: a mail with too deeply nested parts") from None
    return messages


def _message(mail: Mail, data: bytes, origin: str, line: int, commit: str | None) -> Message:
    text, verbatim = _text(mail)
    offset = None
    if verbatim and data:
        head = re.search(rb"^\r?\n", data, re.M)
        offset = line + data.count(b"\n", 0, head.end() if head else len(data))
    references = tuple(_ID.findall(_header(mail, "References")))
    replied = _ID.findall(_header(mail, "In-Reply-To"))
    own = _ID.search(_header(mail, "Message-ID"))
    return Message(
        own[1] if own else None,
        _sender(mail),
        _header(mail, "Subject"),
        _date(_header(mail, "Date")),
        replied[0] if replied else (references[-1] if references else None),
        references,
        text,
        origin,
        offset,
        commit,
        tuple(_recipients(mail)),
    )


def _header(mail: Mail, name: str) -> str:
    """A header decoded and unfolded; raw bytes in it are taken as UTF-8, else Latin-1."""
    value = mail.get(name)
    return "" if value is None else _decoded(value)


def _decoded(value: str) -> str:
    words = []
    try:
        pieces = decode_header(value)
    except (MessageError, ValueError):
        pieces = [(str(value), None)]
    for piece, charset in pieces:
        raw = piece.encode("utf-8", "surrogateescape") if isinstance(piece, str) else piece
        words.append(_decode(raw, None if charset == "unknown-8bit" else charset))
    return re.sub(r"\s*[\r\n]+\s*", " ", "".join(words)).strip()


def _decode(raw: bytes, charset: str | None) -> str:
    try:
        return raw.decode(charset or "utf-8")
    except (LookupError, UnicodeError):
        return raw.decode("latin-1") if charset in (None, "utf-8") else _decode(raw, "utf-8")


def _sender(mail: Mail) -> str:
    """The author; where a list has rewritten From to pass DMARC checks, whom its other headers name."""
    sender = _header(mail, "From")
    name, address = email.utils.parseaddr(sender)
    if re.search(r"\bvia\b", name):
        for header in ("X-Original-From", "Reply-To"):
            other = email.utils.parseaddr(_header(mail, header))
            if other[1] and other[1].lower() != address.lower():
                real = other[0] or re.split(r"\bvia\b", name)[0].strip("'\" ")
                return (
                    email.utils.formataddr((real, other[1]), charset="utf-8")
                    if real.isascii()
                    else (f"{real} <{other[1]}>")
                )
    return sender


def _recipients(mail: Mail) -> Iterator[str]:
    """Whom To and Cc name. They are told apart before names are decoded: an encoded name can hold a comma."""
    for value in (value for name in ("To", "Cc") for value in mail.get_all(name, ())):
        # Of raw bytes the package makes an object of its own, whose text has lost them.
        field = value if isinstance(value, str) else _decoded(value)
        pairs = [pair for pair in email.utils.getaddresses([field]) if "@" in pair[1]]
        # The package gives nothing at all for a field with anything odd in it, such as an empty group.
        for name, address in pairs or [("", address) for address in _BARE_ADDRESS.findall(field)]:
            decoded = _decoded(name)
            yield f"{decoded} <{address}>" if decoded else address


def _date(value: str) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=timezone.utc)


def _text(mail: Mail) -> tuple[str, bool]:
    """What a reader sees, plain parts and attached patches in a row; and whether it is verbatim."""
    if not mail.is_multipart():
        plain = mail.get_content_type() != "text/html"
        encoding = str(mail.get("Content-Transfer-Encoding", "7bit")).strip().lower()
        flowed = _is_flowed(mail)
        return _part_text(mail), plain and not flowed and encoding in ("7bit", "8bit", "binary", "")
    texts: list[str] = []
    pages: list[str] = []
    for part in _leaves(mail):
        kind = part.get_content_type()
        if kind == "text/plain" or kind in _PATCH_TYPES or _PATCH_NAME.search(part.get_filename() or ""):
            texts.append(_part_text(part))
        elif kind == "text/html":
            pages.append(_part_text(part))
    parts = texts or pages
    return "".join(text if text.endswith("\n") else text + "\n" for text in parts), False


def _leaves(mail: Mail) -> list[Mail]:
    """Parts that hold content, without what attached mails hold."""
    payload = mail.get_payload()
    if mail.get_content_type() == "message/rfc822" or not isinstance(payload, list):
        return [] if mail.is_multipart() else [mail]
    return [leaf for part in payload if isinstance(part, Mail) for leaf in _leaves(part)]


def _part_text(part: Mail) -> str:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    if raw.count(b"\r\n") == raw.count(b"\n"):
        raw = raw.replace(b"\r\n", b"\n")
    text = _decode_body(raw, part.get_content_charset())
    if part.get_content_type() == "text/html":
        from qerrlint.patch.archive import html_text

        return html_text(text.encode("utf-8", "surrogateescape"))
    return _unflowed(text, part) if _is_flowed(part) else text


def _decode_body(raw: bytes, charset: str | None) -> str:
    """The text of a part.

    A patch must come out byte for byte, so a part without (true) charset that is no UTF-8 keeps its bytes
    as surrogates when it holds a diff; only prose is guessed to be Latin-1.
    """
    from qerrlint.patch.diff import has_diff

    if charset and charset not in ("us-ascii", "ascii", "utf-8", "utf8", "unknown-8bit"):
        try:
            return raw.decode(charset)
        except (LookupError, UnicodeError):
            pass
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape") if has_diff(raw) else raw.decode("latin-1")


def _is_flowed(part: Mail) -> bool:
    value = part.get_param("format")
    return isinstance(value, str) and value.lower() == "flowed"


def _unflowed(text: str, part: Mail) -> str:
    """Lines of format=flowed joined again (RFC 3676).

    Senders that claim the format but send a diff as it is are common: where a diff parses better from
    the text as sent, that is taken.
    """
    from qerrlint.patch.diff import has_diff, parse_diff

    delsp = part.get_param("delsp")
    joined = unflow(text, isinstance(delsp, str) and delsp.lower() == "yes")
    body = text.encode("utf-8", "surrogateescape")
    if has_diff(body):
        as_sent, as_flowed = parse_diff(body), parse_diff(joined.encode("utf-8", "surrogateescape"))
        if (len(as_sent.problems), -len(as_sent.changes)) < (
            len(as_flowed.problems),
            -len(as_flowed.changes),
        ):
            return text
    return joined


def unflow(text: str, delsp: bool) -> str:
    """The text of a format=flowed body with its paragraphs joined and its space-stuffing undone."""
    out: list[str] = []
    open_quote: str | None = None  # the quote marks of the line before, when it is to be continued
    for line in text.split("\n"):
        content = line.lstrip(">")
        quote = line[: len(line) - len(content)]
        if content.startswith(" "):
            content = content[1:]
        # A line of blanks alone is an empty context line of a diff, not a paragraph's soft end.
        soft = content.endswith(" ") and content != "-- " and content.strip(" ") != ""
        shown = content[:-1] if soft and delsp else content
        if open_quote == quote and out and content != "-- ":
            out[-1] += shown
        else:
            out.append(f"{quote} {shown}" if quote else shown)
        open_quote = quote if soft else None
    return "\n".join(out)
