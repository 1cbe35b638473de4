# SPDX-License-Identifier: GPL-2.0-or-later
"""The event overflow-before-widening: a shift is computed in 32 bits, needs more, and is then widened to 64.

C gives the result of a shift the type of its left side, whatever gets the value. The check follows each
expression with shifts from what gets it inwards, with the number of bits that are wanted of each part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from qerrlint.c.cut import Piece
from qerrlint.c.expressions.int_types import INT, IntType
from qerrlint.c.expressions.parser import (
    Binary,
    Call,
    Cast,
    Choice,
    Node,
    Unary,
    UnreadableError,
    parse,
)
from qerrlint.c.expressions.statements import Used, using
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.int_expressions import IntExpressions
from qerrlint.records import record
from qerrlint.source.span import Span

_SHIFT = lazy_re(rb"<<")
_WIDE = 64
_LOW = frozenset("+-*|&^")
_ADDS = frozenset("+-|^")
_TRUTH = frozenset({"&&", "||", "==", "!=", "<", ">", "<=", ">="})


@record(frozen=True, slots=True)
class _Part:
    """A shift whose value is widened.

    plain: it is added or stored as it is, and is no mask. `argument`: the text of the argument that it is a
    part of, "" outside of calls.
    """

    shift: Binary
    plain: bool
    argument: str = ""


@record(frozen=True, slots=True)
class Widened:
    """A shift that is widened too late: where the whole expression stands, how many bits the shift needs.

    `how`: what is done with the value (Used.how). `sign`: no bit is lost, but that of the sign is set;
    `counted`: by a number that changes. The subject of exemptions.
    """

    span: Span
    bits: int
    sign: bool
    counted: bool
    how: str


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The shifts of one file that are widened too late."""
    for piece in file.asked.matching(_SHIFT):
        unit = file.unit.with_definition(piece)
        function = _Function(unit, piece)
        for used in using(function.code, "<<"):
            worst: dict[Span, Widened] = {}
            for one in function.widened(used):
                if one.span not in worst or one.bits > worst[one.span].bits:
                    worst[one.span] = one
            for _, one in sorted(worst.items()):
                yield _observation(unit, piece, one)


def _observation(unit: TranslationUnit, piece: Piece, one: Widened) -> Observation:
    text = unit.text.on_one_line(one.span)
    return Observation(
        event="overflow-before-widening",
        function=piece.name,
        primary=one.span,
        key=text,
        slots={"expression": text, "bits": str(one.bits), "form": "sign" if one.sign else "lost"},
        # The bits of a word of 32 bits are often collected in a wider variable, which nobody reads as such.
        certainty="low" if one.sign and one.counted else "high",
        subject=one,
    )


