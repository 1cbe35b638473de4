# SPDX-License-Identifier: GPL-2.0-or-later
"""Header fields of a mail (RFC 5322, 2047, 2231), read in time that grows with their length only.

The standard library's email package is not used for them: on hostile fields its patterns take time that grows
with the square of the length, it raises what its callers do not expect, and both differ between versions of
Python.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from qerrlint.lazy_patterns import lazy_re

_ID = lazy_re(r"<([^<>]*)>")
_NAME = lazy_re(rb"[!-9;-~]+")
_CHARSET = lazy_re(r"[A-Za-z0-9][A-Za-z0-9_.:+()-]{0,39}\Z")
# Codecs of Python that are no charset of a mail; some take time that grows with the square of the length.
_NO_CHARSETS = frozenset(
    ("punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem", "unicode-escape")
)
_LONE = lazy_re("[\ud800-\udfff]")
# How long a charset's name can be; a `=?` without a second `?` within this is no encoded word.
_WORD_HEAD = 80
# A date has some 40 characters; the rest of a longer field is a comment.
_DATE = 120


class Fields:
    """The header of a mail or of one of its parts: names in lower case, values unfolded, bytes as Latin-1."""

    def __init__(self, data: bytes) -> None:
        self._found: dict[str, list[str]] = {}
        self.body = self._read(data)
        """Where the body begins."""

    def _read(self, data: bytes) -> int:
        at = 0
        lines: list[bytes] = []
        while at < len(data):
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            line = data[at:end].rstrip(b"\r")
            if not line:
                self._add(lines)
                return min(end + 1, len(data))
            if line[:1] in (b" ", b"\t"):
                lines.append(line)
            elif line.startswith((b"From ", b">From ")):
                pass  # a mailbox's line, kept by some tools
            elif (name := _NAME.match(line)) and line[name.end() :].lstrip(b" \t").startswith(b":"):
                self._add(lines)
                lines = [line]
            else:
                break  # a body without an empty line in front of it
            at = end + 1
        self._add(lines)
        return min(at, len(data))

    def _add(self, lines: list[bytes]) -> None:
        if not lines or lines[0][:1] in (b" ", b"\t"):
            return
        name, _, first = lines[0].partition(b":")
        value = b" ".join(part.strip() for part in (first, *lines[1:]))
        self._found.setdefault(name.strip().decode("latin-1").lower(), []).append(
            value.decode("latin-1").strip()
        )

    def get(self, name: str) -> str:
        """The first field of that name as it stands, the empty text for none."""
        return self._found.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        """All fields of that name."""
        return self._found.get(name, [])

    def text(self, name: str) -> str:
        """The first field of that name, decoded."""
        return decoded(self.get(name))

    def value(self, name: str) -> tuple[str, dict[str, str]]:
        """A field with parameters (Content-Type): its value in lower case, and the parameters."""
        return parameters(self.get(name))


def codec(charset: str | None) -> str | None:
    """The name that Python has for a charset; None where it has none that a mail can mean."""
    if not charset or _CHARSET.match(charset) is None:
        return None
    try:
        name = codecs.lookup(charset).name
        b"".decode(name)
    except (LookupError, ValueError):
        return None
    return None if name in _NO_CHARSETS else name


def decode(raw: bytes, charset: str | None) -> str:
    """Bytes of a header: as their charset says if it is true, else UTF-8, else Latin-1."""
    for name in (codec(charset), "utf-8"):
        if name is not None:
            try:
                return _LONE.sub("\ufffd", raw.decode(name))
            except (UnicodeError, ValueError):
                pass
    return raw.decode("latin-1")


def decoded(value: str) -> str:
    """A field's text (bytes as Latin-1) with its encoded words decoded and its blanks folded."""
    pieces: list[tuple[bytes, str | None]] = []
    done = 0
    for start, end, raw, charset in _encoded_words(value):
        between = value[done:start]
        if between.strip() or not pieces or pieces[-1][1] is None:
            pieces.append((between.encode("latin-1", "replace"), None))
        # Words in a row with one charset are one text: a character can be cut in two between them.
        if pieces and pieces[-1][1] == charset:
            pieces[-1] = (pieces[-1][0] + raw, charset)
        else:
            pieces.append((raw, charset))
        done = end
    pieces.append((value[done:].encode("latin-1", "replace"), None))
    return " ".join("".join(decode(raw, charset) for raw, charset in pieces).split())


