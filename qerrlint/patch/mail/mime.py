# SPDX-License-Identifier: GPL-2.0-or-later
"""One mail's bytes made a Message: MIME parts, transfer encodings, charsets (RFC 2045 to 2049).

Everything is read in time that grows with the mail's length; what cannot be read is the message's `problem`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.diff import has_diff
from qerrlint.patch.mail.body_text import (
    CONTEXT_DIFF,
    best_reading,
    forwarded_text,
    is_context_diff,
    is_encrypted,
    joined,
    newlines,
    unsigned,
)
from qerrlint.patch.mail.containers import packed_kind
from qerrlint.patch.mail.headers import Fields, addresses, codec, date, message_ids
from qerrlint.patch.mail.html_text import html_text
from qerrlint.patch.message import Message
from qerrlint.patch.subject import is_forward

# Deeper than any mailer nests parts.
_DEEPEST = 20
_PATCH_NAME = lazy_re(r"\.(?:patch|diff)(?:\.txt)?\Z", re.I)
_PACKED_NAME = lazy_re(r"\.(?:gz|tgz|bz2|xz|zst|lz4?|lzma|z|7z|rar|zip|tar|mbox|mbx|eml)\Z", re.I)
# How a mailbox, a mail, gzip and zip data begin.
_FILE = lazy_re(rb"From |(?:From|Subject|Date|Message-ID):|\x1f\x8b|PK\x03\x04", re.I)
_PATCH_TYPES = frozenset(
    f"{top}/{kind}" for top in ("text", "application") for kind in ("x-patch", "x-diff", "patch", "diff")
)
_BOUNDARY = lazy_re(rb"^--(\S{1,70})[ \t\r]*\n(?=Content-[A-Za-z-]{4,40}:)", re.M | re.I)
_PACKED_TYPE = lazy_re(r"application/(?:octet-stream|.*(?:zip|compress|xz|lzma|tar).*)")
_ENCRYPTED = frozenset(
    ("multipart/encrypted", "application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
)
_TRUE_UTF8 = frozenset(("ascii", "utf-8", "utf_8", None))
_VIA = lazy_re(r"\bvia\b")


@dataclass(slots=True)
class Mail:
    """A mail read: its message and those attached to it, and attached files that may hold others."""

    messages: list[Message] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class _Parts:
    """What the parts of a mail come to: plain texts with the parameters of their type, pages, problems."""

    texts: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    verbatim: bool = True


def read_mail(data: bytes, origin: str, line: int = 0, commit: str | None = None) -> Mail:
    """The mail in `data`; `line` is how many lines of `origin` precede it."""
    found = Mail()
    _read(data, origin, line, commit, found, 0)
    return found


def _read(data: bytes, origin: str, line: int, commit: str | None, found: Mail, depth: int) -> None:
    fields = Fields(data)
    subject = fields.text("subject")
    parts = _Parts()
    inner: list[bytes] = []
    own = Mail()
    _walk(fields, data[fields.body :], parts, own, inner, depth)
    text, verbatim = _text(parts, is_forward(subject))
    sender = _sender(fields)
    when = date(fields.get("date"))
    if is_forward(subject):
        text, copied = forwarded_text(text)
        if copied and has_diff(text.encode("utf-8", "surrogateescape")):
            subject, sender = copied["subject"], copied.get("from", sender)
    if is_encrypted(text):
        parts.problems.append("it is encrypted")
    elif is_context_diff(text) and not has_diff(text.encode("utf-8", "surrogateescape")):
        parts.problems.append(CONTEXT_DIFF)
    references = message_ids(fields.get("references"))
    replied = message_ids(fields.get("in-reply-to"))
    found.messages.append(
        Message(
            next(iter(message_ids(fields.get("message-id"))), None),
            sender,
            subject,
            when,
            replied[0] if replied else (references[-1] if references else None),
            tuple(references),
            text,
            origin,
            line + data.count(b"\n", 0, fields.body) if verbatim and depth == 0 else None,
            commit,
            tuple(_recipients(fields)),
            "; ".join(dict.fromkeys(parts.problems)),
        )
    )
    found.files += own.files
    for mail in inner:
        _read(mail, origin, 0, None, found, depth + 1)


def _walk(fields: Fields, body: bytes, parts: _Parts, own: Mail, inner: list[bytes], depth: int) -> None:
    """Sort a mail's body, or a part's, into texts, pages, files and mails."""
    kind, given = fields.value("content-type")
    if kind in _ENCRYPTED:
        parts.problems.append("it is encrypted, or signed in a way that hides its text")
        return
    pieces = list(_pieces(body, given.get("boundary", ""))) if kind.startswith("multipart/") else []
    if pieces:
        parts.verbatim = False
        if depth >= _DEEPEST:
            parts.problems.append("its parts are nested too deeply")
            return
        for piece in pieces:
            below = Fields(piece)
            if not below.get("content-type") and kind == "multipart/digest":
                inner.append(piece[below.body :])
            else:
                _walk(below, piece[below.body :], parts, own, inner, depth + 1)
        return
    raw, same = _transferred(body, fields.get("content-transfer-encoding"))
    parts.verbatim = parts.verbatim and same
    if kind == "message/rfc822":
        if depth >= _DEEPEST:
            parts.problems.append("its parts are nested too deeply")
        else:
            inner.append(raw)
        return
    name = fields.value("content-disposition")[1].get("filename") or given.get("name", "")
    _leaf(kind or "text/plain", given, name, raw, parts, own)


def _leaf(kind: str, given: dict[str, str], name: str, raw: bytes, parts: _Parts, own: Mail) -> None:
    named = _PATCH_NAME.search(name) is not None
    packed = _PACKED_TYPE.fullmatch(kind) is not None and packed_kind(raw) != ""
    if packed or ((named or kind in _PATCH_TYPES or _PACKED_NAME.search(name)) and _is_file(raw, name)):
        own.files.append((name or kind, raw))
    elif kind == "text/html":
        parts.verbatim = False
        parts.pages.append(html_text(_decode_body(newlines(raw), given.get("charset"))))
    elif (
        kind == "text/plain"
        or named
        or kind in _PATCH_TYPES
        or (not kind.startswith(("image/", "audio/", "video/", "text/x-c")) and _looks_like_diff(raw))
    ):
        parts.texts.append((_decode_body(newlines(raw), given.get("charset")), given))


def _is_file(raw: bytes, name: str) -> bool:
    """Whether an attachment is to be read like a file: mails or packed, not the bare text of a patch. One
    with zeros may be UTF-16, or no text in spite of its name, which reading it as a file will tell."""
    return _PACKED_NAME.search(name) is not None or _FILE.match(raw) is not None or b"\0" in raw[:4096]


def _looks_like_diff(raw: bytes) -> bool:
    return b"\0" not in raw[:4096] and has_diff(raw)


def _pieces(body: bytes, boundary: str) -> Iterator[bytes]:
    """The parts of a multipart body. Where its boundary is not in it, as after a gateway has rewritten the
    header or the body, the parts are those of the first line that has a boundary's form."""
    mark = boundary.strip().encode("latin-1", "replace")
    if b"--" + mark not in body or not mark:
        found = _BOUNDARY.search(body)
        mark = found[1] if found is not None else b""
    return _cut(body, mark) if mark else iter(())


