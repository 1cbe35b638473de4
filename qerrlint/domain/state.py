# SPDX-License-Identifier: GPL-2.0-or-later
"""The state of one path: the product of Error typestates, signs, points-to, marks and held objects.

A State is immutable. A transfer function makes a Draft of it, which copies a component when it first changes
it, and freezes that. The maps are keyed by the numbers of terms (domain.terms).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import Enum

from qerrlint.absint.trace import Trail
from qerrlint.domain import error, signs
from qerrlint.domain.error import TOP_CELL, Cell, ErrorState
from qerrlint.ir.code import ANY, POS, ZERO


class Channel(Enum):
    """How the Error of the call that a value comes from was asked for: by a pointer, not at all (NULL), or by
    &error_abort or &error_fatal."""

    POINTER = 0
    NONE = 1
    FATAL = 2

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """What is known of a value; made by `fact()`, which gives equal ones the same object.

    `signs`: those it may have. `origin`: the number of the call that returned it (-1: no call), `channel` how
    that call's Error was asked for. `signed`: the path has asked whether the value is negative.
    """

    signs: int
    origin: int = -1
    signed: bool = False
    channel: Channel = Channel.POINTER

    def narrowed(self, to: int) -> Fact:
        """The same with these signs."""
        return self if to == self.signs else fact(to, self.origin, self.signed, self.channel)


_FACTS: dict[tuple[int, int, bool, Channel], Fact] = {}


def fact(signs_: int, origin: int = -1, signed: bool = False, channel: Channel = Channel.POINTER) -> Fact:
    """The one Fact with these values."""
    key = (signs_, origin, signed, channel)
    found = _FACTS.get(key)
    if found is None:
        found = _FACTS[key] = Fact(signs_, origin, signed, channel)
    return found


ANYTHING = fact(ANY)
_SIGNS_OF_STATE = {
    ErrorState.UNINIT: ANYTHING,
    ErrorState.NULL: fact(ZERO),
    ErrorState.SET: fact(POS),
    ErrorState.MAYBE: fact(ZERO | POS),
    ErrorState.GONE: fact(POS),
}
NOT_NULL = fact(POS)


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What has happened on the path to a state; made by `marks()`, which gives equal ones the same object.

    `printed`: the calls that told the user of a failure, or whose failure only their result told. `freed`:
    the terms whose string was freed. `set_by`: the number of an error_setg() of the function itself after
    which it has done no other work (-1: none). `propagated`: an Error, or none, was propagated to the
    out-parameter.
    """

    printed: frozenset[int] = frozenset()
    freed: frozenset[int] = frozenset()
    set_by: int = -1
    propagated: bool = False

    def adding_printed(self, call: int) -> Marks:
        """The marks after a call that told the user of a failure."""
        return marks(self.printed | {call}, self.freed, self.set_by, self.propagated)

    def without_printed(self) -> Marks:
        """The marks when what was told before no longer counts."""
        return marks(frozenset(), self.freed, self.set_by, self.propagated) if self.printed else self

    def with_freed(self, term: int, freed: bool) -> Marks:
        """The marks after the string of a term was freed, or the term got another."""
        if (term in self.freed) == freed:
            return self
        return marks(self.printed, self.freed ^ {term}, self.set_by, self.propagated)

    def with_set_by(self, call: int) -> Marks:
        """The marks after an error_setg() of the function itself, or (-1) after other work."""
        return self if call == self.set_by else marks(self.printed, self.freed, call, self.propagated)

    def with_propagated(self) -> Marks:
        """The marks after an Error, or none, was propagated to the out-parameter."""
        return self if self.propagated else marks(self.printed, self.freed, self.set_by, True)


_MARKS: dict[tuple[frozenset[int], frozenset[int], int, bool], Marks] = {}


