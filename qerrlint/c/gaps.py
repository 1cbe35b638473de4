# SPDX-License-Identifier: GPL-2.0-or-later
"""Gaps: text of a file that may hold functions and that no piece covers, each with the reason.

A run that left a gap out of its coverage would call code clean that was not analysed. The engine decides
whether a gap matters, for instance whether its text mentions errors at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from qerrlint.c.definition_names import function_name
from qerrlint.c.lexis import bare, code_alone, last_name, paren_pairs
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

ENCODING = "encoding"  # the whole file: not text in an encoding that C sources have
COMMENT = "comment"  # from a comment that is not closed to the end of the file
OLD_STYLE = "old-style"  # a function whose parameters are declared after the parentheses
BLOCK = "block"  # statements between braces whose head is not understood
MACRO = "macro"  # a macro that defines a function
TANGLED = "tangled"  # the whole file: its braces do not add up, and it is too tangled to be parsed


@record(frozen=True, slots=True)
class Gap:
    """One such text. kind: one of the constants above. name: of the function or macro, "" if it has none.
    reason: why no piece covers it, as a reader may see it."""

    kind: str
    name: str
    span: Span
    reason: str


# At most 94 macros define functions in a file of QEMU.
_MOST = 500
# So far back an old-style head is looked for, and so much of a macro is read for the head that it makes.
_LONGEST_HEAD = 4096
_MARKS = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_PARAMETER_NAMES = lazy_re(rb"\(\s*[A-Za-z_][\w\s,]*\)")
_PARAMETER_TYPES = lazy_re(rb"(?:[\s\w*,\[\]]+;)+\s*")
# What begins a braced block that is no function, and needs no name to be understood.
_TYPE_OR_TABLE = lazy_re(rb"=|\b(?:struct|union|enum|typedef)\b")
_DEFINE = lazy_re(rb"#[ \t]*define[ \t]+([A-Za-z_]\w*)(\([^()\n]*\))?")
_STATEMENT = lazy_re(rb"\s*(?:if|for|while|switch|do|else|case|return)\b")
_CONTINUATION = lazy_re(rb"\\\r?\n")
_FUNCTION_BODY = lazy_re(rb"\)\s*\n\{")
_HEAD_AND_BRACE = lazy_re(rb"\)\s*\{")


def encoding_gap(path: str, data: bytes) -> Gap | None:
    """The gap that a file is as a whole if it is no text; None for text."""
    if b"\0" not in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    name = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if name is None:
        # UTF-16 without a mark: every other byte of ASCII text is zero.
        half = len(data) // 2
        name = "UTF-16" if max(data[::2].count(0), data[1::2].count(0)) > 0.9 * half > 0 else None
    reason = f"text in {name}" if name is not None else "binary data"
    return Gap(ENCODING, "", Span(path, 0, len(data)), reason)


def comment_gap(path: str, data: bytes, start: int) -> Gap:
    """The gap after the comment at `start` that is not closed."""
    return Gap(COMMENT, "", Span(path, start, len(data)), "a comment that is not closed")


def block_gap(data: bytes, before: int, brace: int, span: Span, name: str) -> Gap | None:
    """The gap that a braced top-level block without a function's head is; None for a type or a table.

    `before` is where the text begins that may belong to its head, `name` that of the type or table.
    """
    if name:
        return _swallowed(data, brace, span, name)
    code = bare(data[span.start : span.end])
    opening = brace - span.start
    if _TYPE_OR_TABLE.search(code, 0, opening):
        return None
    before = max(before, brace - _LONGEST_HEAD)
    old = _old_style_head(bare(data[before:brace]))
    if old is not None:
        start, name = old
        return Gap(
            OLD_STYLE,
            name,
            Span(span.path, before + start, span.end),
            "parameters declared behind the parentheses",
        )
    if b";" not in code[opening:].rstrip(b"; \t\r\n"):
        return None  # rows of a table that another file includes, arguments of a macro
    return Gap(BLOCK, "", span, "a block whose head is not understood")


def _swallowed(data: bytes, brace: int, span: Span, name: str) -> Gap | None:
    """The gap that a type or table is if a function seems to be in it, because its own end is missing."""
    if data.find(b"\n{", brace + 1, span.end) < 0:
        return None
    if not _FUNCTION_BODY.search(code_alone(data[brace + 1 : span.end])):
        return None
    return Gap(BLOCK, "", span, f"a function inside of the braces of {name}")


def _old_style_head(lead: bytes) -> tuple[int, str] | None:
    """(offset of its line, f) of `f(a, b) int a; char *b;` at the end of `lead`; None for anything else."""
    end = lead.rfind(b")") + 1
    start = {stop: start for start, stop in paren_pairs(lead).items()}.get(end, -1)
    if start < 0 or not _PARAMETER_NAMES.fullmatch(lead, start, end):
        return None
    if not _PARAMETER_TYPES.fullmatch(lead, end):
        return None
    head = lead[:start].rstrip()
    name = last_name(head).decode("ascii")
    return (head.rfind(b"\n") + 1, name) if name else None


def digraph_gaps(path: str, data: bytes) -> Iterator[Gap]:
    """The gap from the first brace that is spelt `<%` on; such braces are not seen by the scan."""
    if b"<%" not in data or b"%>" not in data:
        return
    at = code_alone(data).find(b"<%")
    if at >= 0:
        line = data.rfind(b"\n", 0, at) + 1
        yield Gap(BLOCK, "", Span(path, line, len(data)), "braces spelt as digraphs")


def macro_gap(path: str, data: bytes, start: int, end: int) -> Gap | None:
    """The gap that the directive at [start, end) is if it defines a macro that defines a function."""
    define = _DEFINE.match(data, start, end)
    if define is None:
        return None
    body = bare(_CONTINUATION.sub(_blanked, data[define.end() : min(end, define.end() + _LONGEST_HEAD)]))
    brace = body.find(b"{")
    head = body[: max(brace, 0)]
    head = head[max(head.rfind(b";"), head.rfind(b"}")) + 1 :]
    if not head.strip() or _STATEMENT.match(head) or function_name(head) is None:
        return None
    name = define.group(1).decode("ascii")
    return Gap(MACRO, name, Span(path, start, end), "a macro that defines a function")


def _blanked(match: re.Match[bytes]) -> bytes:
    return b" " * (len(match.group()) - 1) + b"\n"


def gaps_between(path: str, data: bytes, covered: Iterable[tuple[int, int]]) -> list[Gap]:
    """The gaps outside of the pieces at the places `covered`, in source order, that look like a function."""
    code = code_alone(data)
    found = []
    at = 0
    for start, end in (*covered, (len(data), len(data))):
        head = _HEAD_AND_BRACE.search(code, at, start)
        if head is not None:
            line = code.rfind(b"\n", at, head.start()) + 1
            span = Span(path, max(at, line), start)
            found.append(Gap(BLOCK, "", span, "a block whose head is not understood"))
        at = max(at, end)
    return found


def summed_up(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """The gaps of a file; from a number on that no real file has, one gap stands for the rest."""
    if len(gaps) <= _MOST:
        return tuple(gaps)
    rest = gaps[_MOST - 1 :]
    first, last = min(gap.span.start for gap in rest), max(gap.span.end for gap in rest)
    reason = f"{rest[0].reason}, and {len(rest) - 1} more places that are not covered"
    return (*gaps[: _MOST - 1], Gap(rest[0].kind, "", Span(rest[0].span.path, first, last), reason))
