# SPDX-License-Identifier: GPL-2.0-or-later
"""The lexical layer of C: comments, literals, directives, words and brackets, by scans of bytes.

Everything works on bytes and offsets. `bare` blanks whatever is not code, so that other scans may look for
brackets and words without regard to strings and comments. No scan costs more than the length of its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.lazy_patterns import lazy_re

# A comment; one that is not closed runs to the end of the text.
_COMMENT = rb"/\*(?:[^*]*\*+(?:[^/*][^*]*\*+)*/|.*\Z)|//[^\n]*"
# Literals; one that is not closed ends with its line.
_LITERAL = rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"?' rb"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'?"
OPAQUE = lazy_re(_LITERAL + rb"|" + _COMMENT, re.DOTALL)
# One preprocessor line of bare text with its continuation lines; group 1 is the directive's name.
DIRECTIVE = lazy_re(rb"^[ \t]*#[ \t]*([A-Za-z]*)[^\n\\]*(?:\\(?:\r?\n)?[^\n\\]*)*", re.MULTILINE)
# The same from a `#` on in raw text, where a comment on the line may run over several lines.
RAW_DIRECTIVE = lazy_re(
    rb"#(?:[^\n\\/\"']+|\\(?:\r?\n)?|" + _LITERAL + rb"|" + _COMMENT + rb"|/)*", re.DOTALL
)
_MARK = lazy_re(r"/[*/]")
_DIGITS = b"0123456789"
# The bytes of words.
WORD = bytes(c for c in range(128) if chr(c).isalnum()) + b"_"
_WORDS = frozenset(bytes((c,)) for c in WORD)
# previous_code looks for a line's begin so far back; longer lines are no directives.
_LONGEST_LINE = 1 << 12
_LONGEST_RUN = 1 << 14
_BACK = 64

_BLANK = bytes(c if c in b"\n\r" else 0x20 for c in range(256))
_PARENS = lazy_re(rb"[()]")
_COMMAS = lazy_re(r"[()\[\]{},]")
_BRACES = lazy_re(rb"[{}]|^[ \t]*#[ \t]*([A-Za-z]*)[^\n\\]*(?:\\(?:\r?\n)?[^\n\\]*)*", re.MULTILINE)


def blanked(text: bytes) -> bytes:
    """Spaces instead of every byte but the line ends: same length, same lines."""
    return text.translate(_BLANK)


def _bare_token(match: re.Match[bytes]) -> bytes:
    text = match.group()
    quote = text[:1]
    if quote == b"/":
        return text.translate(_BLANK)
    last = quote if len(text) > 1 and text.endswith(quote) else b""
    return quote + text[1 : len(text) - len(last)].translate(_BLANK) + last


def bare(data: bytes) -> bytes:
    """`data` with comments and the insides of literals blanked; equal in length and lines, quotes kept."""
    return OPAQUE.sub(_bare_token, data)


def code_alone(data: bytes) -> bytes:
    """`data` with comments, the insides of literals, and preprocessor lines blanked; equal in length."""
    return DIRECTIVE.sub(lambda match: blanked(match.group()), bare(data))


def without_comments(text: str, blank: str = "", lines: bool = True) -> str:
    """`text` with `blank` for each comment; an unclosed one stays, marks in string literals count too.

    lines: whether to take out `//` comments too.
    """
    kept: list[str] = []
    start = at = 0
    closed = True  # whether a block comment that starts here may still be closed
    while found := _MARK.search(text, at):
        at = found.start() + 1
        if text[at] == "*":
            end = text.find("*/", at + 1) + 2 if closed else 1
            if end < 2:
                closed = False
                continue
        elif lines:
            end = text.find("\n", at)
            end = end if end >= 0 else len(text)
        else:
            continue
        kept += (text[start : found.start()], blank)
        start = at = end
    kept.append(text[start:])
    return "".join(kept)


def open_comment(data: bytes) -> int:
    """Offset of the block comment that is not closed; -1 if there is none."""
    if data.rfind(b"/*") <= data.rfind(b"*/") - 2:
        return -1
    last = None
    for match in OPAQUE.finditer(data):
        last = match
    if last is None or last.end() < len(data):
        return -1
    text = last.group()
    closed = len(text) >= 4 and text.endswith(b"*/")
    return last.start() if text.startswith(b"/*") and not closed else -1


def occurrences(text: bytes, word: bytes, start: int = 0, stop: int | None = None) -> Iterator[int]:
    """The offsets at which a word (letters, digits, underscores) stands as a whole, in order; none for "".

    Only what begins at `start` or later and ends by `stop` counts."""
    at = text.find(word, start, stop) if word else -1
    while at >= 0:
        end = at + len(word)
        if (not at or text[at - 1] not in WORD) and text[end : end + 1] not in _WORDS:
            yield at
        at = text.find(word, end, stop)


def last_name(text: bytes) -> bytes:
    """The identifier that ends `text`; b"" if it ends in anything else."""
    return text[len(text.rstrip(WORD)) :].lstrip(_DIGITS)


def paren_pairs(text: bytes) -> dict[int, int]:
    """For each `(` of bare text that is closed: its offset and the offset after its `)`."""
    pairs: dict[int, int] = {}
    open_parens: list[int] = []
    for match in _PARENS.finditer(text):
        if match.group() == b"(":
            open_parens.append(match.start())
        elif open_parens:
            pairs[open_parens.pop()] = match.end()
    return pairs


def closing_paren(text: bytes, start: int, most: int) -> int:
    """Offset after the `)` that closes the `(` at `start` of bare text; -1 if it is not in `most` bytes."""
    depth = 0
    for match in _PARENS.finditer(text, start, start + most):
        depth += 1 if match.group() == b"(" else -1
        if not depth:
            return match.end()
    return -1


def closing_bracket(text: str, start: int, brackets: str = "()") -> int:
    """Offset after the bracket that closes the one at `start`, the text's length if none does.

    `brackets`: the kinds that count, each opening one before its closing one.
    """
    opening, closing = brackets[::2], brackets[1::2]
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] in opening) - (text[at] in closing)
        if not depth:
            return at + 1
    return len(text)


def body_end(code: str, at: int) -> int:
    """The end of the statement or block that begins at an offset, or behind blanks; comments and literals of
    the text are blanked."""
    while at < len(code) and code[at].isspace():
        at += 1
    if code[at : at + 1] == "{":
        return closing_bracket(code, at, "{}")
    end = code.find(";", at)
    return end + 1 if end >= 0 else len(code)


def split_at_commas(text: str, start: int = 0) -> list[str]:
    """The stripped parts between the commas outside of brackets, from `start` to the bracket that closes one
    before it, or to the end."""
    out: list[str] = []
    depth, begin = 0, start
    for match in _COMMAS.finditer(text, start):
        char = match.group()
        if char in "([{":
            depth += 1
        elif char != ",":
            depth -= 1
        if depth < 0 or (char == "," and not depth):
            out.append(text[begin : match.start()].strip())
            begin = match.end()
            if depth < 0:
                return out
    out.append(text[begin:].strip())
    return out


def brace_end(text: bytes, start: int) -> int:
    """Offset after the `}` that matches the `{` at `start` of bare text; -1 if there is none.

    Of the arms of an `#if` only the first counts, and what a directive line holds does not count.
    """
    depth = later = 0  # later: how many of the open #if are past their first arm
    before: list[int] = []  # depth at each open #if
    after: list[int | None] = []  # depth at the end of its first arm, once that is over
    for match in _BRACES.finditer(text, start):
        token = match.group()
        if token == b"{":
            depth += 1
        elif token == b"}":
            depth -= 1
            if depth <= 0 and not later:
                return match.end()
        elif match.group(1).startswith(b"if"):
            before.append(depth)
            after.append(None)
        elif match.group(1) in {b"else", b"elif"}:
            if not before:
                # The #if stands before the piece: the next arm replaces everything so far.
                depth = 0
                continue
            if after[-1] is None:
                after[-1] = depth
                later += 1
            depth = before[-1]
        elif match.group(1) == b"endif" and before:
            before.pop()
            first = after.pop()
            if first is not None:
                depth = first
                later -= 1
    return -1


def previous_code(text: bytes, at: int) -> int:
    """Offset of the last byte before `at` of bare text that is neither blank nor in a directive.

    -1 if there is none in the text, or after a hundred directives or as many as are longer than any real.
    """
    farthest = at - _LONGEST_RUN
    for _ in range(100):
        at = _previous_byte(text, at)
        if at < 0 or at < farthest:
            break
        line = text.rfind(b"\n", max(0, at - _LONGEST_LINE), at) + 1
        if not line and at > _LONGEST_LINE:
            return at
        if not text[line : at + 1].lstrip().startswith(b"#"):
            return at
        at = line
    return -1


def _previous_byte(text: bytes, at: int) -> int:
    """Offset of the last byte before `at` that is not blank; -1 if there is none."""
    step = _BACK
    while at > 0:
        start = max(0, at - step)
        kept = len(text[start:at].rstrip())
        if kept:
            return start + kept - 1
        at, step = start, 2 * step
    return -1


_NEXT = lazy_re(rb"(?:\s+|^[ \t]*#[^\n\\]*(?:\\(?:\r?\n)?[^\n\\]*)*)*", re.MULTILINE)


def next_code(text: bytes, at: int) -> int:
    """Offset of the first byte from `at` on of bare text that is neither blank nor in a directive."""
    match = _NEXT.match(text, at)
    return match.end() if match else at
