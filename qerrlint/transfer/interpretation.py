# SPDX-License-Identifier: GPL-2.0-or-later
"""The abstract interpretation of one function for its Errors: the domain that the solver runs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from qerrlint.absint.solver import WORK_LIMIT, explore
from qerrlint.absint.trace import Trail
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.effects import Effect
from qerrlint.domain.error import ERROR, ERRP, GERROR, NULL_CELL, OWNED_CELL, UNKNOWN_CELL, Cell
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import FunctionResult
from qerrlint.domain.state import State, widen
from qerrlint.ir.code import Call, Function
from qerrlint.transfer.assignments import assign, declare
from qerrlint.transfer.branches import assume
from qerrlint.transfer.calls import call, goes_on_unchecked
from qerrlint.transfer.frame import Frame
from qerrlint.transfer.preparation import prepare
from qerrlint.transfer.recorder import Recorder
from qerrlint.transfer.returns import kept, leave, overwritten
from qerrlint.transfer.sites import AssignSite, CallSite, DeclareSite, DerefSite, Guard, ReturnSite, Site


def interpret(
    function: Function, signature: Signature | None, effect: Callable[[Call], Effect]
) -> FunctionResult:
    """The result of interpreting a function; `effect` tells what a call does."""
    domain = ErrorDomain(prepare(function, signature, effect))
    explored = explore(domain.frame, domain.entry(), domain, work=domain.work())
    result = FunctionResult(function, signature, complete=explored.complete, states=explored.states)
    domain.recorder.write_into(result)
    return result


class ErrorDomain:
    """The solver's domain: it hands each site to its transfer function, and holds no state of its own but the
    recorder, which only collects."""

    def __init__(self, frame: Frame, recorder: Recorder | None = None) -> None:
        self.frame = frame
        self.recorder = recorder if recorder is not None else Recorder()
        self._told = self.recorder.listens

    def entry(self) -> State:
        """The state at entry: every out-parameter points to NULL (include/qapi/error.h), other pointers are
        unknown."""
        frame = self.frame
        errors: dict[int, Cell] = {}
        points: dict[int, int] = {}
        for param in frame.signature.params if frame.signature is not None else ():
            if param.type == ERRP:
                pointee = frame.terms.of("*" + param.name)
                points[frame.terms.of(param.name).index] = pointee.index
                errors[pointee.index] = NULL_CELL if param.name == frame.errp else UNKNOWN_CELL
            elif param.type == ERROR:
                errors[frame.terms.of(param.name).index] = OWNED_CELL
            elif param.name == frame.errp_parameter and frame.out is not None:
                points[frame.terms.of(param.name).index] = frame.out.index
                errors[frame.out.index] = NULL_CELL
        return State(errors, {}, points)

    def work(self, objects: int = 0) -> int:
        """The work that the solver may spend on the function (absint.solver.WORK_LIMIT): less where a state
        may hold many Errors, or many of the `objects` that are followed, and so costs more."""
        errors = sum(kind in (ERROR, GERROR, ERRP) for kind in self.frame.types.values())
        return WORK_LIMIT // (1 + errors // 8 + objects // 64)

    def key(self, state: State) -> Hashable:
        """The state without its trail and without the facts that only decide branches."""
        return state.key(self.frame.deciding(state.known))

    def covers(self, one: State, other: State) -> bool:
        """Whether `one`, of the same key, holds no fact that `other` lacks: an unknown value decides branches
        only, and `one` takes all of them."""
        return one.facts is other.facts or (one.known & ~other.known == 0 and one.weaker(other))

    def arrive(self, state: State, block: int, loop: bool) -> State:
        """The state without the facts that no event from here on asks for; at the head of a loop also
        without those that other code can change and the loop may wait for."""
        known = state.known
        gone = known and self.frame.dead(known, block, loop)
        return state.without_facts(gone) if gone else state

    def widen(self, state: State) -> State:
        """The state with its Errors and without its facts; the trail says that the path is one of
        several."""
        joined = state.trail is not None and state.trail.joined
        wider = widen(state)
        return wider if joined else wider.with_trail(Trail(state.trail, "joined", self.frame.function.span))

    def step(self, state: State, site: Site) -> Sequence[State]:
        """The states after an event."""
        if isinstance(site, CallSite):
            return call(self.frame, state, site, self.recorder)
        if isinstance(site, AssignSite):
            if self._told and self.frame.passes_errp and site.keeps:
                goes_on_unchecked(self.frame, state, site.event.span, -1, self.recorder)
            if self._told and site.is_error and site.source is not site.target:
                overwritten(self.frame, state, site.target, site.event.span, self.recorder)
            if self._told and site.source is not None and not site.target.local:
                kept(state, site.source, site.event.span, self.recorder)
            return (assign(self.frame, state, site),)
        if isinstance(site, DeclareSite):
            if self._told:
                overwritten(self.frame, state, site.term, site.event.span, self.recorder)
            return (declare(self.frame, state, site),)
        if isinstance(site, DerefSite):
            if self._told:
                self._deref(state, site)
            return (state,)
        assert isinstance(site, ReturnSite)
        if self._told:
            leave(self.frame, state, site, self.recorder)
        return ()

    def assume(self, state: State, guard: Guard) -> State | None:
        """The state on the other side of an edge, or None where its tests cannot hold."""
        if not guard.tests:
            return state
        return assume(self.frame, state, guard, self.recorder)

    def _deref(self, state: State, site: DerefSite) -> None:
        """The recorder gets dereferences of what points to another function's Error pointer."""
        pointed = state.points.get(site.term.index)
        if pointed is not None and self.frame.terms.all[pointed].pointee_of is not None:
            name = self.frame.terms.all[pointed].text
            self.recorder.occur(OccurrenceKind.DEREF, site.event.span, name, UNKNOWN_CELL, -1, state.trail)
