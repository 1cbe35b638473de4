# SPDX-License-Identifier: GPL-2.0-or-later
"""errorflow: what the result of a function's Error objects shows, put as Observations without wording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.checks import errnos, lifecycle, neighbours, returns, unguarded
from qerrlint.checks.check import Check, EventType, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.trace_steps import path_steps, shown
from qerrlint.domain.result import FunctionResult, Occurrence
from qerrlint.findings import Observation
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# The file that defines this function implements the Error API and may look inside.
_API_FUNCTION = "error_propagate"


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The observations of one function."""
    unit, piece = analysed.unit, analysed.piece
    result = unit.result(piece.name)
    if result is None:
        return
    yield from _set_again(unit, result)
    yield from lifecycle.observe(unit, result)
    yield from errnos.observe(unit, result)
    if _API_FUNCTION not in unit.functions:
        yield from returns.observe(unit, result)
        yield from unguarded.observe(unit, result)
        yield from neighbours.observe(unit, result)


def _set_again(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    calls = result.function.calls
    again = [s for s in result.occurrences if s.kind == "set-again"]
    told: set[tuple[str, int]] = set()
    # One finding for each first set: what follows on the same path is the same mistake.

    def rank(occurrence: Occurrence) -> tuple[bool, bool, bool, Span]:
        """Certain before possible, plain error_setg() before others, forwards before a back edge."""
        first = occurrence.first.origin
        back = first >= 0 and calls[first].span >= occurrence.span
        return (
            not occurrence.first.sure,
            unit.effect(calls[occurrence.call]).evidence != "setter",
            back,
            occurrence.span,
        )

    for occurrence in sorted(again, key=rank):
        # Chains of unchecked calls are one mistake.
        ident = (occurrence.cell, occurrence.first.origin if occurrence.first.sure else -1)
        if ident in told:
            continue
        told.add(ident)
        call = calls[occurrence.call]
        first = calls[occurrence.first.origin] if occurrence.first.origin >= 0 else None
        effect = unit.effect(call)
        if effect.evidence == "guess" or (first is not None and unit.effect(first).evidence == "guess"):
            continue
        if not occurrence.first.sure and first is None:
            continue
        sure = occurrence.first.sure
        yield Observation(
            event="error-set-twice",
            function=result.function.name,
            primary=call.span,
            key=f"{shown(occurrence.cell)} {call.text} {first.name if first is not None else ''}",
            slots={
                "error": shown(occurrence.cell),
                "callee": call.name,
                "first": first.name if first is not None else "",
                "how": "definite" if sure else "possible",
            },
            trail=path_steps(unit, occurrence.trail, occurrence.cell, first),
            certainty="high" if sure else "medium",
            whole=not is_joined(occurrence.trail),
        )


def on_paths(name: str, *free: str, **closed: str) -> EventType:
    """An event that rests on a path."""
    return event(name, *free, path_sensitive=True, **closed)


CHECKS = (
    Check(
        "errors",
        "errors",
        (  # error: the Error expression; callee: who sets it now; first: who set it before.
            on_paths("error-set-twice", "error", "callee", "first", how="definite possible"),
            # error: a local Error pointer; callee: who is handed it now; by: who took it before.
            on_paths("stale-error", "error", "callee", "by"),
            on_paths("uninitialized-error", "error", "callee", use="passed tested consumed"),
            on_paths("error-use-after-free", "error", "callee", "by", how="again dangling"),
            on_paths("null-error-reported", "error", "callee"),
            # callee: who set it; how: whether a test has shown that it is set.
            on_paths("leaked-error", "error", "callee", how="definite possible"),
            # value: the returned expression; kind: what the result is by the convention; origin: the
            # callee whose status is passed on ("" if none).
            on_paths(
                "failure-without-error", "function", "value", "origin", "errp", kind="int bool pointer void"
            ),
            on_paths(
                "success-with-error", "function", "value", "callee", "errp", kind="int bool pointer void"
            ),
            # kept: the variable that holds the result where one does ("" else).
            on_paths("unchecked-call", "function", "callee", "errp", "kept"),
            # printer: who prints or frees; setter: whose Error it was ("" for a text of its own).
            on_paths("error-printed-not-set", "function", "printer", "errp", form="report exit exit-below"),
            on_paths(
                "dropped-error",
                "function",
                "printer",
                "setter",
                "errp",
                how="report free null callback below",
            ),
            on_paths(
                "wrong-error-test",
                "subject",
                "callee",
                form="errp-itself error-never-set sign-of-bool sign-of-pointer",
            ),
            on_paths("dead-branch-after-abort", "condition", "callee", "fatal"),
            on_paths(
                "wrong-errno", "callee", "value", form="negative-constant negative-result result-is-errno"
            ),
            on_paths("freed-message-argument", "callee", "argument", "by"),
            # errp: the parameter; text: the expression; guard: the macro of this tree's age.
            # setter: whether the function itself has just set the Error that is extended.
            event("unguarded-errp-dereference", "errp", "text", "guard"),
            # callers: whether all of them have the guard, or an Error of their own.
            event(
                "unguarded-error-prepend",
                "errp",
                "callee",
                "guard",
                form="prepend hint",
                setter="own callee",
                callers="any guarded",
            ),
        ),
        run,
    ),
)
