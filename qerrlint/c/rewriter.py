# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes a text in place at equal length and records each change; which macros there are it is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from qerrlint.c.lexis import bare, blanked, next_code, paren_pairs, previous_code
from qerrlint.c.macros import NORETURN, Macro

# Calls with longer argument lists are left alone: a limit keeps nested calls from costing their square.
_LONGEST_CALL = 1 << 13
_LONGEST_NAME = 100

_WORD_BEFORE = re.compile(rb"[A-Za-z_]\w*\s*\Z")
_WORD_START = re.compile(rb"\w*\Z")
_WORD_END = re.compile(rb"\w*")
_BLANKS = re.compile(rb"[ \t\r\n]*")
_NAME = re.compile(rb"[A-Za-z_]\w*")
_LAST_WORD = re.compile(rb"[A-Za-z_]\w*(?=\W*\Z)")
_TYPE = re.compile(rb"\s*[A-Za-z_][\w\s]*[\s*]*\Z")
_BRACKETS = re.compile(rb"[(),]")
_OPERATOR_ARGUMENT = re.compile(rb",(?=\s*(?:[=!<>]=|[<>])\s*(,))")
_LAST_OPERATOR = re.compile(rb",\s*(?:[=!<>]=|[<>])\s*\Z")
_NOT_CALLS = frozenset({b"sizeof", b"typeof", b"__typeof__", b"return", b"if", b"while", b"for", b"switch"})
_BEFORE_STATEMENT = b"{};:)"
_NOT_A_STATEMENT = b";,)]}=?:.<>|^/%"


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
    """Normalised bytes, equal to the original in length and lines, and what was changed, sorted."""

    data: bytes
    rewrites: tuple[Rewrite, ...]


