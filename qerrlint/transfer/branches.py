# SPDX-License-Identifier: GPL-2.0-or-later
"""How an edge narrows a state: results against the Errors they decide, Error pointers, repeated
conditions."""

from __future__ import annotations

from qerrlint.absint.trace import Trail, places
from qerrlint.domain.conventions import FAILURE, fails_by
from qerrlint.domain.error import ERROR, NOT_ASKED_CELL, NULL_CELL, UNKNOWN_CELL, Cell, ErrorState, cell
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.state import Channel, Draft, Fact, State, fact
from qerrlint.domain.terms import Term, root_of
from qerrlint.ir.code import ANY, NEG, NONZERO, POS, ZERO, Addr, Call, Var, root
from qerrlint.records import record
from qerrlint.source.span import Span
from qerrlint.transfer.assignments import place_of
from qerrlint.transfer.frame import Frame
from qerrlint.transfer.recorder import Recorder
from qerrlint.transfer.sites import Guard, TestSite

# Tests of a member that may ask whether a setter has failed: for 0 or NULL, and for a negative number.
_TELLING = frozenset((ZERO, NONZERO, NEG, ZERO | POS))


def assume(frame: Frame, state: State, guard: Guard, recorder: Recorder) -> State | None:
    """The state on the other side of an edge, or None where its tests cannot hold."""
    if not guard.tests:
        return state
    if guard.span is not None and recorder.listens:
        _meet(frame, state, guard, guard.span, recorder)
    draft = state.draft()
    for test in guard.tests:
        if not _hold(frame, draft, test, guard):
            return None
    if guard.span is not None:
        note = "asserted" if guard.asserted else ""
        draft.trail = Trail(state.trail, "branch", guard.span, note, guard.taken, guard.case)
    return draft.frozen()


# -- what the tests meet ----------------------------------------------------------------------------


def _meet(frame: Frame, state: State, guard: Guard, span: Span, recorder: Recorder) -> None:
    """Tell the recorder what the tests of an edge meet, whether or not they hold."""
    for site in guard.tests:
        if not site.is_plain:
            continue
        term = site.term
        if (
            site.is_place
            and term is not None
            and term.place & state.watched
            and _meet_place(frame, state, site, span, recorder)
        ):
            continue
        known = site.value.evaluate(state)
        if known.origin < 0:
            if frame.fatal:
                recorder.branch(span, bool(guard.taken), known.origin, is_open=True)
            continue
        kind, allow = frame.effects[known.origin].kind, site.test.allow
        if kind in ("bool", "pointer") and allow in (NEG, ZERO | POS):
            recorder.occur(OccurrenceKind.SIGN_TESTED, span, kind, UNKNOWN_CELL, known.origin, state.trail)
        if frame.fatal:
            failure = known.channel is Channel.FATAL and allow == FAILURE.get(kind, ZERO)
            is_open = bool(known.signs & allow) or not failure
            recorder.branch(span, bool(guard.taken), known.origin, is_open)


def _meet_place(frame: Frame, state: State, site: TestSite, span: Span, recorder: Recorder) -> bool:
    """Tell the recorder of the test of a variable; returns whether that is an Error pointer."""
    assert site.term is not None
    place = place_of(frame, state, site.term)
    held = state.errors.get(place.index)
    if held is not None:
        recorder.condition(span, place.text, held.state)
        if held.state is ErrorState.UNINIT:
            recorder.occur(OccurrenceKind.UNINIT, span, place.text, held, -1, state.trail)
        return True
    if place.text == frame.errp and site.test.allow == NONZERO:
        behind = _unchecked_error(frame, state, state.points.get(place.index, -1))
        if behind is not None:
            recorder.occur(OccurrenceKind.ERRP_TESTED, span, place.text, behind, -1, state.trail)
    return False


def _unchecked_error(frame: Frame, state: State, behind: int) -> Cell | None:
    """The Error that a call may have set and nobody has asked for: that of the out-parameter, else a
    local one."""
    terms, locals_ = frame.terms.all, frame.function.locals
    for index, held in sorted(state.errors.items(), key=lambda item: item[0] != behind):
        if held.state is not ErrorState.SET or held.sure:
            continue
        if index == behind or locals_.get(terms[index].text) == ERROR:
            return held
    return None


# -- what they narrow -------------------------------------------------------------------------------


