# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function does with a pointer after it has freed what the pointer points to, on every path.

The domain is that of transfer.ownership: a call that frees brings the path of its argument into the state,
and an assignment to it, its address, or whatever else may give it another value takes it out again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from qerrlint.c.declarations.types import Signature
from qerrlint.domain.effects import Effect
from qerrlint.domain.ownership import Pair
from qerrlint.domain.state import State
from qerrlint.domain.terms import depends
from qerrlint.ir.code import (
    Addr,
    Assign,
    Call,
    Declare,
    Deref,
    Edge,
    Event,
    Function,
    Op,
    Opaque,
    Return,
    Test,
    Value,
    Var,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.span import Span
from qerrlint.transfer.objects import Ending, Handlings, Holding, Objects, ObjectsSeen, holdings
from qerrlint.transfer.ownership import error_domain, follow_beside_errors, may_see
from qerrlint.transfer.sites import Guard

Reads = Callable[[Call, int], bool]
"""Whether a call reads what the argument at a position points to."""

USES = ("used", "freed", "returned")
"""The kinds of what is seen of a freed pointer."""

# What names an object and does not evaluate it.
_UNEVALUATED = lazy_re(r"\b(?:sizeof|typeof|__typeof__|offsetof)\b")


def follow_freed(
    function: Function,
    signature: Signature | None,
    effect: Callable[[Call], Effect],
    handlings: Handlings,
    reads: Reads,
) -> ObjectsSeen:
    """Follow the pointers that calls (the acquiring `handlings`) free.

    In the result, kind "used" is a place that reads or writes through such a pointer, "freed" a call that
    frees it again, "returned" a return that hands it to the caller.
    """
    errors = error_domain(function, signature, effect)
    return follow_beside_errors(errors, FreedPointers(function, handlings, reads))


def may_be_used(function: Function, handlings: Handlings, reads: Reads) -> bool:
    """Whether follow_freed() may see a use of a freed pointer: False only where it sees none."""
    return may_see(function, FreedPointers(function, handlings, reads), USES)


class FreedPointers(Objects):
    """The typestate of pointers whose memory is gone."""

    def __init__(self, function: Function, handlings: Handlings, reads: Reads) -> None:
        super().__init__(function, handlings, _may_set)
        self._reads = reads

    def passes(self, state: State, edge: Edge | Guard, tests: Iterable[Test]) -> State | None:
        """As of Objects; a condition that reads through a freed pointer is a use of it."""
        if not state.held:
            return super().passes(state, edge, ())
        tests = tuple(tests)
        for held in holdings(state) if edge.span is not None else ():
            if edge.span is not None and any(_looks_through(test.subject, held.object) for test in tests):
                self._see("used", held, edge.span, state)
        return super().passes(state, edge, tests)

    def used(self, state: State, call: Call) -> State:
        """The state without the pointers that a call uses or frees."""
        return self._used(state, call)

    def event(self, state: State, event: Assign | Declare | Deref | Return, ending: Ending) -> State:
        """The state after an event, which may use a freed pointer or give it another value."""
        state = self._used(state, event)
        return state if isinstance(event, Return) else super().event(state, event, ending)

    def _used(self, state: State, event: Event) -> State:
        for held in holdings(state):
            span = self._use(event, held)
            if span is not None:
                self._see(self._kind_of_use(event, held), held, span, state)
                state = state.with_held(state.held - {held})
        return state

    def _kind_of_use(self, event: Event, held: Holding) -> str:
        """The kind (of Seen) of a use of a freed pointer."""
        if isinstance(event, Return) and event.value == Var(held.object):
            return "returned"
        return "freed" if isinstance(event, Call) and self._frees(event, held) else "used"

    def _use(self, event: Event, held: Holding) -> Span | None:
        """Where an event uses what a freed pointer points to; None where it does not."""
        path = held.object
        if isinstance(event, Call):
            used = self._frees(event, held) or any(
                _looks_through(arg, path) or (arg == Var(path) and self._reads(event, position))
                for position, arg in enumerate(event.args)
            )
        elif isinstance(event, Assign):
            used = _looks_through(event.value, path) or _through(event.target, path)
        elif isinstance(event, Return):
            used = event.value == Var(path) or _looks_through(event.value, path)
        else:
            used = isinstance(event, Deref) and event.path == path
        return event.span if used else None

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


@lru_cache(maxsize=2048)
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.])(?<!->){re.escape(path)}(?:->|\[)")
