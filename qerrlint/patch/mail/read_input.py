# SPDX-License-Identifier: GPL-2.0-or-later
"""The messages in what the user named: a file of any kind, packed or not, or a folder of such files."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from qerrlint.errors import InputError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.diff import has_diff
from qerrlint.patch.mail.body_text import (
    CONTEXT_DIFF,
    best_reading,
    colourless,
    is_context_diff,
    is_encrypted,
    joined,
    newlines,
    unsigned,
)
from qerrlint.patch.mail.containers import (
    LARGEST,
    File,
    contents,
    is_patch_name,
    order_of_name,
    other_packer,
)
from qerrlint.patch.mail.mailbox import further_mails, split, starts
from qerrlint.patch.message import Message
from qerrlint.patch.subject import parse_subject

_HEADER_LINE = lazy_re(rb"[!-9;-~]+[ \t]*:")
_MAIL_HEADER = lazy_re(rb"^(?:From|Subject|Message-ID)[ \t]*:", re.M | re.I)
_HTML = lazy_re(rb"\s{0,200}(?:<!--.{0,2000}?-->\s{0,200})?<(?:!doctype\s|html|head|body|\?xml)", re.I | re.S)
# How much of a file is looked at for a mail's header, and for the zeros of UTF-16.
_HEAD = 65536
_SAMPLE = 512
_MARKED = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MOST_NESTED = 4


def read_messages(data: bytes, origin: str) -> list[Message]:
    """The messages in the bytes of one file, in their order.

    Takes an mbox, one mail, `git format-patch`, `git log -p` and `hg export` output, a bare diff, the saved
    text or HTML of an archive page (patchew, lore), and gzip, bzip2, xz, zip or tar files of these. Raises
    InputError when the data is none of these; a file among several that is none is a message with a problem.
    """
    if len(data) > LARGEST:
        raise InputError(f"{origin}: larger than {LARGEST >> 20} MiB")
    return _read_files(contents(data, origin), 0)


def _read_files(files: list[File], depth: int) -> list[Message]:
    if len(files) == 1:
        return _read_one(files[0][1], files[0][0], depth)
    return [
        message for name, data in files for message in _or_unread(name, partial(_read_one, data, name, depth))
    ]


def _or_unread(origin: str, read: Callable[[], list[Message]]) -> list[Message]:
    try:
        return read()
    except InputError as error:
        return [unread(origin, error)]


def unread(origin: str, error: InputError) -> Message:
    """A message in the place of one that cannot be read."""
    why = str(error).removeprefix(f"{origin}: ")
    return Message(None, "", os.path.basename(origin), None, None, (), "", origin, problem=why)


def read_path(path: str | os.PathLike[str]) -> list[Message]:
    """The messages of a file, or of a folder: a maildir, an MH folder, or a directory of patch files.

    Raises InputError when `path` cannot be read or holds no message.
    """
    text = os.fspath(path)
    if not os.path.isdir(text):
        return read_messages(_bytes(text), text)
    files = _folder(text)
    if not files:
        raise InputError(f"{text}: no mail or patch in this directory")
    if len(files) == 1:
        return read_messages(_bytes(files[0]), files[0])
    return [message for file in files for message in _or_unread(file, partial(_read_file, file))]


def _read_file(file: str) -> list[Message]:
    return read_messages(_bytes(file), file)


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path!r}: not the name of a file") from None


def _folder(path: str) -> list[str]:
    names = _listed(path)
    if "cur" in names and "new" in names:
        return [
            os.path.join(path, part, name)
            for part in ("cur", "new")
            for name in _listed(os.path.join(path, part))
            if not name.startswith(".") and not _is_special(os.path.join(path, part, name))
        ]
    chosen = sorted((name for name in names if is_patch_name(name)), key=order_of_name)
    return [os.path.join(path, name) for name in chosen if os.path.isfile(os.path.join(path, name))]


def _is_special(path: str) -> bool:
    """Whether a path is a pipe, a socket or a device, which would be waited for, or a folder."""
    return os.path.exists(path) and not os.path.isfile(path)


def _listed(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be listed: {error.strerror}") from None


def _read_one(data: bytes | InputError, origin: str, depth: int) -> list[Message]:
    """The messages of one file that is not packed."""
    if isinstance(data, InputError):
        raise data
    data = colourless(_plain(data))
    if not data.strip():
        raise InputError(f"{origin}: empty")
    if _HTML.match(data):
        from qerrlint.patch.mail.archive_page import read_page
        from qerrlint.patch.mail.html_text import html_bytes

        return read_page(html_bytes(data), origin, None)
    if b"\n" not in data:
        data = newlines(data)
    blank = len(data) - len(data.lstrip(b"\r\n"))
    skipped, data = data.count(b"\n", 0, blank), data[blank:]
    if marks := starts(data):
        before = _before_mailbox(data[: marks[0][0]], origin, skipped, depth)
        return before + _mailbox(data, marks, origin, skipped, depth)
    if _is_mail(data):
        return _mail(data, origin, skipped, None, depth)
    return _no_mail(data, origin, skipped)


def _no_mail(data: bytes, origin: str, skipped: int) -> list[Message]:
    """A log, a saved page or a bare diff. Raises InputError for anything else."""
    from qerrlint.patch.mail.archive_page import is_page, read_page
    from qerrlint.patch.mail.git_log import is_hg_export, is_log, read_hg_export, read_log

    text = unsigned(newlines(data).decode("utf-8", "surrogateescape"))
    if is_log(text):
        return read_log(text, origin, skipped)
    if is_hg_export(text):
        return read_hg_export(text, origin, skipped)
    if is_page(text):
        return read_page(text, origin, skipped)
    text, same = best_reading(text)
    if not has_diff(text.encode("utf-8", "surrogateescape")):
        raise InputError(f"{origin}: {_no_diff(data, text)}")
    name = os.path.basename(origin)
    return [Message(None, "", name, None, None, (), text, origin, skipped if same else None)]


def _no_diff(data: bytes, text: str) -> str:
    if packer := other_packer(data):
        return f"packed by {packer}, which is not read: unpack it first"
    if is_context_diff(text):
        return CONTEXT_DIFF
    return "it is encrypted" if is_encrypted(text) else "neither a mail nor a diff"


def _plain(data: bytes) -> bytes:
    """The bytes as UTF-8 where they are UTF-16 or UTF-32 by their first bytes or their zeros."""
    for mark, name in _MARKED:
        if data.startswith(mark):
            return data[len(mark) :] if name == "utf-8" else _recoded(data, name)
    sample = data[:_SAMPLE]
    zeros = sample.count(0)
    if len(sample) >= 8 and zeros * 5 > len(sample) * 2:
        if sample[1::2].count(0) == zeros:
            return _recoded(data, "utf-16-le")
        if sample[::2].count(0) == zeros:
            return _recoded(data, "utf-16-be")
    return data


def _recoded(data: bytes, name: str) -> bytes:
    return newlines(data.decode(name, "replace").encode("utf-8", "replace"))


def _is_mail(data: bytes) -> bool:
    """Whether the data begins with a header that has one of the fields that no mail lacks."""
    if not _HEADER_LINE.match(data):
        return False
    head = re.split(rb"\r?\n\r?\n", data[:_HEAD], maxsplit=1)[0]
    lines = head.splitlines()
    return _MAIL_HEADER.search(head) is not None and all(
        line[:1] in (b" ", b"\t") or _HEADER_LINE.match(line) or line.startswith((b">From ", b"From "))
        for line in lines
    )


def _before_mailbox(data: bytes, origin: str, skipped: int, depth: int) -> list[Message]:
    """What stands in front of the first From line: a mail or a diff without one, or what a tool has said."""
    if not data.strip():
        return []
    if _is_mail(data):
        return _mail(data, origin, skipped, None, depth)
    return _no_mail(data, origin, skipped) if has_diff(data) else []


def _mailbox(
    data: bytes, marks: list[tuple[int, int]], origin: str, skipped: int, depth: int
) -> list[Message]:
    from qerrlint.patch.mail.git_log import oldest_first

    found: list[Message] = []
    for piece in split(data, marks, skipped):
        found += _mail(piece.data, origin, piece.line, piece.commit, depth)
    return oldest_first(found)


def _mail(data: bytes, origin: str, line: int, commit: str | None, depth: int) -> list[Message]:
    """A mail with what is attached to it, and those that are strung to it without a From line."""
    at = 0
    found: list[Message] = []
    for end in (*further_mails(data), len(data)):
        found += _one_mail(data[at:end], origin, line, commit, depth)
        line, at, commit = line + data.count(b"\n", at, end), end, None
    return found


def _one_mail(data: bytes, origin: str, line: int, commit: str | None, depth: int) -> list[Message]:
    from qerrlint.patch.mail.mime import read_mail

    mail = read_mail(data, origin, line, commit)
    attached = list(_attached(mail.files, origin, depth))
    outer, *inner = mail.messages
    patches = [message for message in (*inner, *attached) if message.problem or _has_diff(message)]
    if patches and not _has_diff(outer):
        if len(patches) == 1 and not inner and not patches[0].problem:
            # One attached patch is the mail's own, under the mail's subject and ids.
            (patch,) = patches
            subject = outer.subject if parse_subject(outer.subject).kind else patch.subject or outer.subject
            text = joined([outer.text, patch.text])
            commit = outer.commit or patch.commit
            return [replace(outer, subject=subject, text=text, lines_offset=None, commit=commit)]
        outer = replace(outer, is_envelope=True)
    above = outer.message_id
    return [outer, *inner, *(replace(m, in_reply_to=m.in_reply_to or above) for m in attached)]


def _has_diff(message: Message) -> bool:
    return has_diff(message.body)


def _attached(files: list[tuple[str, bytes]], origin: str, depth: int) -> Iterator[Message]:
    """The messages in attached files. One that holds none, such as packed logs, is no patch; one that cannot
    be unpacked although its name is a patch's may be."""
    for name, data in files:
        if depth >= _MOST_NESTED:
            continue
        where = f"{origin}: {' '.join(os.path.basename(name).split())[-200:]}"
        try:
            found = _read_files(contents(data, where), depth + 1)
        except InputError as error:
            if re.search(r"patch|diff|mbox|\.eml", name, re.I):
                yield unread(where, error)
            continue
        yield from (message for message in found if not message.problem or is_patch_name(message.origin))
