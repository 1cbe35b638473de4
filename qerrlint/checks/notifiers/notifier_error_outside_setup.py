# SPDX-License-Identifier: GPL-2.0-or-later
"""The event notifier-error-outside-setup: a migration notifier that fails for another event than SETUP.

Only SETUP may fail: migration_call_notifiers() asserts it for the others (MigrationNotifyFunc in
include/migration/misc.h). qemu.migration_events works out which paths an event leaves open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.trace_steps import folded, path_steps
from qerrlint.domain.error import ErrorState
from qerrlint.domain.result import FunctionResult, ReturnState
from qerrlint.findings import Observation
from qerrlint.ir.code import ZERO, Call
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.migration_events import results_by_event
from qerrlint.qemu.notifier_callbacks import is_fallible_callback, is_migration_notifier
from qerrlint.source.span import Span

_SETUP = "_SETUP"


@dataclass(slots=True)
class _Failure:
    """One return that fails, and the events for which it does; `sure`: it fails whenever it is reached."""

    how: str
    sure: bool
    leaving: ReturnState
    result: FunctionResult
    events: list[str] = field(default_factory=list)


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The returns of a migration notifier that fail for another event than SETUP.

    An event that does not decide every branch, and an exploration that was cut short, prove nothing.
    """
    unit, name = analysed.unit, analysed.name
    if not is_migration_notifier(unit, name) or not is_fallible_callback(unit, name):
        return
    failures: dict[Span, _Failure] = {}
    for under in results_by_event(unit, name):
        if under.event.endswith(_SETUP) or not under.decided or not under.result.complete:
            continue
        for leaving in under.result.returns:
            how, sure = _failing(unit, under.result, leaving)
            if not how:
                continue
            known = failures.get(leaving.span)
            if known is None or (known.how, known.sure) < (how, sure):
                events = known.events if known is not None else []
                known = failures[leaving.span] = _Failure(how, sure, leaving, under.result, events)
            if under.event not in known.events:
                known.events.append(under.event)
    for span, failure in sorted(failures.items()):
        yield _observation(unit, name, span, failure)


def _failing(unit: TranslationUnit, result: FunctionResult, leaving: ReturnState) -> tuple[str, bool]:
    """How a return fails, and whether for certain.

    "returns": by the result; "sets": an Error is set, and the result is 0; "": it does not fail.
    """
    if not leaving.signs & ZERO:
        return "returns", True
    if leaving.error.state is ErrorState.SET and leaving.signs == ZERO:
        return "sets", True
    if leaving.origin >= 0 and leaving.signs & ~ZERO:
        call = result.function.calls[leaving.origin]
        summary = unit.interpretation.summary(call.name) if call.direct else None
        if summary is not None and summary.fails:
            return "returns", False
    return "", False


def _observation(unit: TranslationUnit, name: str, span: Span, failure: _Failure) -> Observation:
    leaving = failure.leaving
    calls = failure.result.function.calls
    setter: Call | None = None
    cause = "on this path"
    if leaving.error.state is ErrorState.SET and leaving.error.origin >= 0:
        setter = calls[leaving.error.origin]
    origin = calls[leaving.origin] if leaving.origin >= 0 else setter
    if origin is not None and not origin.name.startswith("error_set"):
        cause = f"when {origin.name}() fails"
    return Observation(
        event="notifier-error-outside-setup",
        function=name,
        primary=span,
        key=unit.text.on_one_line(span),
        slots={
            "events": " and ".join(failure.events),
            "value": folded(unit, span).removeprefix("return").strip(" ;"),
            "cause": cause,
            "how": failure.how,
        },
        trail=path_steps(unit, leaving.trail, "errp", setter),
        certainty="high" if failure.sure else "medium",
        subject=leaving,
    )


CHECKS = (
    Check(
        "notifier-error-outside-setup",
        "notifiers",
        # events: the constants; value: what is returned; cause: a half sentence.
        (event("notifier-error-outside-setup", "events", "value", "cause", how="returns sets"),),
        run,
    ),
)
