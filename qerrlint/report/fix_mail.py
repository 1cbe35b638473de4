# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixes as patches in mails, which `git am` applies and `git send-email` sends."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from qerrlint import __version__
from qerrlint.report.printable import one_line, printable
from qerrlint.review.fixes.fix_series import FixPatch
from qerrlint.review.fixes.fixed_files import FixedFile, unified
from qerrlint.rules.rule import Rule
from qerrlint.source.source import git_blob_id

_WIDTH = 72
_BLOB = 12
# The line that git format-patch begins with; its date is the same in each of git's patches.
_MAGIC = "From {0} Mon Sep 17 00:00:00 2001\n"
_NO_COMMIT = "0" * 40


def subject(patch: FixPatch, rule: Rule) -> str:
    """The first line of the commit's message."""
    said = {item.fixes[0].description for item in patch.mended}
    # What a rule's fixes have in common reads as a title; the advice to one finding ("remove it") need not.
    what = rule.fix or (said.pop() if len(said) == 1 else rule.title)
    return one_line(f"{patch.area}: {what.replace('`', '')}")


def message(patch: FixPatch, rule: Rule, fixes: Iterable[tuple[str, str]]) -> str:
    """The rest of the message: why, where, and the commits (id, subject) that it fixes."""
    why = "\n\n".join(_paragraphs(rule.sections["Why it matters"]))
    functions = ", ".join(
        dict.fromkeys(f"{printable(item.function)}()" for item in patch.mended if item.function)
    )
    where = f"Reported by qerrlint ({rule.id})" + (f" in {functions}." if functions else ".")
    trailers = [f'Fixes: {commit[:12]} ("{one_line(title)}")' for commit, title in fixes]
    return "\n\n".join([why, _filled(where), *(["\n".join(trailers)] if trailers else [])]) + "\n"


def mail(
    head: str, text: str, files: Sequence[FixedFile], number: tuple[int, int], sender: str, date: datetime
) -> bytes:
    """One mail: patch `number` (its place, how many there are) with its subject, message and diff."""
    at, total = number
    tag = "[PATCH]" if total == 1 else f"[PATCH {at:0{len(str(total))}}/{total}]"
    lines = [
        _MAGIC.format(_NO_COMMIT),
        f"From: {_header(sender)}\n",
        f"Date: {format_datetime(date)}\n",
        f"Subject: {_header(f'{tag} {head}')}\n",
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n",
        f"\n{text}---\n",
    ]
    body = b"".join(part for file in files for part in _diff(file))
    ending = f"-- \nqerrlint {__version__}\n\n"
    return "".join(lines).encode("utf-8", "surrogateescape") + body + ending.encode()


def file_name(head: str, at: int) -> str:
    """The name that git format-patch would give."""
    return f"{at:04}-{re.sub('[^A-Za-z0-9._]+', '-', head).strip('-.')[:52]}.patch"


def _diff(file: FixedFile) -> Iterator[bytes]:
    name = file.path.encode("utf-8", "surrogateescape")
    yield b"diff --git a/%s b/%s\n" % (name, name)
    old, new = (git_blob_id(data)[:_BLOB] for data in (file.old, file.new))
    yield f"index {old}..{new} 100644\n".encode()
    for line in unified([file]):
        yield line if not line.startswith((b"--- ", b"+++ ")) or line.endswith(b"\n") else line + b"\n"


def _paragraphs(text: str) -> Iterator[str]:
    """The paragraphs and list items of a page, filled; Markdown's code marks are left out."""
    for block in re.split(r"\n\s*\n", text.strip()):
        yield "\n".join(_filled(item) for item in re.split(r"\n(?=- )", block))


def _filled(text: str) -> str:
    plain = one_line(text.replace("`", ""))
    indent = "  " if plain.startswith("- ") else ""
    return textwrap.fill(
        plain, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _header(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8").encode()