def marks(
    printed: frozenset[int] = frozenset(),
    freed: frozenset[int] = frozenset(),
    set_by: int = -1,
    propagated: bool = False,
) -> Marks:
    """The one Marks with these values."""
    key = (printed, freed, set_by, propagated)
    found = _MARKS.get(key)
    if found is None:
        found = _MARKS[key] = Marks(printed, freed, set_by, propagated)
    return found


NO_MARKS = marks()


class State:
    """One abstract state; two states are compared by `key()`.

    `errors`, `facts` and `points` map the number of a term to its cell, its fact, and the term that it points
    to; `known` is the mask of the terms in `facts`, `watched` that of those in `errors` and `points`.
    """

    __slots__ = (
        "_base",
        "_key",
        "_own",
        "errors",
        "facts",
        "held",
        "known",
        "marks",
        "points",
        "trail",
        "watched",
    )

    def __init__(
        self,
        errors: dict[int, Cell],
        facts: dict[int, Fact],
        points: dict[int, int],
        trail: Trail | None = None,
        marks_: Marks = NO_MARKS,
        held: frozenset[Hashable] = frozenset(),
    ) -> None:
        self.errors = errors
        self.facts = facts
        self.points = points
        self.trail = trail
        self.marks = marks_
        self.held = held
        self.known = sum(1 << term for term in facts)
        self.watched = sum(1 << term for term in errors.keys() | points.keys())
        self._key: Hashable = None
        self._own = 0
        self._base: State | None = None

    def key(self, ignored: int = 0) -> Hashable:
        """All but the trail and the facts of the terms in the mask `ignored`; with all facts, states with
        equal keys cannot be told apart by anything that happens later. A state is always asked with the same
        mask."""
        if self._key is None:
            facts: Iterable[tuple[int, Fact]] = self.facts.items()
            if ignored:
                facts = [(term, known) for term, known in facts if not ignored >> term & 1]
            self._key = (
                frozenset(self.errors.items()),
                frozenset(facts),
                frozenset(self.points.items()),
                self.marks,
                self.held,
            )
        return self._key

    def value(self, term: int) -> Fact:
        """What is known of a term's value; of an Error pointer its typestate tells."""
        if self.watched >> term & 1:
            held = self.errors.get(term)
            if held is not None:
                return _SIGNS_OF_STATE[held.state]
        return self.facts.get(term, ANYTHING)

    def weaker(self, other: State) -> bool:
        """Whether every fact of this state is one of the other's, or says less than that."""
        facts = other.facts
        for term, known in self.facts.items():
            if known is not facts[term] and not _fact_leq(facts[term], known):
                return False
        return True

    def with_trail(self, trail: Trail | None) -> State:
        """The same state, reached on another path."""
        draft = self.draft()
        draft.trail = trail
        return draft.frozen()

    def with_held(self, held: frozenset[Hashable]) -> State:
        """The same state with other held objects."""
        if held == self.held:
            return self
        draft = self.draft()
        draft.held = held
        return draft.frozen()

    def without_facts(self, mask: int) -> State:
        """The same state without the facts of the terms in a mask."""
        draft = self.draft()
        draft.forget(mask)
        return draft.frozen()

    def draft(self) -> Draft:
        """A copy that may be changed; it shares the maps until it writes to one."""
        made = Draft.__new__(Draft)
        made.errors = self.errors
        made.facts = self.facts
        made.points = self.points
        made.trail = self.trail
        made.marks = self.marks
        made.held = self.held
        made.known = self.known
        made.watched = self.watched
        made._key = None
        made._own = 0
        made._base = self
        return made


