# SPDX-License-Identifier: GPL-2.0-or-later
"""The lexical layer of C: comments, literals, directives, brackets, by scans of bytes; it knows no grammar.

Everything works on bytes and offsets. `bare` blanks whatever is not code, so that the other scans may
look for brackets and words without minding strings and comments.
"""

from __future__ import annotations

import re

# A comment; one that is not closed runs to the end of the text.
_COMMENT = rb"/\*(?:[^*]*\*+(?:[^/*][^*]*\*+)*/|.*\Z)|//[^\n]*"
# Comments and literals; an unterminated literal matches nothing and is then read as code.
OPAQUE = re.compile(
    rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"' rb"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'|" + _COMMENT,
    re.DOTALL,
)
# One preprocessor line of bare text with its continuation lines; group 1 is the directive's name.
DIRECTIVE = re.compile(rb"^[ \t]*#[ \t]*([A-Za-z]*)[^\n\\]*(?:\\(?:\r?\n)?[^\n\\]*)*", re.MULTILINE)
# The same from a `#` on in raw text, where a comment on the line may run over several lines.
RAW_DIRECTIVE = re.compile(rb"#[^\n\\/]*(?:(?:\\\r?\n|\\|" + _COMMENT + rb"|/)[^\n\\/]*)*", re.DOTALL)

_BLANK = bytes(c if c in b"\n\r" else 0x20 for c in range(256))
_PARENS = re.compile(rb"[()]")
_BRACES = re.compile(rb"[{}]|^[ \t]*#[ \t]*([A-Za-z]*)[^\n\\]*(?:\\(?:\r?\n)?[^\n\\]*)*", re.MULTILINE)


def blanked(text: bytes) -> bytes:
    """Spaces instead of every byte but the line ends: same length, same lines."""
    return text.translate(_BLANK)


def _bare_token(match: re.Match[bytes]) -> bytes:
    text = match.group()
    if text[:1] == b"/":
        return text.translate(_BLANK)
    return text[:1] + text[1:-1].translate(_BLANK) + text[:1]


def bare(data: bytes) -> bytes:
    """`data` with comments and the insides of literals blanked; equal in length and lines, quotes kept."""
    return OPAQUE.sub(_bare_token, data)


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


def brace_end(text: bytes, start: int) -> int:
    """Offset after the `}` that matches the `{` at `start` of bare text; -1 if there is none.

    Of the arms of an `#if` only the first counts, and what a directive line holds does not count.
    """
    depth = 0
    before: list[int] = []  # depth at each open #if
    after: list[int | None] = []  # depth at the end of its first arm, once that is over
    for match in _BRACES.finditer(text, start):
        token = match.group()
        if token == b"{":
            depth += 1
        elif token == b"}":
            depth -= 1
            if depth <= 0 and not any(arm is not None for arm in after):
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
            depth = before[-1]
        elif match.group(1) == b"endif" and before:
            before.pop()
            first = after.pop()
            depth = depth if first is None else first
    return -1


def previous_code(text: bytes, at: int) -> int:
    """Offset of the last byte before `at` of bare text that is neither blank nor in a directive.

    -1 if there is none in the text or in the last hundred lines.
    """
    for _ in range(100):
        if at <= 0:
            break
        line = text.rfind(b"\n", 0, at) + 1
        part = text[line:at].rstrip()
        if part and not part.lstrip().startswith(b"#"):
            return line + len(part) - 1
        at = line - 1
    return -1


_NEXT = re.compile(rb"(?:\s+|^[ \t]*#[^\n\\]*(?:\\(?:\r?\n)?[^\n\\]*)*)*", re.MULTILINE)


def next_code(text: bytes, at: int) -> int:
    """Offset of the first byte from `at` on of bare text that is neither blank nor in a directive."""
    match = _NEXT.match(text, at)
    return match.end() if match else at
