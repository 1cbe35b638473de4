# SPDX-License-Identifier: GPL-2.0-or-later
"""What assignments and declarations do to a state."""

from __future__ import annotations

from qerrlint.domain.error import FATAL, NULL_CELL, OBJECTS, UNINIT_CELL, UNKNOWN_CELL, Cell, ErrorState, cell
from qerrlint.domain.state import NOT_NULL, Draft, State
from qerrlint.domain.terms import Term
from qerrlint.ir.code import ANY, POS, ZERO
from qerrlint.transfer.frame import Frame
from qerrlint.transfer.sites import AssignSite, DeclareSite


def place_of(frame: Frame, state: State | Draft, term: Term) -> Term:
    """The Error pointer that a place stands for: of `*errp` the one that errp is known to point to."""
    if term.pointee_of is not None:
        pointed = state.points.get(term.pointee_of.index)
        if pointed is not None:
            return frame.terms.all[pointed]
    return term


def copy_equations(frame: Frame, state: State | Draft, source: Term, draft: Draft, target: Term) -> None:
    """Copy to `target` which constants `source` is known to equal, or not to equal."""
    if not state.known & source.equations:
        return
    terms = frame.terms.all
    for index, known in list(state.facts.items()):
        equation = terms[index]
        if equation.left is source:
            copied = frame.terms.equation(target, equation.constant)
            if frame.is_used(copied):
                draft.set_fact(copied.index, known)


def forget(frame: Frame, draft: Draft, place: Term) -> None:
    """Drop from a draft what depends on the content of a place, which has changed."""
    if draft.known:
        draft.forget(frame.terms.readers(place, draft.known))


def assign(frame: Frame, state: State, site: AssignSite) -> State:
    """The state after an assignment."""
    places = site.target.place | (site.source.place if site.source is not None else 0)
    draft = state.draft()
    forget(frame, draft, site.target)
    if draft.marks.freed:
        draft.marks = draft.marks.with_freed(site.target.index, False)
    if (places & state.watched or site.is_error or site.addressed or state.errors) and _assign_pointer(
        frame, state, draft, site
    ):
        return draft.frozen()
    _assign_value(frame, state, draft, site)
    return draft.frozen()


def _assign_pointer(frame: Frame, state: State, draft: Draft, site: AssignSite) -> bool:
    """Apply an assignment to Error pointers and to variables that point to them; returns whether the target
    is one."""
    target = place_of(frame, state, site.target)
    pointed = _pointed(frame, state, site)
    is_error = target.index in draft.errors or frame.is_error(target)
    if draft.errors and not is_error:
        _overwrite(frame, draft, target)
    if is_error or (site.source is not None and place_of(frame, state, site.source).index in state.errors):
        draft.set_error(target.index, _moved(frame, draft, site))
        return True
    draft.point(target.index, pointed.index if pointed is not None else None)
    if pointed is not None and not target.local and pointed.index in draft.errors:
        # Stored in an object: whatever is handed that object may set the Error.
        draft.set_error(pointed.index, UNKNOWN_CELL)
    return False


def _assign_value(frame: Frame, state: State, draft: Draft, site: AssignSite) -> None:
    """Store what is known after an assignment of a target that is no Error pointer."""
    target = site.target
    if target.place & state.watched:
        target = place_of(frame, state, target)
    for owner in site.owners:
        # What is looked into is not NULL; `e = e->next` says so of what e was.
        if owner is not target and owner.index not in draft.facts and frame.is_used(owner):
            draft.set_fact(owner.index, NOT_NULL)
    if site.unsteady:
        return
    known = site.value.evaluate(state)
    if site.unsigned and known.signs == ANY:
        known = known.narrowed(ZERO | POS)
    if (known.signs != ANY or known.origin >= 0) and frame.is_used(target):
        draft.set_fact(target.index, known)
    if site.equation is not None:
        equation = site.equation
        if target is not site.target:
            equation = frame.terms.equation(target, equation.constant)
        if frame.is_used(equation):
            draft.set_fact(equation.index, NOT_NULL)
    elif site.copied is not None:
        copy_equations(frame, state, site.copied, draft, target)


def _overwrite(frame: Frame, draft: Draft, target: Term) -> None:
    """Set the Error pointers inside an object that is overwritten to unknown."""
    terms = frame.terms.all
    inside = [index for index in draft.errors if frame.terms.reads(terms[index], target)]
    for index in inside:
        if index != target.index and terms[index].pointee_of is None:
            draft.drop_error(index)


def _pointed(frame: Frame, state: State, site: AssignSite) -> Term | None:
    """The Error pointer that a value of type `Error **` points to."""
    if site.addressed:
        term = frame.terms.of(site.addressed)
        if term.index in state.errors or site.addressed in FATAL or frame.is_error(term):
            return term
        return None
    if site.source is not None:
        pointed = state.points.get(site.source.index)
        return frame.terms.all[pointed] if pointed is not None else None
    return None


def _moved(frame: Frame, draft: Draft, site: AssignSite) -> Cell:
    """The cell that the target of an assignment gets; its source keeps an alias that is not tracked."""
    if site.is_null:
        return NULL_CELL
    if site.source is not None:
        source = place_of(frame, draft, site.source)
        held = draft.errors.get(source.index)
        if held is not None:
            if held.state is not ErrorState.NULL:
                draft.set_error(source.index, UNKNOWN_CELL)
            return held
    if site.made_by >= 0:
        return cell(ErrorState.SET, site.made_by, sure=True)
    return UNKNOWN_CELL


def declare(frame: Frame, state: State, site: DeclareSite) -> State:
    """The state after the declaration of a local: nothing is known of it, an Error pointer is
    uninitialised."""
    if site.event.type not in OBJECTS and not state.facts:
        return state
    draft = state.draft()
    forget(frame, draft, site.term)
    if site.event.type in OBJECTS:
        draft.set_error(site.term.index, UNKNOWN_CELL if site.event.static else UNINIT_CELL)
    return draft.frozen()
