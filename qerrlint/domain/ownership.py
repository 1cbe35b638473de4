# SPDX-License-Identifier: GPL-2.0-or-later
"""Pair: calls that take something and calls that give it back, as data.

A pair's object goes through: prepared, taken (or the attempt failed), given back, discarded. The rule files
list the calls that change its status; the prototypes of the tree at hand decide which of them apply.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from qerrlint.c.declarations.types import Signature
from qerrlint.ir.code import ANY, NEG, NONZERO, POS, ZERO, Addr, Call, Value, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

RESULT = 0
"""The place of an object that a call returns."""
PROCESS = -1
"""The place of what there is once in the whole process, which no argument names: a lock, a stack."""

FAILURES = {
    "never": (ANY, 0),
    "negative": (ZERO | POS, NEG),
    "errno": (ZERO, NEG),
    "nonzero": (ZERO, NONZERO),
    "zero": (NONZERO, ZERO),
    "error": (ANY, 0),
}
"""What a result says of the attempt: by the word of the table, the signs of success and of failure. Of
"error" the Error that the call sets tells it."""

# The arguments of a call up to one that is asked about.
_ARGUMENTS = r"(?=\s*\((?:[^,;]*,){%d}\s*%s)"
_NULL = r"NULL\b"
_TAIL = lazy_re(r"(\w+)$")


@record(frozen=True, slots=True)
class Move:
    """One call that moves an object: its 1-based argument (or RESULT, PROCESS), the type that the tree's
    prototype must have there, or return ("" for any), and how the result tells a failure (a key of
    FAILURES). `null` is the argument that is NULL in a call which releases, and something else in one which
    acquires; 0 for none: a handler is set, and taken away by the same function. `by`: the call that releases
    what this one acquires, of several that the pair has; "" for the first."""

    call: str
    object: int
    type: str = ""
    fails: str = "never"
    null: int = 0
    by: str = ""

    def applies(self, signature: Signature | None) -> bool:
        """Whether the tree's prototype is of the age that this move is about."""
        if not self.type or self.object == PROCESS:
            return True
        if signature is None or len(signature.params) < self.object:
            return False
        if self.object == RESULT:
            return signature.returns == self.type
        return signature.params[self.object - 1].type == self.type

    def moved(self, call: Call) -> Value | None:
        """The object's argument; None where the call has none."""
        if self.object <= RESULT or len(call.args) < self.object:
            return None
        return call.args[self.object - 1]

    @property
    def undoing(self) -> str:
        """The call as a message names it where it releases."""
        return f"{self.call}(.., NULL)" if self.null else f"{self.call}()"


@dataclass(frozen=True)
class Pair:
    """A pair by its name. `keeps`: a failed attempt, and a release, leave what was prepared with the caller.
    `balanced`: what is taken is given back before the function returns, however it does. `local`: it is
    followed, to every return, while nothing but a local variable of the function holds it. `setup`: only
    functions that run in a setup phase, and in no other, are followed. `shown`: it is followed, to every
    return, in functions that release it themselves on another path."""

    name: str
    acquire: tuple[Move, ...]
    release: tuple[Move, ...]
    prepare: tuple[Move, ...] = ()
    discard: tuple[Move, ...] = ()
    keeps: bool = False
    balanced: bool = False
    local: bool = False
    setup: bool = False
    shown: bool = False

    def __hash__(self) -> int:
        # Tables of pairs are keys of caches; names differ.
        return hash(self.name)

    @property
    def roles(self) -> tuple[tuple[str, tuple[Move, ...]], ...]:
        """The moves by what they do."""
        return (
            ("acquire", self.acquire),
            ("release", self.release),
            ("prepare", self.prepare),
            ("discard", self.discard),
        )

    def release_of(self, call: str) -> str:
        """The call that releases what an acquiring call has taken."""
        wanted = next((move.by for move in self.acquire if move.call == call and move.by), "")
        return wanted or self.release[0].call

    @cached_property
    def acquiring(self) -> re.Pattern[bytes]:
        """Finds the calls that take the object."""
        return _words(self.acquire, f"(?!{_NULL})")

    @cached_property
    def releasing(self) -> re.Pattern[bytes]:
        """Finds the names of the calls that give the object back."""
        return _words(self.release, _NULL)

    @cached_property
    def discarding(self) -> re.Pattern[bytes]:
        """Finds the names of the calls that free what was prepared."""
        return _words(self.discard) if self.discard else re.compile(rb"(?!)")


class Pairs(tuple[Pair, ...]):
    """Pairs by which caches are asked with each function: their hash is computed once."""

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return super().__hash__()

    def __reduce__(self) -> tuple[type[Pairs], tuple[tuple[Pair, ...]]]:
        # Another process hashes strings otherwise.
        return Pairs, (tuple(self),)


def _words(moves: tuple[Move, ...], null: str = "") -> re.Pattern[bytes]:
    """Finds the calls by their names. Of those with an argument that is NULL or not, `null` says which."""
    names = "|".join(
        sorted(
            {
                re.escape(move.call) + (_ARGUMENTS % (move.null - 1, null) if move.null and null else "")
                for move in moves
            }
        )
    )
    return re.compile(rf"\b(?:{names})\b".encode())


def place_of_object(value: Value | None) -> str:
    """The object's path, the same for the object, its address and the pointer to it; "" for none."""
    if isinstance(value, (Addr, Var)):
        return value.path.removeprefix("*")
    return ""


def tail(path: str) -> str:
    """The last name of a path: "blocker" of "s->cpr.blocker"."""
    found = _TAIL.search(path)
    return found.group(1) if found else ""
