# SPDX-License-Identifier: GPL-2.0-or-later
"""Cuts a C file into functions and other braced top-level pieces by a scan of its bytes; it parses nothing.

QEMU's style closes every function at column 0, so the scan reads only what stands between functions and
jumps over the bodies. Each jump is checked (counts of braces, nothing but labels at column 0); where
the check fails the braces are matched one by one, and a file that still does not add up is cut as a parse of
the whole file shows it. What may hold a function and is no piece is a gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from qerrlint.c.definition_names import LONGEST_HEAD, function_name, other_name
from qerrlint.c.gaps import (
    TANGLED,
    Gap,
    block_gap,
    comment_gap,
    digraph_gaps,
    encoding_gap,
    gaps_between,
    macro_gap,
    summed_up,
)
from qerrlint.c.lexis import OPAQUE, RAW_DIRECTIVE, bare, brace_end, open_comment
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

FUNCTION = "function"
OTHER = "other"


@record(frozen=True, slots=True)
class Piece:
    """A braced top-level piece of a file.

    kind: "function" or "other" (an initialised variable, a struct, an enum). span: from the first byte of
    the head (return type, attributes; no doc comment) to the byte after the closing brace, for other pieces
    to the byte after the `;`. body: offset of a function's `{` in the file, -1 for other pieces. name:
    the declared name; of `HELPER(x)(args)` it is the text `HELPER(x)`; "" where there is none. ordinal:
    how many functions of that name the file defines before this one (in other arms of an `#if`).
    """

    kind: str
    name: str
    span: Span
    body: int
    ordinal: int = 0

    @property
    def key(self) -> str:
        """What tells a file's functions apart: the name, from the second definition on with a number."""
        return f"{self.name}#{self.ordinal + 1}" if self.ordinal else self.name


@record(frozen=True, slots=True)
class FileCut:
    """A file's pieces and its gaps, each in source order."""

    pieces: tuple[Piece, ...]
    gaps: tuple[Gap, ...]


_TOKEN = lazy_re(rb"[{};\"'#]|/[*/]")  # bytes that matter between functions
# The head of nearly every function: words, a name, parameters without brackets in them.
_PLAIN_HEAD = lazy_re(rb"\s*([A-Za-z_][\w \t*\r\n]*[ \t*\r\n])([A-Za-z_]\w*)[ \t]*\([^(){}=;\"'/#]*\)\s*")
# At column 0 inside a function there are only labels, directives and the closing brace.
_COLUMN_0 = lazy_re(rb"\n[A-Za-z_{]")
_SUSPICIOUS = lazy_re(rb"\n(?:\{|[A-Za-z_]\w*\b(?![ \t]*:))")
_INVOCATION = lazy_re(rb"\s*[A-Za-z_]\w*[ \t]*\(")
_EXTERN_C = lazy_re(rb'extern\s+"C(?:\+\+)?"\s*\Z')
_BLANKS = lazy_re(rb"\s*")
_SINGLE_CALL = lazy_re(rb"[A-Za-z_]\w*[ \t]*\(")
_ATTRIBUTE_LINE = lazy_re(rb"(?:__attribute__|G_GNUC_\w+|QEMU_\w+|__declspec)\b")
# Counting braces takes a small part of the time that matching them takes.
_COUNTED = 32
# Bodies on one line are looked for in lines of these lengths: most are short, none is longer.
_LINE_LENGTHS = (256, 4096)
_TAIL = lazy_re(rb"[^;{}]*")


class _DoesNotAddUpError(Exception):
    """An opening brace without an end: the column-0 structure is not there."""


def cut(path: str, data: bytes) -> list[Piece]:
    """The pieces of a file in source order; never raises, whatever the bytes are."""
    return list(cut_file(path, data).pieces)


def cut_file(path: str, data: bytes) -> FileCut:
    """The pieces and the gaps of a file; never raises, whatever the bytes are."""
    gap = encoding_gap(path, data)
    if gap is not None:
        return FileCut((), (gap,))
    cutter = _Cutter(path, data)
    try:
        cutter.run()
    except _DoesNotAddUpError:
        return cut_by_tree(path, data)
    gaps = [*cutter.gaps, *digraph_gaps(path, data)]
    return FileCut(_numbered(cutter.pieces), summed_up(gaps))


