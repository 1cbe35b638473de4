# SPDX-License-Identifier: GPL-2.0-or-later
"""Cuts a C file into functions and other braced top-level pieces by a scan of its bytes; it parses nothing.

QEMU's style closes every function at column 0, so the scan reads only what stands between functions and
jumps over the bodies. Each jump is checked (counts of braces, nothing but labels at column 0); where
the check fails the braces are matched one by one, and a file that still does not add up is given to
`cut_by_tree`, which takes the functions from a parse of the whole file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qerrlint.c.definition_names import function_name, other_name
from qerrlint.c.lexis import OPAQUE, RAW_DIRECTIVE, bare, brace_end
from qerrlint.source.span import Span

FUNCTION = "function"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Piece:
    """A braced top-level piece of a file.

    kind: "function" or "other" (an initialised variable, a struct, an enum). span: from the first byte of
    the head (return type, attributes; no doc comment) to the byte after the closing brace, for other pieces
    to the byte after the `;`. body: offset of a function's `{` in the file, -1 for other pieces. name:
    the declared name; of `HELPER(x)(args)` it is the text `HELPER(x)`; "" where there is none.
    """

    kind: str
    name: str
    span: Span
    body: int


# Longer heads than this do not occur; a limit keeps hostile input from costing more than its length.
_LONGEST_HEAD = 1 << 14

_TOKEN = re.compile(rb"[{};\"'#]|/[*/]")  # bytes that matter between functions
# The head of nearly every function: words, a name, parameters without brackets in them.
_PLAIN_HEAD = re.compile(rb"\s*([A-Za-z_][\w \t*\r\n]*[ \t*\r\n])([A-Za-z_]\w*)[ \t]*\([^(){}=;\"'/#]*\)\s*")
# At column 0 inside a function there are only labels, directives and the closing brace.
_COLUMN_0 = re.compile(rb"\n[A-Za-z_{]")
_SUSPICIOUS = re.compile(rb"\n(?:\{|[A-Za-z_]\w*\b(?![ \t]*:))")
_INVOCATION = re.compile(rb"\s*[A-Za-z_]\w*[ \t]*\(.*\)\s*\Z", re.DOTALL)
_EXTERN_C = re.compile(rb'extern\s+"C(?:\+\+)?"\s*\Z')
_SINGLE_CALL = re.compile(rb"[A-Za-z_]\w*[ \t]*\(")
_ATTRIBUTE_LINE = re.compile(rb"(?:__attribute__|G_GNUC_\w+|QEMU_\w+|__declspec)\b")
_TAIL = re.compile(rb"[^;{}]*")


class _DoesNotAddUpError(Exception):
    """An opening brace without an end: the column-0 structure is not there."""


def cut(path: str, data: bytes) -> list[Piece]:
    """The pieces of a file in source order; never raises, whatever the bytes are."""
    try:
        return _Cutter(path, data).run()
    except _DoesNotAddUpError:
        return cut_by_tree(path, data)


def cut_by_tree(path: str, data: bytes) -> list[Piece]:
    """The pieces of a file as a parse of the whole normalised file shows them; slow, for odd styles."""
    # Late: most runs cut thousands of files and parse none of them whole.
    from qerrlint.c.grammar import outer_definitions
    from qerrlint.c.normalise import normalise

    pieces = []
    for start, end, body, is_function in outer_definitions(normalise(data).data):
        if is_function:
            name = function_name(data[start:body]) or ""
            pieces.append(Piece(FUNCTION, name, Span(path, start, end), body))
        else:
            brace = data.find(b"{", start, end)
            if brace >= 0:
                name = other_name(bare(data[start:brace]), data[start:end])
                pieces.append(Piece(OTHER, name, Span(path, start, end), -1))
    return pieces


class _Cutter:
    """The scan of one file; `bare` text of the whole file is made only if a check fails."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.pieces: list[Piece] = []
        self._bare: bytes | None = None
        self._budget = 64 * len(data)  # bytes that may be matched brace by brace

    def run(self) -> list[Piece]:
        data, search = self.data, _TOKEN.search
        start = pos = 0  # start: where the declaration that is being read may begin
        while match := search(data, pos):
            at, pos = match.span()
            token = data[at]
            if token == 0x7B:  # {
                start = pos = self._opened(start, at)
            elif token in b";}":  # ; or a brace of `extern "C"` or of a split #if
                start = pos
            else:
                if token == 0x23:  # #
                    directive = RAW_DIRECTIVE.match(data, at)
                    pos = directive.end() if directive else pos
                elif data[at : at + 2] == b"/*":
                    pos = data.find(b"*/", pos) + 2
                    if pos < 2:
                        break
                else:
                    opaque = OPAQUE.match(data, at)
                    pos = opaque.end() if opaque else pos
                    if token in b"\"'":
                        continue
                if self._is_boundary(start, at):
                    start = pos
        return self.pieces

    def _is_boundary(self, start: int, at: int) -> bool:
        """Whether a comment or directive at `at` has no unfinished declaration before it."""
        if at - start > _LONGEST_HEAD:
            return True
        pending = self.data[start:at]
        return (
            not pending
            or pending.isspace()
            or (pending[-1:] == b"\n" and _INVOCATION.match(pending) is not None)
        )

    def _opened(self, start: int, brace: int) -> int:
        """Handles the top-level brace at `brace`; returns where to read on."""
        data = self.data
        plain = _PLAIN_HEAD.fullmatch(data, start, brace)
        if plain and data.find(b"\n\n", plain.start(1), plain.end(2)) < 0:
            end = self._close(brace)
            name = plain.group(2).decode("ascii")
            self.pieces.append(Piece(FUNCTION, name, Span(self.path, plain.start(1), end), brace))
            return end
        start = self._head_start(start, brace)
        head = data[start:brace]
        if b"extern" in head and _EXTERN_C.search(head):
            return brace + 1
        name = function_name(head)
        end = self._close(brace)
        if name is not None:
            self.pieces.append(Piece(FUNCTION, name, Span(self.path, start, end), brace))
            return end
        head, end = self._tail(head, end)
        name = other_name(bare(head), data[start:end])
        self.pieces.append(Piece(OTHER, name, Span(self.path, start, end), -1))
        return end

    def _tail(self, head: bytes, end: int) -> tuple[bytes, int]:
        """The whole head of a piece whose first brace closes before `end`, and the piece's end."""
        data = self.data
        while tail := _TAIL.match(data, end):
            between = tail.group()
            byte = data[tail.end() : tail.end() + 1]
            if b"\n\n" in between:
                break
            if byte == b";":
                return head, tail.end() + 1
            if byte != b"{" or b"=" not in between:
                break
            # struct { ... } name[] = { ... }
            head += between
            end = self._close(tail.end())
        return head, end

    def _head_start(self, start: int, brace: int) -> int:
        """First byte of the head before `brace`: upwards line by line, at most to `start`."""
        data = self.data
        first, balance, end = -1, 0, brace
        parameters_only = False  # whether the head so far is a parameter list on a line of its own
        start = max(start, brace - _LONGEST_HEAD)
        while end >= start:
            line = max(data.rfind(b"\n", start, end) + 1, start)
            text = data[line:end].strip()
            complete = first >= 0 and balance == 0
            if b"/" in text:
                text = OPAQUE.sub(b"", text).strip()
            if not text or text[:1] == b"#":
                if complete:
                    break
            elif complete and not parameters_only and self._ends_before_head(text):
                break
            else:
                balance += text.count(b")") - text.count(b"(")
                first = line
                parameters_only = text[:1] == b"("
            end = line - 1
        if first < 0:
            return brace
        head = data[first:brace]
        while True:
            stripped = head.lstrip()
            comment = OPAQUE.match(stripped) if stripped[:1] == b"/" else None
            head = stripped[comment.end() :] if comment else stripped
            if comment is None:
                return brace - len(head)

    def _ends_before_head(self, line: bytes) -> bool:
        """Whether the line above a head is no part of it: a finished declaration, a macro invocation."""
        if line[-1:] == b")":
            if line.count(b"(") != line.count(b")"):
                return True
            return _SINGLE_CALL.match(line) is not None and not _ATTRIBUTE_LINE.match(line)
        return line[-1:] in b";:}/"

    def _close(self, brace: int) -> int:
        """Offset after the brace that closes the one at `brace`."""
        data = self.data
        if data[brace + 1 : brace + 2] != b"\n":
            line_end = data.find(b"\n", brace)
            line = data[brace : line_end if line_end >= 0 else len(data)]
            end = brace_end(bare(line), 0) if b"}" in line else -1
            if end >= 0:
                return brace + end
        column0 = data.find(b"\n}", brace) + 2
        if (
            column0 >= 2
            and data.count(b"{", brace, column0) == data.count(b"}", brace, column0)
            and data.rfind(b"/*", brace, column0) <= data.rfind(b"*/", brace, column0)
            and (
                _COLUMN_0.search(data, brace, column0) is None
                or _SUSPICIOUS.search(data, brace, column0) is None
            )
        ):
            return column0
        if self._bare is None:
            self._bare = bare(data)
        matched = -1
        if self._budget > 0:
            matched = brace_end(self._bare, brace)
            self._budget -= (matched if matched >= 0 else len(data)) - brace
        if column0 < 2:
            if matched < 0:
                raise _DoesNotAddUpError
            return matched
        # Braces that run over the next function are wrong (unbalanced #if arms); style decides then.
        if matched < 0 or (matched > column0 and self._bare.find(b"\n{", column0, matched) >= 0):
            return column0
        return matched