def _hold(frame: Frame, draft: Draft, site: TestSite, guard: Guard) -> bool:
    """Narrow a draft by a test; returns False where it cannot hold."""
    allow, term = site.allow, site.term
    if term is None:
        return _hold_value(frame, draft, site, guard)
    if not site.is_place:
        return _hold_equation(frame, draft, site, term, guard.soft) and _hold_value(frame, draft, site, guard)
    if site.is_error or term.place & draft.watched:
        place = place_of(frame, draft, term)
        held = draft.errors.get(place.index)
        if held is None and frame.is_error(place):
            held = UNKNOWN_CELL
        if held is not None:
            return _hold_error(draft, place, held, allow)
        if allow == ZERO and term.index in draft.points:
            # No pointer, so no Error that it points to.
            draft.set_error(draft.points[term.index], NOT_ASKED_CELL)
    return _hold_value(frame, draft, site, guard)


def _hold_equation(frame: Frame, draft: Draft, site: TestSite, term: Term, soft: bool) -> bool:
    """Store what an equation says of its sides; returns False where it contradicts what is known."""
    if term.left is None:
        return True
    if site.allow == POS and (_contradicts(frame, draft, term) or not _equal(draft, term)):
        return False
    if not _hold_length(frame, draft, term, equal=site.allow == POS):
        return False
    if soft:
        known = draft.facts.get(term.left.index)
        if known is not None and known.origin >= 0:
            _confirm(draft, known.origin, soft=True)
    return True


def _hold_length(frame: Frame, draft: Draft, term: Term, equal: bool) -> bool:
    """Hold a state against a result that is compared with an argument of its own call, the length that was
    asked for. Returns False where the state has an Error though they are equal, or none though they differ
    and a function pointer was called: a function that is named may do less than it was asked for. What a
    callee does whose body is read is known better."""
    assert term.left is not None
    origin = draft.value(term.left.index).origin
    if origin < 0 or term.by_constant or frame.effects[origin].evidence != "signature":
        return True
    call = frame.function.calls[origin]
    if frame.effects[origin].kind != "int" or Var(term.constant) not in call.args:
        return True
    if not equal and call.direct and call.name not in frame.types:
        return True
    excluded = ErrorState.SET if equal else ErrorState.NULL
    return not any(held.origin == origin and held.state is excluded for held in draft.errors.values())


def _hold_value(frame: Frame, draft: Draft, site: TestSite, guard: Guard) -> bool:
    """Narrow the signs of what is tested; returns False where none is left."""
    allow, term = site.allow, site.term
    known = site.value.evaluate(draft)
    signs = known.signs & allow
    if not signs or not _asked_for(frame, known, allow):
        return False
    if term is not None:
        of_int = known.origin >= 0 and frame.effects[known.origin].kind == "int"
        signed = known.signed or (of_int and allow in (NEG, ZERO | POS))
        if site.kept:
            draft.set_fact(term.index, fact(signs, known.origin, signed, known.channel))
        if site.answers is not None:
            draft.set_fact(site.answers.index, fact(signs))
    if known.origin >= 0:
        _confirm(draft, known.origin, guard.soft, open_ended=_leaves_open(frame, known.origin, signs))
        _unseen(frame, draft, known, signs)
    elif site.is_place and term is not None and allow in _TELLING and not term.text.isidentifier():
        _doubt(frame, draft, term, guard.span)
    return True


def _leaves_open(frame: Frame, origin: int, signs: int) -> bool:
    """Whether a pointer does not tell if its call has failed: NULL is an empty list as well as a failure."""
    effect = frame.effects[origin]
    fitting = {outcome.sets for outcome in effect.outcomes if outcome.signs & signs}
    return effect.kind == "pointer" and signs == ZERO and {True, False} <= fitting


def _asked_for(frame: Frame, known: Fact, allow: int) -> bool:
    """Whether a test asks for what the signs alone would let through."""
    if known.signs == NONZERO and allow == ZERO | POS:
        # What is not 0 has failed: `rc < 0 ? ... : ...` after `if (rc)` does not ask for above 0.
        return False
    of_int = known.origin >= 0 and frame.effects[known.origin].kind == "int"
    # `if (ret)` of an int result is the test for a failure: that it is above 0 is not what it asks, unless
    # the path has asked before whether it is below.
    return not (of_int and allow == NONZERO and known.signs == ZERO | POS and not known.signed)


def _unseen(frame: Frame, draft: Draft, known: Fact, signs: int) -> None:
    """A call that got NULL for errp is seen to have failed: only its result tells."""
    if not frame.telling or known.channel is not Channel.NONE:
        return
    kind = frame.effects[known.origin].kind
    if fails_by(kind, signs) or (kind == "int" and signs == NONZERO):
        draft.marks = draft.marks.adding_printed(known.origin)


