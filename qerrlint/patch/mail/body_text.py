# SPDX-License-Identifier: GPL-2.0-or-later
"""A mail's text as its sender wrote it: what mailers, signers and terminals have done to it is undone.

Where it cannot be known what was done, the readings are compared by the diffs in them: the one in which most
fits together is taken. No reading costs more than its length.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence

from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.diff import has_diff
from qerrlint.patch.diffparser import parse_diff

CONTEXT_DIFF = "a context diff, which is not read: make a unified one (diff -u)"
_CONTEXT_DIFF = lazy_re(r"^\*{15}\s*\n\*\*\* \d", re.M)
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_SIGNATURE_END = "-----END PGP SIGNATURE-----"
_COLOUR = lazy_re(rb"\x1b\[[0-9;:]*[mK]")
_COLOURED = lazy_re(
    rb"^(?:\x1b\[[0-9;:]{0,20}m){1,4}(?:diff --git |diff -|commit [0-9a-f]{7}|@@ -|--- |\+\+\+ |[-+ ])", re.M
)
_DIFF_HEADS = lazy_re(rb"^(?:diff --git |--- a/|\+\+\+ b/)[^\n]*", re.M)
# Mailers that make HTML of a text keep its blanks by these; no C file is indented with them.
_INDENTED = lazy_re(r"^[-+ \xa0][ \t]*\xa0", re.M)
_INDENTED_DIFF = lazy_re(r"^([ \t]{1,40})(?:diff --git a|--- \S.*\n\1\+\+\+ \S)", re.M)
_MARKED_DIFF = lazy_re(r"^([ \t>|:]{1,40})(?:diff --git a|--- \S.*\n\1\+\+\+ \S)", re.M)
# `git log --graph` draws lines beside all diffs but that of the oldest commit.
_IN_A_GRAPH = lazy_re(r"^\|[ |/\\]*diff --git ", re.M)
_MOST_QUOTED = 3
# The text of a mail whose header does not say that it is encoded: nothing but full lines and a last one.
_BASE64 = lazy_re(r"\s*(?:[A-Za-z0-9+/]{60,100}\r?\n)+[A-Za-z0-9+/]*={0,2}\s*")
_MARKS = lazy_re(r"(?:>[ \t]?)")
_FORWARDED = lazy_re(r"^(?:-{5,} ?forwarded|-{3,} ?original message|begin forwarded message)", re.I)
_FORWARDED_HEAD = lazy_re(r"[ \t]*\*?(?:From|Date|Sent|Subject|To|Cc|Reply-To)\*?:", re.I)


def colourless(data: bytes) -> bytes:
    """The bytes without a terminal's colours, where lines of a diff or log begin with them."""
    return data if b"\x1b[" not in data or _COLOURED.search(data) is None else _COLOUR.sub(b"", data)


def unsigned(text: str) -> str:
    """The text without the armour of a clear signature (RFC 9580, 7); no line is added or removed."""
    if _SIGNED not in text:
        return text
    out: list[str] = []
    state = "out"
    for line in text.split("\n"):
        bare = line.rstrip()
        if state == "out" and bare == _SIGNED:
            state, line = "head", ""
        elif state == "head":
            # "Hash: SHA256" and the like, up to an empty line
            state, line = ("text" if not bare else "head"), ""
        elif state == "text" and bare == _SIGNATURE:
            state, line = "signature", ""
        elif state == "text":
            line = line.removeprefix("- ")
        elif state == "signature":
            state, line = ("out" if bare == _SIGNATURE_END else "signature"), ""
        out.append(line)
    # A signature without end, or a head without text: damage that must not swallow what follows.
    return "\n".join(out) if state != "head" else text


def is_encrypted(text: str) -> bool:
    """Whether the text is an encrypted message, whatever stands around it."""
    return re.search(r"^-----BEGIN PGP MESSAGE-----[ \t\r]*$", text, re.M) is not None


def is_context_diff(text: str) -> bool:
    """Whether the text holds a diff as `diff -c` makes it."""
    return _CONTEXT_DIFF.search(text) is not None


def best_reading(
    text: str, flowed: bool = False, delsp: bool = False, forwarded: bool = False
) -> tuple[str, bool]:
    """The text in the reading whose diff fits together best, and whether its lines are those of `text`.

    `flowed` says that the mail declares format=flowed, `delsp` its DelSp, `forwarded` that it is a forward,
    in which a patch can be quoted as a whole.
    """
    if _INDENTED.search(text) is not None:
        text = text.replace("\xa0", " ")
    first = (unflow(text, delsp) if flowed else text, not flowed)
    least = _ranked(first[0])
    if least < (False, 0, 1):
        return first
    readings = [first]
    if flowed:
        # Senders that claim the format but send a diff as it is are common.
        readings.append((text, True))
    if "\xa0" in text:
        readings += [(one.replace("\xa0", " "), same) for one, same in (*readings,)]
    if re.search(r"=(?:3[Dd]|\n)", text):
        raw = binascii.a2b_qp(text.encode("utf-8", "surrogateescape"))
        readings.append((raw.decode("utf-8", "surrogateescape"), False))
    if least[0]:
        readings += _with_hidden_diff(text, forwarded)
    if (half := _halved(text)) is not None:
        readings.append((half, False))
    # The first of equal ones: a reading that gains nothing is not taken.
    return min(readings, key=lambda reading: _ranked(reading[0]))


