# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function has acquired and not released, on every path: the typestate of objects beside the Error
domain, and alone.

Beside the Error domain an exit is known to fail by the Error or by the result, and paths that no execution
takes are left out. Alone the typestate tells at little cost that there is nothing to be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Sequence

from qerrlint.absint.solver import WORK_LIMIT, explore
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.conventions import fails_by
from qerrlint.domain.effects import Effect
from qerrlint.domain.error import UNKNOWN_CELL, ErrorState
from qerrlint.domain.state import State
from qerrlint.ir.code import Call, Edge, Event, Function, Return
from qerrlint.transfer.interpretation import ErrorDomain
from qerrlint.transfer.objects import Handlings, LetsGo, Objects, ObjectsSeen, holdings
from qerrlint.transfer.preparation import prepare
from qerrlint.transfer.recorder import SILENT
from qerrlint.transfer.sites import CallSite, Guard, ReturnSite, Site


class ObjectsBesideErrors:
    """The product of the Error domain and the typestate of objects: the solver's domain of every path."""

    def __init__(self, errors: ErrorDomain, objects: Objects, kind: str) -> None:
        self._errors = errors
        self._objects = objects
        self._kind = kind
        self.key = errors.key
        self.covers = errors.covers
        self.arrive = errors.arrive
        # The objects stay apart.
        self.widen = errors.widen

    def assume(self, state: State, guard: Guard) -> State | None:
        """The state on the other side of an edge, or None; the objects are asked first, because they need
        only the tests."""
        passed = self._objects.passes(state, guard, (site.test for site in guard.tests))
        return self._errors.assume(passed, guard) if passed is not None else None

    def step(self, state: State, site: Site) -> Sequence[State]:
        """The states after an event."""
        if isinstance(site, CallSite):
            met = self._objects.used(state, site.call) if state.held else state
            return self._objects.called(met, self._errors.step(met, site), site.call)
        if state.held:
            state = self._objects.event(state, site.event, lambda: self._ending(state, site))
        return self._errors.step(state, site)

    def _ending(self, state: State, site: Site) -> tuple[bool, bool]:
        """Whether a return is a failure, by the Error or by the result, and whether that is proven."""
        out, failing, sure = self._errors.frame.out, False, False
        if out is not None:
            error = state.errors.get(out.index, UNKNOWN_CELL)
            failing = error.state is ErrorState.SET
            sure = failing and error.sure
        if not failing and isinstance(site, ReturnSite) and (out is not None or self._kind != "bool"):
            failing = sure = fails_by(self._kind, site.value.evaluate(state).signs)
        return failing, sure


class ObjectsAlone:
    """The typestate of objects alone, as a domain over the blocks of a function: of the tests only those of
    the objects themselves are looked at.

    It takes every path that the product with the Error domain takes, and more. The product sees nothing that
    this does not see. It is for objects whose pairs have no status `lent`, which one object gives another.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def key(self, state: State) -> Hashable:
        """The objects."""
        return state.held

    def covers(self, one: State, other: State) -> bool:
        """States with the same objects are the same."""
        return True

    def arrive(self, state: State, block: int, loop: bool) -> State:
        """The state as it is: nothing but the objects is in it."""
        return state.without_facts(state.known) if state.known else state

    def widen(self, state: State) -> State:
        """The state as it is: it holds no facts that could be widened."""
        return state

    def assume(self, state: State, edge: Edge) -> State | None:
        """The state on the other side of an edge."""
        return self._objects.passes(state, edge, edge.tests)

    def step(self, state: State, event: Event) -> Sequence[State]:
        """The states after an event."""
        if isinstance(event, Call):
            met = self._objects.used(state, event) if state.held else state
            return [one for after in self._objects.called(met, (met,), event) for one in _each(after)]
        if state.held:
            state = self._objects.event(state, event, _never_fails)
        return () if isinstance(event, Return) else (state,)


def _each(state: State) -> Sequence[State]:
    """A state for each object, as what happens to one does not depend on the others: their number grows with
    the objects, not with the sets of them."""
    if len(state.held) < 2:
        return (state,)
    return [state.with_held(frozenset((one,))) for one in holdings(state)]


def _never_fails() -> tuple[bool, bool]:
    return False, False


def may_see(function: Function, objects: Objects, kinds: Container[str]) -> bool:
    """Whether something of these kinds may be seen of the objects of a function on some path: False only
    where the product with the Error domain sees none of them. It costs a fraction of that."""
    explored = explore(function, State({}, {}, {}), ObjectsAlone(objects))
    return not explored.complete or any(one.kind in kinds for one in objects.seen.values())


def follow_beside_errors(
    errors: ErrorDomain, objects: Objects, kind: str = "unknown", work: int = WORK_LIMIT
) -> ObjectsSeen:
    """Follow the objects of a function on every path; `kind` is that of its result."""
    explored = explore(errors.frame, errors.entry(), ObjectsBesideErrors(errors, objects, kind), work=work)
    return ObjectsSeen(tuple(objects.seen.values()), explored.complete)


def error_domain(
    function: Function, signature: Signature | None, effect: Callable[[Call], Effect]
) -> ErrorDomain:
    """The Error domain of a function beside which objects are followed: nothing is left out, nothing told."""
    return ErrorDomain(prepare(function, signature, effect, sliced=False), SILENT)


def follow(
    function: Function,
    signature: Signature | None,
    kind: str,
    effect: Callable[[Call], Effect],
    handlings: Handlings,
    lets_go: LetsGo,
) -> ObjectsSeen:
    """Follow the objects of a function; `kind` is that of its result, `handlings` says what each call number
    does, and `lets_go` whether another call may release an object."""
    errors = error_domain(function, signature, effect)
    objects = Objects(function, handlings, lets_go, errors.frame)
    return follow_beside_errors(errors, objects, kind, errors.work(len(handlings)))
