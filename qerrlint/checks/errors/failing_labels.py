# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels of failures in void functions: jumps there that come without an Error though they should not.

A void function has no result that could tell a failure. But where other jumps to a label of failures come
with an Error, one that follows the failure of a callee without errp was meant to come with one, too. And
where a function never mentions its errp, and its successes return before the label, no failure is told at
all. Only tests and gotos are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from qerrlint.absint.reachability import blocks_after
from qerrlint.absint.trace import Trail
from qerrlint.checks.errors.printed_failures import prints_failures
from qerrlint.checks.errors.value_source import (
    assigned_from,
    assignments,
    branches,
    deciding,
    leaves_right_after,
    tests_of,
)
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.error import ErrorState
from qerrlint.domain.result import ReturnState
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import NEG, NONZERO, ZERO, Call, Edge, Result, Return, Var, identifiers
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record
from qerrlint.source.span import Span
from qerrlint.transfer.sites import traits

_JUMPS = lazy_re(rb"\)?\s*(?:\{[^{}]*\b)?goto\s+(\w+)\s*;")
_GOTO = lazy_re(rb"\bgoto\s+(\w+)\s*;")
_STATUS = lazy_re(rb"=\s*-E[A-Z0-9]+\s*;")
# A statement that leaves, then nothing but the ends of blocks and comments.
_LEAVES = rb"\b(?:return|goto)\b[^;{}]*;[\s}]*(?:/\*(?:[^*]|\*(?!/))*\*/\s*)*"
_LABEL = lazy_re(rb"^[ \t]*(\w+)[ \t]*:(?!:)", re.MULTILINE)

# Tests of a result that only a failure passes, by what the result is.
_FAILS = {"int": (NEG,), "bool": (ZERO,), "pointer": (ZERO,)}


@record(frozen=True, slots=True)
class Jump:
    """A way of returning over a label: the branch whose body ends in the goto, and the call that failed.

    Both are None where errp is mentioned nowhere, so that any jump counts. `place` is what to point at.
    """

    leaving: ReturnState
    branch: Trail | None
    label: str
    call: Call | None
    place: Span


def silent_jumps(analysed: AnalysedFunction) -> Iterator[Jump]:
    """The jumps of a void function to a label of failures after a failed call, on paths without an Error."""
    with_error: set[str] = set()
    without: dict[str, list[tuple[ReturnState, Trail]]] = {}
    for leaving in analysed.result.returns:
        jump = _last_jump(analysed.unit, leaving)
        if jump is None:
            continue
        label, branch = jump
        if leaving.error.state is ErrorState.SET:
            with_error.add(label)
        elif leaving.error.state is ErrorState.NULL and not leaving.propagated:
            without.setdefault(label, []).append((leaving, branch))
    yield from _silent_returns(analysed)
    if not with_error:
        yield from _first_jump(analysed)
        return
    of_failures = word_list("labels-of-failures")
    for label in sorted(without):
        # Clean-up falls through a chain of labels, so that one of them may see no Error of its own.
        if label not in with_error and not of_failures.matches(label.rstrip("0123456789")):
            continue
        calls = [failed_call(analysed, branch) for _, branch in without[label]]
        if any(call is None for call in calls):
            continue  # a label that is also reached without a failure is not one of failures
        # NULL or false may be an answer where successes come to the label as well.
        only_failures = of_failures.matches(label.rstrip("0123456789")) or _is_jumped_to(
            analysed, label.encode()
        )
        for (leaving, branch), call in zip(without[label], calls, strict=True):
            if call is not None and not leaving.printed and (only_failures or _is_told(analysed, call)):
                yield Jump(leaving, branch, label, call, branch.span)


def leaves_over_failures(analysed: AnalysedFunction, leaving: ReturnState) -> bool:
    """Whether a path leaves over a label of failures that no success falls into.

    The label, or one before it through which it is reached as well, stands after a return or a goto.
    """
    jump = _last_jump(analysed.unit, leaving)
    of_failures = word_list("labels-of-failures")
    if jump is None or not of_failures.matches(jump[0].rstrip("0123456789")):
        return False
    function, data = analysed.function, analysed.unit.data
    target = re.compile(rb"^\s*%s\s*:" % jump[0].encode(), re.MULTILINE)
    at = target.search(data, function.body, function.span.end)
    labels = [
        label
        for label in _LABEL.findall(data, function.body, at.end() if at is not None else function.body)
        if of_failures.matches(label.decode().rstrip("0123456789"))
    ]
    return any(_is_jumped_to(analysed, label) for label in labels)