def _cut(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """The parts of a multipart body; of one without a closing boundary the last goes to the end."""
    mark = b"--" + boundary
    start = -1
    at = 0 if body.startswith(mark) else body.find(b"\n" + mark) + 1
    while at or (start < 0 and body.startswith(mark)):
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end + 1
        rest = body[at + len(mark) : end].strip()
        if rest in (b"", b"--"):
            if start >= 0:
                yield _unended(body[start:at])
            if rest:
                return
            start = end
        at = body.find(b"\n" + mark, end - 1) + 1
        if not at:
            break
    if start >= 0:
        yield body[start:]


def _unended(part: bytes) -> bytes:
    """A part without the line end that belongs to the boundary after it."""
    return part[:-2] if part.endswith(b"\r\n") else part[:-1]


def _transferred(body: bytes, encoding: str) -> tuple[bytes, bool]:
    """The body without its transfer encoding, and whether that changed nothing.

    Archives that show a decoded body leave the header as it was: a diff that can be read as it stands is
    taken so.
    """
    word = encoding.strip().lower().partition(" ")[0].partition(";")[0]
    if word == "base64":
        return (body, True) if _looks_like_diff(body) else (_base64(body), False)
    if word in ("quoted-printable", "quotedprintable"):
        return binascii.a2b_qp(body), False
    if word in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _uudecoded(body), False
    return body, True


def _base64(body: bytes) -> bytes:
    raw = re.sub(rb"[^A-Za-z0-9+/=]+", b"", body)
    end = raw.find(b"=")
    raw = raw if end < 0 else raw[:end]
    try:
        return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
    except binascii.Error:
        return binascii.a2b_base64(raw[: len(raw) // 4 * 4])


def _uudecoded(body: bytes) -> bytes:
    out = []
    for line in body.splitlines():
        if line.startswith((b"begin ", b"end")):
            continue
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            continue
    return b"".join(out)


def _decode_body(raw: bytes, charset: str | None) -> str:
    """The text of a part.

    A patch must come out byte for byte, so a part without (true) charset that is no UTF-8 keeps its bytes
    as surrogates when it holds a diff; only prose is guessed to be Latin-1.
    """
    name = codec(charset)
    if name not in _TRUE_UTF8 and name is not None:
        try:
            text = raw.decode(name)
            if name.startswith("utf"):
                text = text.replace("\r\n", "\n")
            return re.sub("[\ud800-\udfff]", "\ufffd", text)
        except (UnicodeError, ValueError):
            pass
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape") if has_diff(raw) else raw.decode("latin-1")


def _text(parts: _Parts, forwarded: bool) -> tuple[str, bool]:
    """What a reader sees, plain parts and attached patches in a row; and whether its lines are the mail's."""
    texts = []
    verbatim = parts.verbatim
    for plain, given in parts.texts:
        flowed = given.get("format", "").lower() == "flowed"
        delsp = given.get("delsp", "").lower() == "yes"
        text, same = best_reading(unsigned(plain), flowed, delsp, forwarded)
        texts.append(text)
        verbatim = verbatim and same
    if parts.pages and not any(has_diff(text.encode("utf-8", "surrogateescape")) for text in texts):
        pages = [best_reading(unsigned(page), forwarded=forwarded)[0] for page in parts.pages]
        if not texts or any(has_diff(page.encode("utf-8", "surrogateescape")) for page in pages):
            return joined(pages), False
    return (texts[0], verbatim) if len(texts) == 1 and verbatim else (joined(texts), False)


def _sender(fields: Fields) -> str:
    """The author; where a list has rewritten From to pass DMARC checks, whom its other headers name."""
    sender = fields.text("from")
    name, address = next(addresses(fields.get("from")), ("", ""))
    if _VIA.search(name):
        for header in ("x-original-from", "reply-to"):
            other = next(addresses(fields.get(header)), ("", ""))
            if other[1] and other[1].lower() != address.lower():
                return f"{other[0] or _VIA.split(name)[0].strip(chr(39) + chr(34) + ' ')} <{other[1]}>"
    return sender


def _recipients(fields: Fields) -> Sequence[str]:
    pairs = [pair for header in ("to", "cc") for value in fields.all(header) for pair in addresses(value)]
    return [f"{name} <{address}>" if name else address for name, address in pairs]