class Draft(State):
    """A State that is being changed; each map is copied when it is first written."""

    __slots__ = ()

    def frozen(self) -> State:
        """The state as it is now, or the first one where nothing has changed; the draft is used up."""
        base = self._base
        assert base is not None
        if not self._own and self.marks is base.marks and self.trail is base.trail and self.held is base.held:
            return base
        self._base = None
        # The object becomes a State, which has no method to change it: cheaper than a copy.
        self.__class__ = State  # type: ignore[assignment]
        return self

    def set_error(self, term: int, held: Cell) -> None:
        """An Error pointer gets a state."""
        if not self._own & 1:
            self.errors = dict(self.errors)
            self._own |= 1
        self.errors[term] = held
        self.watched |= 1 << term

    def drop_error(self, term: int) -> None:
        """Nothing is known of an Error pointer any more, not even that it is one."""
        if not self._own & 1:
            self.errors = dict(self.errors)
            self._own |= 1
        del self.errors[term]
        if term not in self.points:
            self.watched &= ~(1 << term)

    def set_fact(self, term: int, known: Fact) -> None:
        """A value is known."""
        if not self._own & 2:
            self.facts = dict(self.facts)
            self._own |= 2
        self.facts[term] = known
        self.known |= 1 << term

    def forget(self, mask: int) -> None:
        """Drop the facts of all terms in a mask."""
        hit = self.known & mask
        if hit:
            self.facts = {term: known for term, known in self.facts.items() if not hit >> term & 1}
            self._own |= 2
            self.known &= ~mask

    def point(self, pointer: int, target: int | None) -> None:
        """An `Error **` variable points to a pointer, or (None) nothing is known of where it points."""
        if target is None and pointer not in self.points:
            return
        if not self._own & 4:
            self.points = dict(self.points)
            self._own |= 4
        if target is None:
            del self.points[pointer]
            if pointer not in self.errors:
                self.watched &= ~(1 << pointer)
        else:
            self.points[pointer] = target
            self.watched |= 1 << pointer


def leq(one: State, other: State) -> bool:
    """Whether `other` describes every execution that `one` does: `one` says at least as much."""
    return (
        all(error.leq(one.errors.get(term, TOP_CELL), held) for term, held in other.errors.items())
        and all(_fact_leq(one.facts.get(term, ANYTHING), known) for term, known in other.facts.items())
        and all(one.points.get(pointer) == target for pointer, target in other.points.items())
        and _marks_leq(one.marks, other.marks)
        and one.held <= other.held
    )


def join(one: State, other: State) -> State:
    """The least state above both; its trail is the first one's, marked as joined."""
    errors = {
        term: error.join(held, other.errors[term])
        for term, held in one.errors.items()
        if term in other.errors
    }
    facts = {
        term: both
        for term, known in one.facts.items()
        if term in other.facts and (both := _joined(known, other.facts[term])) is not ANYTHING
    }
    points = {p: t for p, t in one.points.items() if other.points.get(p) == t}
    both_marks = marks(
        one.marks.printed | other.marks.printed,
        one.marks.freed | other.marks.freed,
        one.marks.set_by if one.marks.set_by == other.marks.set_by else -1,
        one.marks.propagated or other.marks.propagated,
    )
    return State(errors, facts, points, one.trail, both_marks, one.held | other.held)


def widen(state: State) -> State:
    """The state above this one that holds no value: only the Errors, their pointers and the marks stay apart,
    of which a function has finitely many."""
    return State(state.errors, {}, state.points, state.trail, state.marks, state.held)


def _fact_leq(one: Fact, other: Fact) -> bool:
    if other is ANYTHING:
        return True
    return (
        signs.leq(one.signs, other.signs)
        and other.origin in (one.origin, -1)
        and one.signed >= other.signed
        and (one.channel is other.channel or other.channel is Channel.POINTER)
    )


def _joined(one: Fact, other: Fact) -> Fact:
    return fact(
        one.signs | other.signs,
        one.origin if one.origin == other.origin else -1,
        one.signed and other.signed,
        one.channel if one.channel is other.channel else Channel.POINTER,
    )


def _marks_leq(one: Marks, other: Marks) -> bool:
    return (
        one.printed <= other.printed
        and one.freed <= other.freed
        and other.set_by in (one.set_by, -1)
        and one.propagated <= other.propagated
    )
