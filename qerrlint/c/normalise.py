# SPDX-License-Identifier: GPL-2.0-or-later
"""Replaces what the C grammar cannot parse by text of equal length.

Every offset stays true and every line stays where it is. What a rewrite means to lowering is recorded with
the place of the macro's name. The macros are data (macros.toml); shapes that have no name are matched below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.lexis import next_code, previous_code
from qerrlint.c.macros import (
    ALWAYS,
    AUTO,
    BLANK,
    BRANCH,
    INVOCATION,
    LOOP,
    NORETURN,
    RENAME,
    Macro,
    candidates,
)
from qerrlint.c.rewriter import Edit, Normal, Rewrite
from qerrlint.lazy_patterns import lazy_re

__all__ = [
    "ALWAYS",
    "AUTO",
    "BLANK",
    "BRANCH",
    "INVOCATION",
    "LOOP",
    "NORETURN",
    "RENAME",
    "Normal",
    "Rewrite",
    "normalise",
    "normalise_damaged",
]

# A macro call that begins a line at column 0.
_INVOCATION = lazy_re(rb"(?:\A|\n)([A-Za-z_]\w*)[ \t]*(?=\()")
_INVOCATION_HERE = lazy_re(rb"[A-Za-z_]\w*[ \t]*\(")
_COLUMN_0 = lazy_re(rb"\n[A-Za-z_]")
# A definition whose name a macro makes: NAME(x)(parameters), with a return type before it or without.
_PASTED_HEAD = lazy_re(
    rb"^(?:[A-Za-z_][\w \t*]*[ \t*])??([A-Za-z_]\w*)([ \t]*)(?=\((?![*^])[^;{}=\n]*\)[ \t\n]*\()",
    re.MULTILINE,
)
_BLOCK_MACRO = lazy_re(rb"\n[ \t]+(?:\}[ \t]*)?([A-Za-z_]\w*)[ \t]*(?=\()")
_STATEMENT_MACRO = lazy_re(rb"\n[ \t]+([A-Za-z_]\w*)[ \t]*(?=\()")
_KEYWORDS = frozenset({b"if", b"while", b"for", b"switch", b"sizeof", b"return", b"else", b"do"})
_ONCE = lazy_re(rb"(?i:(?:[a-z0-9]+_){0,3}with_\w)")
_PLAIN_NAME = lazy_re(rb"\(\s*[A-Za-z_]\w*\s*\)")
_STATEMENT_BEGINS = lazy_re(rb"[A-Za-z_}]")
_REST_OF_LINE = lazy_re(rb"[ \t\r]*(?:\n|\Z)")


def normalise(data: bytes) -> Normal:
    """The normalised form of a piece or of a whole file; equal to it in length and lines."""
    macros = candidates(data, damaged=False)
    if not macros and not _macro_at_column_0(data):
        return Normal(data, ())
    edit = Edit(data)
    _rewrite(edit, macros)
    return edit.result()


def _macro_at_column_0(data: bytes) -> bool:
    """Whether a line begins with what may be an invocation or a name that a macro makes."""
    start = 0
    while not _INVOCATION_HERE.match(data, start) and not _PASTED_HEAD.match(data, start):
        line = _COLUMN_0.search(data, start)
        if line is None:
            return False
        start = line.start() + 1
    return True


def normalise_damaged(data: bytes, every_branch: bool = False) -> Normal:
    """The second pass for a piece that did not parse: `normalise` after dropping arms of #if.

    Of an #if whose arms are not whole statements the first arm stays (of `#if 0` the last); with
    `every_branch` the same holds for each #if. Unknown macros before a block are taken for loops, and
    unknown calls on a line of their own that lack a semicolon are blanked.
    """
    # Late: few functions are damaged.
    from qerrlint.c.conditional_arms import dropped_arms, stray_directives

    edit = Edit(data)
    for start, end, name in dropped_arms(edit.bare, every_branch):
        edit.blank(start, end)
        if name is not None:
            edit.record(BRANCH, start, end, name)
    # Each step works on the output of the one before.
    edit, rewrites = _next(edit)
    for start, end in stray_directives(edit.bare):
        edit.blank(start, end)
    edit, found = _next(edit)
    rewrites += found
    _rewrite(edit, candidates(edit.data, damaged=True))
    for step in (_block_macros, _statement_macros):
        edit, found = _next(edit)
        rewrites += found
        step(edit)
    normal = edit.result()
    return Normal(normal.data, tuple(sorted(rewrites + normal.rewrites)))


def _next(edit: Edit) -> tuple[Edit, tuple[Rewrite, ...]]:
    """A new edit of what `edit` has made, and what that was."""
    normal = edit.result()
    return Edit(normal.data), normal.rewrites


def _rewrite(edit: Edit, macros: list[Macro]) -> None:
    for macro in macros:
        for match in macro.pattern.finditer(edit.bare):
            edit.apply(macro, *match.span())
    if _macro_at_column_0(edit.bare):
        _invocations(edit)
        _pasted_heads(edit)


def _calls(edit: Edit, pattern: re.Pattern[bytes], start: int) -> Iterator[tuple[int, int, int]]:
    """(start, end, end of the arguments) of the names that `pattern` finds before a closed parenthesis."""
    for match in pattern.finditer(edit.bare, start):
        closing = edit.pairs.get(match.end(), -1)
        if closing >= 0 and match.group(1) not in _KEYWORDS and not edit.changed(match.start(1)):
            yield match.start(1), match.end(1), closing


def _invocations(edit: Edit) -> None:
    """Column-0 macro calls without a semicolon, which the grammar takes for the next declaration's type."""
    text = edit.bare
    for start, end, closing in _calls(edit, _INVOCATION, 0):
        if not _REST_OF_LINE.match(text, closing):
            continue
        follows = edit.next_byte(closing)
        if follows and follows in b"{;,=([:.-+?&|<>*/":
            continue
        before = previous_code(text, start)
        if before < 0 or text[before] in b";}){":
            edit.blank(start, closing)
            edit.record(INVOCATION, start, closing, edit.text(start, end))


