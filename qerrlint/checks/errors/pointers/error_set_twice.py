# SPDX-License-Identifier: GPL-2.0-or-later
"""error-set-twice: an Error is set where one is, or may be, set already."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from functools import partial

from qerrlint.absint.trace import is_joined
from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import is_of_glib, numbered, of_kind
from qerrlint.checks.errors.pointers.member_set_again import members_set_again
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.text.guard_edits import return_edits
from qerrlint.checks.trace_steps import path_steps, shown
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import Occurrence
from qerrlint.findings import Edit, Observation
from qerrlint.ir.code import Call
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Each second set; a chain of calls after one first set is one group, because it is one mistake.

    A call that certainly sets an Error again is told of that, and of no Error that is only possible there.
    """
    unit, calls = analysed.unit, analysed.function.calls
    certain = {(o.cell, o.call) for o in analysed.once(second_sets) if o.first.sure}
    for occurrence in analysed.once(second_sets):
        if not occurrence.first.sure and (occurrence.cell, occurrence.call) in certain:
            continue
        call, first = calls[occurrence.call], numbered(analysed, occurrence.first.origin)
        sure = occurrence.first.sure
        if not sure and first is None:
            continue  # an Error that may come from anywhere is no first set
        yield Observation(
            event="error-set-twice",
            function=analysed.name,
            primary=call.span,
            key=f"{shown(occurrence.cell)} {call.text} {first.name if first is not None else ''}",
            slots={
                "error": shown(occurrence.cell),
                "callee": call.name,
                "first": first.name if first is not None else "",
                "how": "definite" if sure else "possible",
            },
            trail=path_steps(unit, occurrence.trail, occurrence.cell, first, call.span),
            certainty="high" if sure else "medium",
            edits=_returned(analysed, first) if sure else (),
            whole=not is_joined(occurrence.trail),
            subject=Subject((call,) if first is None else (call, first), occurrence),
            group=_group(occurrence),
        )
    yield from _by_a_method(analysed)


def second_sets(analysed: AnalysedFunction) -> list[Occurrence]:
    """The second sets of the function's Errors, that of each chain which is reported before the others."""
    again = [o for o in of_kind(analysed, OccurrenceKind.SET_AGAIN) if not is_of_glib(analysed, o.cell)]
    return sorted(again, key=partial(_rank, analysed))


def first_sets(analysed: AnalysedFunction) -> frozenset[tuple[str, int]]:
    """The Errors, and the calls that set them first, of the second sets that stand for their chains."""
    chains: dict[Hashable, Occurrence] = {}
    for occurrence in analysed.once(second_sets):
        if occurrence.first.sure or occurrence.first.origin >= 0:
            chains.setdefault(_group(occurrence), occurrence)
    return frozenset((one.cell, one.first.origin) for one in chains.values())


def _group(occurrence: Occurrence) -> tuple[str, int]:
    """What the second sets of one chain, after one first set, have in common."""
    return occurrence.cell, occurrence.first.origin if occurrence.first.sure else -1


def _by_a_method(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A member that a method fills each time it runs, and does not look at first."""
    for call, path, other in members_set_again(analysed):
        yield Observation(
            event="error-set-twice",
            function=analysed.name,
            primary=call.span,
            key=f"{path} {call.text} {other}",
            slots={"error": path, "callee": call.name, "first": other, "how": "again"},
            certainty="medium",
            subject=Subject((call,)),
            group=("again", call.index),
        )


def _returned(analysed: AnalysedFunction, first: Call | None) -> tuple[Edit, ...]:
    """The missing `return;` after the function's own error_setg()."""
    if first is None or analysed.unit.effect(first).evidence != "setter":
        return ()
    return return_edits(analysed, first)


def _rank(analysed: AnalysedFunction, occurrence: Occurrence) -> tuple[bool, bool, bool, Span]:
    """Certain before possible, plain error_setg() before others, forwards before a back edge."""
    calls, first = analysed.function.calls, occurrence.first.origin
    return (
        not occurrence.first.sure,
        analysed.unit.effect(calls[occurrence.call]).evidence != "setter",
        first >= 0 and calls[first].span >= occurrence.span,
        occurrence.span,
    )


CHECKS = (
    Check(
        "error-set-twice",
        "errors",
        # error: the Error expression; callee: who sets it now; first: who set it before (how = "again": who
        # empties it).
        (
            event(
                "error-set-twice",
                "error",
                "callee",
                "first",
                path_sensitive=True,
                how="definite possible again",
            ),
        ),
        run,
    ),
)