def _equal(draft: Draft, term: Term) -> bool:
    """Narrow two equal places to the signs that both may have; returns False if there are none."""
    left, right = term.left, term.right
    if left is None or right is None:
        return True
    a, b = draft.value(left.index), draft.value(right.index)
    both = a.signs & b.signs
    if not both:
        return False
    if a.origin >= 0 and a.signs == NEG and b.signs == ANY:
        # A result that is just what was wanted is no failure.
        _confirm(draft, a.origin, soft=True)
    for place, known in ((left, a), (right, b)):
        if place.index not in draft.errors and both != known.signs:
            draft.set_fact(place.index, fact(both, known.origin, channel=known.channel))
            if known.origin >= 0:
                _confirm(draft, known.origin, soft=False)
    return True


def _contradicts(frame: Frame, draft: Draft, term: Term) -> bool:
    """Whether `x == A` cannot hold because the path has `x == B` with another constant."""
    if not term.by_constant:
        return False
    terms = frame.terms.all
    return any(
        known.signs == POS
        and terms[index].left is term.left
        and terms[index] is not term
        and terms[index].by_constant
        for index, known in draft.facts.items()
    )


def _hold_error(draft: Draft, place: Term, held: Cell, allow: int) -> bool:
    """Narrow the state of an Error pointer by a test; returns False where that state excludes the
    outcome."""
    if held.state is ErrorState.MAYBE:
        if not allow & ZERO:
            draft.set_error(place.index, cell(ErrorState.SET, held.origin, held.origin >= 0))
        elif not allow & POS:
            draft.set_error(place.index, NULL_CELL)
        return True
    if held.state is ErrorState.NULL:
        return bool(allow & ZERO)
    if held.state is ErrorState.UNINIT:
        return True
    if not allow & POS:
        return False
    if held.state is ErrorState.SET and not held.sure and not allow & ZERO:
        draft.set_error(place.index, cell(ErrorState.SET, held.origin, True, held.propagated))
    return True


def _confirm(draft: Draft, origin: int, soft: bool, open_ended: bool = False) -> None:
    """Mark as certain what the call `origin` did to its Error, because its result was tested. `soft`: the
    result is a code that is no failure, so the Error may or may not be set. `open_ended`: the result comes
    with and without an Error, so that a set one is not certain, and code that relies on one may have
    NULL."""
    for index, held in list(draft.errors.items()):
        if held.origin != origin or held.state not in (ErrorState.SET, ErrorState.NULL):
            continue
        if soft:
            draft.set_error(index, cell(ErrorState.MAYBE, origin))
        elif not held.sure and not (open_ended and held.state is ErrorState.SET):
            draft.set_error(index, cell(held.state, held.origin, True, held.propagated))


# -- members that may show a failure -----------------------------------------------------------------


@record(frozen=True, slots=True)
class _Tested:
    """A member that is tested, and the variables that hold its object."""

    term: Term
    owners: frozenset[str]
    span: Span | None


def _doubt(frame: Frame, draft: Draft, term: Term, span: Span | None) -> None:
    """Make an Error uncertain where a member of an object that its setter was handed is tested: the member
    may show the failure."""
    if not draft.errors:
        return
    owner = root_of(term)
    tested = _Tested(term, frozenset((owner, frame.casts.get(owner, owner))), span)
    for index, held in list(draft.errors.items()):
        if held.state is ErrorState.SET and not held.sure and held.origin >= 0:
            setter = frame.function.calls[held.origin]
            error = frame.terms.all[index]
            if error.local and not frame.is_used(error):
                continue  # nothing reads it: it is lost, whatever the member shows
            if not _leads_to(draft.trail, setter, span) and _may_show(tested, setter):
                draft.set_error(index, cell(ErrorState.MAYBE, held.origin))


def _may_show(tested: _Tested, setter: Call) -> bool:
    """Whether the setter was handed the object. A result that is kept is what its caller looks at, unless it
    tests an out-parameter."""
    if setter.used and tested.term.pointee_of is None:
        return False
    return any(isinstance(arg, (Var, Addr)) and root(arg.path) in tested.owners for arg in setter.args)


def _leads_to(trail: Trail | None, setter: Call, span: Span | None) -> bool:
    """Whether the test, met again in a loop, decides whether the setter is called: no test of its outcome."""
    if span is None or not span < setter.span:
        return False
    return any(place.kind == "branch" and place.span == span for place in places(trail))