def _with_hidden_diff(text: str, forwarded: bool) -> Iterator[tuple[str, bool]]:
    """Readings of a text in which no diff is seen: indented, quoted in a forward, or undeclared base64."""
    quoted = text
    for _ in range(_MOST_QUOTED if forwarded else 0):
        quoted = _dequoted(quoted)
        yield quoted, True
    if (flush := _flush(text, forwarded)) is not None:
        yield flush, True
    if _BASE64.fullmatch(text) is not None:
        letters = "".join(text.split()).rstrip("=")
        # One letter of four is less than a byte: the mail was cut there.
        raw = binascii.a2b_base64(letters[: len(letters) - (len(letters) % 4 == 1)] + "==")
        yield newlines(raw).decode("utf-8", "surrogateescape"), False


def _flush(text: str, forwarded: bool) -> str | None:
    """The text without the blanks in front of each line of an indented diff; of a forward without those of
    the whole mail, and without other marks of quoting. None for others. Lines stay where they are.
    """
    first = (_MARKED_DIFF if forwarded else _INDENTED_DIFF).search(text)
    if first is None or (not forwarded and _IN_A_GRAPH.search(text) is not None):
        return None
    mark = first[1]
    lines = text.split("\n")
    start = text.count("\n", 0, first.start())
    while forwarded and start and _is_marked(lines[start - 1], mark):
        start -= 1
    for number in range(start, len(lines)):
        if not _is_marked(lines[number], mark):
            break
        lines[number] = lines[number][len(mark) :]
    return "\n".join(lines)


def _is_marked(line: str, mark: str) -> bool:
    """Whether a line begins with the mark, or is empty but for it."""
    return line.startswith(mark) or not line.strip(mark)


def _ranked(text: str) -> tuple[bool, int, int, int]:
    """How little fits together in a text: whether there is no diff, how many problems, how many hunks that
    are put up with, how few lines."""
    body = text.encode("utf-8", "surrogateescape")
    if not has_diff(body):
        return True, 0, 0, 0
    diff = parse_diff(body)
    lines = sum(len(hunk.lines) for change in diff.changes for hunk in change.hunks if hunk.damage is None)
    mended = sum(bool(hunk.mended) for change in diff.changes for hunk in change.hunks)
    return not diff.changes and not diff.problems, len(diff.problems), mended, -lines


def unflow(text: str, delsp: bool) -> str:
    """The text of a format=flowed body (RFC 3676): paragraphs joined, space-stuffing undone."""
    out: list[list[str]] = []
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
            out[-1].append(shown)
        else:
            out.append([f"{quote} {shown}" if quote else shown])
        open_quote = quote if soft else None
    return "\n".join("".join(parts) for parts in out)


def _halved(text: str) -> str | None:
    """A text in which a mailer has put an empty line after each line, without these; None for others."""
    lines = text.rstrip("\n").split("\n")
    for first in (0, 1):
        if len(lines) > 3 and not any(line.strip() for line in lines[1 - first :: 2]):
            return "\n".join(lines[first::2]) + "\n"
    return None


def _dequoted(text: str) -> str:
    """A forwarded mail whose text is quoted, without the marks of one level; lines stay where they are."""
    return "\n".join(
        _MARKS.sub("", line, count=1) if line.startswith(">") else line for line in text.split("\n")
    )


def forwarded_text(text: str) -> tuple[str, dict[str, str]]:
    """A forward's text with the copied header blanked, and the fields of that header.

    Lines stay where they are. Where no header was copied the text is as it was, and there are no fields.
    """
    lines = text.split("\n")
    start = next((n for n, line in enumerate(lines) if _FORWARDED.match(line)), None)
    if start is None:
        return text, {}
    fields: dict[str, str] = {}
    end = start + 1
    for line in lines[start + 1 :]:
        head = _FORWARDED_HEAD.match(line)
        if head is not None:
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(" *\t").lower(), value.strip(" *\t"))
        elif (line.strip() and not fields) or (not line.strip() and fields):
            break
        end += 1
    if "subject" not in fields:
        return text, {}
    return "\n".join([""] * end + lines[end:]), fields


def newlines(data: bytes) -> bytes:
    """The bytes with newlines at line ends: CRs go where they end lines, where every line has one, or where
    every header of a diff has one, which no patched file has a part in."""
    if b"\r" not in data:
        return data
    if b"\n" not in data:
        return data.replace(b"\r", b"\n")
    if data.count(b"\r\n") == data.count(b"\n"):
        # Twice where a mail with CRs has been through a program that adds them.
        twice = data.count(b"\r\r\n") == data.count(b"\n")
        return data.replace(b"\r\r\n" if twice else b"\r\n", b"\n")
    heads = _DIFF_HEADS.findall(data)
    return data.replace(b"\r\n", b"\n") if heads and all(head.endswith(b"\r") for head in heads) else data


def joined(texts: Sequence[str]) -> str:
    """Parts of a mail in a row, each from a line of its own."""
    return "".join(_ended(texts))


def _ended(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield text if text.endswith("\n") else text + "\n"
