# SPDX-License-Identifier: GPL-2.0-or-later
"""Rewrites macros that the grammar cannot parse by text of equal length; it knows no parse tree.

Every offset stays true and every line stays where it is. What a rewrite means to the flow graph is
recorded with the place of the macro's name; which macros there are is data (macros.toml).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qerrlint.syntax.lexis import bare, blanked, next_code, paren_end, previous_code
from qerrlint.syntax.macros import (
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


@dataclass(frozen=True, slots=True, order=True)
class Rewrite:
    """One change: the bytes [start, end) held `name`, a macro that means `kind`.

    The span is that of the macro's name; with the argument for g_autoptr(T), g_auto(T) and whatever was
    blanked together with its arguments; the dropped arm of an #if for BRANCH.
    """

    kind: str
    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Normal:
    """Normalised bytes, equal to the original in length and lines, and what was changed, by place."""

    data: bytes
    rewrites: tuple[Rewrite, ...]


_WORD_BEFORE = re.compile(rb"[A-Za-z_]\w*\s*\Z")
_LAST_WORD = re.compile(rb"[A-Za-z_]\w*(?=[^\w]*\Z)")
_TYPE = re.compile(rb"\s*(?:[A-Za-z_]\w*\s*)+[\s*]*\Z")
_OPERATOR_ARGUMENT = re.compile(rb",(?=\s*(?:[=!<>]=|[<>])\s*(,))")
_LAST_OPERATOR = re.compile(rb",\s*(?:[=!<>]=|[<>])\s*\Z")
_INVOCATION = re.compile(rb"(?:\A|\n)(?=([A-Za-z_]\w*)[ \t]*\()")
# A definition whose name a macro makes: NAME(x)(parameters), with a return type before it or without.
_PASTED_HEAD = re.compile(rb"^(?:[A-Za-z_][\w \t*]*[ \t*])??([A-Za-z_]\w*)[ \t]*(?=\((?![*^])[^;{}=\n]*\)[ \t\n]*\()", re.MULTILINE)
_NOT_CALLS = frozenset({b"sizeof", b"typeof", b"__typeof__", b"return", b"if", b"while", b"for", b"switch"})
_BLOCK_MACRO = re.compile(rb"\n[ \t]+(?:\}[ \t]*)?([A-Za-z_]\w*)[ \t]*(?=\()")
_KEYWORDS = frozenset({b"if", b"while", b"for", b"switch", b"sizeof", b"return", b"else", b"do"})
_STATEMENT_MACRO = re.compile(rb"\n[ \t]+([A-Za-z_]\w*)[ \t]*(?=\()")
_STATEMENT_BEGINS = re.compile(rb"[A-Za-z_}]")
_DECLARED = re.compile(rb"[A-Za-z_]\w*\s*\Z")


def normalise(data: bytes) -> Normal:
    """The normalised form of a piece or of a whole file."""
    return _normalise(data, damaged=False)


def _normalise(data: bytes, damaged: bool) -> Normal:
    macros = candidates(data, damaged)
    if not macros and not _INVOCATION.search(data) and not _PASTED_HEAD.search(data):
        return Normal(data, ())
    edit = _Edit(data)
    for macro in macros:
        for match in macro.pattern.finditer(edit.bare):
            edit.apply(macro, *match.span())
    edit.invocations()
    edit.heads()
    return edit.result()


def normalise_damaged(data: bytes, every_branch: bool = False) -> Normal:
    """The second pass for a piece that did not parse: `normalise` after dropping arms of #if.

    Of an #if whose arms are not whole statements the first arm stays (of `#if 0` the last); with
    `every_branch` the same holds for each #if. Unknown block macros are taken for loops.
    """
    from qerrlint.syntax.branches import dropped_arms, stray_directives

    branches = _Edit(data)
    for start, end, name in dropped_arms(branches.bare, every_branch):
        branches.blank(start, end)
        if name is not None:
            branches.record(BRANCH, start, end, name)
    kept = branches.result()
    branches = _Edit(kept.data)
    for start, end in stray_directives(branches.bare):
        branches.blank(start, end)
    known = _normalise(branches.result().data, damaged=True)
    blocks = _Edit(known.data)
    blocks.block_macros()
    looped = blocks.result()
    statements = _Edit(looped.data)
    statements.statement_macros()
    last = statements.result()
    return Normal(last.data, tuple(sorted(kept.rewrites + known.rewrites + looped.rewrites + last.rewrites)))


class _Edit:
    """One text in the making: the original, its bare form for looking, the bytes that come out."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bare = bare(data)
        self.out = bytearray(data)
        self.rewrites: list[Rewrite] = []

    def result(self) -> Normal:
        data = bytes(self.out)
        assert len(data) == len(self.data)
        return Normal(data, tuple(sorted(self.rewrites)))

    def record(self, kind: str, start: int, end: int, name: str) -> None:
        self.rewrites.append(Rewrite(kind, start, end, name))

    def blank(self, start: int, end: int) -> None:
        self.out[start:end] = blanked(self.data[start:end])

    def put(self, start: int, end: int, text: bytes) -> None:
        """`text` at `start`, spaces up to `end`; the lines of the old text stay."""
        self.blank(start, end)
        self.out[start : start + len(text)] = text

    def text(self, start: int, end: int) -> str:
        return self.data[start:end].decode("utf-8", "replace")

    def apply(self, macro: Macro, start: int, end: int) -> None:
        """Does what `macro` says about its occurrence at [start, end)."""
        action = macro.action
        if self.out[start] != self.data[start]:
            return  # inside something that was blanked with its arguments
        if action in {"blank", "rest"}:
            self.blank(start, end)
            self.record(macro.kind, start, end, self.text(start, end))
            return
        if action == "while":
            self.block(macro.kind, b"while", start, end)
            return
        if action == "bit-or":
            self.put(end - 3, end, b" | ")
            self.record(macro.kind, end - 3, end, "...")
            return
        if action == "plain-argument":
            self.plain_argument(macro.kind, start, end)
            return
        if action == "underscore":
            self.out[start] = ord("_")
            self.record(macro.kind, start, end, self.text(start, end))
            return
        opening = end
        while self.bare[opening : opening + 1] in (b" ", b"\t", b"\n"):
            opening += 1
        closing = paren_end(self.bare, opening) if self.bare[opening : opening + 1] == b"(" else -1
        if action == "blank-arguments":
            closing = max(closing, end)
            noreturn = b"noreturn" in self.bare[end:closing]
            self.blank(start, closing)
            self.record(NORETURN if noreturn else macro.kind, start, closing, self.text(start, end))
        elif closing >= 0:
            self.call(macro, start, end, opening, closing)

    def call(self, macro: Macro, start: int, end: int, opening: int, closing: int) -> None:
        """The actions on NAME(...), whose parentheses are at [opening, closing)."""
        action = macro.action
        inside = self.bare[opening + 1 : closing - 1]
        if action == "if":
            self.block(macro.kind, b"if", start, end)
        elif action in {"pointer-type", "value-type"}:
            name = inside.strip()
            if not _LAST_WORD.fullmatch(name):
                return
            star = b" *" if action == "pointer-type" else b""
            self.put(start, closing, name + star)
            self.record(macro.kind, start, closing, self.text(start, closing))
        elif action in {"type-argument", "second-argument"}:
            first = opening + 1
            if action == "second-argument":
                first = self.argument_end(first, closing) + 1
            self.single_word(macro.kind, first, self.argument_end(first, closing))
        elif action == "capital":
            letter = start + len(self.data[start:end]) - len(self.data[start:end].lstrip(b"_"))
            self.out[letter] = self.data[letter] & 0xDF
            self.record(macro.kind, start, end, self.text(start, end))
        elif action == "identifier":
            word = b"_".join(re.findall(rb"\w+", inside))
            if b"\n" not in self.data[end:closing]:
                room = closing - end
                self.out[end:closing] = (b"_" + word)[:room].ljust(room, b"_")
                self.record(macro.kind, start, closing, self.text(start, closing))
        elif action == "skip-first":
            comma = opening + 1 + len(inside) - len(inside.lstrip())
            if self.bare[comma : comma + 1] == b",":
                self.blank(comma, comma + 1)
                self.record(macro.kind, start, end, self.text(start, end))
        elif action == "comparison":
            commas = _OPERATOR_ARGUMENT.search(self.bare, opening, closing)
            if commas:
                self.blank(commas.start(), commas.end())
                self.blank(commas.start(1), commas.end(1))
                self.record(macro.kind, start, end, self.text(start, end))

        elif action == "last-operator":
            operator = _LAST_OPERATOR.search(inside)
            if operator:
                self.blank(opening + 1 + operator.start(), closing - 1)
                self.record(macro.kind, start, end, self.text(start, end))

    def argument_end(self, start: int, closing: int) -> int:
        """Offset of the comma or parenthesis that ends the argument which begins at `start`."""
        depth = 0
        for at in range(start, closing):
            byte = self.bare[at]
            if byte == 0x28:
                depth += 1
            elif byte == 0x29:
                depth -= 1
                if depth < 0:
                    return at
            elif byte == 0x2C and depth == 0:
                return at
        return closing

    def single_word(self, kind: str, start: int, end: int) -> None:
        """Leaves of a type in an argument the last word, if the type is more than one word."""
        text = self.bare[start:end]
        word = _LAST_WORD.search(text)
        if word and _TYPE.match(text) and text.strip() != word.group():
            self.blank(start, start + word.start())
            self.blank(start + word.end(), end)
            self.record(kind, start, end, self.text(start, end).strip())

    def plain_argument(self, kind: str, start: int, end: int) -> None:
        """`struct X *` as an argument of a macro call in a body; not a cast, not sizeof, not a parameter."""
        text = self.bare
        if b"{" not in text[:start]:
            return
        before = previous_code(text, start)
        if text[before : before + 1] == b"(":
            word = _WORD_BEFORE.search(text, max(0, before - 80), before)
            if word is None or word.group().strip() in _NOT_CALLS:
                return
        elif text[before : before + 1] != b",":
            return
        self.single_word(kind, start, end)

    def block(self, kind: str, keyword: bytes, start: int, end: int) -> None:
        """NAME(...) before a statement becomes `keyword` (...)."""
        text = self.bare
        while start > 0 and (text[start - 1 : start].isalnum() or text[start - 1 : start] == b"_"):
            start -= 1
        while text[end : end + 1].isalnum() or text[end : end + 1] == b"_":
            end += 1
        opening = end
        while text[opening : opening + 1] in (b" ", b"\t"):
            opening += 1
        if text[opening : opening + 1] != b"(" or end - start < len(keyword):
            return
        closing = paren_end(text, opening)
        if closing < 0 or not self.is_statement(start, closing):
            return
        self.put(start, end, keyword)
        self.record(kind, start, end, self.text(start, end))
        if not text[opening + 1 : closing - 1].strip():
            # A condition must not be empty: the parenthesis moves into the blanked name.
            self.put(opening - 1, closing, b"(1)")

    def is_statement(self, start: int, closing: int) -> bool:
        """Whether NAME(...) stands where a statement begins, with another statement behind it."""
        text = self.bare
        if text[start - 1 : start] not in (b" ", b"\t", b"{", b"}", b";", b")", b"\n"):
            return False
        follows = text[next_code(text, closing) :][:1]
        if not follows or follows in b";,)]}=?:.<>|^/%":
            return False
        before = previous_code(text, start)
        if before < 0:
            return False
        if text[before : before + 1] in (b"{", b"}", b";", b":", b")"):
            return True
        word = _DECLARED.search(text, max(0, before - 40), before + 1)
        return word is not None and word.group() in {b"else", b"do"}

    def block_macros(self) -> None:
        """Unknown NAME(...) { in a body: the grammar would take it for a nested function."""
        body = self.bare.find(b"{")
        if body < 0:
            return
        for match in _BLOCK_MACRO.finditer(self.bare, body):
            start, end = match.span(1)
            closing = paren_end(self.bare, self.bare.index(b"(", end))
            if match.group(1) in _KEYWORDS or closing < 0 or end - start < len(b"while"):
                continue
            if self.bare[next_code(self.bare, closing) :][:1] == b"{":
                self.block(LOOP, b"while", start, end)

    def statement_macros(self) -> None:
        """NAME(...) on a line of its own in a body, without the semicolon that the macro brings along."""
        body = self.bare.find(b"{")
        if body < 0:
            return
        for match in _STATEMENT_MACRO.finditer(self.bare, body):
            start, end = match.span(1)
            closing = paren_end(self.bare, self.bare.index(b"(", end))
            if match.group(1) in _KEYWORDS or closing < 0:
                continue
            line_end = self.bare.find(b"\n", closing)
            follows = self.bare[next_code(self.bare, closing) :]
            before = previous_code(self.bare, start)
            if (
                line_end >= 0
                and not self.bare[closing:line_end].strip()
                and _STATEMENT_BEGINS.match(follows)
                and self.bare[before : before + 1] in (b";", b"{", b"}", b":", b")")
            ):
                self.blank(start, closing)
                self.record(INVOCATION, start, closing, self.text(start, end))

    def heads(self) -> None:
        """NAME(x)(parameters) { at column 0 becomes NAME_x_(parameters) {, with `void` if no type is there."""
        for match in _PASTED_HEAD.finditer(self.bare):
            start, end = match.span(1)
            opening = self.bare.index(b"(", end)
            closing = paren_end(self.bare, opening)
            parameters = next_code(self.bare, closing) if closing >= 0 else -1
            if self.bare[parameters : parameters + 1] != b"(":
                continue
            behind = paren_end(self.bare, parameters)
            if behind < 0 or self.bare[next_code(self.bare, behind) :][:1] != b"{":
                continue
            words = b"_".join(re.findall(rb"\w+", self.bare[start:closing]))
            previous = previous_code(self.bare, start)
            typed = match.start() != start or (previous >= 0 and self.bare[previous : previous + 1] not in b";})")
            name = words if typed else b"void " + words
            self.put(start, closing, name[: closing - start].ljust(closing - start, b"_"))
            self.record(RENAME, start, closing, self.text(start, closing))

    def invocations(self) -> None:
        """Column-0 macro calls without a semicolon, which the grammar takes for the next declaration's type."""
        text = self.bare
        for match in _INVOCATION.finditer(text):
            start, end = match.span(1)
            closing = paren_end(text, text.index(b"(", end))
            if self.out[start] != self.data[start]:
                continue
            if closing < 0 or text[closing : closing + 1] not in (b"\n", b"", b"\r", b" ", b"\t"):
                continue
            line_end = text.find(b"\n", closing)
            if text[closing : line_end if line_end >= 0 else len(text)].strip():
                continue
            follows = text[next_code(text, closing) :][:1]
            if follows and follows in b"{;,=([:.-+?&|<>*/":
                continue
            before = previous_code(text, start)
            if before >= 0 and text[before : before + 1] not in (b";", b"}", b")", b"{", b" "):
                continue
            self.blank(start, closing)
            self.record(INVOCATION, start, closing, self.text(start, end))
