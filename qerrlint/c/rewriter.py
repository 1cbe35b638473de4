# SPDX-License-Identifier: GPL-2.0-or-later
"""Rewrites of one text at equal length, each recorded; the caller says which macro stands where."""

from __future__ import annotations

import re
from functools import cached_property

from qerrlint.c.lexis import WORD, bare, blanked, last_name, next_code, paren_pairs, previous_code
from qerrlint.c.macros import NORETURN, Macro
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

# Calls with longer argument lists are left alone: a limit keeps nested calls from costing their square.
_LONGEST_CALL = 1 << 13
_LONGEST_NAME = 100
# The argument of a macro that becomes part of an identifier.
_LONGEST_ARGUMENT = 512

_WORD_END = lazy_re(rb"\w*")
_REST_OF_LINE = lazy_re(rb"[ \t\r\v\f]*\n")
_BLANKS = lazy_re(rb"[ \t\r\n]*")
_NAME = lazy_re(rb"[A-Za-z_]\w*")
_TYPE = lazy_re(rb"\s*[A-Za-z_][\w\s]*(?:\*[\s*]*)?\Z")
_AFTER_TYPE = b"* \t\r\n\v\f"
_BRACKETS = lazy_re(rb"[(),]")
_OPERATOR_ARGUMENT = lazy_re(rb",(?=\s*(?:[=!<>]=|[<>])\s*(,))")
_LAST_OPERATOR = lazy_re(rb",\s*(?:[=!<>]=|[<>])\s*\Z")
_NOT_CALLS = frozenset({b"sizeof", b"typeof", b"__typeof__", b"return", b"if", b"while", b"for", b"switch"})
_BEFORE_STATEMENT = b"{};:)"
_NOT_A_STATEMENT = b";,)]}=?:.<>|^/%"


@record(frozen=True, slots=True, order=True)
class Rewrite:
    """One change: the bytes [start, end) held `name`, a macro that means `kind`.

    The span is that of the macro's name; with the argument for g_autoptr(T), g_auto(T) and whatever was
    blanked together with its arguments; the dropped arm of an #if for BRANCH.
    """

    kind: str
    start: int
    end: int
    name: str


@record(frozen=True, slots=True)
class Normal:
    """Normalised bytes, equal to the original in length and lines, and what was changed, sorted."""

    data: bytes
    rewrites: tuple[Rewrite, ...]


class Edit:
    """A text being rewritten: the original, its bare form for searches, and the bytes of the result."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bare = bare(data)
        self._out = bytearray(data)
        self._rewrites: list[Rewrite] = []
        self._skipped = (0, 0)

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
        """The rewritten text and what was changed."""
        data = bytes(self._out)
        assert len(data) == len(self.data)
        return Normal(data, tuple(sorted(self._rewrites)))

    def record(self, kind: str, start: int, end: int, name: str) -> None:
        """Record a change of [start, end)."""
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
        text = self.bare
        line = _REST_OF_LINE.match(text, at)
        if line is not None:
            at = line.end()
            # Many names before the same run of blank lines and directives: it is read once.
            start, end = self._skipped
            if not (start <= at < end and text[at] in b"# \t\r\n"):
                end = next_code(text, at)
                self._skipped = (at, end)
            at = end
        else:
            at = next_code(text, at)
        return text[at : at + 1]

    def apply(self, macro: Macro, start: int, end: int) -> None:
        """Rewrite the occurrence of `macro` at [start, end) as its action demands."""
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
        behind = _WORD_END.match(text, end, end + _LONGEST_NAME)
        start = start - len(_word_before(text, start))
        end = behind.end() if behind else end
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
        last = end
        if action in {"pointer-type", "value-type"}:
            name = self.bare[opening + 1 : closing - 1].strip()
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
            if closing - end > _LONGEST_ARGUMENT or b"\n" in self.data[end:closing]:
                return
            words = b"_" + b"_".join(re.findall(rb"\w+", self.bare[opening + 1 : closing - 1]))
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
            operator = _LAST_OPERATOR.search(self.bare, opening + 1, closing - 1)
            if not operator:
                return
            self.blank(operator.start(), closing - 1)
        self.record(macro.kind, start, last, self.text(start, last))

    def _after_blanks(self, at: int) -> int:
        match = _BLANKS.match(self.bare, at)
        return match.end() if match else at

    def _argument_end(self, start: int, closing: int) -> int:
        """Offset of the comma or parenthesis that ends the argument which begins at `start`."""
        at = start
        while bracket := _BRACKETS.search(self.bare, at, closing):
            if bracket.group() != b"(":
                return bracket.start()
            at = self.pairs.get(bracket.start(), closing)
        return closing

    def _single_word(self, kind: str, start: int, end: int) -> None:
        """Leaves of a type in an argument the last word, if the type is more than one word."""
        text = self.bare[start:end]
        if not _TYPE.match(text):
            return
        kept = len(text.rstrip(_AFTER_TYPE))
        word = last_name(text[:kept])
        if word and text.strip() != word:
            self.blank(start, start + kept - len(word))
            self.blank(start + kept, end)
            self.record(kind, start, end, self.text(start, end).strip())

    def _plain_argument(self, kind: str, start: int, end: int) -> None:
        """`struct X *` as an argument of a macro call in a body; not a cast, not sizeof, not a parameter."""
        if start < self.body:
            return
        before = previous_code(self.bare, start)
        if before < 0:
            return
        if self.bare[before : before + 1] == b"(":
            word = _name_before(self.bare, before)
            if not word or word in _NOT_CALLS:
                return
        elif self.bare[before : before + 1] != b",":
            return
        self._single_word(kind, start, end)

    def _is_statement(self, start: int, closing: int) -> bool:
        """Whether NAME(...) stands where a statement begins, with another statement after it."""
        follows = self.next_byte(closing)
        if not follows or follows in _NOT_A_STATEMENT:
            return False
        before = previous_code(self.bare, start)
        if before < 0:
            return False
        if self.bare[before] in _BEFORE_STATEMENT:
            return True
        return _name_before(self.bare, before + 1) in {b"else", b"do"}


def _word_before(text: bytes, at: int) -> bytes:
    """The part of a word that ends at `at`."""
    window = text[max(0, at - _LONGEST_NAME) : at]
    return window[len(window.rstrip(WORD)) :]


def _name_before(text: bytes, at: int) -> bytes:
    """The identifier before `at`, blanks between them or not; b"" if there is none."""
    return last_name(text[max(0, at - _LONGEST_NAME) : at].rstrip())
