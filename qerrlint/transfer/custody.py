# SPDX-License-Identifier: GPL-2.0-or-later
"""Custody: what a function has taken and not given back, on every path; a typestate that Pairs describe.

The exploration is ErrorDomain's, so that an exit is known to fail by the Error or by the result, with the
states of the objects kept as marks beside it. It judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from qerrlint.absint.solver import explore
from qerrlint.absint.trace import Trail
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.conventions import fails_by
from qerrlint.domain.effects import Effect
from qerrlint.domain.ownership import FAILURES, RESULT, Move, Pair
from qerrlint.domain.state import ErrorState, Fact, PathState, depends, signs_of
from qerrlint.ir.code import NONZERO, POS, Assign, Call, Declare, Edge, Function, Result, Return, Var
from qerrlint.source.span import Span
from qerrlint.transfer.errorlife import ErrorDomain

_HOLD = "hold"

LetsGo = Callable[[Call, Pair, str], bool]


@dataclass(frozen=True, slots=True)
class Handling:
    """What a call does to the object of a pair: role is prepare, acquire, release or discard."""

    role: str
    pair: Pair
    move: Move
    object: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Something seen of an object. kind: "exit" (the function returns), "prepared", "discarded" (by the call
    at `span`, in this state). `status` is the state: prepared, held, failed, released, discarded, or
    lent (given back before it was taken); `call` brought
    it there. `failing`: an exit that is a failure, `sure` when that is proven."""

    kind: str
    pair: Pair
    object: str
    status: str
    call: int
    span: Span
    trail: Trail | None
    failing: bool = False
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """The outcome of one function: what was seen, and whether every path was followed by itself."""

    seen: tuple[Seen, ...]
    complete: bool


def follow(
    function: Function,
    signature: Signature | None,
    kind: str,
    effect: Callable[[Call], Effect],
    handlings: Mapping[int, Sequence[Handling]],
    lets_go: LetsGo,
) -> Held:
    """Explore the function; `kind` is that of its result, `handlings` says what each call number does, and
    `lets_go` whether another call may give an object back."""
    domain = _Custody(function, signature, kind, effect, handlings, lets_go)
    explored = explore(function, domain.entry(), domain)
    return Held(tuple(domain.seen.values()), explored.complete)


def _mark(number: int, status: str, path: str, call: int) -> tuple[str, int | str]:
    return f"{_HOLD} {number} {status} {path}", call


@lru_cache(maxsize=4096)
def _parsed(what: str) -> tuple[int, str, str]:
    _, number, status, path = what.split(" ", 3)
    return int(number), status, path


