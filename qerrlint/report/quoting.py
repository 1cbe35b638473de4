# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of a reply: hunks quoted where they matter, each finding below its line."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from email.utils import format_datetime

from qerrlint import __version__
from qerrlint.patch.diff import FileChange, Hunk
from qerrlint.patch.message import Message, name_and_address
from qerrlint.patch.series import Patch
from qerrlint.report.printable import one_line, printable, printable_code
from qerrlint.report.wording import also_at, grouped
from qerrlint.result import PatchInfo, Reported

_WIDTH = 72
# Lines of a hunk to quote above a finding's line, and at most below it.
_ABOVE, _BELOW = 6, 5
_SIGNATURE = f"-- \nqerrlint {__version__}, a static analyzer for QEMU's C sources\n"


def reply_text(patch: Patch, found: Sequence[Reported], patches: Sequence[PatchInfo]) -> str:
    """The reply to one patch with its findings; `patches` are those that Reported.repaired_by counts in."""
    blocks = ["\n".join(_wrapped(_attribution(patch.message)))]
    lines = patch.message.text.split("\n")
    placed = sorted(found, key=lambda item: (item.quote_line or 0, item.place.line, item.rule))
    groups = grouped(placed)
    quoted_to = 0  # the last line of the patch that is quoted already
    change: FileChange | None = None
    for number, (item, *others) in enumerate(groups):
        spot = _spot(patch, item)
        if spot is not None and spot[2][-1] > quoted_to:
            own, hunk, rows = spot
            quote = list(_quoted(lines, own, hunk, rows, own is not change, quoted_to))
            # The attribution is right above the first quote, as in mail programs.
            if number == 0:
                blocks[0] += "\n" + "\n".join(quote)
            else:
                blocks.append("\n".join(quote))
            change, quoted_to = own, rows[-1]
        blocks.append(_remark(item, others, patches))
    return "\n\n".join(blocks) + "\n\n" + _SIGNATURE


def _attribution(message: Message) -> str:
    name, address = name_and_address(message.sender)
    who = one_line(name or address or message.sender)
    return f"On {format_datetime(message.date)}, {who} wrote:" if message.date else f"{who} wrote:"


def _spot(patch: Patch, found: Reported) -> tuple[FileChange, Hunk, list[int]] | None:
    """The file change and the hunk that show a finding's line, and the lines to quote, to the end of the
    statement where that goes over several."""
    for change in patch.changes:
        for hunk in change.hunks:
            if found.quote_line not in hunk.text_lines:
                continue
            at = hunk.text_lines.index(found.quote_line)
            more = 0 if found.diff_line is None else found.place.end_line - found.place.line
            after = [
                row
                for (sign, _), row in zip(hunk.lines[at + 1 :], hunk.text_lines[at + 1 :], strict=True)
                if sign != "-"
            ]
            last = after[min(more, _BELOW, len(after)) - 1] if more and after else found.quote_line
            first = max(0, at - _ABOVE)
            while first < at and not re.search(rb"\w", hunk.lines[first][1]):
                first += 1
            return change, hunk, [row for row in hunk.text_lines[first:] if row <= last]
    return None


def _quoted(
    lines: Sequence[str], change: FileChange, hunk: Hunk, rows: Sequence[int], headed: bool, quoted_to: int
) -> Iterator[str]:
    """The quote: head of the file and of the hunk where they change, then the lines."""
    if headed:
        yield _quote(lines[change.text_line - 1])
    if quoted_to < hunk.text_line:
        yield _quote(lines[hunk.text_line - 1])
        before = hunk.text_lines[0]
    else:
        before = quoted_to + 1
    rows = [row for row in rows if row >= before]
    if rows[0] > before:
        yield "[...]"
    yield from (_quote(lines[row - 1]) for row in rows)


def _quote(line: str) -> str:
    shown = printable_code(line)
    return f"> {shown}".rstrip() if not shown.strip() else f"> {shown}"


def _remark(found: Reported, others: Sequence[Reported], patches: Sequence[PatchInfo]) -> str:
    """The text about a finding, in paragraphs."""
    paragraphs = ["\n".join(_wrapped(statement(found)))]
    steps = []
    for number, step in enumerate(found.steps, 1):
        head = f" {number}. "
        text = f"{printable(step.place.path)}:{step.place.line}: {one_line(step.message)}"
        steps += _wrapped(text, head)
    if steps:
        paragraphs.append("\n".join(steps))
    paragraphs += ["\n".join(_wrapped(text)) for text in _circumstances(found, patches)]
    if others:
        paragraphs.append("\n".join(_wrapped(f"The same at {also_at(others)}.")))
    if found.advice:
        paragraphs.append("\n".join(_wrapped(_sentence(found.advice))))
    sure = "" if found.confidence == "high" else f", {found.confidence} confidence"
    paragraphs.append(f"[qerrlint: {found.rule}{sure}]")
    return "\n\n".join(paragraphs)


def statement(found: Reported) -> str:
    """What a reply says of a finding: where it is, as far as the quoted line does not show that, and what."""
    message = one_line(found.message).rstrip(".")
    place = f"{printable(found.place.path)}:{found.place.line}"
    if found.relation == "affected-caller":
        where = f", in {found.inside}," if found.inside else ","
        return f"This makes {place} wrong{where} which the patch does not touch: {message}."
    if found.diff_line is None:
        where = f"{found.inside}, " if found.inside else ""
        return f"With this, in {where}{place}, a line that the patch does not show: {message}."
    if not found.inside:
        return _sentence(message)
    # A message that begins with the function's name needs no other one.
    return f"{message}." if message.startswith(f"{found.inside} ") else f"{found.inside}: {message}."


def _circumstances(found: Reported, patches: Sequence[PatchInfo]) -> Iterator[str]:
    if found.transient:
        by = patches[found.repaired_by - 1] if found.repaired_by is not None else None
        number = f"Patch {by.index}/{by.total}" if by is not None and by.total else "A later patch"
        yield f"{number} repairs this; between the two patches the tree is wrong, which breaks bisection."
    raised = found.raised_by
    if raised is None and found.against == "remaining":
        yield "The earlier version had this as well."
    if raised is not None:
        name = one_line(name_and_address(raised.sender)[0] or raised.sender)
        said = f" in <{raised.message_id}>" if raised.message_id else ""
        if raised.version is not None:
            yield f"{name} raised this on version {raised.version}{said}; it is still there."
        else:
            yield f"{name} raised this{said}."


def _sentence(text: str) -> str:
    text = one_line(text).rstrip(".")
    return text[:1].upper() + text[1:] + "."


def _wrapped(text: str, head: str = "") -> list[str]:
    """Text at 72 columns, words whole; no line looks like a quote, a diff or a mailbox's From line."""
    lines = textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [
        f" {line}" if line.startswith((">", "From ", "diff ", "---", "+++", "@@")) else line for line in lines
    ]
