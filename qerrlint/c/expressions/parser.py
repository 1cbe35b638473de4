# SPDX-License-Identifier: GPL-2.0-or-later
"""Integer expressions of C as trees, read from their text.

`arithmetic` evaluates them to sets of numbers without a width, `typed` to values of C's types for many inputs
at once.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from qerrlint.c.expressions.int_types import INT, TYPE_WORDS, IntType, int_type, literal_type
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

# Limits for hostile text, since an expression may come from a patch: no real code is as long.
_LONGEST = 2000
_DEEPEST = 40
# How much of an expression a reason quotes.
_SHOWN = 80


@record(frozen=True, slots=True)
class Constant:
    """A constant, a character among them."""

    value: int
    type: IntType


@record(frozen=True, slots=True)
class Path:
    """A name, a member or element ("s->regs[i].mode"), what `*` or `&` makes of one, or a string; without
    blanks."""

    text: str


@record(frozen=True, slots=True)
class Call:
    """A call, or the invocation of a function-like macro, with the texts of its arguments."""

    name: str
    arguments: tuple[str, ...]


@record(frozen=True, slots=True)
class Cast:
    """A cast to an integer type; `type` is None where the name tells none (an enum)."""

    type: IntType | None
    operand: Node


@record(frozen=True, slots=True)
class Unary:
    """`~`, `-`, `+` or `!`."""

    sign: str
    operand: Node


@record(frozen=True, slots=True)
class Binary:
    """An operator with two sides, `&&` and `||` among them."""

    sign: str
    left: Node
    right: Node


@record(frozen=True, slots=True)
class Choice:
    """`condition ? yes : no`; `condition` is None where it is no integer expression that can be read."""

    condition: Node | None
    yes: Node
    no: Node


Node: TypeAlias = "Constant | Path | Call | Cast | Unary | Binary | Choice"


class UnreadableError(Exception):
    """The text is no integer expression that can be read; the message says why, as the end of a sentence."""


_TOKEN = lazy_re(
    r"\s*(?:(?P<number>(?:0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)[uUlL]*)(?![\w.])"
    r"|(?P<name>[A-Za-z_$][\w$]*)"
    r"|(?P<char>'[^'\\]')"
    r"|(?P<string>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<sign>->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!?:()\[\].,<>]))"
)
# What may follow a whole expression, "" at the end of the text.
_BEHIND = ("?", ":", ")", "")
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The expression as a tree; raises UnreadableError for text that is none."""
    return _Parser(text).whole()


def paths(node: Node) -> frozenset[str]:
    """The names and paths that an expression reads, those in the arguments of calls as well."""
    if isinstance(node, Path):
        return frozenset((node.text,))
    if isinstance(node, Call):
        return frozenset().union(*map(_paths_in, node.arguments))
    if isinstance(node, (Cast, Unary)):
        return paths(node.operand)
    if isinstance(node, Binary):
        return paths(node.left) | paths(node.right)
    if isinstance(node, Choice):
        arms = paths(node.yes) | paths(node.no)
        return arms if node.condition is None else arms | paths(node.condition)
    return frozenset()


def _paths_in(text: str) -> frozenset[str]:
    try:
        return paths(parse(text))
    except UnreadableError:
        return frozenset(re.findall(r"[A-Za-z_]\w*", text))


