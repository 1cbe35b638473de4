# SPDX-License-Identifier: GPL-2.0-or-later
"""unchecked-call of a length that is negative where it cannot be told, in a function that has an errp, and
unchecked-result of the same in any other function.

The length is calculated with, or handed on, and no test after the call names it. A call within a comparison
is no use: what a negative number then leads to is mostly an error as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.checks.check import Check, FileCheck
from qerrlint.checks.errors.results.unchecked_call import UNCHECKED_CALL
from qerrlint.checks.errors.results.unchecked_result import UNCHECKED_RESULT, calling_functions
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Assign, Call, Event, Function, Result, Return, Value, Var, text_of
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The calls for a length whose result is used and never tested."""
    if analysed.errp is None:
        return
    for call in analysed.function.calls:
        if not call.used or not call.direct or not word_list("lengths").matches(call.name):
            continue
        kept, use = _untested(analysed.function, call)
        if use is None:
            continue
        yield Observation(
            UNCHECKED_CALL.name,
            analysed.name,
            call.span,
            call.text,
            {
                "function": analysed.name,
                "callee": call.name,
                "errp": analysed.errp,
                "kept": kept,
                "how": "length",
            },
            (Step(use, "it is used here, and nothing tests whether it is negative"),) if kept else (),
            "medium",
            whole=True,
            subject=Subject((call,)),
            group=("success", call.span),
        )


def without_errp(file: AnalysedFile) -> Iterator[Observation]:
    """The same in the functions of a file that have no errp."""
    for unit, function in calling_functions(file, word_list("lengths")):
        signature = unit.signature(function.name)
        if signature is None or signature.errp is not None:
            continue
        for call in function.calls:
            if not call.used or not call.direct or not word_list("lengths").matches(call.name):
                continue
            kept, use = _untested(function, call)
            if use is not None:
                yield Observation(
                    UNCHECKED_RESULT.name,
                    function.name,
                    call.span,
                    call.text,
                    {"function": function.name, "callee": call.name, "how": "length"},
                    (Step(use, "it is used here, and nothing tests whether it is negative"),) if kept else (),
                    "medium",
                    subject=Subject((call,)),
                )


def _untested(function: Function, call: Call) -> tuple[str, Span | None]:
    """The variable that keeps the length ("" for none), and where it is used; None where a test names it."""
    events, result = list(function.events()), Result(call.index)
    targets = set(function.holders(call.index))
    if any(not target.isidentifier() for target in targets) or len(targets) > 1:
        return "", None  # a member, or several places: others may test it
    kept = next(iter(targets), "")
    tests = [
        text_of(test.subject)
        for edge in function.edges()
        for test in edge.tests
        if edge.span is not None and edge.span.start > call.span.end
    ]
    if kept:
        named = re.compile(rf"(?<![\w.>]){re.escape(kept)}(?!\w)")
        tested = any(named.search(text) for text in tests)
        if tested or any(_hands_out(event, kept) for event in events):
            return kept, None
        return kept, min(
            (e.span for e in events if e.span > call.span and _uses(e, Var(kept), named)), default=None
        )
    inside = re.compile(re.escape(text_of(result)) + r"(?!\d)")
    if any(_returns(event, inside) for event in events):
        return "", None
    return "", min((event.span for event in events if _uses(event, result, inside)), default=None)


def _uses(event: Event, value: Value, named: re.Pattern[str]) -> bool:
    """Whether an event calculates with a value, or hands it to a call."""
    if isinstance(event, Call):
        return any(named.search(text_of(arg)) for arg in event.args)
    return isinstance(event, Assign) and event.value != value and bool(named.search(text_of(event.value)))


def _hands_out(event: Event, name: str) -> bool:
    """Whether a variable is returned, stored as it is, or its address handed on: others may test it."""
    if isinstance(event, Return):
        return event.value is not None and _names(event.value, name)
    if isinstance(event, Call):
        return Addr(name) in event.args
    return isinstance(event, Assign) and event.value == Var(name)


def _names(value: Value, name: str) -> bool:
    return re.search(rf"(?<![\w.>]){re.escape(name)}(?!\w)", text_of(value)) is not None


def _returns(event: Event, inside: re.Pattern[str]) -> bool:
    return isinstance(event, Return) and event.value is not None and bool(inside.search(text_of(event.value)))


CHECKS = (
    Check("untested-length", "errors", (UNCHECKED_CALL,), run),
    FileCheck("length-without-errp", "errors", (UNCHECKED_RESULT,), without_errp),
)
