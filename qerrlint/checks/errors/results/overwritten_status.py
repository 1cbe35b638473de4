# SPDX-License-Identifier: GPL-2.0-or-later
"""unchecked-call of a status that is kept and then overwritten: the next call's result takes its place.

Where the function tests what the same variable holds after other calls, it means to test this one, too,
unless it tests the Error that the call may have set.
Blocks are walked, not paths. In a loop the next iteration may overwrite it: then only the last iteration
counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from qerrlint.absint.reachability import loop_around
from qerrlint.checks.check import Check
from qerrlint.checks.errors.results.unchecked_call import UNCHECKED_CALL
from qerrlint.checks.errors.results.untested_results import asks_for_error
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.error import FATAL
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import (
    Addr,
    Assign,
    Call,
    Deref,
    Event,
    Function,
    Result,
    Return,
    Var,
    identifiers,
    text_of,
)


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The calls whose int result is stored in a variable that gets another call's result unread."""
    function = analysed.function
    seen: set[int] = set()
    for number, block in enumerate(function.blocks):
        for position, at in enumerate(block.events):
            if not isinstance(at, Assign) or not isinstance(at.value, Result) or not at.stated:
                continue
            name, call = at.target, function.calls[at.value.call]
            if not function.locals.get(name, "").endswith(("int", "ssize_t")) or call.index in seen:
                continue
            over = _overwriting(function, number, position + 1, name)
            if over is None or not _is_status(analysed, call) or not _is_tested(analysed, name, call):
                continue
            if _is_named_between(analysed, name, call, over) or _error_is_tested(analysed, call):
                continue
            seen.add(call.index)
            again = over.span <= at.span
            words = "the next iteration overwrites it here" if again else "it is overwritten here"
            yield Observation(
                UNCHECKED_CALL.name,
                analysed.name,
                call.span,
                call.text,
                {
                    "function": analysed.name,
                    "callee": call.name,
                    "errp": analysed.errp or "",
                    "kept": name,
                    "how": "round" if again else "overwritten",
                },
                (Step(over.span, f"{name} has not been read: {words}"),),
                "medium",
                whole=True,
                subject=Subject((call,)),
                group=("success", call.span),
            )


def _overwriting(function: Function, block: int, position: int, name: str) -> Assign | None:
    """The first assignment of another call's result that a variable gets unread; None where any path that is
    not the end of a loop reads it, or it gets anything else."""
    loop = loop_around(function, block)
    found: list[Assign] = []
    seen: set[int] = set()
    todo = [(block, position)]
    while todo:
        number, start = todo.pop()
        ended = False
        for event in function.blocks[number].events[start:]:
            if _reads(event, name):
                if loop and number not in loop:
                    ended = True
                    break
                return None
            if isinstance(event, Assign) and event.target == name:
                if not isinstance(event.value, Result):
                    return None
                found.append(event)
                ended = True
                break
        for edge in function.blocks[number].edges if not ended else ():
            if any(name in identifiers(text_of(test.subject)) for test in edge.tests):
                if loop and number not in loop:
                    break
                return None
            if edge.target not in seen:
                seen.add(edge.target)
                todo.append((edge.target, 0))
    return min(found, key=lambda event: event.span) if found else None


def _reads(event: Event, name: str) -> bool:
    """Whether an event reads a variable, or hands out its address."""
    if isinstance(event, Assign):
        return name in identifiers(text_of(event.value)) or (
            event.target != name and name in identifiers(event.target)
        )
    if isinstance(event, Call):
        return any(name in identifiers(text_of(arg)) for arg in event.args)
    if isinstance(event, Return):
        return event.value is not None and name in identifiers(text_of(event.value))
    return isinstance(event, Deref) and name in identifiers(event.path)


def _is_status(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a call may fail and return: no macro in capitals, no question, none with &error_abort."""
    effect = analysed.unit.effect(call)
    given = call.args[effect.errp] if effect.errp is not None and effect.errp < len(call.args) else None
    return (
        not (isinstance(given, Addr) and given.path in FATAL)
        and not call.name.isupper()
        and effect.kind in ("int", "")
        and not word_list("predicates").matches(call.name)
    )


def _error_is_tested(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether the function tests the Error of a call instead of its status."""
    effect = analysed.unit.effect(call)
    given = call.args[effect.errp] if effect.errp is not None and effect.errp < len(call.args) else None
    if isinstance(given, Addr):
        return asks_for_error(analysed.function, call, given.path)
    return isinstance(given, Var) and asks_for_error(analysed.function, call, "*" + given.path)


def _is_tested(analysed: AnalysedFunction, name: str, call: Call) -> bool:
    """Whether the function tests what a variable holds at two places, or stores what a callee returns at two
    places and tests it at one."""
    function = analysed.function
    tests = sum(
        any(name in identifiers(text_of(test.subject)) for edge in block.edges for test in edge.tests)
        for block in function.blocks
    )
    same = sum(
        isinstance(given.value, Result) and function.calls[given.value.call].name == call.name
        for given in function.assignments(name)
    )
    return tests >= 2 or (tests == 1 and same >= 2)


def _is_named_between(analysed: AnalysedFunction, name: str, call: Call, over: Assign) -> bool:
    """Whether the text between names the variable all the same, in a macro or in what is no event, or errno,
    which tells the failure as well."""
    if over.span < call.span:
        return False
    text = analysed.unit.data[call.span.end : over.span.start]
    return re.search(rb"\b(?:errno|" + re.escape(name.encode()) + rb")\b", text) is not None


CHECKS = (Check("overwritten-status", "errors", (UNCHECKED_CALL,), run),)