def cut_by_tree(path: str, data: bytes) -> FileCut:
    """The pieces of a file as a parse of the whole normalised file shows them; slow, for odd styles."""
    # Late: most runs cut thousands of files and parse none of them whole.
    from qerrlint.c.grammar import TangledError, outer_definitions
    from qerrlint.c.normalise import normalise

    pieces = []
    gaps = []
    comment = open_comment(data)
    text = data if comment < 0 else data[:comment]
    try:
        for start, end, body, is_function in outer_definitions(normalise(text).data):
            span = Span(path, start, end)
            if is_function:
                pieces.append(Piece(FUNCTION, function_name(data[start:body]) or "", span, body))
            else:
                brace = data.find(b"{", start, end)
                if brace >= 0:
                    name = other_name(bare(data[start:brace][:LONGEST_HEAD]), data[start:end])
                    pieces.append(Piece(OTHER, name, span, -1))
        gaps = gaps_between(path, text, [(piece.span.start, piece.span.end) for piece in pieces])
    except TangledError as error:
        pieces = []
        gaps.append(Gap(TANGLED, "", Span(path, 0, len(text)), str(error)))
    if comment >= 0:
        gaps.append(comment_gap(path, data, comment))
    return FileCut(_numbered(pieces), summed_up(gaps))


