# SPDX-License-Identifier: GPL-2.0-or-later
"""Integer expressions with the types of C, evaluated for many inputs at once.

Values are columns: one number for each sample of the inputs, None where the number is not known. Operands are
converted, and results wrap, as in C on a 64-bit host.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from qerrlint.c.expressions.int_types import INT, IntType
from qerrlint.c.expressions.parser import Binary, Call, Cast, Constant, Node, Path, Unary
from qerrlint.records import record

Number: TypeAlias = "int | None"


@record(frozen=True, slots=True)
class Column:
    """The value of an expression for each sample (`numbers`; None: not known), or for all of them (an int).

    `numbers` None: nothing is known for any sample.
    """

    numbers: int | tuple[Number, ...] | None
    type: IntType = INT

    def at(self, index: int) -> Number:
        """The value for one sample."""
        return self.numbers[index] if isinstance(self.numbers, tuple) else self.numbers

    def cast(self, to: IntType) -> Column:
        """The values converted to another type."""
        if to.bits == 1:
            return _mapped(bool, self, to)
        return _wrapped(self, to) if to != self.type else self


UNKNOWN = Column(None)


class Scope(Protocol):
    """What the names of an expression stand for."""

    def value(self, path: str) -> Column:
        """The value of a name or a path such as "s->regs"; UNKNOWN where it is not known."""

    def result(self, name: str, args: Sequence[str]) -> Column:
        """What a call, or a function-like macro with these argument texts, comes to."""


_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_COMPUTED: dict[str, Callable[[int, int], int]] = {
    "|": operator.or_,
    "^": operator.xor,
    "&": operator.and_,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def evaluate(node: Node, scope: Scope) -> Column:
    """The values of an expression, in the names of `scope`."""
    if isinstance(node, Path):
        return scope.value(node.text)
    if isinstance(node, Constant):
        return Column(node.value, node.type)
    if isinstance(node, Binary):
        return binary(node.sign, evaluate(node.left, scope), evaluate(node.right, scope))
    if isinstance(node, Unary):
        return _unary(node.sign, evaluate(node.operand, scope))
    if isinstance(node, Call):
        return scope.result(node.name, node.arguments)
    if isinstance(node, Cast):
        return evaluate(node.operand, scope).cast(node.type) if node.type is not None else UNKNOWN
    condition = evaluate(node.condition, scope) if node.condition is not None else UNKNOWN
    return _chosen(condition, evaluate(node.yes, scope), evaluate(node.no, scope))


def _unary(sign: str, value: Column) -> Column:
    if sign == "!":
        return _mapped(lambda number: int(not number), value, INT)
    value = _promoted(value)
    if sign == "+":
        return value
    wrap = value.type.wrap
    if sign == "-":
        return _mapped(lambda number: wrap(-number), value, value.type)
    return _mapped(lambda number: wrap(~number), value, value.type)


def _promoted(value: Column) -> Column:
    return Column(value.numbers, INT) if value.type.bits < INT.bits else value


def binary(sign: str, left: Column, right: Column) -> Column:
    """The values of `left sign right`."""
    if sign in ("&&", "||"):
        return _logical(sign, left, right)
    left, right = _promoted(left), _promoted(right)
    if sign in ("<<", ">>"):
        return _shifted(sign, left, right)
    bits = max(left.type.bits, right.type.bits)
    unsigned = any(not side.type.signed and side.type.bits == bits for side in (left, right))
    common = IntType(bits, not unsigned)
    left, right = left.cast(common), right.cast(common)
    compared = _COMPARED.get(sign)
    if compared is not None:
        return _mapped(int, _zipped(compared, left, right, INT), INT)
    if sign in ("/", "%"):
        return _zipped(_divided(sign), left, right, common)
    if sign == "&":
        return _masked(left, right, common)
    if sign == "*" and 0 in (left.numbers, right.numbers):
        return Column(0, common)
    result = _zipped(_COMPUTED[sign], left, right, common)
    return result if sign in ("|", "^") else _wrapped(result, common)


def _masked(left: Column, right: Column, common: IntType) -> Column:
    """`left & right`: 0 where one side is known to be 0, whatever the other is."""
    if left.numbers == 0 or right.numbers == 0:
        return Column(0, common)
    return _zipped(operator.and_, left, right, common)


def _divided(sign: str) -> Callable[[int, int], Number]:
    def work(a: int, b: int) -> Number:
        if not b:
            return None
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return quotient if sign == "/" else a - b * quotient

    return work


def _shifted(sign: str, left: Column, right: Column) -> Column:
    bits, wrap = left.type.bits, left.type.wrap

    def work(a: int, b: int) -> Number:
        if not 0 <= b < bits:
            return None
        return wrap(a << b) if sign == "<<" else a >> b

    return _zipped(work, left, right, left.type)


def _logical(sign: str, left: Column, right: Column) -> Column:
    decides = sign == "||"

    def work(a: Number, b: Number) -> Number:
        for side in (a, b):
            if side is not None and bool(side) is decides:
                return int(decides)
        return None if a is None or b is None else int(not decides)

    if not isinstance(left.numbers, tuple) and not isinstance(right.numbers, tuple):
        return Column(work(left.numbers, right.numbers), INT)
    pairs = _pairs(left, right)
    return Column(tuple(work(a, b) for a, b in pairs), INT)


def _chosen(condition: Column, yes: Column, no: Column) -> Column:
    common = yes.type if yes.type.bits >= no.type.bits else no.type
    yes, no = yes.cast(common), no.cast(common)
    if not isinstance(condition.numbers, tuple):
        if condition.numbers is None:
            return Column(None, common)
        return yes if condition.numbers else no
    return Column(
        tuple(
            None if chosen is None else (yes if chosen else no).at(index)
            for index, chosen in enumerate(condition.numbers)
        ),
        common,
    )


def _pairs(left: Column, right: Column) -> list[tuple[Number, Number]]:
    """The two values of each sample."""
    length = next(len(side.numbers) for side in (left, right) if isinstance(side.numbers, tuple))
    return [(left.at(index), right.at(index)) for index in range(length)]


def _mapped(work: Callable[[int], int], value: Column, to: IntType) -> Column:
    numbers = value.numbers
    if numbers is None or isinstance(numbers, int):
        return Column(numbers if numbers is None else int(work(numbers)), to)
    return Column(tuple([None if number is None else int(work(number)) for number in numbers]), to)


def _wrapped(value: Column, to: IntType) -> Column:
    """The numbers as those of another type, all of them in one go."""
    numbers = value.numbers
    if not isinstance(numbers, tuple):
        return Column(numbers if numbers is None else to.wrap(numbers), to)
    mask = (1 << to.bits) - 1
    if not to.signed:
        return Column(tuple([None if number is None else number & mask for number in numbers]), to)
    half = 1 << (to.bits - 1)
    return Column(
        tuple([None if number is None else ((number + half) & mask) - half for number in numbers]), to
    )


def _zipped(work: Callable[[int, int], Number], left: Column, right: Column, to: IntType) -> Column:
    a, b = left.numbers, right.numbers
    if a is None or b is None:
        return Column(None, to)
    if isinstance(a, int) and isinstance(b, int):
        return Column(work(a, b), to)
    if isinstance(b, int):
        assert isinstance(a, tuple)
        return Column(tuple([None if x is None else work(x, b) for x in a]), to)
    if isinstance(a, int):
        return Column(tuple([None if y is None else work(a, y) for y in b]), to)
    return Column(
        tuple([None if x is None or y is None else work(x, y) for x, y in zip(a, b, strict=True)]), to
    )
