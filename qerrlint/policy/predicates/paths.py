# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths that no execution takes, told by conditions that depend on each other."""

from __future__ import annotations

import re

from qerrlint.absint.reachability import guards
from qerrlint.absint.trace import places
from qerrlint.checks.errors.value_source import assignments
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.held import HeldObject
from qerrlint.checks.ownership.left_in_local import LocalObject
from qerrlint.checks.subject import Subject, subject_of
from qerrlint.checks.trace_steps import is_of_switch
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import (
    NONZERO,
    Addr,
    Assign,
    Call,
    Declare,
    Deref,
    Edge,
    Function,
    Opaque,
    Var,
    identifiers,
    root,
    text_of,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.policy.observed_paths import as_asked, function_of, trail_of, without_zero

# A variable or a member of what a variable points to, as it stands.
_PLAIN = lazy_re(r"[A-Za-z_]\w*(?:(?:->|\.)\w+)*")
_BOUND = lazy_re(r"([A-Za-z_]\w*)\s*(<=?|>=?)\s*(\d+|[A-Z][A-Z0-9_]*)")
_NEGATIVE = lazy_re(r"([A-Za-z_]\w*)\s*<\s*0")
_NUMBERS = lazy_re(r"(?:u?int(?:\d+_t)?|s?size_t|ssize_t|off_t|bool|unsigned|long|int64_t)\b")


def guard_cannot_change(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the path takes both sides of one condition whose operands the function never writes.

    So it is with a guard inside of a loop: one iteration cannot take the `then`, the next one the `else`.
    """
    subject = observation.subject
    if not isinstance(subject, Subject) or subject.occurrence is None:
        return False
    taken: dict[str, set[bool | None]] = {}
    for place in places(subject.occurrence.trail):
        text = analysed.unit.text.on_one_line(place.span)
        if place.kind == "branch" and _PLAIN.fullmatch(text):
            taken.setdefault(text, set()).add(place.taken)
    return any(len(sides) > 1 and not _may_change(analysed, text) for text, sides in taken.items())


def path_contradicts_itself(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """Whether the path gives one condition both answers, and nothing between the two places may change it.

    The condition looks at locals, parameters and constants, or at the object itself.
    """
    function = function_of(analysed, observation)
    if function is None:
        return False
    seen: dict[str, tuple[bool, int]] = {}
    for place in places(trail_of(observation)):
        if place.kind != "branch" or is_of_switch(analysed.unit, place.span):
            continue
        text, holds = as_asked(analysed.unit.text.on_one_line(place.span), place.taken is True)
        before = seen.setdefault(text, (holds, place.span.end))
        if before[0] != holds and before[1] < place.span.start:
            between = range(before[1], place.span.start)
            if _stays(function, _operands(text), between, _object(observation)):
                return True
    return False


def status_is_positive(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """Whether the last test of the path takes a status for a failure that is not negative by a test above.

    `ret < 0` is false above, `ret` is true at the end, and nothing between the two places may change it.
    """
    function = function_of(analysed, observation)
    tests = [place for place in places(trail_of(observation)) if place.kind == "branch"]
    if function is None or not tests or tests[-1].taken is not True:
        return False
    name, end = analysed.unit.text.on_one_line(tests[-1].span).strip(), tests[-1].span.start
    if function.locals.get(name) != "int":
        return False
    for place in tests[:-1]:
        found = _NEGATIVE.fullmatch(analysed.unit.text.on_one_line(place.span).strip())
        if found is not None and found[1] == name and place.taken is False and place.span.end < end:
            return _stays(function, frozenset({name}), range(place.span.end, end), "")
    return False


def counter_is_beyond_its_bound(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """Whether the path finds a counter above a bound up to which the function counts, and no further.

    All that gives the local variable a value is a constant, and one step upwards that a test for the bound
    guards.
    """
    function = function_of(analysed, observation)
    if function is None:
        return False
    for place in places(trail_of(observation)):
        if place.kind != "branch":
            continue
        found = _BOUND.fullmatch(analysed.unit.text.on_one_line(place.span).strip())
        if found is None or found[1] not in function.locals:
            continue
        above = (found[2][0] == ">") is (place.taken is True)
        # `n >= 8` holds and `n < 8` does not where n is 8.
        reached = found[2] in (">=", "<")
        if above and _counts_up_to(function, found[1], found[3], reached):
            return True
    return False


def _counts_up_to(function: Function, name: str, bound: str, reached: bool) -> bool:
    """Whether a local variable only counts to a bound, and with `reached` never gets there."""
    steps: list[int] = []
    for number, block in enumerate(function.blocks):
        for event in block.events:
            if isinstance(event, Call) and Addr(name) in event.args:
                return False
            if not isinstance(event, Assign) or event.target != name:
                continue
            if isinstance(event.value, Opaque) and event.value.text in (f"{name}++", f"++{name}"):
                steps.append(number)
            elif text_of(event.value) not in ("0", "1"):
                return False
    if len(steps) != 1 or reached:
        return False
    return any(_keeps_below(edge, name, bound) for edge in guards(function, steps[0]))


def _keeps_below(edge: Edge, name: str, bound: str) -> bool:
    """Whether an edge is taken only where a variable is below a bound."""
    for test in edge.tests:
        found = _BOUND.fullmatch(text_of(test.subject))
        if found is None or found[1] != name or found[2] != "<" or test.allow & ~NONZERO:
            continue
        if found[3] == bound or (found[3].isdigit() and bound.isdigit() and int(found[3]) <= int(bound)):
            return True
    return False


def _object(observation: Observation) -> str:
    """The path of what is held, where an observation is about that."""
    subject = observation.subject
    return subject.seen.object if isinstance(subject, LocalObject | HeldObject) else ""


def _operands(text: str) -> frozenset[str]:
    """The variables and members that a condition looks at; constants are upper-case names."""
    return frozenset(found for found in _PLAIN.findall(text) if not found.isupper())


def _stays(function: Function, operands: frozenset[str], between: range, held: str) -> bool:
    """Whether nothing between two offsets of a function may give one of its locals another value."""
    if any(path != held and not path.isidentifier() for path in operands):
        return False
    names = operands | {root(path) for path in operands}
    for event in function.events():
        if event.span.start not in between:
            continue
        if isinstance(event, Assign | Declare) and _target(event) in names:
            return False
        if isinstance(event, Call) and any(isinstance(a, Addr) and a.path in names for a in event.args):
            return False
    return bool(operands)


def _target(event: Assign | Declare) -> str:
    return event.target if isinstance(event, Assign) else event.path


def pointer_was_looked_into(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """Whether the path takes a pointer for NULL that the function has looked into before, on every path."""
    function = function_of(analysed, observation)
    if function is None:
        return False
    for place in places(trail_of(observation)):
        if place.kind != "branch":
            continue
        text, there = without_zero(analysed.unit.text.on_one_line(place.span), place.taken is True)
        if not there and text.isidentifier() and _is_looked_into(function, text, place.span.start):
            return True
    return False


def _is_looked_into(function: Function, name: str, before: int) -> bool:
    """Whether events that no test guards look into a pointer above a place, and nothing gives it a value."""
    looked = False
    for number, block in enumerate(function.blocks):
        for event in block.events:
            if event.span.start >= before:
                continue
            if isinstance(event, Assign | Declare) and _target(event) == name:
                return False
            path = (
                event.target if isinstance(event, Assign) else event.path if isinstance(event, Deref) else ""
            )
            if path.startswith((f"*{name}", f"{name}->")) and not guards(function, number):
                looked = True
    return looked


def _may_change(analysed: AnalysedFunction, path: str) -> bool:
    """Whether the function, or a call in it, may write a variable or a member.

    A callee may change what it is handed a pointer to, but for the has_x of a QAPI struct.
    """
    name = root(path)
    if {event.target for event in assignments(analysed.result)} & {path, name}:
        return True
    option = re.search(r"(?:->|\.)has_\w+$", path) is not None
    return any(
        isinstance(arg, (Addr, Var)) and root(arg.path) == name and (isinstance(arg, Addr) or not option)
        for call in analysed.function.calls
        for arg in call.args
        if path != name or isinstance(arg, Addr)
    )


def report_has_guards(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether one predicate stands before the call that sets the Error and another before its report."""
    occurrence = subject_of(observation).occurrence
    if occurrence is None or occurrence.first.origin >= 0:
        return False
    asked = set()
    for place in places(occurrence.trail):
        name, bracket, _ = analysed.unit.text.on_one_line(place.span).lstrip("!( ").partition("(")
        if place.kind == "branch" and bracket and word_list("predicates").matches(name.strip()):
            asked.add((name.strip(), place.taken))
    return {taken for _, taken in asked} >= {True, False} and len({name for name, _ in asked}) > 1


def error_goes_with_a_status(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the last test before an Error parameter is left alone is of another, numeric parameter."""
    occurrence, signature = subject_of(observation).occurrence, analysed.signature
    if occurrence is None or occurrence.kind is not OccurrenceKind.LEFT_OWNED or signature is None:
        return False
    tests = [place for place in places(occurrence.trail) if place.kind == "branch"]
    numbers = {param.name for param in signature.params if _NUMBERS.match(param.type)}
    return bool(tests) and bool(identifiers(analysed.unit.text.on_one_line(tests[-1].span)) & numbers)
