# SPDX-License-Identifier: GPL-2.0-or-later
"""The event log-without-newline: a message of the log that does not end its line."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.c.format_string import read_format
from qerrlint.c.lexis import OPAQUE, bare, closing_paren
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Edit, Observation
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.span import Span

_CALL = lazy_re(
    rb"\bqemu_log_mask\s*(\()\s*(LOG_(?:GUEST_ERROR|UNIMP)(?:\s*\|\s*LOG_(?:GUEST_ERROR|UNIMP))*)\s*,\s*(?=\")"
)
_ENDS_FORMAT = lazy_re(rb"[,)]")
_NEWLINE = lazy_re(r"(?:\\n|\n)\Z")
# What goes on with the line, as the next statement.
_GOES_ON = lazy_re(
    rb"\s*;\s*qemu_log_mask\s*\("
    rb"|\s*;[\s}]*(?:else\s*\{?\s*|(?:if|for)\s*\([^{}]*\)\s*\{?\s*)?"
    rb"(?:qemu_log|log_\w*|\w*(?:hexdump|print)\w*)\s*\("
)
# A later call of the function that goes on with a line which is begun.
_CONTINUES = lazy_re(rb"\bqemu_log(?:_mask)?\s*\((?:[\w\s|]+,)?\s*\"(?:[ ,)]|\\n)")
_CONVERSION = lazy_re(r"%[-+ #0-9.*]*(?:hh|h|ll|l|j|z|t|L)?[a-zA-Z%]")
# Bytes of a call, and of its format, at most: an unclosed one is not read to the end of the file.
_LONGEST = 2000


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The messages about guests and gaps of the model, in functions of the file, without a newline."""
    if b"qemu_log_mask" not in file.asked.words:
        return
    data = file.unit.data
    for found in file.asked.matches(_CALL):
        piece = file.unit.definitions.around(found.start())
        span = _format(file.unit.path, data, found.end())
        closing = closing_paren(bare(data[found.start(1) : found.start(1) + _LONGEST]), 0, _LONGEST)
        if piece is None or found.start() < piece.body or span is None or closing < 0:
            continue
        format_ = read_format(data, span)
        last = format_.last if format_ is not None else None
        if format_ is None or last is None or not last.text or not last.text.isascii():
            continue
        behind = found.start(1) + closing
        # A text that is handed over whole, and a choice of texts, may end the line themselves.
        whole = not _CONVERSION.sub("", format_.text).strip() or b'\\n"' in data[span.end : behind]
        goes_on = _GOES_ON.match(data, behind) or _CONTINUES.search(data, behind, piece.span.end)
        if whole or goes_on or _NEWLINE.search(last.text):
            continue
        end = len(last.text)
        yield Observation(
            event="log-without-newline",
            function=piece.name,
            primary=last.part(end - 1, end),
            key=" ".join(format_.text.split()),
            slots={"callee": "qemu_log_mask", "mask": " ".join(found[2].decode().split())},
            edits=(Edit(last.part(end, end), "\\n"),),
        )


def _format(path: str, data: bytes, start: int) -> Span | None:
    """The place of the argument that begins at `start`."""
    at = start
    while (found := _ENDS_FORMAT.search(data, at, start + _LONGEST)) is not None:
        literal = next(OPAQUE.finditer(data, at, found.end()), None)
        if literal is None:
            return Span(path, start, found.start())
        whole = OPAQUE.match(data, literal.start())
        at = whole.end() if whole is not None else found.end()
    return None


CHECKS = (
    # callee: what logs; mask: what it is about.
    FileCheck("log-without-newline", "text", (event("log-without-newline", "callee", "mask"),), run),
)
