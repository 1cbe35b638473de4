# SPDX-License-Identifier: GPL-2.0-or-later
"""The typestate of the objects that a function acquires and releases: what its events and edges do to them.

States of objects are the `held` component of a State. Of its other components only an acquiring call reads
some: whether the Error is set already, and what is known of its result.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache

from qerrlint.absint.trace import Trail
from qerrlint.domain.error import UNKNOWN_CELL, ErrorState
from qerrlint.domain.ownership import FAILURES, RESULT, Move, Pair
from qerrlint.domain.state import ANYTHING, State, fact
from qerrlint.domain.terms import Terms, depends
from qerrlint.ir.code import (
    NONZERO,
    POS,
    Assign,
    Block,
    Call,
    Declare,
    Deref,
    Edge,
    Function,
    Result,
    Return,
    Test,
    Var,
)
from qerrlint.records import record
from qerrlint.source.span import Span
from qerrlint.transfer.frame import Frame
from qerrlint.transfer.sites import Guard

LetsGo = Callable[[Call, Pair, str], bool]
Ending = Callable[[], tuple[bool, bool]]
"""Whether a return is a failure, and whether that is proven; asked only where something is held."""


@record(frozen=True, slots=True)
class Handling:
    """What a call does to the object of a pair: role is prepare, acquire, release or discard."""

    role: str
    pair: Pair
    move: Move
    object: str


Handlings = Mapping[int, Sequence[Handling]]
"""What the calls of a function do to objects, by the number of the call."""


@record(frozen=True, slots=True, order=True)
class Holding:
    """An object on a path: the number of its pair, its status, its path, the call that brought it there.

    status: prepared, held, failed, released, discarded, or lent (released before it was acquired: the
    caller's). `also`: a second variable that leads to it, "" where there is none.
    """

    pair: int
    status: str
    object: str
    call: int
    also: str = ""


@record(frozen=True, slots=True)
class Seen:
    """Something seen of an object. kind: "exit" (the function returns), "prepared", "discarded" (by the call
    at `span`, in this state). `status` is that of Holding, `call` brought it about. `failing`: an exit that
    is a failure, `sure` when that is proven."""

    kind: str
    pair: Pair
    object: str
    status: str
    call: int
    span: Span
    trail: Trail | None
    failing: bool = False
    sure: bool = False


@record(frozen=True, slots=True)
class ObjectsSeen:
    """The outcome of one function: what was seen, and whether every path was followed by itself."""

    seen: tuple[Seen, ...]
    complete: bool


class Objects:
    """The ownership typestate of the objects of acquire/release pairs.

    `frame`: that of the function where its Errors are followed beside them.
    """

    def __init__(
        self,
        function: Function,
        handlings: Handlings,
        lets_go: LetsGo,
        frame: Frame | None = None,
    ) -> None:
        self._handlings = handlings
        self._lets_go = lets_go
        out = frame.out if frame is not None else None
        self._out = out.index if out is not None else -1
        self._terms = frame.terms if frame is not None else Terms()
        self._pairs: list[Pair] = []
        self._released_by: dict[tuple[int, int, str], bool] = {}
        self._left: dict[tuple[int, frozenset[Hashable]], frozenset[Hashable]] = {}
        self._copies = _copies(function)
        self._handled_from = _leading_to(function.blocks, handlings)
        self.seen: dict[Hashable, Seen] = {}

    # -- events and edges -----------------------------------------------------------------------------

    def passes(self, state: State, edge: Edge | Guard, tests: Iterable[Test]) -> State | None:
        """The state on the other side of an edge with these tests; None where it need not be followed.

        What is held is there: a test that finds nothing is not passed. Where nothing is held, an edge after
        which nothing can be acquired is not passed either.
        """
        if not state.held:
            return state if self._handled_from[edge.target] else None
        for test in tests:
            subject = test.subject
            if not isinstance(subject, Var) or test.allow & NONZERO:
                continue
            if _is_there(state, subject) or self._undoes(state, subject.path):
                return None
        return state

    def _undoes(self, state: State, method: str) -> bool:
        """Whether a method releases something that is held: whoever has the one method has the other."""
        return any(move.call == method for held in holdings(state) for move in self._pairs[held.pair].release)

    def used(self, state: State, call: Call) -> State:
        """The state as a call meets it: here a call that uses an object leaves it as it is."""
        return state

    def event(self, state: State, event: Assign | Declare | Deref | Return, ending: Ending) -> State:
        """The state after an event that is no call; `ending` tells of a return whether it is a failure.

        An assignment gives an object another name, or takes one from it; a declaration begins another object;
        a return ends the path.
        """
        if isinstance(event, Assign):
            return self._assign(state, event)
        if isinstance(event, Declare):
            return _without(state, lambda held: depends(held.object, event.path))
        if isinstance(event, Return):
            self._return(state, event, ending)
        return state

    def called(self, before: State, after: Sequence[State], call: Call) -> Sequence[State]:
        """The states after a call; `before` is the state that it met, `after` what all else makes of that.

        A call moves the objects that it handles, and may release others.
        """
        handlings = self._handlings.get(call.index, ())
        if not handlings and not before.held:
            return after
        out: list[State] = []
        moved = {handling.object for handling in handlings}
        for one in after:
            ways = [one]
            for handling in handlings:
                ways = [w for way in ways for w in self._handle(before, way, call, handling)]
            out += [self._left_by(call, way, moved) for way in ways]
        return out

    def _left_by(self, call: Call, state: State, moved: Container[str]) -> State:
        """The state without the objects that a call may release, other than those that it has moved."""
        if not state.held:
            return state
        # Many paths hold the same when they come to a call.
        key = (call.index, state.held)
        left = self._left.get(key)
        if left is None:
            dropped = {
                held
                for held in holdings(state)
                if held.status != "lent" and held.object not in moved and self._may_release(call, held)
            }
            left = self._left[key] = state.held - dropped if dropped else state.held
        return state.with_held(left) if left is not state.held else state

    def _may_release(self, call: Call, held: Holding) -> bool:
        """Whether a call may release an object; asked once for all paths."""
        key = (call.index, held.pair, held.object)
        known = self._released_by.get(key)
        if known is None:
            known = self._released_by[key] = self._lets_go(call, self._pairs[held.pair], held.object)
        return known

    @staticmethod
    def _assign(state: State, event: Assign) -> State:
        """The state after an assignment: a stored object has the name of its new place, and an overwritten
        one is no longer followed."""
        value, target = event.value, event.target
        kept = set()
        for held in holdings(state):
            if (isinstance(value, Result) and held.object == f"#{value.call}") or (
                isinstance(value, Var) and value.path == held.object and held.object.isidentifier()
            ):
                kept.add(Holding(held.pair, held.status, target, held.call))
            elif not depends(held.object, target):
                kept.add(held)
        return state.with_held(frozenset(kept))

    def _return(self, state: State, event: Return, ending: Ending) -> None:
        failing, sure = ending()
        for held in holdings(state):
            if event.value != Var(held.object):
                self._see("exit", held, event.span, state, failing, sure)

    # -- objects ----------------------------------------------------------------------------------------

    def _handle(self, first: State, state: State, call: Call, handling: Handling) -> list[State]:
        """The states after a call has changed the status of one object; `first` is the state before the
        call. An acquiring call that may fail gives two."""
        pair, path, role = handling.pair, handling.object, handling.role
        if pair not in self._pairs:
            self._pairs.append(pair)
        number = self._pairs.index(pair)
        names = {path} | (self._copies.get(path, set()) if role == "release" else set())
        before = next((h for h in holdings(state) if h.pair == number and h.object in names), None)
        if before is not None:
            if role in ("prepare", "discard"):
                kind = "prepared" if role == "prepare" else "discarded"
                self._see(kind, before, call.span, state)
            state = state.with_held(state.held - {before})
        if role == "acquire":
            if before is not None and before.status == "lent":
                return [state]
            return self._acquire(first, state, call, handling, number)
        status = {"prepare": "prepared", "release": "released", "discard": "discarded"}[role]
        added = set()
        if before is None and role == "release":
            # The caller holds it: what is acquired after this is given back to the caller.
            added.add(Holding(number, "lent", path, call.index))
        known = before.status != "lent" if before is not None else role == "prepare"
        if known and (status != "released" or pair.keeps):
            added.add(Holding(number, status, path, call.index))
        return [state.with_held(state.held | added)] if added else [state]

    def _acquire(
        self, before: State, state: State, call: Call, handling: Handling, number: int
    ) -> list[State]:
        """The states after a call that acquires an object: one where it has failed, one where the object is
        held."""
        move, result = handling.move, self._terms.result(call.index)
        # A path that goes on after a failure has another fault than what it leaves behind then.
        late = self._out >= 0 and before.errors.get(self._out, UNKNOWN_CELL).state is ErrorState.SET
        path = handling.object
        if move.object == RESULT:
            if not call.used:
                return [state]
            path = result.text
        if self._has_failed(state, call, handling):
            return [state]
        out = []
        known = state.facts.get(result.index, ANYTHING).signs
        good, bad = (known & signs for signs in FAILURES[move.fails])
        if bad:
            draft = state.draft()
            draft.set_fact(result.index, fact(bad, call.index))
            failed = draft.frozen()
            if handling.pair.prepare:
                failed = failed.with_held(failed.held | {Holding(number, "failed", path, call.index)})
            out.append(failed)
        if good:
            if move.object == RESULT:
                good &= POS
            draft = state.draft()
            if move.fails != "never" or move.object == RESULT:
                draft.set_fact(result.index, fact(good or POS, call.index))
            taken = draft.frozen()
            if not late:
                taken = taken.with_held(taken.held | {Holding(number, "held", path, call.index)})
            out.append(taken)
        return out

    @staticmethod
    def _has_failed(state: State, call: Call, handling: Handling) -> bool:
        """Whether the Error of an acquiring call tells that it has failed, whatever it returns: then it has
        acquired nothing. Of a pair with a preparing call the result tells what is left to be done."""
        told: tuple[ErrorState, ...] = () if handling.pair.prepare else (ErrorState.SET,)
        # Where the function does not test the result, it tests the Error.
        if handling.move.fails == "error" or (told and handling.move.fails != "never" and not call.used):
            told = (ErrorState.SET, ErrorState.MAYBE)
        return any(one.origin == call.index and one.state in told for one in state.errors.values())

    def _see(
        self, kind: str, held: Holding, span: Span, state: State, failing: bool = False, sure: bool = True
    ) -> None:
        """Record what is seen of an object; a sure observation replaces others. `failing` and `sure` are
        those of Seen."""
        ident = (kind, held, span, failing)
        old = self.seen.get(ident)
        if old is None or (sure and not old.sure):
            pair = self._pairs[held.pair]
            self.seen[ident] = Seen(
                kind, pair, held.object, held.status, held.call, span, state.trail, failing, sure
            )


def _leading_to(blocks: Sequence[Block], calls: Container[int]) -> list[bool]:
    """For each block whether one of the calls is made in it, or in one that a path from it leads to."""
    before: list[list[int]] = [[] for _ in blocks]
    for number, block in enumerate(blocks):
        for edge in block.edges:
            before[edge.target].append(number)
    out = [
        any(isinstance(event, Call) and event.index in calls for event in block.events) for block in blocks
    ]
    waiting = [number for number, known in enumerate(out) if known]
    while waiting:
        for number in before[waiting.pop()]:
            if not out[number]:
                out[number] = True
                waiting.append(number)
    return out


def _copies(function: Function) -> dict[str, set[str]]:
    """The places that hold the same as a place, in either direction, by the assignments of the function."""
    out: dict[str, set[str]] = {}
    for event in function.events():
        if isinstance(event, Assign) and isinstance(event.value, Var):
            out.setdefault(event.target, set()).add(event.value.path)
            out.setdefault(event.value.path, set()).add(event.target)
    return out


def holdings(state: State) -> Sequence[Holding]:
    """The objects on the path, in a fixed order."""
    return _in_order(state.held) if state.held else ()


@lru_cache(maxsize=1024)
def _in_order(held: frozenset[Hashable]) -> tuple[Holding, ...]:
    return tuple(sorted(one for one in held if isinstance(one, Holding)))


def _is_there(state: State, subject: Var) -> bool:
    """Whether an object at a place, or that the place belongs to, is held or prepared."""
    return any(
        held.status in ("held", "prepared") and depends(subject.path, held.object) for held in holdings(state)
    )


def _without(state: State, gone: Callable[[Holding], bool]) -> State:
    """The state without the objects that are no longer followed."""
    dropped = {held for held in holdings(state) if gone(held)}
    return state.with_held(state.held - dropped) if dropped else state
