# SPDX-License-Identifier: GPL-2.0-or-later
"""Failures without an Error whose callee has set one or cannot fail, or that all callers tell apart."""

from __future__ import annotations

import re

from qerrlint.absint.reachability import after, blocks_after, blocks_before, guards, place_of
from qerrlint.checks.errors.value_source import (
    assigned_from,
    assignments,
    branches,
    is_result,
    may_fail,
    own_returns,
    returned_code,
    tests_of,
)
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import subject_of
from qerrlint.domain.conventions import FAILURE
from qerrlint.domain.result import ReturnState
from qerrlint.findings import Observation
from qerrlint.ir.code import (
    ANY,
    NULL,
    POS,
    ZERO,
    Addr,
    Assign,
    Call,
    Const,
    Function,
    Result,
    Var,
    identifiers,
    root,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.missing_error import ANSWER, IGNORED
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.policy.calls_in_file import calls_in_file
from qerrlint.source.span import Span

# `!result && *errp`, and `if (!f(...)) { if (err)`.
_TOGETHER = lazy_re(rb"!\s*\w+\s*&&\s*\*?\w*err\w*\s*\)|\)\)\s*\{\s*if\s*\(\s*\*?\w*err\w*\s*\)")
# How far after the head of a call its result is looked at, in bytes.
_NEARBY = 400
_IS_NULL = lazy_re(r"!\s*(\w+)|(\w+)\s*==\s*NULL")
# A comparison with something that is not 0 or 1.
_WANTED = lazy_re(r"(?:!=|<)(?!-|[01]\b|=)")


def callee_has_set_the_error(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the last test before the return is of what a call that was handed errp gave back or wrote.

    Then that call has set the Error, however it tells. What it wrote says nothing where the path has shown by
    the result that the call did not fail; but for a pointer, which callees leave NULL only where they fail,
    unless their body shows a NULL being stored. Where the result is dropped, members of what the call was
    handed are what it wrote. A number of bytes that is merely less than was asked for is no failure.
    """
    leaving, test = _silent_failure(analysed, observation)
    if leaving is None or test is None:
        return False
    last = _last_with_errp(analysed, leaving, test)
    if last is None:
        return False
    text = analysed.unit.text.on_one_line(test).replace(" ", "")
    if _falls_short(analysed, last, text):
        return False
    if test.start <= last.span.start and last.span.end <= test.end:
        return not _has_succeeded(analysed, leaving, last)
    handed = {arg.path for arg in last.args if isinstance(arg, Var) and arg.path != analysed.errp}
    if not last.used and any(re.search(rf"(?<![\w.>]){re.escape(path)}->", text) for path in handed):
        return True
    written = _written(analysed, leaving, last, test) | {path for path in handed if "*" + path in text}
    return any(re.search(rf"(?<![\w.>]){re.escape(path)}(?!\w|->|\.|\[)", text) for path in written)


def callee_never_fails(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the last test before the return is for a failure that its callee never returns.

    The callee is a function of the same file without errp, whose returns are all known. A variable holds its
    result, or the call is the test.
    """
    _, test = _silent_failure(analysed, observation)
    if test is None:
        return False
    unit = analysed.unit
    local = identifiers(unit.text.on_one_line(test)) & analysed.function.locals.keys()
    tested = [assigned_from(analysed.result, name, test) for name in sorted(local)]
    tested += [call for call in analysed.function.calls if call.span == test]
    return any(
        call is not None and bool(own_returns(unit, call)) and not may_fail(unit, call) for call in tested
    )


def callers_tell_it_apart(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether every caller of a static function tells this outcome from a failure.

    It looks at result and Error together, or compares the result with the very code.
    """
    leaving, _ = _silent_failure(analysed, observation)
    unit, name = analysed.unit, analysed.name
    if leaving is None or name not in unit.functions or not unit.is_static(name):
        return False
    code = returned_code(leaving)
    compared = re.compile(rb"==\s*" + re.escape(code.encode()) + rb"\b") if code.startswith("-E") else None
    called = re.compile(rb"\b" + re.escape(name.encode()) + rb"\s*\(")
    behind = [
        found.end()
        for caller in unit.uses.callers_of(name)
        for found in called.finditer(unit.data, unit.functions[caller].body, unit.functions[caller].span.end)
    ]
    return bool(behind) and all(
        _TOGETHER.search(unit.data, at, at + _NEARBY)
        or (compared is not None and compared.search(unit.data, at, at + _NEARBY))
        for at in behind
    )


def callers_take_it_for_an_answer(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether every caller at hand compares the result with this very code, or keeps it as an answer."""
    return observation.slots["callers"] == ANSWER


def callers_ignore_the_result(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether no caller at hand looks at the bool that the function returns."""
    return observation.slots["callers"] == IGNORED


def tested_parameter_is_never_null(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the last test finds a parameter NULL for which all callers pass an address."""
    leaving, _ = _silent_failure(analysed, observation)
    tests = branches(leaving) if leaving is not None else []
    if not tests or not analysed.unit.is_static(analysed.name):
        return False
    name, is_null = analysed.unit.text.on_one_line(tests[-1].span), not tests[-1].taken
    found = _IS_NULL.fullmatch(name)
    if found is not None:
        name, is_null = next(filter(None, found.groups())), not is_null
    unchanged = not any(event.target == name for event in assignments(analysed.result))
    return is_null and unchanged and _never_null(analysed.unit, analysed.name, name, frozenset())


def _never_null(unit: TranslationUnit, function: str, parameter: str, above: frozenset[str]) -> bool:
    """Whether all callers of a static function pass an address, or such a parameter of their own."""
    signature = unit.signature(function) if function in unit.functions and unit.is_static(function) else None
    names = [param.name for param in signature.params] if signature is not None else []
    if parameter not in names or function in above:
        return False
    position = names.index(parameter)
    calls = calls_in_file(unit, function)
    return bool(calls) and all(
        isinstance(arg, Addr)
        or (isinstance(arg, Var) and _never_null(unit, caller.name, arg.path, above | {function}))
        for caller, call in calls
        for arg in call.args[position : position + 1]
    )


def callers_test_the_same_global(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether all callers that ask for an Error have found a global variable to be other than on the path."""
    leaving, _ = _silent_failure(analysed, observation)
    unit, signature = analysed.unit, analysed.signature
    if leaving is None or signature is None or signature.errp is None or not unit.is_static(analysed.name):
        return False
    own = {param.name for param in signature.params} | analysed.function.locals.keys()
    own |= {event.target for event in assignments(analysed.result)}
    found = {
        test.subject.path: test.allow
        for place in branches(leaving)
        for test in tests_of(analysed, place)
        if isinstance(test.subject, Var) and test.subject.path.isidentifier()
    }
    found = {name: allow for name, allow in found.items() if name not in own}
    calls = calls_in_file(unit, analysed.name) if found else []
    return bool(calls) and all(
        call.args[signature.errp : signature.errp + 1] == (NULL,)
        or any(_is_excluded(caller, call, name, allow) for name, allow in found.items())
        for caller, call in calls
    )


def _is_excluded(function: Function, call: Call, name: str, allow: int) -> bool:
    """Whether a call stands after a test that leaves a variable no sign of `allow`; nothing stores to it
    between them."""
    place = place_of(function, call.index)
    if place is None or name in function.locals:
        return False
    before = blocks_before(function, call.span)
    for edge in guards(function, place[0]):
        if any(test.subject == Var(name) and not test.allow & allow for test in edge.tests):
            between = (blocks_after(function, edge.target) | {edge.target}) & (before | {place[0]})
            stored = (e for n in between for e in function.blocks[n].events if isinstance(e, Assign))
            if not any(event.target == name for event in stored):
                return True
    return False


def error_was_extended(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether after the last test a call adds text to errp, which it can do only where an Error is set."""
    leaving, test = _silent_failure(analysed, observation)
    if leaving is None or test is None or analysed.errp is None:
        return False
    back = leaving.span
    return any(
        test < call.span < back
        and call.args[:1] == (Var(analysed.errp),)
        and analysed.unit.effect(call).keeps
        and after(analysed.function, call.index, lambda event: event.span == back)
        for call in analysed.function.calls
    )


def tested_value_is_constant(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the last test before the return is of a local that only ever holds one constant."""
    _, test = _silent_failure(analysed, observation)
    if test is None:
        return False
    names = {name for name in identifiers(analysed.unit.text.on_one_line(test)) if not name.isupper()}
    return bool(names) and all(_is_constant(analysed, name) for name in names)


def _is_constant(analysed: AnalysedFunction, name: str) -> bool:
    """Whether a local is given a constant once, and its address is passed to no call."""
    given = [event.value for event in assignments(analysed.result) if event.target == name]
    taken = any(
        isinstance(arg, Addr) and root(arg.path) == name for c in analysed.function.calls for arg in c.args
    )
    return name in analysed.function.locals and len(given) == 1 and isinstance(given[0], Const) and not taken


def status_is_of_an_object(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the number that is returned was last read from a member of an object."""
    leaving, _ = _silent_failure(analysed, observation)
    if leaving is None or not isinstance(leaving.value, Var) or analysed.kind != "int":
        return False
    given = assignments(analysed.result)
    earlier = [e for e in given if e.target == leaving.value.path and e.span < leaving.span]
    last = max(earlier, key=lambda event: event.span, default=None)
    value = last.value if last is not None else leaving.value
    # The arms of `?:` are assigned to a variable of the front end.
    arms = [event.value for event in given if isinstance(value, Var) and event.target == value.path]
    return any(isinstance(arm, Var) and "->" in arm.path for arm in (value, *arms))


def _silent_failure(
    analysed: AnalysedFunction, observation: Observation
) -> tuple[ReturnState | None, Span | None]:
    """The return and the last test before it, where it is a known failure and nothing was printed."""
    leaving = subject_of(observation).returned
    if leaving is None or leaving.printed or leaving.signs == ANY or analysed.kind == "void":
        return None, None
    tests = branches(leaving)
    return leaving, tests[-1].span if tests else None


def _last_with_errp(analysed: AnalysedFunction, leaving: ReturnState, test: Span) -> Call | None:
    """The last call on the path before the end of a test that was handed the function's errp.

    The state knows the last one whose result is used; of those whose result is dropped it is the last one
    after that, by the order of the text.
    """
    calls = analysed.function.calls
    known = calls[leaving.error.origin] if leaving.error.origin >= 0 else None
    dropped = [
        call
        for call in calls
        if not call.used
        and (known is None or known.span < call.span)
        and call.span.start < test.end
        and any(isinstance(arg, Var) and arg.path == analysed.errp for arg in call.args)
    ]
    return max(dropped, key=lambda call: call.span, default=known)


def _written(analysed: AnalysedFunction, leaving: ReturnState, call: Call, test: Span) -> set[str]:
    """The variables that hold the result of a call, or what it wrote to the addresses that it was given."""
    filled = [(position, root(arg.path)) for position, arg in enumerate(call.args) if isinstance(arg, Addr)]
    if leaving.error.sure and leaving.error.origin == call.index:
        types = analysed.function.locals
        filled = [
            (position, path)
            for position, path in filled
            if types.get(path, "").endswith("*") and not _stores_null(analysed, call, position)
        ]
    return _kept(analysed, leaving, call, test) | {path for _, path in filled}


def _kept(analysed: AnalysedFunction, leaving: ReturnState, call: Call, test: Span) -> set[str]:
    """The variables that may still hold the result of a call where they are tested. None where a test on the
    path has shown that the call has not failed."""
    if _has_succeeded(analysed, leaving, call):
        return set()
    targets = {event.target for event in assignments(analysed.result) if event.value == Result(call.index)}
    return {path for path in targets if _holds_until(analysed, call, path, test)}


def _holds_until(analysed: AnalysedFunction, call: Call, path: str, test: Span) -> bool:
    """Whether a path leads from a call to a test on which the variable gets no other call's result."""
    blocks, start = analysed.function.blocks, place_of(analysed.function, call.index)
    todo = [start] if start is not None else []
    seen: set[int] = set()
    while todo:
        number, position = todo.pop()
        if any(
            isinstance(event, Assign)
            and event.target == path
            and isinstance(event.value, Result)
            and event.value.call != call.index
            for event in blocks[number].events[position:]
        ):
            continue
        for edge in blocks[number].edges:
            if edge.span == test:
                return True
            if edge.target not in seen:
                seen.add(edge.target)
                todo.append((edge.target, 0))
    return False


def _has_succeeded(analysed: AnalysedFunction, leaving: ReturnState, call: Call) -> bool:
    """Whether a test on the path has shown by the result that the call has not failed.

    0 of an int result, tested last, may be the end of the data.
    """
    if not leaving.error.sure or leaving.error.origin != call.index:
        return False
    kind = analysed.unit.effect(call).kind
    fails = FAILURE.get(kind, ANY)
    asked = [
        test.allow
        for place in branches(leaving)
        for test in tests_of(analysed, place)
        if is_result(analysed, test.subject, call, place.span)
    ]
    ended = kind == "int" and asked[-1:] == [ZERO]
    return not ended and any(allow & POS and not allow & fails for allow in asked)


def _falls_short(analysed: AnalysedFunction, call: Call, test: str) -> bool:
    """Whether a test compares the number of bytes that a call has moved with the number that was wanted."""
    signature = analysed.unit.signature(call.name) if call.direct else None
    return signature is not None and signature.returns == "ssize_t" and bool(_WANTED.search(test))


def _stores_null(analysed: AnalysedFunction, call: Call, position: int) -> bool:
    """Whether the callee, a function of this file, stores a NULL where this argument points to."""
    unit = analysed.unit
    if not call.direct or call.name not in unit.functions:
        return False
    callee, signature = unit.lowered(call.name), unit.signature(call.name)
    if callee is None or signature is None or position >= len(signature.params):
        return False
    target = "*" + signature.params[position].name
    return any(event.value == NULL for event in callee.assignments(target))