def _numbered(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The pieces with their ordinals."""
    pieces = tuple(pieces)
    counts: Counter[str] = Counter()
    out = []
    for piece in pieces:
        if piece.kind == FUNCTION:
            before = counts[piece.name]
            counts[piece.name] = before + 1
            if before:
                piece = replace(piece, ordinal=before)
        out.append(piece)
    return tuple(out)


class _Cutter:
    """The scan of one file; `bare` text of the whole file is made only if a check fails."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.pieces: list[Piece] = []
        self.gaps: list[Gap] = []
        self._bare: bytes | None = None
        self._budget = 16 * len(data)  # bytes that may be matched brace by brace
        self._column0 = -1  # offset of the last `\n}` that was found
        self._end = 0  # of the last piece

    def run(self) -> None:
        """Fill `pieces` and `gaps`; raises _DoesNotAddUpError."""
        data, search = self.data, _TOKEN.search
        start = pos = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        # start: where the declaration that is being read may begin
        while match := search(data, pos):
            at, pos = match.span()
            token = data[at]
            if token == 0x7B:  # {
                start = pos = self._opened(start, at)
            elif token in b";}":  # ; or a brace of `extern "C"` or of a split #if
                start = pos
            else:
                pos = self._skipped(at, pos)
                if token not in b"\"'" and self._is_boundary(start, at):
                    start = pos

    def _skipped(self, at: int, pos: int) -> int:
        """Offset after the comment, literal or directive at `at`; `pos` if there is none."""
        data = self.data
        token = data[at]
        if token == 0x23:  # #
            directive = RAW_DIRECTIVE.match(data, at)
            end = directive.end() if directive else pos
            if data.find(b"{", at, end) >= 0:
                self._note(macro_gap(self.path, data, at, end))
            if end == len(data):  # perhaps because of a comment on its line
                comment = open_comment(data[at:])
                if comment >= 0:
                    self._note(comment_gap(self.path, data, at + comment))
            return end
        if data[at : at + 2] == b"/*":
            end = data.find(b"*/", pos) + 2
            if end < 2:
                self._note(comment_gap(self.path, data, at))
                return len(data)
            return end
        opaque = OPAQUE.match(data, at)
        return opaque.end() if opaque else pos

    def _is_boundary(self, start: int, at: int) -> bool:
        """Whether a comment or directive at `at` has no unfinished declaration before it."""
        if at - start > LONGEST_HEAD:
            return True
        pending = self.data[start:at]
        if not pending or pending.isspace():
            return True
        if pending[-1:] != b"\n":
            return False
        invocation = _INVOCATION.match(pending)
        return invocation is not None and pending.rstrip().endswith(b")", invocation.end())

    def _note(self, gap: Gap | None) -> None:
        if gap is not None:
            self.gaps.append(gap)

    def _opened(self, start: int, brace: int) -> int:
        """Handles the top-level brace at `brace`; returns where to read on."""
        data = self.data
        plain = _PLAIN_HEAD.fullmatch(data, start, brace)
        if plain and data.find(b"\n\n", plain.start(1), plain.end(2)) < 0:
            return self._add(
                FUNCTION, plain.group(2).decode("ascii"), plain.start(1), self._close(brace), brace
            )
        start = self._head_start(start, brace)
        head = data[start:brace]
        if b"extern" in head and _EXTERN_C.search(head):
            return brace + 1
        name = function_name(head)
        end = self._close(brace)
        if name is not None:
            return self._add(FUNCTION, name, start, end, brace)
        head, end = self._tail(head, end)
        name = other_name(bare(head), data[start:end])
        self._note(block_gap(data, self._end, brace, Span(self.path, start, end), name))
        return self._add(OTHER, name, start, end, -1)

    def _add(self, kind: str, name: str, start: int, end: int, body: int) -> int:
        self.pieces.append(Piece(kind, name, Span(self.path, start, end), body))
        self._end = end
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
            if len(head) < LONGEST_HEAD:
                head += between
            end = self._close(tail.end())
        return head, end

    def _head_start(self, start: int, brace: int) -> int:
        """First byte of the head before `brace`: upwards line by line, at most to `start`."""
        data = self.data
        first, balance, end = -1, 0, brace
        parameters_only = False  # whether the head so far is a parameter list on a line of its own
        start = max(start, brace - LONGEST_HEAD)
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
        while True:
            blanks = _BLANKS.match(data, first, brace)
            first = blanks.end() if blanks else first
            comment = OPAQUE.match(data, first, brace) if data[first] == 0x2F else None
            if comment is None:
                return first
            first = comment.end()

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
            end = self._close_on_line(brace)
            if end >= 0:
                return end
        column0 = self._next_at_column0(brace)
        if self._budget > 0 and column0 >= 0:
            if self._is_whole(brace, column0):
                return column0
            self._budget -= (column0 - brace) // _COUNTED
        if self._bare is None:
            self._bare = bare(data)
        matched = -1
        if self._budget > 0:
            matched = brace_end(self._bare, brace)
            self._budget -= (matched if matched >= 0 else len(data)) - brace
        if column0 < 0:
            if matched < 0:
                raise _DoesNotAddUpError
            return matched
        # Braces that run over the next function are wrong (unbalanced #if arms); style decides then.
        if matched < 0 or (matched > column0 and self._bare.find(b"\n{", column0, matched) >= 0):
            return column0
        return matched

    def _close_on_line(self, brace: int) -> int:
        """Offset after the closing brace if it stands on the line of the opening one; else -1."""
        data = self.data
        for length in _LINE_LENGTHS:
            line = data[brace : brace + length].partition(b"\n")[0]
            end = brace_end(bare(line), 0) if b"}" in line else -1
            if end >= 0:
                return brace + end
            if len(line) < length:
                break
        return -1

    def _next_at_column0(self, brace: int) -> int:
        """Offset after the first closing brace at column 0 after `brace`; -1 if there is none."""
        if self._column0 < brace:
            found = self.data.find(b"\n}", brace)
            self._column0 = found if found >= 0 else len(self.data)
        return self._column0 + 2 if self._column0 < len(self.data) else -1

    def _is_whole(self, brace: int, end: int) -> bool:
        """Whether [brace, end) looks like one body: as many braces closed as opened, no comment cut through,
        nothing but labels at column 0."""
        data = self.data
        return (
            data.count(b"{", brace, end) == data.count(b"}", brace, end)
            and data.rfind(b"/*", brace, end) <= data.rfind(b"*/", brace, end)
            and (_COLUMN_0.search(data, brace, end) is None or _SUSPICIOUS.search(data, brace, end) is None)
        )
