# SPDX-License-Identifier: GPL-2.0-or-later
"""What a call does to a state: to the Errors it is handed, to known values, and to the marks of the path."""

from __future__ import annotations

from collections.abc import Sequence

from qerrlint.absint.trace import Trail
from qerrlint.domain.effects import Outcome
from qerrlint.domain.error import (
    FATAL,
    NULL_CELL,
    UNKNOWN_CELL,
    WARN,
    Cell,
    ErrorState,
    cell,
    fault_of,
)
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.state import ANYTHING, NO_MARKS, Channel, Draft, State, fact
from qerrlint.domain.terms import Term
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import ANY, NEG, NULL, POS, ZERO, Addr, Result, Value, Var, text_of
from qerrlint.records import record
from qerrlint.source.span import Span
from qerrlint.transfer.assignments import copy_equations, forget, place_of
from qerrlint.transfer.frame import Frame
from qerrlint.transfer.recorder import Recorder
from qerrlint.transfer.sites import CallSite, Input, traits


def call(frame: Frame, state: State, site: CallSite, recorder: Recorder) -> Sequence[State]:
    """The states after a call: one for each outcome of the callee that the state does not exclude."""
    if frame.passes_errp and not site.call.used and not site.traits.harmless:
        goes_on_unchecked(frame, state, site.call.span, site.call.index, recorder)
    if site.plain and _touches_nothing(frame, state, site):
        return (state,)
    effect = site.effect
    if effect.noreturn:
        held = state.errors.get(frame.out.index, UNKNOWN_CELL) if frame.out is not None else NULL_CELL
        recorder.occur(
            OccurrenceKind.EXITS, site.call.span, site.call.name, held, site.call.index, state.trail
        )
        return ()
    draft = state.draft()
    if site.values & draft.watched or site.addresses:
        for given in site.inputs:
            _input(frame, draft, site, given, recorder)
    special = site.special
    if special.asks is not None and special.asks.index in draft.facts:
        draft.set_fact(site.result.index, draft.facts[special.asks.index])
    if special.cast is not None:
        return _dynamic_cast(frame, draft.frozen(), site, special.cast)
    _marks(frame, draft, site, recorder)
    if effect.clears is not None and effect.clears < len(site.call.args):
        _clear(frame, draft, site, effect.clears, recorder)
    if effect.consumes is not None and effect.consumes < len(site.call.args):
        states = _consume(frame, draft, site, recorder)
        if site.target is None or effect.into is not None:
            return states
        return [after for one in states for after in _answer(frame, one.draft(), site, recorder)]
    return _answer(frame, draft, site, recorder)


def _answer(frame: Frame, draft: Draft, site: CallSite, recorder: Recorder) -> Sequence[State]:
    """The states after a call, as to its result and the Error that it may set; its arguments are dealt with
    before."""
    effect = site.effect
    asked = site.target not in (None, NULL)
    if not asked and not site.call.used and frame.out is not None:
        held = draft.errors.get(frame.out.index, UNKNOWN_CELL)
        if held.state is ErrorState.NULL and (effect.evidence == "body" or site.target is not None):
            _occur(recorder, OccurrenceKind.DROPPED_RESULT, site, site.call.name, held, draft.trail)
    if site.target is None:
        return (draft.frozen(),)
    target = pointed_by(frame, draft, site.target)
    if target is None:
        # No pointer to an Error: the result alone tells.
        draft.set_fact(site.result.index, fact(ANY, site.call.index, channel=Channel.NONE))
        return (draft.frozen(),)
    if target.text in FATAL:
        return _survivors(draft.frozen(), site)
    return _set(frame, draft.frozen(), site, target, recorder)


def goes_on_unchecked(frame: Frame, state: State, span: Span, call: int, recorder: Recorder) -> None:
    """Tell the recorder if the function goes on although an earlier call may have set the out-parameter: the
    path has looked at neither its result nor the Error, or has and goes on all the same. `call` is the number
    of the call at the place (-1: none)."""
    assert frame.out is not None
    held = state.errors.get(frame.out.index)
    if held is not None and held.state is ErrorState.SET and held.origin >= 0:
        kind = OccurrenceKind.FAILED_ON if held.sure else OccurrenceKind.UNCHECKED
        recorder.occur(kind, span, frame.out.text, held, call, state.trail)


