# SPDX-License-Identifier: GPL-2.0-or-later
"""Void functions that leave by the label of their failures without an Error; looks at tests and gotos only.

A void function has no result that could tell a failure. But where other jumps to a label of failures come
with an Error, one that follows the failure of a callee without errp was meant to come with one, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.trace import Trail, places
from qerrlint.checks.blameless import assigned_from, documented
from qerrlint.checks.comments import excused
from qerrlint.checks.steps import folded, path_steps
from qerrlint.domain.error import ErrorState
from qerrlint.domain.result import FunctionResult, ReturnState
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call
from qerrlint.model.translation_unit import TranslationUnit

_JUMPS = re.compile(rb"\)?\s*(?:\{[^{}]*\b)?goto\s+(\w+)\s*;")
# Labels that nobody jumps to on success, by their names; clean-up falls through a chain of them.
_OF_FAILURES = re.compile(rb"(?:^|_)(?:err|error|errors|fail|failed|failure|bad|abort|undo|unwind)(?:_|\d|$)")
# Tests of a variable that only a failure passes: a negative status, a NULL pointer.
_FAILED = re.compile(r"(?:(\w+)\s*<\s*0|(\w+)\s*(?:!=\s*0)?|!\s*(\w+)|(\w+)\s*==\s*NULL)$")


def observe(unit: TranslationUnit, result: FunctionResult, errp: str) -> Iterator[Observation]:
    """Jumps of a void function to a label of failures that come without an Error."""
    with_error: set[bytes] = set()
    without: dict[bytes, list[tuple[ReturnState, Trail]]] = {}
    for leaving in result.returns:
        jump = _last_jump(unit, leaving)
        if jump is None:
            continue
        label, place = jump
        if leaving.error.state is ErrorState.SET:
            with_error.add(label)
        elif leaving.error.state is ErrorState.NULL and not leaving.handed:
            without.setdefault(label, []).append((leaving, place))
    if not with_error:
        return
    for label in sorted(without):
        if label not in with_error and not _OF_FAILURES.search(label):
            continue
        sources = {place.span: _failed_call(unit, result, place) for _, place in without[label]}
        if any(call is None for call in sources.values()):
            continue  # the label is not of failures alone
        told = set()
        for leaving, place in without[label]:
            call = sources[place.span]
            if call is None or place.span in told or leaving.printed:
                continue
            if excused(unit, place.span) or documented(unit, result, leaving):
                continue
            told.add(place.span)
            yield _observation(unit, result, errp, label.decode(), place, call)


def _observation(
    unit: TranslationUnit, result: FunctionResult, errp: str, label: str, place: Trail, call: Call
) -> Observation:
    slots = {
        "function": result.function.name,
        "value": f"goto {label}",
        "origin": call.name,
        "kind": "void",
        "errp": errp,
    }
    steps = (
        *path_steps(unit, place.before, "", None),
        Step(place.span, f"the path leaves for {label} from here, where others come with an Error"),
    )
    key = f"{label} {folded(unit, place.span)} {call.name}"
    return Observation("failure-without-error", result.function.name, place.span, key, slots, steps, "medium")


def _last_jump(unit: TranslationUnit, leaving: ReturnState) -> tuple[bytes, Trail] | None:
    """The label of the last branch on the path whose body ends in a goto, with the branch."""
    for place in reversed(places(leaving.trail)):
        if place.kind == "branch" and place.taken is not _is_negated(unit, place):
            found = _JUMPS.match(unit.data, place.span.end)
            if found is not None:
                return found.group(1), place
    return None


def _is_negated(unit: TranslationUnit, place: Trail) -> bool:
    """Whether a `!` stands before the test: the place is what is tested, and its `taken` is turned."""
    return unit.data[place.span.start - 1 : place.span.start] == b"!"


def _failed_call(unit: TranslationUnit, result: FunctionResult, place: Trail) -> Call | None:
    """The call without errp whose failure a branch has seen; None for any other test."""
    negation = "!" if _is_negated(unit, place) else ""
    found = _FAILED.match(negation + unit.on_one_line(place.span))
    if found is None:
        return None
    status, plain, pointer, null = found.groups()
    name = status or plain or pointer or null
    call = assigned_from(result, name, place.span)
    if call is None or not call.direct or name not in result.function.locals:
        return None
    signature = unit.signature(call.name)
    if signature is None or signature.errp is not None:
        return None
    is_pointer = result.function.locals[name].endswith("*")
    return call if is_pointer == bool(pointer or null) else None