class _Custody(ErrorDomain):
    """The Domain; a mark is (what, where) with "hold NUMBER STATUS OBJECT" and the call that did it."""

    def __init__(
        self,
        function: Function,
        signature: Signature | None,
        kind: str,
        effect: Callable[[Call], Effect],
        handlings: Mapping[int, Sequence[Handling]],
        lets_go: LetsGo,
    ) -> None:
        super().__init__(function, signature, effect)
        self._kind = kind
        self._handlings = handlings
        self._lets_go = lets_go
        self._pairs: list[Pair] = []
        self.seen: dict[tuple[object, ...], Seen] = {}

    # -- Domain -------------------------------------------------------------------------------

    def assume(self, state: PathState, edge: Edge) -> PathState | None:
        """What is held is there: a test that finds nothing is not passed."""
        for test in edge.tests:
            if isinstance(test.subject, Var) and not test.allow & NONZERO:
                path = test.subject.path
                if any(
                    status in ("held", "prepared") and depends(path, held)
                    for _, status, held, _ in self._holds(state)
                ):
                    return None
        return super().assume(state, edge)

    def _call(self, state: PathState, call: Call) -> Iterable[PathState]:
        handlings = self._handlings.get(call.index, ())
        after = super()._call(state, call)
        if not handlings and not any(True for _ in self._holds(state)):
            return after
        out: list[PathState] = []
        for one in after:
            ways = [one.copy()]
            for handling in handlings:
                ways = [w for way in ways for w in self._handle(state, way, call, handling)]
            moved = {handling.object for handling in handlings}
            for way in ways:
                for number, status, path, by in list(self._holds(way)):
                    if status == "lent" or path in moved:
                        continue
                    if self._lets_go(call, self._pairs[number], path):
                        way.marks -= {_mark(number, status, path, by)}
            out += ways
        return out

    def _assign(self, state: PathState, event: Assign) -> PathState:
        new = super()._assign(state, event)
        value = event.value
        for number, status, path, by in list(self._holds(new)):
            if (isinstance(value, Result) and path == f"#{value.call}") or (
                isinstance(value, Var) and value.path == path and path.isidentifier()
            ):
                new.marks -= {_mark(number, status, path, by)}
                new.marks |= {_mark(number, status, event.target, by)}
            elif depends(path, event.target):
                new.marks -= {_mark(number, status, path, by)}
        return new

    def _declare(self, state: PathState, event: Declare) -> PathState:
        new = super()._declare(state, event)
        for number, status, path, by in list(self._holds(new)):
            if depends(path, event.path):
                new = new.copy()
                new.marks -= {_mark(number, status, path, by)}
        return new

    def _return(self, state: PathState, event: Return) -> None:
        super()._return(state, event)
        held = list(self._holds(state))
        if not held:
            return
        signs = signs_of(state, event.value).signs
        failing = sure = False
        if self._errp is not None:
            error = self._cell(state, "*" + self._errp)
            failing = error.state is ErrorState.SET
            sure = failing and error.sure
        if not failing and (self._errp is not None or self._kind != "bool"):
            failing = sure = fails_by(self._kind, signs)
        for number, status, path, by in held:
            if event.value != Var(path):
                self._see("exit", number, path, status, by, event.span, state, failing, sure)

    # -- objects ------------------------------------------------------------------------------

    def _handle(self, first: PathState, state: PathState, call: Call, handling: Handling) -> list[PathState]:
        """One call moves one object; `first` is the state before it. An attempt may go both ways."""
        pair, path = handling.pair, handling.object
        if pair not in self._pairs:
            self._pairs.append(pair)
        number = self._pairs.index(pair)
        before = next((h for h in self._holds(state) if h[0] == number and h[2] == path), None)
        if before is not None and handling.role in ("prepare", "discard"):
            kind = "prepared" if handling.role == "prepare" else "discarded"
            self._see(kind, number, path, before[1], before[3], call.span, state, False, True)
        if before is not None:
            state.marks -= {_mark(number, before[1], path, before[3])}
        status = {"prepare": "prepared", "release": "released", "discard": "discarded"}.get(handling.role)
        if status is None:
            if before is not None and before[1] == "lent":
                return [state]
            return self._acquire(first, state, call, handling, number)
        if before is None and handling.role == "release":
            # The caller holds it: what is taken after this is given back to the caller.
            state.marks |= {_mark(number, "lent", path, call.index)}
        known = before[1] != "lent" if before is not None else handling.role == "prepare"
        if known and (status != "released" or pair.keeps):
            state.marks |= {_mark(number, status, path, call.index)}
        return [state]

    def _acquire(
        self, before: PathState, state: PathState, call: Call, handling: Handling, number: int
    ) -> list[PathState]:
        result = f"#{call.index}"
        # Who goes on after a failure has another fault than what is left behind then.
        late = self._errp is not None and self._cell(before, "*" + self._errp).state is ErrorState.SET
        if handling.move.object == RESULT:
            if not call.used:
                return [state]
            path = result
        else:
            path = handling.object
        out = []
        known = state.facts.get(result, Fact(7)).signs
        good, bad = (known & signs for signs in FAILURES[handling.move.fails])
        if bad:
            failed = state.copy()
            failed.facts[result] = Fact(bad, call.index)
            if handling.pair.prepare:
                failed.marks |= {_mark(number, "failed", path, call.index)}
            out.append(failed)
        if good:
            if handling.move.object == RESULT:
                good &= POS
            taken = state.copy()
            if handling.move.fails != "never" or handling.move.object == RESULT:
                taken.facts[result] = Fact(good or POS, call.index)
            if not late:
                taken.marks |= {_mark(number, "held", path, call.index)}
            out.append(taken)
        return out

    @staticmethod
    def _holds(state: PathState) -> list[tuple[int, str, str, int]]:
        """(number of the pair, status, object, call) of each object on the path, in a fixed order."""
        return sorted((*_parsed(what), int(where)) for what, where in state.marks if what.startswith(_HOLD))

    def _see(
        self,
        kind: str,
        number: int,
        path: str,
        status: str,
        call: int,
        span: Span,
        state: PathState,
        failing: bool,
        sure: bool,
    ) -> None:
        ident = (kind, number, path, status, call, span, failing)
        old = self.seen.get(ident)
        if old is None or (sure and not old.sure):
            pair = self._pairs[number]
            self.seen[ident] = Seen(kind, pair, path, status, call, span, state.trail, failing, sure)
