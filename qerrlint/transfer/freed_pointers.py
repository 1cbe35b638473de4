# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function does with a pointer after it has freed what the pointer points to, on every path.

The domain is that of transfer.ownership: a call that frees brings the path of its argument into the state,
and an assignment to it, its address, or whatever else may give it another value takes it out again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from qerrlint.absint.solver import explore
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.effects import Effect
from qerrlint.domain.ownership import Pair
from qerrlint.domain.state import State
from qerrlint.domain.terms import depends
from qerrlint.ir.code import Addr, Call, Function, Op, Opaque, Value, Var
from qerrlint.source.span import Span
from qerrlint.transfer.interpretation import ErrorDomain
from qerrlint.transfer.ownership import Handling, Held, Holding, OwnershipDomain, holdings
from qerrlint.transfer.preparation import prepare
from qerrlint.transfer.recorder import SILENT
from qerrlint.transfer.sites import AssignSite, CallSite, DerefSite, Guard, ReturnSite, Site

Reads = Callable[[Call, int], bool]
"""Whether a call reads what the argument at a position points to."""

# What names an object and does not evaluate it.
_UNEVALUATED = re.compile(r"\b(?:sizeof|typeof|__typeof__|offsetof)\b")


def follow_freed(
    function: Function,
    signature: Signature | None,
    effect: Callable[[Call], Effect],
    handlings: Mapping[int, Sequence[Handling]],
    reads: Reads,
) -> Held:
    """Follow the pointers that calls (the acquiring `handlings`) free.

    Of what is seen, kind "used" is a place that reads or writes through such a pointer, "freed" a call that
    frees it again, "returned" a return that hands it to the caller.
    """
    frame = prepare(function, signature, effect, sliced=False)
    domain = _FreedDomain(ErrorDomain(frame, SILENT), handlings, reads)
    explored = explore(domain.errors.frame, domain.errors.entry(), domain)
    return Held(tuple(domain.seen.values()), explored.complete)


class _FreedDomain(OwnershipDomain):
    """The typestate of pointers whose memory is gone."""

    def __init__(
        self, errors: ErrorDomain, handlings: Mapping[int, Sequence[Handling]], reads: Reads
    ) -> None:
        super().__init__(errors, "unknown", handlings, _may_set)
        self._reads = reads

    def assume(self, state: State, guard: Guard) -> State | None:
        """A condition may read through a pointer."""
        if state.held and guard.span is not None:
            for held in holdings(state):
                if any(_looks_through(site.test.subject, held.object) for site in guard.tests):
                    self._see("used", held, guard.span, state, False, True)
        return super().assume(state, guard)

    def step(self, state: State, site: Site) -> Iterable[State]:
        """The states after an event."""
        for held in holdings(state) if state.held else ():
            span = self._use(site, held)
            if span is not None:
                self._see(self._kind_of_use(site, held), held, span, state, False, True)
                state = state.with_held(state.held - {held})
        if isinstance(site, ReturnSite):
            return self.errors.step(state, site)
        return super().step(state, site)

    def _kind_of_use(self, site: Site, held: Holding) -> str:
        """What a use of a freed pointer is."""
        if isinstance(site, ReturnSite) and site.event.value == Var(held.object):
            return "returned"
        return "freed" if isinstance(site, CallSite) and self._frees(site.call, held) else "used"

    def _use(self, site: Site, held: Holding) -> Span | None:
        """Where an event uses what a freed pointer points to; None where it does not."""
        path = held.object
        if isinstance(site, CallSite):
            call = site.call
            used = self._frees(call, held) or any(
                _looks_through(arg, path) or (arg == Var(path) and self._reads(call, position))
                for position, arg in enumerate(call.args)
            )
            return call.span if used else None
        if isinstance(site, AssignSite):
            used = _looks_through(site.event.value, path) or _through(site.event.target, path)
        elif isinstance(site, ReturnSite):
            used = site.event.value == Var(path) or _looks_through(site.event.value, path)
        else:
            used = isinstance(site, DerefSite) and site.event.path == path
        return site.event.span if used and not isinstance(site, CallSite) else None

    def _frees(self, call: Call, held: Holding) -> bool:
        return any(one.object == held.object for one in self._handlings.get(call.index, ()))


def _may_set(call: Call, _pair: Pair, path: str) -> bool:
    """Whether a call may give a freed pointer another value: it is handed its address, or what holds it."""
    for arg in call.args:
        if isinstance(arg, (Addr, Var)) and arg.path != path and depends(path, arg.path):
            return True
        if isinstance(arg, Addr) and arg.path == path:
            return True
        # A macro may do anything with its arguments.
        if arg == Var(path) and call.direct and call.name.isupper():
            return True
    return False


def _looks_through(value: Value | None, path: str) -> bool:
    """Whether a value is read from what a pointer points to, or is an address in it."""
    if isinstance(value, (Var, Addr)):
        return _through(value.path, path)
    if isinstance(value, Op):
        return _looks_through(value.left, path) or _looks_through(value.right, path)
    if isinstance(value, Opaque):
        return not _UNEVALUATED.search(value.text) and _pattern(path).search(value.text) is not None
    return False


def _through(place: str, path: str) -> bool:
    """Whether a place lies in what a pointer points to."""
    return place.startswith((f"{path}->", f"{path}[")) or place == f"*{path}"


@lru_cache(maxsize=65536)
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.])(?<!->){re.escape(path)}(?:->|\[)")
