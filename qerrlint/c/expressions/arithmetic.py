# SPDX-License-Identifier: GPL-2.0-or-later
"""Integer expressions of C as plain numbers; the caller supplies the values of names.

A value is a set of numbers, since a name may stand for several (a local that paths set differently).
Numbers have no width: `~0` is -1, all of whose bits are set.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import product
from typing import Protocol, TypeAlias

from qerrlint.c.expressions.parser import (
    Binary,
    Call,
    Cast,
    Choice,
    Constant,
    Node,
    Path,
    Unary,
    UnreadableError,
    parse,
)

Numbers: TypeAlias = frozenset[int]

_MOST = 32
_SHIFT_LIMIT = 63


class NotUnderstoodError(Exception):
    """The value cannot be determined; the text says why, as the end of a sentence."""


def _quotient(a: int, b: int) -> int:
    """The quotient as C rounds it, towards zero."""
    if not b:
        raise NotUnderstoodError("it divides by zero")
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_BINARY: dict[str, Callable[[int, int], int]] = {
    "||": lambda a, b: int(bool(a or b)),
    "&&": lambda a, b: int(bool(a and b)),
    "|": operator.or_,
    "^": operator.xor,
    "&": operator.and_,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b),
    "<=": lambda a, b: int(a <= b),
    ">=": lambda a, b: int(a >= b),
    "<<": operator.lshift,
    ">>": operator.rshift,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
    "%": lambda a, b: a - b * _quotient(a, b),
}
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
    try:
        node = parse(text)
    except UnreadableError as error:
        raise NotUnderstoodError(str(error)) from None
    return _value(node, names)


def _value(node: Node, names: Names) -> Numbers:
    if isinstance(node, Constant):
        return frozenset((node.value,))
    if isinstance(node, Path):
        return names.value(node.text)
    if isinstance(node, Call):
        return names.result(node.name, node.arguments)
    if isinstance(node, Cast):
        return _value(node.operand, names)
    if isinstance(node, Unary):
        return frozenset(map(_UNARY[node.sign], _value(node.operand, names)))
    if isinstance(node, Binary):
        return _binary(node.sign, _value(node.left, names), _value(node.right, names))
    return _chosen(node, names)


def _binary(sign: str, left: Numbers, right: Numbers) -> Numbers:
    if sign in ("<<", ">>") and any(n < 0 or n > _SHIFT_LIMIT for n in right):
        raise NotUnderstoodError("it shifts by more than a word")
    work = _BINARY[sign]
    numbers = frozenset(work(a, b) for a, b in product(left, right))
    if len(numbers) > _MOST:
        raise NotUnderstoodError("it may have too many values")
    return numbers


def _chosen(node: Choice, names: Names) -> Numbers:
    """The value of the arm that is chosen, or those of both where the condition is not known."""
    condition = frozenset((0, 1))
    if node.condition is not None:
        # What makes it unknown may stand deep inside of it.
        with suppress(NotUnderstoodError):
            condition = _value(node.condition, names)
    if condition == frozenset((0,)):
        return _value(node.no, names)
    yes = _value(node.yes, names)
    return yes if 0 not in condition else yes | _value(node.no, names)