def pointed_by(frame: Frame, state: State | Draft, value: Value) -> Term | None:
    """The Error pointer that an `Error **` argument names; None for NULL, &error_warn and the unknown."""
    if isinstance(value, Addr):
        return frame.terms.of(value.path) if value.path != WARN else None
    if isinstance(value, Var):
        pointer = frame.terms.of(value.path)
        known = state.points.get(pointer.index)
        if known is not None:
            return frame.terms.all[known]
        if value.path.startswith("$") or state.facts.get(pointer.index, ANYTHING).signs == ZERO:
            return None
        return frame.terms.of("*" + value.path)
    return None


def _touches_nothing(frame: Frame, state: State, site: CallSite) -> bool:
    """Whether a call without an effect on Errors leaves this state as it is."""
    marks = state.marks
    if marks is not NO_MARKS and (
        marks.freed or ((marks.printed or marks.set_by >= 0) and not site.traits.harmless)
    ):
        return False
    if (site.values | site.addresses) & state.watched:
        return False
    if not site.addresses or not state.known:
        return True
    terms = frame.terms
    return not any(by_address and terms.readers(term, state.known) for _, by_address, term in site.inputs)


def _occur(
    recorder: Recorder, kind: OccurrenceKind, site: CallSite, name: str, before: Cell, trail: Trail | None
) -> None:
    recorder.occur(kind, site.call.span, name, before, site.call.index, trail)


def _fault(
    recorder: Recorder,
    fault: OccurrenceKind | None,
    site: CallSite,
    name: str,
    held: Cell,
    trail: Trail | None,
) -> bool:
    """Record a fault if there is one; returns whether there is."""
    if fault is None:
        return False
    _occur(recorder, fault, site, name, held, trail)
    return True


# -- arguments ------------------------------------------------------------------------------------


def _input(frame: Frame, draft: Draft, site: CallSite, given: Input, recorder: Recorder) -> None:
    """Apply to a draft what a call may do to a place that is an argument: write to an address, take an
    Error."""
    position, by_address, term = given
    keeps = site.effect.keeps
    if by_address:
        held = draft.errors.get(term.index)
        if keeps and held is not None:
            inside = not word_list("extends-where-there-is-one").matches(site.call.name)
            fault = fault_of("extend", held, looks_inside=inside)
            _fault(recorder, fault, site, term.text, held, draft.trail)
            return
        forget(frame, draft, term)
        draft.marks = draft.marks.with_freed(term.index, False)
        if held is not None and not keeps:
            draft.set_error(term.index, UNKNOWN_CELL)
        return
    behind = draft.points.get(term.index)
    if behind is not None and keeps:
        held = draft.errors.get(behind, UNKNOWN_CELL)
        if held.known_null and not word_list("extends-where-there-is-one").matches(site.call.name):
            _occur(
                recorder, OccurrenceKind.NULL_REPORTED, site, frame.terms.all[behind].text, held, draft.trail
            )
    elif behind is not None:
        draft.set_error(behind, UNKNOWN_CELL)
    place = place_of(frame, draft, term)
    held = draft.errors.get(place.index)
    if held is not None and position != site.effect.consumes:
        _borrow(draft, site, place, held, recorder)


def _borrow(draft: Draft, site: CallSite, place: Term, held: Cell, recorder: Recorder) -> None:
    """Apply to a draft that an Error is passed by value to a callee that is no known consumer."""
    name = site.call.name
    if _fault(
        recorder,
        fault_of("use", held, looks_inside=name == "error_get_pretty"),
        site,
        place.text,
        held,
        draft.trail,
    ):
        return
    reads = site.effect.keeps or name.startswith("error_") or site.effect.evidence == "body"
    if not reads:
        # The callee may keep it: who frees it is no longer known.
        draft.set_error(place.index, UNKNOWN_CELL)