def other_jumps(
    analysed: AnalysedFunction, leaving: ReturnState, without: Sequence[ReturnState]
) -> list[Span]:
    """The other tests after which a function fails by the same return, without an Error as well; in order.

    `without` are all its ways of failing without an Error. Where no state tells two of them apart, the tests
    lead to the label through which the path leaves: what failed is a callee without errp, or a status gets a
    constant; what has to do with Errors is left out.
    """
    jump = _last_jump(analysed.unit, leaving)
    if jump is None:
        return []
    same = (_last_jump(analysed.unit, e) for e in without if e.span == leaving.span)
    found = {other[1].span for other in same if other is not None} - {jump[1].span}
    for edge in analysed.function.edges():
        if edge.span is not None and edge.span != jump[1].span and _jumps_silently(analysed, edge, jump[0]):
            found.add(edge.span)
    return sorted(found)


def _jumps_silently(analysed: AnalysedFunction, edge: Edge, label: str) -> bool:
    """Whether a branch takes a failure to a label, and neither it nor its body has to do with Errors."""
    unit = analysed.unit
    if edge.span is None:
        return False
    place = Trail(None, "branch", edge.span, taken=edge.taken)
    found = _JUMPS.match(unit.data, edge.span.end) if edge.taken is not is_negated(unit, place) else None
    if found is None or found.group(1).decode() != label:
        return False
    body = unit.data[edge.span.start : found.end()]
    failed = failed_call(analysed, place) is not None or _STATUS.search(body) is not None
    return failed and not _is_about_errors(analysed, body.decode("utf-8", "replace"), edge.span)


def _is_about_errors(analysed: AnalysedFunction, text: str, place: Span) -> bool:
    """Whether a text names an Error, or what a callee has returned that was given one."""
    types, calls = analysed.function.locals, analysed.function.calls
    if any(name == analysed.errp or types.get(name, "").startswith("Error ") for name in identifiers(text)):
        return True
    last: dict[str, bool] = {}
    for event in sorted(assignments(analysed.result), key=lambda event: event.span):
        if event.span < place and event.target in text:
            given = (
                isinstance(event.value, Result)
                and analysed.unit.effect(calls[event.value.call]).errp is not None
            )
            last[event.target] = given
    return any(last.values()) or any(
        call.span.start <= place.end and place.start <= call.span.end
        for call in calls
        if analysed.unit.effect(call).errp is not None
    )


def _silent_returns(analysed: AnalysedFunction) -> Iterator[Jump]:
    """The returns right after the failure of a callee without errp in a function that sets errp elsewhere.

    An int tells a failure. NULL may mean none, and 0 a number, unless the callee, a function of this file,
    prints a message wherever it returns that, or makes an object by its name.
    """
    returns = analysed.result.returns
    if not any(leaving.error.state is ErrorState.SET for leaving in returns):
        return
    for leaving in returns:
        if (
            leaving.error.state is not ErrorState.NULL
            or leaving.propagated
            or leaving.printed
            or leaving.implicit
        ):
            continue
        tests = branches(leaving)
        if not tests or not leaves_right_after(analysed, tests[-1], leaving):
            continue
        if _last_jump(analysed.unit, leaving) is not None:
            continue  # what goes over a label is judged by its label
        branch = deciding(analysed, tests)[-1]
        if _success_leaves_so(analysed, branch, leaving):
            continue
        call = failed_call(analysed, branch)
        told = call is not None and _is_told(analysed, call)
        if call is None:
            call = _printed_zero(analysed, branch)
            told = call is not None
        if call is not None and told:
            yield Jump(leaving, branch, "", call, leaving.span)


def _success_leaves_so(analysed: AnalysedFunction, branch: Trail, leaving: ReturnState) -> bool:
    """Whether the other side of a test leads to the same return, too: `if (!ret) { ... } return;`.

    Nothing leaves for the failure there: what the test guards is what the function can do without.
    """
    function = analysed.function
    return any(
        event.span == leaving.span
        for edge in function.edges()
        if edge.span == branch.span and edge.taken is not branch.taken
        for number in {edge.target} | blocks_after(function, edge.target)
        for event in function.blocks[number].events
        if isinstance(event, Return)
    )


