# SPDX-License-Identifier: GPL-2.0-or-later
"""Conventions: which results mean a failure; the one statement of it in the whole program.

QEMU's convention (include/qapi/error.h): a bool function returns false on failure, a pointer-valued function
NULL, an int function a negative value; of a void function only the Error tells.
"""

from __future__ import annotations

from qerrlint.domain.effects import Outcome
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import ANY, NEG, NONZERO, POS, ZERO

# What a result of unclear sign means by the convention, with and without an Error.
SUCCESS = {"int": ZERO | POS, "bool": NONZERO, "pointer": POS}
FAILURE = {"int": NEG, "bool": ZERO, "pointer": ZERO}

ERRNO_ARGUMENT = {"strerror": 0, "g_strerror": 0, "error_setg_errno": 1, "error_setg_file_open": 1}
"""The calls that take an error number, with the position of that argument, counted from 0."""


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
# What adds to the text of an Error sets none.
_ADDING = (Outcome(ANY, False),)
# Of an unsigned or unknown result nobody can say which values mean failure.
_UNCLEAR = (Outcome(ANY, None),)


# Who breaks the convention, by the words of the table in rules/contracts/facts.toml.
_EXCEPTIONS = {
    "true": (Outcome(ZERO, False), Outcome(NEG | POS, True)),
    "error-only": (Outcome(ANY, False), Outcome(ANY, True)),
    "negative": (Outcome(ZERO | POS, False), Outcome(NEG, True)),
    "not-zero": (Outcome(ZERO, False), Outcome(NONZERO, None), Outcome(NONZERO, True)),
}


def by_convention(kind: str, name: str = "", exception: str | None = None) -> tuple[Outcome, ...]:
    """The outcomes that QEMU's convention gives a result of this kind (include/qapi/error.h: a
    pointer-valued function returns NULL, a bool one false, an int one a negative value on failure).

    `exception` is the table's word for a function that breaks it; a bool function whose `name` asks a
    question may be meant either way, and a void one that adds a hint sets nothing.
    """
    if exception == "error-only" and kind == "pointer":
        return (Outcome(POS, False), Outcome(ZERO, False), Outcome(ZERO, True))
    if exception is not None:
        return _EXCEPTIONS[exception]
    if kind == "bool" and word_list("bool-questions").matches(name):
        # Whether true is the failure only the body tells; what is valid has not failed.
        return _FAILING[kind] if word_list("bool-assurances").matches(name) else _UNCLEAR
    if kind == "void" and word_list("adding-to-errors").matches(name):
        return _ADDING
    return _FAILING.get(kind, _UNCLEAR)