def _dynamic_cast(frame: Frame, state: State, site: CallSite, cast: tuple[Term, Term]) -> Sequence[State]:
    """The states after object_dynamic_cast(): one where it finds the type, one where it does not. An object
    is not of two types that one function tells apart."""
    of, which = cast
    terms = frame.terms.all
    out = []
    for signs in (POS, ZERO):
        known = state.facts.get(which.index)
        other = any(
            terms[index].left is of and index != which.index and value.signs == POS
            for index, value in state.facts.items()
        )
        if (known is not None and known.signs != signs) or (signs == POS and other):
            continue
        draft = state.draft()
        draft.set_fact(site.result.index, fact(signs))
        draft.set_fact(which.index, fact(signs))
        out.append(draft.frozen())
    return out


# -- marks ------------------------------------------------------------------------------------------


def _marks(frame: Frame, draft: Draft, site: CallSite, recorder: Recorder) -> None:
    """Update the marks of the path (what was printed, freed, set by the function itself), and record what
    they show to be wrong with this call."""
    own, effect, index = frame.telling, site.effect, site.call.index
    special = site.special
    if own and site.target != NULL and not site.traits.harmless:
        # What was told before other work is not about a failure further on.
        draft.marks = draft.marks.without_printed()
    if special.prints:
        draft.marks = draft.marks.adding_printed(index)
    if special.frees is not None:
        draft.marks = draft.marks.with_freed(special.frees.index, True)
    after = draft.marks.set_by
    if after >= 0 and effect.errp is None and not _is_harmless(frame, site):
        draft.marks = draft.marks.with_set_by(-1)
        held = cell(ErrorState.SET, after, sure=True)
        _occur(recorder, OccurrenceKind.GOES_ON, site, site.call.name, held, draft.trail)
    setter = effect.evidence == "setter"
    if special.errno is not None and (setter or not site.call.name.startswith("error_")):
        value, text = special.errno
        if value.evaluate(draft).signs == NEG:
            _occur(recorder, OccurrenceKind.NEGATIVE_ERRNO, site, text, NULL_CELL, draft.trail)
    if draft.marks.freed and (setter or effect.keeps or site.traits.prints):
        for arg in site.call.args:
            if isinstance(arg, Var) and frame.terms.of(arg.path).index in draft.marks.freed:
                _occur(recorder, OccurrenceKind.FREED_ARGUMENT, site, arg.path, NULL_CELL, draft.trail)
    if setter and own and site.call.args:
        target = pointed_by(frame, draft, site.call.args[0])
        if target is not None and target is frame.out:
            draft.marks = draft.marks.with_set_by(index)


def _is_harmless(frame: Frame, site: CallSite) -> bool:
    """Whether a call is no work: it cleans up, tells or asks, or its result is only handed to such a call."""
    if site.traits.harmless or not site.call.used:
        return site.traits.harmless
    takers = [call for call in frame.function.calls if Result(site.call.index) in call.args]
    return bool(takers) and all(traits(taker.name).harmless for taker in takers)


# -- outcomes ---------------------------------------------------------------------------------------


def _survivors(state: State, site: CallSite) -> Sequence[State]:
    """The states after a call with &error_abort or &error_fatal: only outcomes that set no Error return."""
    out = []
    for outcome in site.effect.outcomes:
        if outcome.sets is not True:
            draft = state.draft()
            if outcome.signs != ANY:
                known = fact(outcome.signs, site.call.index, channel=Channel.FATAL)
                draft.set_fact(site.result.index, known)
            out.append(draft.frozen())
    return out


@record(frozen=True, slots=True)
class _Setting:
    """A call that may set an Error: the pointer, its state before, and whether every outcome sets it."""

    site: CallSite
    target: Term
    before: Cell
    certain: bool