class Edit:
    """One text in the making: the original, its bare form for looking, the bytes that come out."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bare = bare(data)
        self._out = bytearray(data)
        self._rewrites: list[Rewrite] = []

    @cached_property
    def pairs(self) -> dict[int, int]:
        """For each closed `(` the offset after its `)`."""
        return paren_pairs(self.bare)

    @cached_property
    def body(self) -> int:
        """Offset of the first brace; the length of the text if there is none."""
        at = self.bare.find(b"{")
        return at if at >= 0 else len(self.bare)

    def result(self) -> Normal:
        """What came out."""
        data = bytes(self._out)
        assert len(data) == len(self.data)
        return Normal(data, tuple(sorted(self._rewrites)))

    def record(self, kind: str, start: int, end: int, name: str) -> None:
        """Notes what was changed at [start, end)."""
        self._rewrites.append(Rewrite(kind, start, end, name))

    def changed(self, at: int) -> bool:
        """Whether the byte at `at` was changed, mostly as part of something that was blanked as a whole."""
        return self._out[at] != self.data[at]

    def blank(self, start: int, end: int) -> None:
        """Spaces over [start, end); line ends stay."""
        self._out[start:end] = blanked(self.data[start:end])

    def put(self, start: int, end: int, text: bytes) -> None:
        """`text` at `start`, spaces up to `end`; only spaces if `text` would cover a line end."""
        self.blank(start, end)
        if b"\n" not in self.data[start : start + len(text)]:
            self._out[start : start + len(text)] = text

    def text(self, start: int, end: int) -> str:
        """The original text of [start, end)."""
        return self.data[start:end].decode("utf-8", "replace")

    def next_byte(self, at: int) -> bytes:
        """The first byte of code from `at` on, b"" at the end."""
        at = next_code(self.bare, at)
        return self.bare[at : at + 1]

    def apply(self, macro: Macro, start: int, end: int) -> None:
        """Does what `macro` says about its occurrence at [start, end)."""
        action = macro.action
        if self.changed(start):
            return
        if action in {"blank", "rest"}:
            self.blank(start, end)
            self.record(macro.kind, start, end, self.text(start, end))
        elif action == "underscore":
            self._out[start] = ord("_")
            self.record(macro.kind, start, end, self.text(start, end))
        elif action == "bit-or":
            self.put(end - 3, end, b" | ")
            self.record(macro.kind, end - 3, end, "...")
        elif action in {"while", "if"}:
            self.block(macro.kind, action.encode("ascii"), start, end)
        elif action == "plain-argument":
            self._plain_argument(macro.kind, start, end)
        else:
            opening = self._after_blanks(end)
            closing = self.pairs.get(opening, -1)
            if action == "blank-arguments":
                closing = max(closing, end)
                kind = NORETURN if b"noreturn" in self.bare[end:closing] else macro.kind
                self.blank(start, closing)
                self.record(kind, start, closing, self.text(start, end))
            elif 0 <= closing - opening < _LONGEST_CALL and closing >= 0:
                self._call(macro, start, end, opening, closing)

    def block(self, kind: str, keyword: bytes, start: int, end: int) -> None:
        """NAME(...) before a statement becomes `keyword` (...); [start, end) may be a part of NAME."""
        text = self.bare
        before = _WORD_START.search(text, max(0, start - _LONGEST_NAME), start)
        behind = _WORD_END.match(text, end, end + _LONGEST_NAME)
        if before is None or behind is None:
            return
        start, end = before.start(), behind.end()
        opening = self._after_blanks(end)
        closing = self.pairs.get(opening, -1)
        if closing < 0 or end - start < len(keyword) or self.changed(start):
            return
        if not self._is_statement(start, closing):
            return
        self.put(start, end, keyword)
        self.record(kind, start, end, self.text(start, end))
        if end - start > len(keyword) and not text[opening + 1 : closing - 1].strip():
            # A condition must not be empty: the parenthesis moves into the blanked name.
            self._out[opening] = ord("1")
            self._out[end - 1] = ord("(")

    def _call(self, macro: Macro, start: int, end: int, opening: int, closing: int) -> None:
        """The actions on NAME(...), whose parentheses are at [opening, closing)."""
        action = macro.action
        inside = self.bare[opening + 1 : closing - 1]
        last = end
        if action in {"pointer-type", "value-type"}:
            name = inside.strip()
            if not _NAME.fullmatch(name):
                return
            self.put(start, closing, name + b" *" if action == "pointer-type" else name)
            last = closing
        elif action in {"type-argument", "second-argument"}:
            first = opening + 1
            if action == "second-argument":
                first = self._argument_end(first, closing) + 1
            self._single_word(macro.kind, first, self._argument_end(first, closing))
            return
        elif action == "capital":
            letter = end - len(self.data[start:end].lstrip(b"_"))
            self._out[letter] = self.data[letter] & 0xDF
        elif action == "identifier":
            if b"\n" in self.data[end:closing]:
                return
            words = b"_" + b"_".join(re.findall(rb"\w+", inside))
            self._out[end:closing] = words[: closing - end].ljust(closing - end, b"_")
            last = closing
        elif action == "skip-first":
            comma = self._after_blanks(opening + 1)
            if self.bare[comma : comma + 1] != b",":
                return
            self.blank(comma, comma + 1)
        elif action == "comparison":
            commas = _OPERATOR_ARGUMENT.search(self.bare, opening, closing)
            if not commas:
                return
            self.blank(*commas.span())
            self.blank(*commas.span(1))
        elif action == "last-operator":
            operator = _LAST_OPERATOR.search(inside)
            if not operator:
                return
            self.blank(opening + 1 + operator.start(), closing - 1)
        self.record(macro.kind, start, last, self.text(start, last))

    def _after_blanks(self, at: int) -> int:
        match = _BLANKS.match(self.bare, at)
        return match.end() if match else at

    def _argument_end(self, start: int, closing: int) -> int:
        """Offset of the comma or parenthesis that ends the argument which begins at `start`."""
        depth = 0
        for match in _BRACKETS.finditer(self.bare, start, closing):
            token = match.group()
            if token == b"(":
                depth += 1
            elif depth == 0:
                return match.start()
            elif token == b")":
                depth -= 1
        return closing

    def _single_word(self, kind: str, start: int, end: int) -> None:
        """Leaves of a type in an argument the last word, if the type is more than one word."""
        text = self.bare[start:end]
        word = _LAST_WORD.search(text)
        if word and _TYPE.match(text) and text.strip() != word.group():
            self.blank(start, start + word.start())
            self.blank(start + word.end(), end)
            self.record(kind, start, end, self.text(start, end).strip())

    def _plain_argument(self, kind: str, start: int, end: int) -> None:
        """`struct X *` as an argument of a macro call in a body; not a cast, not sizeof, not a parameter."""
        if start < self.body:
            return
        before = previous_code(self.bare, start)
        if before < 0:
            return
        if self.bare[before : before + 1] == b"(":
            word = _WORD_BEFORE.search(self.bare, max(0, before - _LONGEST_NAME), before)
            if word is None or word.group().strip() in _NOT_CALLS:
                return
        elif self.bare[before : before + 1] != b",":
            return
        self._single_word(kind, start, end)

    def _is_statement(self, start: int, closing: int) -> bool:
        """Whether NAME(...) stands where a statement begins, with another statement behind it."""
        follows = self.next_byte(closing)
        if not follows or follows in _NOT_A_STATEMENT:
            return False
        before = previous_code(self.bare, start)
        if before < 0:
            return False
        if self.bare[before] in _BEFORE_STATEMENT:
            return True
        word = _WORD_BEFORE.search(self.bare, max(0, before - _LONGEST_NAME), before + 1)
        return word is not None and word.group() in {b"else", b"do"}
