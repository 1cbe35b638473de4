# SPDX-License-Identifier: GPL-2.0-or-later
"""Statements of one function, recognised in its bytes with comments and literals blanked.

A shape that does not match exactly is no match: the answers are used to edit the source.
"""

from __future__ import annotations

import re

from qerrlint.c.lexis import bare, previous_code
from qerrlint.checks.function import AnalysedFunction
from qerrlint.findings import Edit
from qerrlint.ir.code import Call, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.span import Span

ELSE = lazy_re(rb"\s*else\b")
_IF_BEFORE = lazy_re(rb"\bif\s*\(\s*([\w.>\-\[\]]+?)\s*(?:!=\s*NULL\s*)?\)\s*(\{)?\s*\Z")
_ELSE_BEFORE = lazy_re(rb"\belse\s*\Z")
_BLANK_LINE = lazy_re(rb"[ \t]*\n")


class Text:
    """The bytes of one function: `code` has comments and the insides of literals blanked.

    Offsets into `code` count from the start of the function; `span` and `offset` convert from and to those
    of the file.
    """

    __slots__ = ("_start", "code", "errp", "function", "unit")

    def __init__(self, analysed: AnalysedFunction) -> None:
        self.unit = analysed.unit
        self.function = analysed.function
        self.errp = analysed.errp
        span = self.function.span
        self._start = span.start
        self.code = bare(self.unit.data[span.start : span.end])

    def span(self, start: int, end: int) -> Span:
        """The place of code[start:end] in the file."""
        return Span(self.unit.path, self._start + start, self._start + end)

    def body(self) -> int:
        """Where the function's `{` is in `code`."""
        return self.function.body - self._start

    def offset(self, at: int) -> int:
        """A place in the file as an offset into `code`."""
        return at - self._start

    def is_plain(self, start: int, end: int) -> bool:
        """Whether code[start:end] holds no comment and no directive, which an edit would remove."""
        raw = self.unit.data[self._start + start : self._start + end]
        return b"/*" not in raw and b"//" not in raw and b"#" not in raw

    def words(self, name: str) -> list[int]:
        """Where a name stands in the body, without members of that name."""
        pattern = re.compile(rb"(?<![\w.])(?<!->)%s\b" % re.escape(name.encode()))
        return [m.start() for m in pattern.finditer(self.code, self.body())]

    def begins_statement(self, at: int) -> bool:
        """Whether a statement of a block begins at `at`; the unbraced arm of an `if` or `else` is none."""
        before = previous_code(self.code, at)
        return before >= 0 and self.code[before] in b";{}:" and not _ELSE_BEFORE.search(self.code, 0, at)

    def removed(self, start: int, end: int) -> Edit | None:
        """The edit that removes the whole lines of a statement; None where other code shares them."""
        code = self.code
        first = code.rfind(b"\n", 0, start) + 1
        last = code.find(b"\n", end)
        if last < 0 or code[first:start].strip() or code[end:last].strip():
            return None
        if not self.is_plain(first, last):
            return None
        last += 1
        opened = code[:first].rstrip(b" \t").endswith(b"{\n")
        blank = _BLANK_LINE.match(self.unit.data, self._start + last)
        if blank and (opened or code[:first].endswith(b"\n\n")):
            last = blank.end() - self._start
        before = previous_code(code, start)
        if before >= 0 and code[before] in b":{" and code[last:].lstrip().startswith(b"}"):
            return None  # a label needs a statement after it, and a block should not become empty
        return Edit(self.span(first, last), "")


def null_checked(text: Text, call: Call) -> tuple[int, int] | None:
    """Start and end of an `if` that only guards this call against NULL."""
    code = text.code
    start, end = text.offset(call.span.start), text.offset(call.span.end)
    condition = _IF_BEFORE.search(code, max(0, start - 200), start)
    arg = call.args[-1]
    if condition is None or not isinstance(arg, Var) or condition.group(1).decode("latin-1") != arg.path:
        return None
    behind = re.compile(rb"\s*;\s*\}" if condition.group(2) else rb"\s*;").match(code, end)
    if behind is None or ELSE.match(code, behind.end()) or not text.begins_statement(condition.start()):
        return None
    return condition.start(), behind.end()


def realigned(data: bytes, call: Call, columns: int) -> list[Edit]:
    """The edits that keep a call's lines aligned with its opening parenthesis, which moves by `columns`."""
    start, end = call.span.start, call.span.end
    column = data.index(b"(", start) + 1 - (data.rfind(b"\n", 0, start) + 1)
    edits = []
    at = data.find(b"\n", start, end) + 1
    while at > 0:
        line = data[at:end]
        if len(line) - len(line.lstrip(b" ")) == column:
            edits.append(Edit(Span(call.span.path, at, at), " " * columns))
        at = data.find(b"\n", at, end) + 1
    return edits
