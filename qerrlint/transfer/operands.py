# SPDX-License-Identifier: GPL-2.0-or-later
"""Operands: the values of a function's events, prepared once so that a state can be asked for their signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from qerrlint.domain.signs import combined, inverted, negated
from qerrlint.domain.state import ANYTHING, NOT_NULL, Fact, State, fact
from qerrlint.domain.terms import Term, Terms
from qerrlint.ir.code import Addr, Const, Op, Result, Str, Value, Var


class Operand(Protocol):
    """A value that can be evaluated in a state; `reads` is the mask of the terms that decide it."""

    @property
    def reads(self) -> int:
        """The mask."""

    def evaluate(self, state: State) -> Fact:
        """What the state knows of the value."""


@dataclass(slots=True)
class Known:
    """A constant, an address or a string: its signs do not depend on the state."""

    known: Fact
    reads: int = 0

    def evaluate(self, state: State) -> Fact:
        """The signs."""
        return self.known


class Variable:
    """The content of a place, the result of a call, or an expression that is known by its text alone."""

    __slots__ = ("index", "reads", "term")

    def __init__(self, term: Term) -> None:
        self.term = term
        self.index = term.index
        self.reads = term.asks

    def evaluate(self, state: State) -> Fact:
        """What is known of the term."""
        return state.value(self.index)


@dataclass(slots=True)
class Unary:
    """`!` or `-` of an operand."""

    operator: str
    inner: Operand
    reads: int

    def evaluate(self, state: State) -> Fact:
        """The operator's signs, from the same call as the operand's."""
        known = self.inner.evaluate(state)
        turned = inverted(known.signs) if self.operator == "!" else negated(known.signs)
        return fact(turned, known.origin, channel=known.channel)


@dataclass(slots=True)
class Binary:
    """`|`, `&`, `+` or `-` of two operands."""

    operator: str
    left: Operand
    right: Operand
    reads: int

    def evaluate(self, state: State) -> Fact:
        """The operator's signs; of two calls the later one is the origin."""
        left, right = self.left.evaluate(state), self.right.evaluate(state)
        later = left if left.origin >= right.origin else right
        signs = combined(self.operator, left.signs, right.signs)
        return fact(signs, later.origin, channel=later.channel)


UNKNOWN = Known(ANYTHING)
_NOT_NULL = Known(NOT_NULL)
_CONSTANTS = {signs: Known(fact(signs)) for signs in range(8)}


def operand(value: Value | None, terms: Terms) -> Operand:
    """The operand of an IR value."""
    if isinstance(value, Var):
        return Variable(terms.of(value.path))
    if isinstance(value, Result):
        return Variable(terms.result(value.call))
    if value is None:
        return UNKNOWN
    if isinstance(value, Const):
        return _CONSTANTS[value.signs]
    if isinstance(value, (Addr, Str)):
        return _NOT_NULL
    if isinstance(value, Op):
        left = operand(value.left, terms)
        if value.right is None:
            return Unary(value.op, left, left.reads)
        right = operand(value.right, terms)
        return Binary(value.op, left, right, left.reads | right.reads)
    return Variable(terms.of(value.text))
