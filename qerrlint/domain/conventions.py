# SPDX-License-Identifier: GPL-2.0-or-later
"""Conventions: which results mean a failure; the one statement of it in the whole program.

QEMU's convention (include/qapi/error.h): a bool function returns false on failure, a pointer-valued function
NULL, an int function a negative value; of a void function only the Error tells.
"""

from __future__ import annotations

import re

from qerrlint.domain.effects import Outcome
from qerrlint.ir.code import ANY, NEG, NONZERO, POS, ZERO

# What a result of unclear sign means by the convention, with and without an Error.
SUCCESS = {"int": ZERO | POS, "bool": NONZERO, "pointer": POS}
FAILURE = {"int": NEG, "bool": ZERO, "pointer": ZERO}


def fails_by(kind: str, signs: int) -> bool:
    """Whether a result with these signs is certainly a failure by the convention of its kind."""
    if kind == "int":
        return signs == NEG
    return kind in ("bool", "pointer") and signs == ZERO


def succeeds_by(kind: str, signs: int) -> bool:
    """Whether a result with these signs is certainly a success by the convention of its kind."""
    if kind == "int":
        return signs == ZERO
    return kind in ("bool", "pointer") and signs == POS


_FAILING = {
    "bool": (Outcome(POS, False), Outcome(ZERO, True)),
    "pointer": (Outcome(POS, False), Outcome(ZERO, True)),
    "int": (Outcome(ZERO | POS, False), Outcome(NEG, True)),
    "void": (Outcome(ANY, False), Outcome(ANY, True)),
}
# Of an unsigned or unknown result nobody can say which values mean failure.
_UNCLEAR = (Outcome(ANY, None),)


# Who breaks the convention, by the words of the table in rules/contracts/facts.toml.
_EXCEPTIONS = {
    "true": (Outcome(ZERO, False), Outcome(NEG | POS, True)),
    "error-only": (Outcome(ANY, False), Outcome(ANY, True)),
    "negative": (Outcome(ZERO | POS, False), Outcome(NEG, True)),
}
# "Is it blocked?", "did it fail?": whether true is the failure only the body tells.
_QUESTION = re.compile(r"(?:^|_)(?:is|has|was|should|blocked|unsafe|error|busy)(?:_|$)")
# ... but not of these: what is valid has not failed.
_GOOD = re.compile(r"(?:^|_)(?:valid|ok|usable|supported|allowed|compatible|ready|possible)(?:_|$)")


def by_convention(kind: str, name: str = "", exception: str | None = None) -> tuple[Outcome, ...]:
    """The outcomes that QEMU's convention gives a result of this kind (include/qapi/error.h: a
    pointer-valued function returns NULL, a bool one false, an int one a negative value on failure).

    `exception` is the table's word for a function that breaks it; a bool function whose `name` asks a
    question may be meant either way.
    """
    if exception == "error-only" and kind == "pointer":
        return (Outcome(POS, False), Outcome(ZERO, False), Outcome(ZERO, True))
    if exception is not None:
        return _EXCEPTIONS[exception]
    if kind == "bool" and _QUESTION.search(name) and not _GOOD.search(name):
        return _UNCLEAR
    return _FAILING.get(kind, _UNCLEAR)
