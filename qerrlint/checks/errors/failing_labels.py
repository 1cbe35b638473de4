# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels of failures in void functions: jumps there that come without an Error though others come with one.

A void function has no result that could tell a failure. But where other jumps to a label of failures come
with an Error, one that follows the failure of a callee without errp was meant to come with one, too. Only
tests and gotos are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from qerrlint.absint.trace import Trail
from qerrlint.checks.errors.value_source import assigned_from, branches
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.error import ErrorState
from qerrlint.domain.result import ReturnState
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import Call
from qerrlint.model.translation_unit import TranslationUnit

_JUMPS = re.compile(rb"\)?\s*(?:\{[^{}]*\b)?goto\s+(\w+)\s*;")
# Tests of a variable that only a failure passes: a negative status, a NULL pointer.
_FAILED = re.compile(r"(?:(\w+)\s*<\s*0|(\w+)\s*(?:!=\s*0)?|!\s*(\w+)|(\w+)\s*==\s*NULL)$")


@dataclass(frozen=True, slots=True)
class Jump:
    """A way of returning over a label: the branch whose body ends in the goto, and the call that failed."""

    leaving: ReturnState
    branch: Trail
    label: str
    call: Call


def silent_jumps(analysed: AnalysedFunction) -> Iterator[Jump]:
    """The jumps of a void function to a label of failures behind a failed call, on paths without an Error."""
    with_error: set[str] = set()
    without: dict[str, list[tuple[ReturnState, Trail]]] = {}
    for leaving in analysed.result.returns:
        jump = _last_jump(analysed.unit, leaving)
        if jump is None:
            continue
        label, branch = jump
        if leaving.error.state is ErrorState.SET:
            with_error.add(label)
        elif leaving.error.state is ErrorState.NULL and not leaving.handed:
            without.setdefault(label, []).append((leaving, branch))
    if not with_error:
        return
    of_failures = word_list("labels-of-failures")
    for label in sorted(without):
        # Clean-up falls through a chain of labels, so that one of them may see no Error of its own.
        if label not in with_error and not of_failures.matches(label.rstrip("0123456789")):
            continue
        calls = [_failed_call(analysed, branch) for _, branch in without[label]]
        if any(call is None for call in calls):
            continue  # a label that is also reached without a failure is not one of failures
        for (leaving, branch), call in zip(without[label], calls, strict=True):
            if call is not None and not leaving.printed:
                yield Jump(leaving, branch, label, call)


def _last_jump(unit: TranslationUnit, leaving: ReturnState) -> tuple[str, Trail] | None:
    """The label of the last branch on the path whose body ends in a goto, with the branch."""
    for place in reversed(branches(leaving)):
        if place.taken is not _is_negated(unit, place):
            found = _JUMPS.match(unit.data, place.span.end)
            if found is not None:
                return found.group(1).decode(), place
    return None


def _is_negated(unit: TranslationUnit, place: Trail) -> bool:
    """Whether a `!` stands before the test: the place is what is tested, and its `taken` is turned."""
    return unit.data[place.span.start - 1 : place.span.start] == b"!"


def _failed_call(analysed: AnalysedFunction, place: Trail) -> Call | None:
    """The call without errp whose failure a branch has seen; None for any other test."""
    unit, variables = analysed.unit, analysed.function.locals
    negation = "!" if _is_negated(unit, place) else ""
    found = _FAILED.match(negation + unit.on_one_line(place.span))
    if found is None:
        return None
    status, plain, pointer, null = found.groups()
    name = status or plain or pointer or null
    call = assigned_from(analysed.result, name, place.span)
    if call is None or not call.direct or name not in variables:
        return None
    signature = unit.signature(call.name)
    if signature is None or signature.errp is not None:
        return None
    return call if variables[name].endswith("*") == bool(pointer or null) else None
