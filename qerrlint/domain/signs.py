# SPDX-License-Identifier: GPL-2.0-or-later
"""The sign domain: which of negative, zero and positive a value may be, as bits; a powerset lattice.

The order is inclusion: fewer signs say more. No sign at all (0) is a contradiction, ANY says nothing. A
pointer is ZERO or POS, false is ZERO, true is POS.
"""

from __future__ import annotations

from functools import cache

from qerrlint.ir.code import ANY, NEG, NONZERO, POS, ZERO

_NEGATED = {NEG: POS, POS: NEG, ZERO: ZERO}
_SINGLE = (NEG, ZERO, POS)


def leq(one: int, other: int) -> bool:
    """Whether every sign of `one` is one of `other`."""
    return one | other == other


def negated(signs: int) -> int:
    """The signs of `-value`."""
    return (signs & ZERO) | (NEG if signs & POS else 0) | (POS if signs & NEG else 0)


def inverted(signs: int) -> int:
    """The signs of `!value`."""
    return (POS if signs & ZERO else 0) | (ZERO if signs & NONZERO else 0)


@cache
def combined(operator: str, left: int, right: int) -> int:
    """The signs of `left operator right` for `|`, `&`, `+` and `-`; an over-approximation."""
    out = 0
    for a in _SINGLE:
        for b in _SINGLE:
            if left & a and right & b:
                out |= _of_pair(operator, a, b)
    return out


def _of_pair(operator: str, a: int, b: int) -> int:
    """The signs of the operator's result for one sign on each side."""
    if operator == "|":
        return NEG if NEG in (a, b) else (a | b) & ~ZERO or ZERO
    if operator == "&":
        return ZERO if ZERO in (a, b) else ANY
    if operator == "-":
        b = _NEGATED[b]
    if b == ZERO:
        return a
    return b if a in (ZERO, b) else ANY
