# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known where a function returns, and where it gives up or keeps an Error pointer before."""

from __future__ import annotations

from qerrlint.domain.error import NULL_CELL, OWNED_CELL, UNKNOWN_CELL, ErrorState
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import ReturnState
from qerrlint.domain.state import State
from qerrlint.domain.terms import Term
from qerrlint.ir.code import POS, Var, root
from qerrlint.source.span import Span
from qerrlint.transfer.frame import Frame
from qerrlint.transfer.recorder import Recorder
from qerrlint.transfer.sites import ReturnSite, is_soft


def leave(frame: Frame, state: State, site: ReturnSite, recorder: Recorder) -> None:
    """Tell the recorder the state of a return, and what the Error pointers still hold there."""
    event = site.event
    known = site.value.evaluate(state)
    out = state.errors.get(frame.out.index, UNKNOWN_CELL) if frame.out is not None else NULL_CELL
    constant = _constant(frame, state, site)
    recorder.leave(
        ReturnState(
            known.signs,
            event.value,
            out,
            event.span,
            event.implicit,
            state.trail,
            known.origin,
            tuple(sorted(state.marks.printed)),
            is_soft(constant) if constant else False,
            constant,
            propagated=state.marks.propagated,
        )
    )
    terms = frame.terms.all
    for index, held in state.errors.items():
        path = terms[index].text
        kinds = []
        if held.origin == OWNED_CELL.origin and event.value != Var(path):
            kinds.append(OccurrenceKind.LEFT_OWNED)
        if held.state is ErrorState.GONE and _lives_on(frame, path):
            kinds.append(OccurrenceKind.LEFT_GONE)
        if held.state is ErrorState.SET and _is_leakable(frame, path) and event.value != Var(path):
            kinds.append(OccurrenceKind.LEFT_SET)
        if held.state is ErrorState.GONE and terms[index].local and event.value == Var(path):
            kinds.append(OccurrenceKind.GONE_KEPT)
        for kind in kinds:
            recorder.occur(kind, event.span, path, held, -1, state.trail)


def overwritten(frame: Frame, state: State, target: Term, span: Span, recorder: Recorder) -> None:
    """Tell the recorder if a local that gets another value still holds an Error."""
    held = state.errors.get(target.index)
    if held is not None and held.state is ErrorState.SET and held.origin >= 0:
        path = target.text
        if path in frame.function.locals:
            recorder.occur(OccurrenceKind.OVERWRITTEN, span, path, held, -1, state.trail)


def kept(state: State, source: Term, span: Span, recorder: Recorder) -> None:
    """Tell the recorder if what a variable is copied to outlives the function, and its Error is gone."""
    held = state.errors.get(source.index)
    if held is not None and held.state is ErrorState.GONE and source.local:
        recorder.occur(OccurrenceKind.GONE_KEPT, span, source.text, held, -1, state.trail)


def _constant(frame: Frame, state: State, site: ReturnSite) -> str:
    """The named constant that is returned, as it stands there or as the path has shown."""
    constant = site.constant
    if site.of is not None:
        terms = frame.terms.all
        for index, known in state.facts.items():
            if terms[index].left is site.of and known.signs == POS:
                constant = terms[index].constant
    return constant


def _lives_on(frame: Frame, path: str) -> bool:
    """Whether a pointer is still there after the function: a member, a global or a static variable."""
    return "->" in path or (root(path) == path and (path not in frame.types or path in frame.function.autos))


def _is_leakable(frame: Frame, path: str) -> bool:
    """Whether an Error in a variable is lost where the function returns."""
    function = frame.function
    return path in function.locals and path not in function.autos