class _Parser:
    """Reads one expression by recursive descent."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise UnreadableError("its expression is too long")
        self._text = text
        self._tokens: list[tuple[str, str, int, int]] = []
        self._depth = 0
        self._at = 0
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._not_plain()
            kind = str(found.lastgroup)
            self._tokens.append((kind, found.group(kind), found.start(kind), found.end()))
            at = found.end()

    def whole(self) -> Node:
        node = self._choice()
        if self._at < len(self._tokens):
            raise self._not_plain()
        return node

    def _not_plain(self) -> UnreadableError:
        text = self._text.strip()
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        return UnreadableError(f"`{shown}` is no plain expression")

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _take(self, sign: str) -> bool:
        if self._peek() == sign:
            self._at += 1
            return True
        return False

    def _want(self, sign: str) -> None:
        if not self._take(sign):
            raise self._not_plain()

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UnreadableError("its expression is nested too deeply")

    def _choice(self) -> Node:
        self._deeper()
        start, depth = self._at, self._depth
        condition: Node | None
        try:
            condition = self._binary(0)
            if self._peek() not in _BEHIND:
                raise self._not_plain()
        except UnreadableError:
            # The condition need not be readable: the value is then that of either arm.
            self._depth = depth
            if not self._skipped_to_choice(start):
                raise
            condition = None
        if self._take("?"):
            yes = self._choice()
            self._want(":")
            node: Node = Choice(condition, yes, self._choice())
        else:
            assert condition is not None
            node = condition
        self._depth -= 1
        return node

    def _skipped_to_choice(self, start: int) -> bool:
        """Skip a condition that cannot be read; False where no `?` follows."""
        depth = 0
        for at in range(start, len(self._tokens)):
            token = self._tokens[at][1]
            depth += (token in "([") - (token in ")]")
            if depth < 0:
                return False
            if token == "?" and depth == 0:
                self._at = at
                return True
        return False

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._binary(level + 1)
        while self._peek() in _LEVELS[level]:
            sign = self._peek()
            self._at += 1
            node = Binary(sign, node, self._binary(level + 1))
        return node

    def _unary(self) -> Node:
        self._deeper()
        sign = self._peek()
        node: Node
        if sign in ("~", "-", "+", "!"):
            self._at += 1
            node = Unary(sign, self._unary())
        elif sign in ("*", "&"):
            start = self._tokens[self._at][2]
            self._at += 1
            self._unary()
            node = Path(self._written(start))
        elif (words := self._cast()) is not None:
            node = Cast(int_type(words), self._unary())
        else:
            node = self._primary()
        self._depth -= 1
        return node

    def _cast(self) -> str | None:
        """The words of the type of the cast that begins here; the parser has then read it."""
        at, words = 1, []
        if self._peek() != "(":
            return None
        while self._peek(at) in TYPE_WORDS:
            words.append(self._peek(at))
            at += 1
        if not words and self._is_name(at) and self._is_operand(at + 2):
            words.append(self._peek(at))
            at += 1
        if not words or self._peek(at) != ")":
            return None
        self._at += at + 1
        return " ".join(words)

    def _is_name(self, ahead: int) -> bool:
        at = self._at + ahead
        return at < len(self._tokens) and self._tokens[at][0] == "name"

    def _is_operand(self, ahead: int) -> bool:
        """Whether a name or a number is there: what follows a name in parentheses is then cast to it."""
        at = self._at + ahead
        return at < len(self._tokens) and self._tokens[at][0] in ("name", "number")

    def _primary(self) -> Node:
        if self._at >= len(self._tokens):
            raise self._not_plain()
        kind, token, start, _ = self._tokens[self._at]
        self._at += 1
        if token == "(":
            node = self._choice()
            self._want(")")
            return self._postfix(node, start)
        if kind == "number":
            return self._number(token)
        if kind == "char":
            return Constant(ord(token[1]), INT)
        if kind == "string":
            return Path(token)
        if kind != "name":
            raise self._not_plain()
        if self._take("("):
            return self._postfix(Call(token, tuple(self._arguments())), start)
        return self._postfix(Path(token), start)

    def _number(self, token: str) -> Constant:
        digits = token.rstrip("uUlL")
        octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
        try:
            value = int(digits, 8 if octal else 0)
        except ValueError:  # 08 is no number in C, and Python limits the length
            raise self._not_plain() from None
        return Constant(value, literal_type(value, digits, token[len(digits) :].lower()))

    def _postfix(self, node: Node, start: int) -> Node:
        """`node`, or the path of the member or element of it that follows."""
        behind = self._at
        while self._peek() in ("->", ".", "["):
            if self._take("["):
                depth = 1
                while depth and self._at < len(self._tokens):
                    depth += (self._peek() == "[") - (self._peek() == "]")
                    self._at += 1
            else:
                self._at += 2
        return Path(self._written(start)) if self._at > behind else node

    def _written(self, start: int) -> str:
        end = self._tokens[min(self._at, len(self._tokens)) - 1][3]
        return "".join(self._text[start:end].split())

    def _arguments(self) -> list[str]:
        """The texts of the arguments; the opening parenthesis has been read."""
        out: list[str] = []
        depth, start = 0, self._tokens[self._at - 1][3]
        while self._at < len(self._tokens):
            _, token, at, end = self._tokens[self._at]
            self._at += 1
            if depth == 0 and token in (",", ")"):
                out.append(self._text[start:at].strip())
                start = end
                if token == ")":
                    return [] if out == [""] else out
            else:
                depth += (token in ("(", "[")) - (token in (")", "]"))
        raise self._not_plain()
