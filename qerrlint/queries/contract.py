# SPDX-License-Identifier: GPL-2.0-or-later
"""Contract: all that is known of one function, in lines instead of offsets; plain data, found by `lookup`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from qerrlint.c.declarations.types import Signature
from qerrlint.domain.effects import Effect, Outcome
from qerrlint.records import record

S = TypeVar("S")
T = TypeVar("T")


@record(frozen=True, slots=True)
class ShortList(Generic[T]):
    """The first of a list, and how many there are in all."""

    total: int
    items: tuple[T, ...]

    @classmethod
    def of(cls, found: Sequence[S], limit: int, make: Callable[[S], T]) -> ShortList[T]:
        """The first `limit` (0: all) of `found`, made into what is kept of them."""
        return cls(len(found), tuple(map(make, found[:limit] if limit else found)))


@record(frozen=True, slots=True)
class Site:
    """A place, with the function (or "#define NAME") that it lies in, "" outside of all."""

    path: str
    line: int
    function: str = ""


@record(frozen=True, slots=True)
class Stored:
    """The function's address goes into `member` of `holder`, or is an `argument` of the function `member`."""

    site: Site
    member: str
    holder: str
    argument: bool


@record(frozen=True, slots=True)
class Way:
    """One outcome, with the lines of returns that show it (none where it is only assumed)."""

    outcome: Outcome
    lines: tuple[int, ...] = ()


@record(frozen=True, slots=True)
class Kept:
    """An Error that the body takes from `setter` and ends with `printer`; `how`: report, free, ..."""

    setter: str
    line: int
    printer: str
    printer_line: int
    how: str


@record(frozen=True, slots=True)
class Setter:
    """A call that can set an Error: `into` is its Error argument's text, `always` says it cannot but set."""

    name: str
    line: int
    into: str
    evidence: str
    always: bool


@record(frozen=True, slots=True)
class Body:
    """What the exploration of the body shows; `damaged` is the reason why there was none, else "".

    consumes: index of the `Error *` parameter that is gone afterwards. clears: the out-error is made NULL.
    """

    damaged: str
    ways: tuple[Way, ...] = ()
    consumes: int | None = None
    clears: bool = False
    noreturn: bool = False
    complete: bool = True
    kept: tuple[Kept, ...] = ()
    setters: tuple[Setter, ...] = ()


@record(frozen=True, slots=True)
class Contract:
    """All that is known of `name`.

    kind: function (its body is in the tree), declared (only a declaration is), macro, generated (by QAPI,
    told by the name) or bundled (the tree says nothing, qerrlint's own contracts do). result: the kind of its
    result (types.result_kind). fact: what the table of facts says it does to Errors, None for nothing.
    `fails` is the table's word for an exception to the return convention, `reason` why the row stands there.
    assumed: what callers that do not see the body go by. outside: how many files of firmware, tests and the
    like mention the name; they are left out.
    """

    name: str
    kind: str
    signature: Signature | None
    result: str
    definition: Site | None
    other_definitions: tuple[Site, ...]
    declarations: tuple[Site, ...]
    fact: Effect | None
    fails: str | None
    reason: str
    noreturn: bool
    assumed: tuple[Outcome, ...]
    body: Body | None
    stored: ShortList[Stored]
    callers: ShortList[Site]
    caller_files: int
    outside: int
