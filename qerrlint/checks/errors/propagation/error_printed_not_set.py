# SPDX-License-Identifier: GPL-2.0-or-later
"""error-printed-not-set: a function with errp prints its failure, or ends the process, and sets no Error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.absint.reachability import place_of, straight_back
from qerrlint.absint.trace import is_joined
from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import of_kind
from qerrlint.checks.errors.return_states import passes_null_errp, printed_calls, unset_failures
from qerrlint.checks.errors.value_source import assigned_from
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import Occurrence
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import NEG, Call, Result, Value, Var
from qerrlint.source.span import Span
from qerrlint.transfer.sites import traits


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Failures of a function with errp that go to the terminal, there or in a callee of the same file."""
    if analysed.errp is None:
        return
    yield from _printed(analysed)
    yield from _exits(analysed)
    yield from _aborts(analysed)
    yield from _exits_below(analysed)


def _printed(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A text of the function's own is printed on the path to a failing return."""
    for leaving in analysed.once(unset_failures):
        for call in printed_calls(analysed, leaving):
            if passes_null_errp(analysed, call) or analysed.unit.effect(call).consumes is not None:
                continue  # an Error: dropped-error
            yield Observation(
                "error-printed-not-set",
                analysed.name,
                call.span,
                call.text,
                _slots(analysed, call.name, "report"),
                (Step(leaving.span, "the function fails here without an Error"),),
                whole=not is_joined(leaving.trail),
                subject=Subject((call,), returned=leaving),
                group=call.span,
            )


def _exits(analysed: AnalysedFunction) -> Iterator[Observation]:
    """exit() in a function that could set the Error."""
    for occurrence in of_kind(analysed, OccurrenceKind.EXITS):
        if not word_list("ends-with-message").matches(occurrence.cell):
            continue
        yield Observation(
            "error-printed-not-set",
            analysed.name,
            occurrence.span,
            folded(analysed.unit, occurrence.span),
            _slots(analysed, occurrence.cell, "hw-error" if occurrence.cell == "hw_error" else "exit"),
            (),
            "medium",
            subject=Subject((), occurrence, exit=occurrence.span),
            group=occurrence.span,
        )


def _aborts(analysed: AnalysedFunction) -> Iterator[Observation]:
    """abort() right after the test that a callee has failed, with a negative number."""
    for call in analysed.function.calls:
        place = place_of(analysed.function, call.index) if call.name == "abort" else None
        if place is None:
            continue
        between, edges = straight_back(analysed.function, *place)
        if any(isinstance(at, Call) and not traits(at.name).harmless for at in between):
            continue
        failed = [
            found
            for edge in edges
            if edge.span is not None
            for test in edge.tests
            if test.allow == NEG and (found := _tested(analysed, test.subject, edge.span)) is not None
        ]
        if failed:
            yield Observation(
                "error-printed-not-set",
                analysed.name,
                call.span,
                folded(analysed.unit, call.span),
                _slots(analysed, failed[0].name, "abort"),
                (Step(failed[0].span, f"{failed[0].name}() has failed here"),),
                "medium",
                whole=True,
                subject=Subject((failed[0],), exit=call.span),
                group=call.span,
            )


def _tested(analysed: AnalysedFunction, subject: Value, test: Span) -> Call | None:
    """The call with an int status whose result is tested."""
    if isinstance(subject, Result):
        call: Call | None = analysed.function.calls[subject.call]
    elif isinstance(subject, Var):
        call = assigned_from(analysed.result, subject.path, test)
    else:
        return None
    return call


def _exits_below(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A callee of this file without errp ends the process, although its caller could set the Error."""
    for call in analysed.function.calls:
        for occurrence in _exits_of(analysed, call):
            yield Observation(
                "error-printed-not-set",
                analysed.name,
                call.span,
                call.text,
                _slots(analysed, call.name, "exit-below"),
                (Step(occurrence.span, f"{call.name}() ends the process here"),),
                "medium",
                whole=True,
                subject=Subject((call,), exit=occurrence.span),
                group=call.name,
            )


def _exits_of(analysed: AnalysedFunction, call: Call) -> Iterator[Occurrence]:
    """The places where a callee of this file that has no errp and returns on other paths calls exit()."""
    unit = analysed.unit
    if not call.direct or call.name not in unit.functions:
        return
    signature, piece = unit.signature(call.name), unit.functions[call.name]
    if signature is None or signature.errp is not None:
        return
    if unit.data.find(b"exit(", piece.body, piece.span.end) < 0:
        return  # spares the interpretation of most callees
    below = unit.result(call.name)
    if below is not None and below.returns:
        yield from (o for o in below.occurrences if o.kind is OccurrenceKind.EXITS and o.cell == "exit")


def _slots(analysed: AnalysedFunction, printer: str, form: str) -> dict[str, str]:
    return {"function": analysed.name, "printer": printer, "form": form, "errp": analysed.errp or ""}


CHECKS = (
    Check(
        "error-printed-not-set",
        "errors",
        # printer: who prints the text or ends the process; of abort() the callee that has failed.
        (
            event(
                "error-printed-not-set",
                "function",
                "printer",
                "errp",
                path_sensitive=True,
                form="report exit hw-error exit-below abort",
            ),
        ),
        run,
    ),
)