def _encoded_words(value: str) -> Iterator[tuple[int, int, bytes, str]]:
    """The RFC 2047 words: where each begins and ends, its bytes, its charset in lower case."""
    at = value.find("=?")
    while at >= 0:
        mark = value.find("?", at + 2, at + _WORD_HEAD)
        end = at + 2
        if mark >= 0 and value[mark + 1 : mark + 3].lower() in ("q?", "b?"):
            closing = value.find("?=", mark + 3)
            if closing < 0:
                return
            raw = _word(value[mark + 3 : closing], value[mark + 1].lower())
            if raw is not None:
                end = closing + 2
                yield at, end, raw, value[at + 2 : mark].partition("*")[0].lower()
        at = value.find("=?", end)


def _word(text: str, encoding: str) -> bytes | None:
    raw = text.encode("latin-1", "replace")
    if encoding == "q":
        return binascii.a2b_qp(raw, header=True)
    try:
        return binascii.a2b_base64(raw + b"==")
    except binascii.Error:
        return None


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """`text/plain; charset="utf-8"` as its value in lower case and its parameters, RFC 2231 undone."""
    pieces = list(_pieces(value, ";"))
    main = pieces[0].strip().split(" ", 1)[0].lower() if pieces else ""
    plain: dict[str, str] = {}
    parts: dict[str, dict[int, tuple[str, bool]]] = {}
    for piece in pieces[1:]:
        name, found, text = piece.partition("=")
        if not found:
            continue
        name, text = name.strip().lower(), _unquoted(text.strip())
        base, star, rest = name.partition("*")
        number = rest.rstrip("*")
        if star and (not number or (number.isascii() and number.isdigit() and len(number) < 4)):
            parts.setdefault(base, {})[int(number or 0)] = (text, rest.endswith("*") or not rest)
        else:
            plain.setdefault(name, text)
    for base, found_parts in parts.items():
        plain[base] = _continued(found_parts)
    return main, plain


def _continued(parts: Mapping[int, tuple[str, bool]]) -> str:
    charset = None
    raw = b""
    for number in sorted(parts):
        text, extended = parts[number]
        if extended:
            if number == 0 and text.count("'") >= 2:
                charset, _, text = text.split("'", 2)
            raw += re.sub(
                rb"%([0-9A-Fa-f]{2})", lambda m: bytes((int(m[1], 16),)), text.encode("latin-1", "replace")
            )
        else:
            raw += text.encode("latin-1", "replace")
    return decode(raw, charset)


def _pieces(value: str, separator: str) -> Iterator[str]:
    """The value cut at a separator that stands outside of quotes and comments."""
    start = at = depth = 0
    quoted = False
    while at < len(value):
        char = value[at]
        if char == "\\":
            at += 1
        elif char == '"':
            quoted = not quoted
        elif not quoted and char == "(":
            depth += 1
        elif not quoted and char == ")" and depth:
            depth -= 1
        elif char == separator and not quoted and not depth:
            yield value[start:at]
            start = at + 1
        at += 1
    yield value[start:]


def _unquoted(text: str) -> str:
    if len(text) > 1 and text.startswith('"'):
        end = text.rfind('"')
        text = re.sub(r"\\(.)", r"\1", text[1:end] if end > 0 else text[1:])
    return decoded(text) if "=?" in text else text


def addresses(field: str) -> Iterator[tuple[str, str]]:
    """Name and address of each that a To, Cc or From field (bytes as Latin-1) names, decoded.

    Names are told apart before they are decoded, since an encoded name can hold a comma.
    """
    for piece in _pieces(field, ","):
        for part in _pieces(piece, ";"):
            pair = _address(part)
            if pair is not None:
                yield pair


def _address(text: str) -> tuple[str, str] | None:
    left = text.find("<")
    if left >= 0:
        right = text.find(">", left)
        address = text[left + 1 : right if right >= 0 else len(text)].strip()
        name = _words(text[:left])
    else:
        head = text.partition("(")
        address = head[0].rpartition(":")[2].strip()
        name = _words(head[2].rpartition(")")[0]) if head[1] else ""
    if "@" not in address or not address.strip("@"):
        return None
    return decoded(name.rpartition(":")[2] if left >= 0 and '"' not in text[:left] else name), decoded(
        address
    )


def _words(text: str) -> str:
    """A name without its quotes."""
    return " ".join(re.sub(r'\\(.)|"', lambda match: match[1] or "", text).split())


def message_ids(value: str) -> list[str]:
    """The ids in References and the like, without angle brackets."""
    return [ident for ident in ("".join(found.split()) for found in _ID.findall(value)) if ident]


def date(value: str) -> datetime | None:
    """A Date field's time, in UTC where it names no zone; None where it cannot be read."""
    try:
        found = parsedate_to_datetime(value[:_DATE])
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)