def _is_told(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether what a callee returns for a failure is no answer: it is a status, or the callee prints why."""
    return _kind(analysed.unit, call) == "int" or prints_failures(analysed, call) is not None or _makes(call)


def _makes(call: Call) -> bool:
    """Whether a callee, by its name, makes an object: NULL is then no answer."""
    return word_list("makers").matches(call.name) and not word_list("questions").matches(call.name)


def _printed_zero(analysed: AnalysedFunction, branch: Trail) -> Call | None:
    """The call whose number a test finds to be 0, where its body prints a message wherever it returns 0."""
    zero = (test.subject for test in tests_of(analysed, branch) if test.allow == ZERO)
    name = next((subject.path for subject in zero if isinstance(subject, Var)), "")
    call = assigned_from(analysed.result, name, branch.span) if name else None
    if call is None or not call.direct or _kind(analysed.unit, call) in ("bool", "pointer"):
        return None
    return call if prints_failures(analysed, call, zero=True) is not None else None


def _kind(unit: TranslationUnit, call: Call) -> str:
    """What the result of a callee is by its declaration."""
    signature = unit.signature(call.name) if call.direct else None
    return unit.scope.result_kind(signature)


def _first_jump(analysed: AnalysedFunction) -> Iterator[Jump]:
    """The first jump to a label of failures in a function that never mentions errp: one mistake of all.

    The successes return before the label, and no message is printed on any path.
    """
    function, data = analysed.function, analysed.unit.data
    errp = re.compile(rb"\b%s\b" % re.escape((analysed.errp or "").encode()))
    returns = analysed.result.returns
    if errp.search(data, function.body, function.span.end) or any(leaving.printed for leaving in returns):
        return
    of_failures = word_list("labels-of-failures")
    jumps = [
        found
        for found in _GOTO.finditer(data, function.body, function.span.end)
        if of_failures.matches(found.group(1).decode().rstrip("0123456789"))
    ]
    if returns and any(_is_jumped_to(analysed, found.group(1)) for found in jumps):
        first = jumps[0]
        place = Span(function.span.path, first.start(), first.end())
        yield Jump(returns[0], None, first.group(1).decode(), None, place)


def _is_jumped_to(analysed: AnalysedFunction, label: bytes) -> bool:
    """Whether a return or a goto stands right before a label, so that no success falls through to it."""
    before = re.compile(_LEAVES + re.escape(label) + rb"\s*:")
    function = analysed.function
    return before.search(analysed.unit.data, function.body, function.span.end) is not None


def _last_jump(unit: TranslationUnit, leaving: ReturnState) -> tuple[str, Trail] | None:
    """The label of the last branch on the path whose body ends in a goto, with the branch."""
    for place in reversed(branches(leaving)):
        if place.taken is not is_negated(unit, place):
            found = _JUMPS.match(unit.data, place.span.end)
            if found is not None:
                return found.group(1).decode(), place
    return None


def is_negated(unit: TranslationUnit, place: Trail) -> bool:
    """Whether a `!` stands before the test: the place is what is tested, and its `taken` is turned."""
    return unit.data[place.span.start - 1 : place.span.start] == b"!"


def failed_call(analysed: AnalysedFunction, place: Trail) -> Call | None:
    """The call without errp whose failure a branch has seen; None for any other test."""
    unit, variables = analysed.unit, analysed.function.locals
    for test in tests_of(analysed, place):
        if isinstance(test.subject, Result):
            asked = analysed.function.calls[test.subject.call]
            signature = unit.signature(asked.name) if asked.direct else None
            fails = _FAILS.get(_kind(unit, asked), ())
            told = signature is not None and signature.errp is None and not traits(asked.name).predicate
            return asked if told and test.allow in fails else None
    for test in tests_of(analysed, place):
        name = test.subject.path if isinstance(test.subject, Var) else ""
        call = assigned_from(analysed.result, name, place.span) if name in variables else None
        signature = unit.signature(call.name) if call is not None and call.direct else None
        if call is None or signature is None or signature.errp is not None or traits(call.name).predicate:
            continue
        if variables[name].endswith("*") or _kind(unit, call) == "bool":
            return call if test.allow == ZERO else None
        return call if test.allow in (NEG, NONZERO) else None
    return None