class _Function:
    """One function: its text and the types of its expressions."""

    def __init__(self, unit: TranslationUnit, piece: Piece) -> None:
        self._path = unit.path
        self._body = piece.body
        self._ints = IntExpressions(unit, piece)
        self.code = self._ints.code

    def widened(self, used: Used) -> Iterator[Widened]:
        """The shifts of an expression that need more than the 32 bits in which they are computed."""
        try:
            whole = parse(used.text)
            # Most shifts are small: the types of variables, which cost most, are not asked for then.
            if not any(map(self._may_overflow, _shifts_in(whole))):
                return
            parts = tuple(self._parts(whole, self._target(used), _WIDE, used.sign != "&="))
        except UnreadableError:
            return
        for part in parts:
            bits = self._bits(part.shift, used.start)
            type_ = self._ints.type_of(part.shift)
            if bits is None or type_ is None:
                continue
            sign = bits == INT.bits
            # A mask may be meant to have its sign; the number that it masks has mostly 32 bits.
            plain = type_.signed and part.plain and (used.how != "tested" or part.argument)
            if bits > INT.bits or (sign and plain):
                counted = self._ints.number(part.shift.right) is None
                how = "passed" if part.argument else used.how
                yield Widened(self._span(used, part.argument), bits, sign, counted, how)

    def _span(self, used: Used, argument: str) -> Span:
        text = self.code[used.start : used.end]
        inside = text.find(argument) if argument else -1
        if inside >= 0:
            start, end = used.start + inside, used.start + inside + len(argument)
        else:
            start, end = used.end - len(text.lstrip()), used.start + len(text.rstrip())
        return Span(self._path, self._body + start, self._body + end)

    def _target(self, used: Used) -> IntType | None:
        """The type of what gets the value of an expression; raises UnreadableError."""
        if used.how == "returned":
            return self._ints.result()
        if used.declared:
            return self._ints.declared(used.declared)
        return self._ints.type_of(parse(used.target)) if used.target else None

    def _may_overflow(self, shift: Binary) -> bool:
        """Whether a shift may need all bits of an int: False only where _bits() tells fewer or none."""
        amount, value = self._ints.bound(shift.right), self._ints.bound(shift.left)
        return value > 0 and value.bit_length() + amount >= INT.bits

    def _bits(self, shift: Binary, at: int) -> int | None:
        """How many bits a shift needs for the greatest number that the code shows; None for none."""
        amount, value = self._ints.greatest(shift.right, at), self._ints.greatest(shift.left, at)
        if amount is None or value is None or value <= 0 or not 0 <= amount < _WIDE:
            return None
        return value.bit_length() + amount

    def _parts(self, node: Node, to: IntType | None, wanted: int, plain: bool) -> Iterator[_Part]:
        """The shifts of an expression that are computed in 32 bits and then widened.

        `to`: the type to which the value is converted, `wanted`: how many of its bits are; plain: see _Part.
        """
        type_ = self._ints.type_of(node)
        wanted = min(wanted, to.bits) if to is not None else wanted
        late = type_ is not None and type_.bits == INT.bits and to is not None and to.bits == _WIDE
        if late and not isinstance(node, Call) and not (isinstance(node, Binary) and node.sign in _TRUTH):
            if wanted > INT.bits:
                yield from self._shifts(node, plain)
        elif isinstance(node, Binary):
            yield from self._of_sides(node, type_, wanted, plain)
        elif isinstance(node, Unary):
            kept = wanted if node.sign != "!" else _WIDE
            yield from self._parts(node.operand, to, kept, plain and node.sign == "+")
        elif isinstance(node, Choice):
            for arm in (node.yes, node.no):
                yield from self._parts(arm, to, wanted, plain)
        elif isinstance(node, Cast) and node.type is not None:
            yield from self._parts(node.operand, node.type, wanted, plain)
        elif isinstance(node, Call):
            yield from self._of_arguments(node)

    def _of_sides(self, node: Binary, type_: IntType | None, wanted: int, plain: bool) -> Iterator[_Part]:
        sides = (node.left, node.right)
        if node.sign in ("&&", "||"):
            for side in sides:
                yield from self._parts(side, None, _WIDE, False)
        elif node.sign in ("<<", ">>"):
            yield from self._parts(node.left, type_, wanted if node.sign == "<<" else _WIDE, plain)
        else:
            common = self._ints.type_of(Binary("+", *sides)) if node.sign in _TRUTH else type_
            for side, other in (sides, sides[::-1]):
                number = self._ints.number(other) if node.sign == "&" else None
                masked = number.bit_length() if number is not None and number >= 0 else _WIDE
                kept = min(wanted, masked) if node.sign in _LOW else _WIDE
                yield from self._parts(side, common, kept, plain and node.sign in _ADDS)

    def _of_arguments(self, call: Call) -> Iterator[_Part]:
        for index, text in enumerate(call.arguments):
            to = self._ints.parameter(call.name, index) if "<<" in text else None
            try:
                inner = self._parts(parse(text), to, _WIDE, True) if to is not None else ()
                yield from (replace(part, argument=part.argument or text) for part in inner)
            except UnreadableError:
                continue

    def _shifts(self, node: Node, plain: bool) -> Iterator[_Part]:
        """The shifts that the value of an expression of 32 bits consists of."""
        if isinstance(node, Binary) and node.sign == "<<":
            yield _Part(node, plain)
            yield from self._shifts(node.left, plain)
        elif isinstance(node, Binary) and node.sign in _LOW and not self._fits(node):
            left, right = (
                list(self._shifts(side, plain and node.sign in _ADDS)) for side in (node.left, node.right)
            )
            # Of a number of 32 bits a mask takes no bits that it has not.
            yield from (*left, *right) if node.sign != "&" or (left and right) else ()
        elif isinstance(node, Unary) and node.sign in "~-+":
            yield from self._shifts(node.operand, plain and node.sign == "+")
        elif isinstance(node, Choice):
            for arm in (node.yes, node.no):
                yield from self._shifts(arm, plain)

    def _fits(self, node: Binary) -> bool:
        """Whether a mask leaves fewer bits than an int has."""
        known = self._ints.greatest(node, 0) if node.sign == "&" else None
        return known is not None and known.bit_length() < INT.bits


def _shifts_in(node: Node) -> Iterator[Binary]:
    """All shifts to the left in an expression, and in the arguments of its calls."""
    if isinstance(node, Binary):
        if node.sign == "<<":
            yield node
        yield from _shifts_in(node.left)
        yield from _shifts_in(node.right)
    elif isinstance(node, Unary | Cast):
        yield from _shifts_in(node.operand)
    elif isinstance(node, Choice):
        for part in (node.condition, node.yes, node.no):
            yield from _shifts_in(part) if part is not None else ()
    elif isinstance(node, Call):
        for text in node.arguments:
            if "<<" in text:
                with suppress(UnreadableError):
                    yield from _shifts_in(parse(text))


OVERFLOW_BEFORE_WIDENING = event("overflow-before-widening", "expression", "bits", form="lost sign")
"""expression: the whole of it; bits: how many the shift needs; form: what happens to the wider number."""

CHECKS = (FileCheck("overflow-before-widening", "errors", (OVERFLOW_BEFORE_WIDENING,), run),)