def _pasted_heads(edit: Edit) -> None:
    """NAME(x)(parameters) { at column 0 becomes NAME_x_(parameters) {, with `void` if no type is there."""
    text = edit.bare
    for match in _PASTED_HEAD.finditer(text):
        start = match.start(1)
        closing = edit.pairs.get(match.end(), -1)
        if closing < 0:
            continue
        parameters = next_code(text, closing)
        behind = edit.pairs.get(parameters, -1)
        if behind < 0 or edit.next_byte(behind) != b"{" or b"\n" in text[start:closing]:
            continue
        before = previous_code(text, start)
        typed = match.start() != start or (before >= 0 and text[before] not in b";})")
        if not typed and match.group(2) and _PLAIN_NAME.match(text, match.end()):
            continue  # type (name)(parameters), written so that a macro of that name does not apply
        words = b"_".join(re.findall(rb"\w+", text[start:closing]))
        name = words if typed else b"void " + words
        edit.put(start, closing, name[: closing - start].ljust(closing - start, b"_"))
        edit.record(RENAME, start, closing, edit.text(start, closing))


def _block_macros(edit: Edit) -> None:
    """Unknown NAME(...) { in a body: the grammar would take it for a nested function. It is taken for a loop,
    or for a block that runs once where its name says that something is done `with` a thing."""
    for start, end, closing in _calls(edit, _BLOCK_MACRO, edit.body):
        if edit.next_byte(closing) == b"{":
            # Who does something with a lock or a privilege does it once.
            if _ONCE.match(edit.bare, start, end):
                edit.block(ALWAYS, b"if", start, end)
            else:
                edit.block(LOOP, b"while", start, end)


def _statement_macros(edit: Edit) -> None:
    """NAME(...) on a line of its own in a body, without the semicolon that the macro brings along."""
    text = edit.bare
    for start, end, closing in _calls(edit, _STATEMENT_MACRO, edit.body):
        before = previous_code(text, start)
        if (
            before >= 0
            and text[before] in b";{}:)"
            and _REST_OF_LINE.match(text, closing)
            and _STATEMENT_BEGINS.match(edit.next_byte(closing))
        ):
            edit.blank(start, closing)
            edit.record(INVOCATION, start, closing, edit.text(start, end))
