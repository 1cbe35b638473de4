# SPDX-License-Identifier: GPL-2.0-or-later
"""Sites: the events and edges of a function with what is known of them without a state.

They are made once for a function (frame.prepare) and never changed afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from qerrlint.domain.effects import Effect
from qerrlint.domain.terms import Term
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import Assign, Call, Declare, Deref, Return, Test, Value
from qerrlint.records import record
from qerrlint.source.span import Span
from qerrlint.transfer.operands import Operand

Input = tuple[int, bool, Term]
"""An argument of a call, other than the out-error, that is a place: its position, whether it is handed over
by address, and the term."""


@dataclass(slots=True)
class Special:
    """What only some calls have.

    `asks`: the term of the answer of a predicate, `cast` the terms (type of the object, object is of the
    type) of an object_dynamic_cast(). `prints`: the user is told. `frees`: the string that is freed. `errno`
    is the argument that has to be a positive errno, with its text, `returned` the one that is the result
    after a failure.
    """

    asks: Term | None = None
    cast: tuple[Term, Term] | None = None
    prints: bool = False
    frees: Term | None = None
    errno: tuple[Operand, str] | None = None
    returned: tuple[Operand, Term] | None = None


NOTHING_SPECIAL = Special()


@dataclass(slots=True)
class CallSite:
    """A call with its effect and what its name and arguments decide.

    `inputs`: the arguments that are places, `values` the mask of those that are handed over by value,
    `addresses` of those by address. `target`: the argument that may be set. `plain`: without effect on Errors
    and marks, as far as its arguments are none.
    """

    call: Call
    effect: Effect
    traits: Traits
    result: Term
    inputs: list[Input]
    values: int
    addresses: int
    target: Value | None
    special: Special
    plain: bool


@dataclass(slots=True)
class AssignSite:
    """An assignment. `is_error`: of an `Error *` variable. `source`: the place that is copied, `copied` the
    same or the result of a call, `addressed` the path of an address. `made_by`: the call that made the Error
    that is assigned (-1: none). `is_null`: of a NULL or 0. `unsigned`: of a variable that has no sign.
    `keeps`: of something other than 0 or NULL to memory that outlives the function. `equation`: what the
    target equals where the value is a named constant. `owners`: the pointers that are looked into.
    `unsteady`: a callee may put something else there before it is tested."""

    event: Assign
    target: Term
    value: Operand
    is_error: bool
    source: Term | None = None
    copied: Term | None = None
    addressed: str = ""
    made_by: int = -1
    is_null: bool = False
    unsigned: bool = False
    keeps: bool = False
    equation: Term | None = None
    owners: tuple[Term, ...] = ()
    unsteady: bool = False


@dataclass(slots=True)
class DeclareSite:
    """A declaration of a local."""

    event: Declare
    term: Term


@dataclass(slots=True)
class DerefSite:
    """A dereference of a pointer variable."""

    event: Deref
    term: Term


@dataclass(slots=True)
class ReturnSite:
    """A return. `constant` is the named constant that stands there, `of` the term whose value is returned."""

    event: Return
    value: Operand
    constant: str
    of: Term | None


Site = CallSite | AssignSite | DeclareSite | DerefSite | ReturnSite


@dataclass(slots=True)
class TestSite:
    """One test of an edge, its negations folded into `allow`. `term` is what is tested (None for a combined
    value).

    `is_place`: a variable, `is_error`: an `Error *` variable, `is_plain`: a variable or a result that is
    tested as it is. `answers`: the term of the answer of the predicate whose result is tested. `soft`: asks
    for a result code that is no failure. `kept`: the fact that it holds can matter later.
    """

    test: Test
    allow: int
    value: Operand
    term: Term | None
    is_place: bool
    is_error: bool
    is_plain: bool
    answers: Term | None
    soft: bool
    kept: bool = True


@dataclass(slots=True)
class Guard:
    """An edge with its tests; `soft`: one of them asks for a result code that is no failure; `asserted`: it
    is the side of an assertion that goes on, which chooses no path; `case`: as that of the edge."""

    target: int
    tests: list[TestSite]
    span: Span | None
    taken: bool | None
    soft: bool
    asserted: bool = False
    case: Span | None = None


@dataclass(slots=True)
class SiteBlock:
    """A block of sites."""

    events: list[Site]
    edges: list[Guard]
    loop: bool


@record(frozen=True, slots=True)
class Traits:
    """What the name of a callee says of it, by the word lists.

    predicate: it asks a question that has the same answer when asked again. prints: it tells the user of a
    failure. frees: it frees the string that it is given. harmless: it cleans up, tells or asks, so that it is
    no work that rests on what came before; a macro in capital letters is taken for such a callee.
    """

    predicate: bool
    prints: bool
    frees: bool
    harmless: bool
    about_errors: bool


@lru_cache(maxsize=8192)
def traits(name: str) -> Traits:
    """The traits of a callee of this name."""
    plain = name.isidentifier()
    return Traits(
        predicate=word_list("predicates").matches(name),
        prints=word_list("user-messages").matches(name),
        frees=word_list("memory-releases").matches(name),
        harmless=word_list("harmless-prefixes").matches(name)
        or word_list("locks").matches(name.rpartition("_")[2])
        or (plain and (name.upper() == name or word_list("clean-up-stems").matches(name))),
        about_errors="error" in name,
    )


def is_trace(call: Call) -> bool:
    """Whether a call is a trace point, which does nothing to the program."""
    return call.name.startswith("trace_")


@lru_cache(maxsize=4096)
def is_soft(constant: str) -> bool:
    """Whether a result code says that nothing has failed yet: the callee has not set its Error then."""
    return word_list("soft-codes").matches(constant) or word_list("soft-code-families").matches(constant)