def _set(frame: Frame, state: State, site: CallSite, target: Term, recorder: Recorder) -> Sequence[State]:
    """The states after a call that may set the Error: one for each of its outcomes."""
    effect = site.effect
    before = state.errors.get(target.index, UNKNOWN_CELL)
    _fault(recorder, fault_of("pass", before), site, target.text, before, state.trail)
    setting = _Setting(site, target, before, certain=all(outcome.sets for outcome in effect.outcomes))
    idle = effect.evidence == "signature" and "error" in site.call.name and _no_status(frame, state, site)
    out = []
    for outcome in effect.outcomes:
        if outcome.sets and idle:
            continue
        draft = state.draft()
        _result(frame, state, draft, site, outcome)
        if _outcome(frame, draft, setting, outcome, recorder):
            out.append(draft.frozen())
    return out


def _outcome(frame: Frame, draft: Draft, setting: _Setting, outcome: Outcome, recorder: Recorder) -> bool:
    """Apply one outcome to the Error pointer; returns False where the path ends."""
    site, target, before = setting.site, setting.target, setting.before
    index = site.call.index
    if outcome.sets:
        if before.state is ErrorState.SET:
            if not outcome.tolerant:
                # error_setv() asserts that nothing is set yet. Where that is certain the path is followed on
                # all the same, for what else is wrong after it; where it is not, the other outcomes lead on.
                _fault(recorder, fault_of("set", before), site, target.text, before, draft.trail)
                return before.sure
            if not before.sure:
                _occur(recorder, OccurrenceKind.TOLERATED, site, target.text, before, draft.trail)
            return True
        draft.set_error(target.index, cell(ErrorState.SET, index, setting.certain, outcome.tolerant))
        draft.trail = Trail(draft.trail, "set", site.call.span, note=target.text)
    elif outcome.sets is None and before.state is not ErrorState.SET:
        draft.set_error(target.index, cell(ErrorState.MAYBE, index))
    elif before.state in (ErrorState.GONE, ErrorState.UNINIT):
        draft.set_error(target.index, UNKNOWN_CELL)
    elif before.state is ErrorState.NULL and (
        site.call.used or frame.extends or target.text in frame.function.locals
    ):
        # Which call left it NULL matters where the result, or the Error itself, may be looked at.
        draft.set_error(target.index, cell(ErrorState.NULL, index))
    return True


def _result(frame: Frame, state: State, draft: Draft, site: CallSite, outcome: Outcome) -> None:
    """Store what is known after one outcome of the result, and of the object that the call creates."""
    effect, args, index = site.effect, site.call.args, site.call.index
    signs = outcome.signs
    if site.special.returned is not None and outcome.sets:
        value, term = site.special.returned
        signs = value.evaluate(state).signs
        copy_equations(frame, state, term, draft, site.result)
    if frame.is_used(site.result):
        draft.set_fact(site.result.index, fact(signs, index))
    for other in effect.outcomes:
        if other.value:
            equation = frame.terms.equation(site.result, other.value)
            if frame.is_used(equation):
                holds = POS if other.value == outcome.value else ZERO
                draft.set_fact(equation.index, fact(holds, index))
    if effect.makes is not None and outcome.sets is not None and effect.makes < len(args):
        made = args[effect.makes]
        path = made.path if isinstance(made, Addr) else "*" + text_of(made)
        if frame.types.get(path, "*").endswith("*"):
            draft.set_fact(frame.terms.of(path).index, fact(ZERO if outcome.sets else POS, index))


def _no_status(frame: Frame, state: State, site: CallSite) -> bool:
    """Whether a status that is handed over is known to be 0: then there is no Error to be made of it."""
    return any(
        isinstance(arg, Var) and state.facts.get(frame.terms.of(arg.path).index, ANYTHING).signs == ZERO
        for arg in site.call.args
    )


# -- consumers --------------------------------------------------------------------------------------


def _clear(frame: Frame, draft: Draft, site: CallSite, position: int, recorder: Recorder) -> None:
    """Apply to a draft that a callee consumes the Error that an argument points to, and stores NULL
    there."""
    target = pointed_by(frame, draft, site.call.args[position])
    if target is not None:
        held = draft.errors.get(target.index, UNKNOWN_CELL)
        _occur(recorder, OccurrenceKind.CONSUMED, site, target.text, held, draft.trail)
        draft.set_error(target.index, NULL_CELL)


