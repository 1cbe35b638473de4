# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-error-test: a test that cannot tell whether a call failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import numbered, observed, of_kind
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded
from qerrlint.domain.error import ErrorState
from qerrlint.findings import Observation
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Tests of errp itself, of the sign of a bool or a pointer, and of Errors that are never set."""
    yield from _errp_itself(analysed)
    yield from _sign(analysed)
    yield from _never_set(analysed)


def _errp_itself(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A test whether errp is NULL behind a call that may have set what it points to.

    With `*errp` on the same line it is the guard of a dereference.
    """
    lines = analysed.unit.lines
    for occurrence in of_kind(analysed, "errp-tested"):
        setter = numbered(analysed, occurrence.first.origin)
        line, _ = lines.position(occurrence.span.start)
        if setter is None or b"*" + occurrence.cell.encode() in lines.text(line):
            continue
        slots = {"subject": occurrence.cell, "callee": setter.name, "form": "errp-itself"}
        yield observed(analysed, "wrong-error-test", occurrence, slots, calls=(setter,), certainty="medium")


def _sign(analysed: AnalysedFunction) -> Iterator[Observation]:
    """`< 0` asked of a result that is a bool or a pointer."""
    for occurrence in of_kind(analysed, "sign-tested"):
        call = numbered(analysed, occurrence.call)
        if call is None:
            continue
        slots = {
            "subject": folded(analysed.unit, occurrence.span),
            "callee": call.name,
            "form": f"sign-of-{occurrence.cell}",
        }
        yield observed(analysed, "wrong-error-test", occurrence, slots, calls=(call,))


def _never_set(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A test of a local Error pointer that is NULL on all paths; only known where all were followed."""
    if not analysed.result.complete:
        return
    # A second set of an Error ends its path: such a path would have come here with an Error.
    ended = {occurrence.cell for occurrence in of_kind(analysed, "set-again")}
    states: dict[Span, set[ErrorState]] = {}
    cells: dict[Span, str] = {}
    for condition in analysed.result.conditions:
        if condition.cell in analysed.function.locals and condition.cell not in ended:
            states.setdefault(condition.span, set()).update(condition.states)
            cells[condition.span] = condition.cell
    for span in sorted(span for span, seen in states.items() if seen == {ErrorState.NULL}):
        yield Observation(
            "wrong-error-test",
            analysed.name,
            span,
            f"{cells[span]} {folded(analysed.unit, span)}",
            {"subject": cells[span], "callee": "", "form": "error-never-set"},
            (),
            "high",
            subject=Subject(),
        )


CHECKS = (
    Check(
        "wrong-error-test",
        "errors",
        # subject: what is tested; callee: whose failure it is meant to show ("" if there is none).
        (
            event(
                "wrong-error-test",
                "subject",
                "callee",
                path_sensitive=True,
                form="errp-itself error-never-set sign-of-bool sign-of-pointer",
            ),
        ),
        run,
    ),
)
