# SPDX-License-Identifier: GPL-2.0-or-later
"""What only a local variable holds, on every path up to where it is released, handed on or lost.

The domain is that of transfer.ownership. An object is followed while one local variable, or a result that no
variable holds, is all that leads to it; whatever may give it another owner ends that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache

from qerrlint.c.declarations.types import Signature
from qerrlint.domain.casts import cast_if_it_is
from qerrlint.domain.effects import Effect
from qerrlint.domain.state import State
from qerrlint.ir.code import (
    NONZERO,
    ZERO,
    Assign,
    Call,
    Declare,
    Deref,
    Edge,
    Function,
    Op,
    Opaque,
    Result,
    Return,
    Test,
    Value,
    Var,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span
from qerrlint.transfer.frame import Frame
from qerrlint.transfer.objects import (
    Ending,
    Handling,
    Handlings,
    Holding,
    LetsGo,
    Objects,
    ObjectsSeen,
    Seen,
    holdings,
)
from qerrlint.transfer.ownership import error_domain, follow_beside_errors, may_see
from qerrlint.transfer.sites import Guard


@record(frozen=True, slots=True)
class Owners:
    """What may give an object another owner: a call, an assignment, a value that is returned.

    `is_own`: whether a path is a variable of the function that loses its value with it.
    """

    by_call: LetsGo
    by_assignment: Callable[[Assign, str], bool]
    by_return: Callable[[Value | None, str], bool]
    is_own: Callable[[str], bool]


def follow_locals(
    function: Function,
    signature: Signature | None,
    kind: str,
    effect: Callable[[Call], Effect],
    handlings: Handlings,
    owners: Owners,
) -> ObjectsSeen:
    """Follow what local variables hold; the arguments are those of transfer.ownership.follow.

    In the result, kind "exit" is a return that leaves an object behind, "lost" a variable that gets another
    value, or whose scope begins anew, while it holds one, "released" a call that releases one, and "unheld"
    a call that releases what is not held.
    """
    errors = error_domain(function, signature, effect)
    objects = LocalObjects(function, handlings, owners, errors.frame)
    return follow_beside_errors(errors, objects, kind, errors.work(len(handlings)))


def may_be_left(function: Function, handlings: Handlings, owners: Owners) -> bool:
    """Whether follow_locals() may see an object that a return leaves behind, or that is lost.

    False only where it sees none.
    """
    return may_see(function, LocalObjects(function, handlings, owners), ("exit", "lost"))


# Whether a descriptor is none of the standard ones.
_STANDARD = lazy_re(r"(\w+)>(?:2|STD(?:IN|OUT|ERR)_FILENO)\Z")


@lru_cache(maxsize=4096)
def _is_equal(text: str, name: str) -> bool:
    """Whether a comparison that holds finds a variable equal to another place: that owns it as well."""
    left, equal, right = text.partition("==")
    return bool(equal) and name in (left, right)


def _is_moved(value: Value, name: str) -> bool:
    """Whether a value is a variable plus or minus something."""
    return isinstance(value, Op) and value.op in ("+", "-") and Var(name) in (value.left, value.right)


def _names(held: Holding) -> tuple[str, ...]:
    """The variables that lead to an object."""
    return (held.object, held.also) if held.also else (held.object,)


class LocalObjects(Objects):
    """The ownership typestate of what local variables hold.

    An object that is cast to a type that it need not be of has a second name, the variable that gets the
    result, until a test finds nothing there.
    """

    def __init__(
        self,
        function: Function,
        handlings: Handlings,
        owners: Owners,
        frame: Frame | None = None,
    ) -> None:
        super().__init__(function, handlings, owners.by_call, frame)
        self._owners = owners
        self._function = function

    def passes(self, state: State, edge: Edge | Guard, tests: Iterable[Test]) -> State | None:
        """As of Objects; a test that finds nothing in a variable that holds something is not passed."""
        if not state.held:
            return super().passes(state, edge, tests)
        for test in tests:
            subject = test.subject
            if (
                isinstance(subject, Var)
                and not test.allow & NONZERO
                and any(held.object == subject.path for held in holdings(state))
            ):
                return None
            if isinstance(subject, Var) and not test.allow & NONZERO:
                state = self._without_name(state, subject.path)
            if isinstance(subject, Opaque) and not test.allow & NONZERO:
                # Nobody closes the standard input and outputs.
                standard = _STANDARD.match(subject.text)
                if standard is not None:
                    state = self._lost_silently(state, standard[1])
            if isinstance(subject, Opaque) and not test.allow & ZERO:
                state = state.with_held(
                    frozenset(h for h in holdings(state) if not _is_equal(subject.text, h.object))
                )
        return state

    def event(self, state: State, event: Assign | Declare | Deref | Return, ending: Ending) -> State:
        """The state after an event: what a variable holds is lost with its value, and an object gets the
        name of the variable that it is stored in."""
        if isinstance(event, Declare):
            return self._lost(state, event.path, event.span)
        if isinstance(event, Assign):
            return self._stored(state, event)
        if isinstance(event, Return):
            kept = {
                held
                for held in holdings(state)
                if not any(self._owners.by_return(event.value, name) for name in _names(held))
            }
            self._return(state.with_held(frozenset(kept)), event, ending)
        return state

    def _stored(self, state: State, event: Assign) -> State:
        """The state after an assignment, in which an object has the name of the variable that it is assigned
        to."""
        value, target = event.value, event.target
        kept: set[Holding] = set()
        arrived: set[Holding] = set()
        for held in holdings(state):
            if (isinstance(value, Result) and held.object == f"#{value.call}") or (
                isinstance(value, Var) and value.path == held.object and held.object.startswith("$")
            ):
                if self._owners.is_own(target):
                    arrived.add(Holding(held.pair, held.status, target, held.call))
            elif (cast := self._cast(event, held)) is not None:
                arrived |= cast
            elif held.object == target and _is_moved(value, target):
                # It still leads into the object, and to its start again.
                continue
            elif not any(self._owners.by_assignment(event, name) for name in _names(held)):
                kept.add(held)
        state = self._lost(state.with_held(frozenset(kept)), target, event.span)
        return state.with_held(state.held | arrived)

    def _cast(self, event: Assign, held: Holding) -> set[Holding] | None:
        """What becomes of an object whose cast to a type that it need not be of is assigned; None for any
        other assignment."""
        if not isinstance(event.value, Result):
            return None
        cast = cast_if_it_is(self._function.calls[event.value.call])
        if cast == Var(held.object) and self._owners.is_own(event.target):
            return {replace(held, also=event.target)}
        if isinstance(cast, Result) and held.object == f"#{cast.call}" and self._owners.is_own(event.target):
            return {Holding(held.pair, held.status, event.target, held.call)}
        return None

    @staticmethod
    def _lost_silently(state: State, name: str) -> State:
        """The state without what a variable holds, which is not the function's own."""
        return state.with_held(frozenset(h for h in holdings(state) if h.object != name))

    @staticmethod
    def _without_name(state: State, name: str) -> State:
        """The state in which a variable is no second name of an object."""
        named = {held for held in holdings(state) if held.also == name}
        alone = {replace(held, also="") for held in named}
        return state.with_held(state.held - named | alone) if named else state

    def _may_release(self, call: Call, held: Holding) -> bool:
        """Whether a call may release an object, by one of its names."""
        return any(
            super(LocalObjects, self)._may_release(call, replace(held, object=name, also=""))
            for name in _names(held)
        )

    def _see(
        self, kind: str, held: Holding, span: Span, state: State, failing: bool = False, sure: bool = True
    ) -> None:
        """As of Objects; one object is seen, whatever names it has."""
        super()._see(kind, replace(held, also=""), span, state, failing, sure)

    def _lost(self, state: State, path: str, span: Span) -> State:
        """The state without what a variable held before it gets another value."""
        state = self._without_name(state, path)
        second = {held for held in holdings(state) if held.object == path and held.also}
        if second:
            renamed = {replace(held, object=held.also, also="") for held in second}
            state = state.with_held(state.held - second | renamed)
        gone = {held for held in holdings(state) if held.object == path}
        for held in gone:
            self._see("lost", held, span, state)
        return state.with_held(state.held - gone) if gone else state

    def _handle(self, first: State, state: State, call: Call, handling: Handling) -> list[State]:
        gone = {
            held
            for held in holdings(state)
            # Whatever releases it, it is gone.
            if handling.object in _names(held)
            and (handling.role == "release" or self._pairs[held.pair] == handling.pair)
        }
        for held in gone:
            kind = "released" if handling.role == "release" else "lost"
            self._see(kind, held, call.span, state)
        if handling.role == "release" and not gone:
            ident = ("unheld", handling.pair.name, handling.object)
            self.seen.setdefault(
                ident,
                Seen(
                    "unheld", handling.pair, handling.object, "released", call.index, call.span, state.trail
                ),
            )
        state = state.with_held(state.held - gone)
        return super()._handle(first, state, call, handling) if handling.role == "acquire" else [state]
