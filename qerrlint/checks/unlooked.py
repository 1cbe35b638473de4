# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of calls with NULL for errp that nobody looks at; walks blocks, not paths.

Such a call tells a failure by its result alone. Where that is dropped, the failure goes unseen; where it is
kept and used as a number or a pointer without any test, the failure is taken for a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.comments import excused
from qerrlint.domain.result import FunctionResult
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import (
    Assign,
    Call,
    Const,
    Event,
    Function,
    Result,
    Return,
    Value,
    Var,
    identifiers,
    text_of,
)
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# What a program cannot go on without: images, memory, devices, blockers.
_NEEDED = re.compile(r"(?:^|_)(?:load|realize|open|create|attach|blocker|init_ram|init_rom)(?:_|$)")


def observe(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """Results of calls with NULL for errp that are dropped, or used and never tested."""
    yield from _dismissed(unit, result)
    yield from _kept(unit, result)


def _dismissed(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """errp is NULL and the result is dropped: the failure of something that is needed goes unseen."""
    for call in result.function.calls:
        effect = unit.effect(call)
        if call.used or not call.passes_null(effect.errp) or not _NEEDED.search(call.name):
            continue
        if effect.kind not in ("int", "bool", "pointer") or excused(unit, call.span):
            continue
        slots = {"function": result.function.name, "callee": call.name, "errp": "NULL", "kept": ""}
        yield Observation(
            "unchecked-call", result.function.name, call.span, call.text, slots, certainty="medium"
        )


def _kept(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """The result is kept and used, and never tested."""
    function = result.function
    for number, block in enumerate(function.blocks):
        for position, event in enumerate(block.events):
            if not isinstance(event, Assign) or not isinstance(event.value, Result):
                continue
            call = function.calls[event.value.call]
            effect = unit.effect(call)
            if not call.passes_null(effect.errp) or effect.kind not in ("int", "pointer"):
                continue
            if call.name.startswith("object_property_") and any(isinstance(a, Const) for a in call.args[1:2]):
                continue  # a property that the class is known to have
            if event.target not in function.locals or excused(unit, call.span):
                continue
            use = _first_use(function, number, position + 1, event.target, effect.kind)
            if use is None:
                continue
            yield Observation(
                "unchecked-call",
                function.name,
                call.span,
                call.text,
                {"function": function.name, "callee": call.name, "errp": "NULL", "kept": event.target},
                (Step(use, f"{event.target} is used here, and no test of it comes before or after"),),
                "medium",
            )


def _first_use(function: Function, block: int, position: int, name: str, kind: str) -> Span | None:
    """Where a variable is reckoned with on the ways from a place on; None where any of them looks at it."""
    uses: list[Span] = []
    seen: set[int] = set()
    todo = [(block, position)]
    while todo:
        number, start = todo.pop()
        ended = False
        for event in function.blocks[number].events[start:]:
            if _looks(event, name):
                return None
            use = _use(event, name, kind)
            if use is not None:
                uses.append(use)
            if isinstance(event, Assign) and event.target == name:
                ended = True
                break
        if ended:
            continue
        for edge in function.blocks[number].edges:
            if any(name in identifiers(text_of(test.subject)) for test in edge.tests):
                return None
            if edge.target not in seen:
                seen.add(edge.target)
                todo.append((edge.target, 0))
    return min(uses) if uses else None


def _looks(event: Event, name: str) -> bool:
    """Whether an event hands the value on to somebody who may look at it."""
    if isinstance(event, Return):
        return event.value is not None and name in identifiers(text_of(event.value))
    if isinstance(event, Call):
        return any(text_of(arg).lstrip("&") == name for arg in event.args)
    return isinstance(event, Assign) and event.value == Var(name)


def _use(event: Event, name: str, kind: str) -> Span | None:
    """The place where an event calculates with a number, or looks into what a pointer points to."""
    values: tuple[Value, ...] = ()
    if isinstance(event, Assign):
        values = (event.value, Var(event.target))
    elif isinstance(event, Call):
        values = event.args
    wanted = re.compile(
        rf"(?<![\w.>]){re.escape(name)}->" if kind == "pointer" else rf"(?<![\w.>]){re.escape(name)}\b"
    )
    for value in values:
        text = text_of(value)
        if text != name and wanted.search(text) and not isinstance(event, Return):
            return event.span
    return None
