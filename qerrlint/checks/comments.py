# SPDX-License-Identifier: GPL-2.0-or-later
"""Comments at a statement: what they say about the failure there."""

from __future__ import annotations

from qerrlint.domain.word_lists import word_list
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# How many lines above a statement a comment on it may begin, and below it one may end.
_FARTHEST = 12
_CALLED = lazy_re(rb"(?:(?:return|if)\b[\s(!]*)?(?:[\w>.\[\]*-]+\s*=\s*)?(\w+)\s*\(")
_HAS_FAILED = lazy_re(r"\b(?:the|a|an)[\s*]+failed\b")
_SENTENCE_END = lazy_re(r"[.!?](?=\s|\*)|\n\W*\n")


def comments_at(unit: TranslationUnit, span: Span, in_block: bool = False) -> str:
    """The comments on the lines of a statement and right above it, or right above the block that it begins;
    with `in_block` also one above an earlier statement of the same block."""
    lines = unit.text.lines
    first, _ = lines.position(span.start)
    last, _ = lines.position(span.end)
    above: list[bytes] = []
    line = first - 1
    while line > 0 and first - line <= _FARTHEST:
        text = lines.text(line).strip()
        if _is_comment(text):
            above.append(text)
        elif line == first - 1 and text.endswith(b"{"):
            pass  # the first statement of a block: a comment above the block is about it, too
        elif not (in_block and text and not above):
            break
        line -= 1
    texts = (*reversed(above), *(lines.text(line) for line in range(first, last + 1)))
    comments = [text for text in texts if b"/*" in text or b"//" in text or text.startswith(b"*")]
    return b"\n".join(comments).decode("utf-8", "replace")


def admits(unit: TranslationUnit, span: Span) -> bool:
    """Whether a comment at a statement says that its failure is still to be handled: one on it, above it, or
    after it where that is not about the statement that follows."""
    return _is_open(comments_at(unit, span)) or _is_open(_comment_after(unit, span))


def _is_open(text: str) -> bool:
    """Whether one sentence of a comment has a mark of open work and speaks of a failure.

    "The failed job" is no failure that is left open.
    """
    return any(
        word_list("marks-of-open-work").matches(sentence)
        and word_list("failures-left-open").matches(_HAS_FAILED.sub("", sentence))
        for sentence in _SENTENCE_END.split(text)
    )


def _comment_after(unit: TranslationUnit, span: Span) -> str:
    """The comment right after a statement, or at the start of the block that it decides about.

    "" where what follows the comment is a call with a result: the comment may be about that.
    """
    lines = unit.text.lines
    last, _ = lines.position(span.end)
    found: list[bytes] = []
    for line in range(last + 1, last + 1 + _FARTHEST):
        text = lines.text(line).strip()
        if not _is_comment(text):
            called = _CALLED.match(text)
            signature = unit.signature(called[1].decode()) if called is not None else None
            opens = lines.text(last).rstrip().endswith(b"{")
            if called is not None and not opens and (signature is None or signature.returns != "void"):
                return ""
            break
        found.append(text)
    return b"\n".join(found).decode("utf-8", "replace")


def _is_comment(text: bytes) -> bool:
    """Whether a line holds nothing but a comment, or a part of one."""
    return text.startswith((b"/*", b"*", b"//")) or (text.endswith(b"*/") and b"/*" not in text)
