# SPDX-License-Identifier: GPL-2.0-or-later
"""Integer expressions of C, evaluated from their text; the caller supplies the values of names.

A value is a set of numbers, since a name may stand for several (a local that paths set differently).
Numbers have no width: `~0` is -1, all of whose bits are set.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from itertools import product
from typing import Protocol, TypeAlias

Numbers: TypeAlias = frozenset[int]

_MOST = 32
# Limits for hostile text, since an expression may come from a patch: nobody writes as much by hand.
_LONGEST = 2000
_DEEPEST = 20
# How much of an expression a reason quotes.
_SHOWN = 80
_TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F]+|\d+)[uUlL]*"
    r"|(?P<name>[A-Za-z_$][\w$]*)"
    r"|(?P<sign>->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!?:()\[\].,<>]))"
)
_TYPE = re.compile(
    r"\((?:(?:const|unsigned|signed|int|long|short|char|bool|size_t|u?int\d+_t|MigMode)\s*)+\)"
)
_SHIFT_LIMIT = 63


class NotUnderstoodError(Exception):
    """The value cannot be determined; the text says why, as the end of a sentence."""


def _quotient(a: int, b: int) -> int:
    """The quotient as C rounds it, towards zero."""
    if not b:
        raise NotUnderstoodError("it divides by zero")
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_BINARY: tuple[dict[str, Callable[[int, int], int]], ...] = (
    {"||": lambda a, b: int(bool(a or b))},
    {"&&": lambda a, b: int(bool(a and b))},
    {"|": operator.or_},
    {"^": operator.xor},
    {"&": operator.and_},
    {"==": lambda a, b: int(a == b), "!=": lambda a, b: int(a != b)},
    {
        "<": lambda a, b: int(a < b),
        ">": lambda a, b: int(a > b),
        "<=": lambda a, b: int(a <= b),
        ">=": lambda a, b: int(a >= b),
    },
    {"<<": operator.lshift, ">>": operator.rshift},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": _quotient, "%": lambda a, b: a - b * _quotient(a, b)},
)
_UNARY: dict[str, Callable[[int], int]] = {
    "~": operator.invert,
    "-": operator.neg,
    "+": operator.pos,
    "!": lambda a: int(not a),
}


class Names(Protocol):
    """What the names of an expression stand for; both raise NotUnderstoodError for what they do not know."""

    def value(self, path: str) -> Numbers:
        """The value of a name or of a path such as "s->modes"."""

    def result(self, name: str, args: Sequence[str]) -> Numbers:
        """What a call, or a function-like macro with these argument texts, comes to."""


def evaluate(text: str, names: Names) -> Numbers:
    """The values of the expression `text`; raises NotUnderstoodError."""
    return _Reader(text, names).whole()


class _Reader:
    """Reads one expression by recursive descent."""

    def __init__(self, text: str, names: Names) -> None:
        if len(text) > _LONGEST:
            raise NotUnderstoodError("its expression is too long")
        self._text = _TYPE.sub(" ", text)
        self._names = names
        self._shown = text.strip() if len(text) <= _SHOWN else f"{text.strip()[:_SHOWN]}..."
        self._tokens: list[tuple[str, str, int, int]] = []
        self._depth = 0
        at, end = 0, len(self._text.rstrip())
        while at < end:
            found = _TOKEN.match(self._text, at)
            if found is None:
                raise self._not_plain()
            kind = str(found.lastgroup)
            self._tokens.append((kind, found.group(kind), found.start(kind), found.end()))
            at = found.end()
        self._at = 0

    def _not_plain(self) -> NotUnderstoodError:
        return NotUnderstoodError(f"`{self._shown}` is no plain expression")

    def whole(self) -> Numbers:
        value = self._choice()
        if self._at < len(self._tokens):
            raise self._not_plain()
        return value

    def _next(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _take(self, sign: str) -> bool:
        if self._next() == sign:
            self._at += 1
            return True
        return False

    def _want(self, sign: str) -> None:
        if not self._take(sign):
            raise self._not_plain()

    def _choice(self) -> Numbers:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotUnderstoodError("its expression is nested too deeply")
        value = self._chosen()
        self._depth -= 1
        return value

    def _chosen(self) -> Numbers:
        start, depth = self._at, self._depth
        try:
            chosen = self._binary(0)
        except NotUnderstoodError:
            # The condition of `?:` need not be known: the value is then that of either arm.
            self._depth = depth
            if not self._skipped_to_choice(start):
                raise
            chosen = frozenset({0, 1})
        if not self._take("?"):
            return chosen
        yes = self._choice()
        self._want(":")
        no = self._choice()
        if chosen == frozenset({0}):
            return no
        return yes if chosen and 0 not in chosen else yes | no

    def _skipped_to_choice(self, start: int) -> bool:
        """Skip a condition that is not understood; False where no `?` follows."""
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

    def _binary(self, level: int) -> Numbers:
        if level == len(_BINARY):
            return self._unary()
        value = self._binary(level + 1)
        while self._next() in _BINARY[level]:
            work = _BINARY[level][self._next()]
            self._at += 1
            right = self._binary(level + 1)
            if work in (operator.lshift, operator.rshift) and any(n < 0 or n > _SHIFT_LIMIT for n in right):
                raise NotUnderstoodError(f"`{self._shown}` shifts by more than a word")
            value = _bounded(frozenset(work(a, b) for a, b in product(value, right)))
        return value

    def _unary(self) -> Numbers:
        works = []
        while self._next() in _UNARY:
            works.append(_UNARY[self._next()])
            self._at += 1
        value = self._primary()
        for work in reversed(works):
            value = frozenset(map(work, value))
        return value

    def _primary(self) -> Numbers:
        if self._at >= len(self._tokens):
            raise self._not_plain()
        kind, token, _, _ = self._tokens[self._at]
        if self._take("("):
            value = self._choice()
            self._want(")")
            return value
        self._at += 1
        if kind == "number":
            octal = len(token) > 1 and token[0] == "0" and token.isdigit()
            try:
                return frozenset({int(token, 8 if octal else 0)})
            except ValueError:  # 08 is no number in C
                raise self._not_plain() from None
        if kind != "name":
            raise self._not_plain()
        if self._take("("):
            return self._names.result(token, self._arguments())
        path = token
        while self._next() in ("->", ".", "["):
            path += self._member()
        return self._names.value(path)

    def _member(self) -> str:
        start = self._tokens[self._at][2]
        if self._take("["):
            depth = 1
            while depth and self._at < len(self._tokens):
                depth += (self._next() == "[") - (self._next() == "]")
                self._at += 1
        else:
            self._at += 2
        end = self._tokens[min(self._at, len(self._tokens)) - 1][3]
        return self._text[start:end].replace(" ", "")

    def _arguments(self) -> list[str]:
        """The texts of the arguments; the opening parenthesis is behind."""
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
                depth += (token in "([") - (token in ")]")
        raise self._not_plain()


def _bounded(numbers: Numbers) -> Numbers:
    if len(numbers) > _MOST:
        raise NotUnderstoodError("it may have too many values")
    return numbers