def _consume(frame: Frame, draft: Draft, site: CallSite, recorder: Recorder) -> Sequence[State]:
    """The states after a call that consumes an Error; error_propagate() moves it to another pointer."""
    effect, args = site.effect, site.call.args
    assert effect.consumes is not None
    arg = args[effect.consumes]
    place = place_of(frame, draft, frame.terms.of(arg.path)) if isinstance(arg, Var) else None
    held = draft.errors.get(place.index, UNKNOWN_CELL) if place is not None else UNKNOWN_CELL
    drafts = [draft]
    if place is not None:
        _occur(recorder, OccurrenceKind.CONSUMED, site, place.text, held, draft.trail)
        _take(frame, draft, site, place, held, recorder)
        if held.state is ErrorState.MAYBE and effect.into is not None and held.origin >= 0:
            both = draft.frozen()
            draft, empty = both.draft(), both.draft()
            empty.set_error(place.index, NULL_CELL)
            drafts = [draft, empty]
        if held.state is not ErrorState.NULL:
            draft.set_error(place.index, cell(ErrorState.GONE, site.call.index))
            draft.trail = Trail(draft.trail, "gone", site.call.span, note=place.text)
    if effect.into is not None:
        drafts = _hand_on(frame, drafts, site, held)
    return [one.frozen() for one in drafts]


def _hand_on(frame: Frame, drafts: list[Draft], site: CallSite, held: Cell) -> list[Draft]:
    """The drafts after error_propagate() has moved an Error to its destination. drafts[0] is the path with
    an Error, drafts[1], where there is one, the path without."""
    effect, draft = site.effect, drafts[0]
    assert effect.into is not None
    target = pointed_by(frame, draft, site.call.args[effect.into])
    if target is not None and target.text in FATAL:
        # The program ends where there is an Error to hand on.
        return drafts[1:] if held.state is not ErrorState.NULL else drafts
    if target is not None and target is frame.out:
        # Where an Error may be propagated, the path without one is not a failure without an Error.
        for one in drafts:
            one.marks = one.marks.with_propagated()
    if target is None or held.state not in (ErrorState.SET, ErrorState.MAYBE):
        return drafts
    if draft.errors.get(target.index, UNKNOWN_CELL).state is ErrorState.SET:
        return drafts
    if held.state is not ErrorState.SET and held.origin < 0:
        # An Error from elsewhere: whether there is one is not known.
        draft.set_error(target.index, cell(ErrorState.MAYBE, site.call.index))
    else:
        sure = held.sure or held.state is not ErrorState.SET
        draft.set_error(target.index, cell(ErrorState.SET, held.origin, sure, propagated=True))
        draft.trail = Trail(draft.trail, "set", site.call.span, note=target.text)
    return drafts


def _take(frame: Frame, draft: Draft, site: CallSite, place: Term, held: Cell, recorder: Recorder) -> None:
    """Record what is wrong with consuming a pointer in its state, and mark the path where that prints or
    frees."""
    effect, name = site.effect, site.call.name
    if _fault(recorder, fault_of("use", held), site, place.text, held, draft.trail):
        return
    if held.state is ErrorState.NULL and effect.into is not None and frame.out is not None:
        out = draft.errors.get(frame.out.index, UNKNOWN_CELL)
        kind = (
            OccurrenceKind.NULL_OVER_ERROR
            if out.state is ErrorState.SET and not out.propagated
            else OccurrenceKind.NULL_PROPAGATED
        )
        _occur(recorder, kind, site, place.text, out, draft.trail)
    elif held.known_null and word_list("consumers-that-read").matches(name):
        _occur(recorder, OccurrenceKind.NULL_REPORTED, site, place.text, held, draft.trail)
    elif held.state is ErrorState.SET and effect.how in ("report", "free") and frame.telling:
        draft.marks = draft.marks.adding_printed(site.call.index)
