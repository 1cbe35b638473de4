# SPDX-License-Identifier: GPL-2.0-or-later
"""null-after-report: a branch only reports that a pointer is NULL, and then the pointer is looked into.

Blocks are walked, not paths: from the branch on to the first look, as long as nothing asks for the pointer
again or gives it another value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from qerrlint.absint.reachability import first_ahead
from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import (
    ZERO,
    Addr,
    Assign,
    Block,
    Call,
    Deref,
    Edge,
    Event,
    Return,
    Value,
    Var,
    identifiers,
    text_of,
)
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The pointers of one function that it finds NULL, reports, and looks into all the same."""
    for edge in analysed.function.edges():
        name = _found_null(edge)
        if not name or edge.span is None:
            continue
        reporter, behind = _reports_only(analysed, edge.target)
        look = _first_look(analysed, behind, name) if reporter is not None else None
        if reporter is None or look is None:
            continue
        yield Observation(
            "null-after-report",
            analysed.name,
            reporter.span,
            f"{name} {reporter.text}",
            {"function": analysed.name, "pointer": name, "reporter": reporter.name},
            (
                Step(edge.span, f"{name} is NULL on this branch"),
                Step(look, f"{name} is dereferenced here, and nothing has tested it in between"),
            ),
            "high",
            whole=True,
            subject=Subject((reporter,)),
            group=edge.span,
        )


def _found_null(edge: Edge) -> str:
    """The variable that is NULL (or 0) where an edge is taken, if that is all that the edge asks."""
    if len(edge.tests) != 1:
        return ""
    test = edge.tests[0]
    plain = isinstance(test.subject, Var) and test.subject.path.isidentifier() and test.allow == ZERO
    return text_of(test.subject) if plain else ""


def _reports_only(analysed: AnalysedFunction, number: int) -> tuple[Call | None, int]:
    """The call by which a block tells of a failure where it does nothing else, and the block after it."""
    block: Block = analysed.function.blocks[number]
    calls = [one for one in block.events if isinstance(one, Call)]
    reporter = next((call for call in calls if reports(analysed.unit, call)), None)
    plain = len(calls) == len(block.events) and len(block.edges) == 1 and not block.edges[0].tests
    if reporter is None or not plain or any(analysed.unit.effect(call).noreturn for call in calls):
        return None, -1
    return reporter, block.edges[0].target


def reports(unit: TranslationUnit, call: Call) -> bool:
    """Whether a call tells the user, or sets the Error of the function."""
    if word_list("user-messages").matches(call.name) or call.text.startswith("fprintf(stderr"):
        return True
    effect = unit.effect(call)
    fatal = (
        effect.errp is not None and effect.errp < len(call.args) and isinstance(call.args[effect.errp], Addr)
    )
    return effect.evidence == "setter" and not fatal


def _first_look(analysed: AnalysedFunction, number: int, name: str) -> Span | None:
    """The first place from a block on that looks into what a variable points to; None where none comes
    before a test of it, or another value for it, on every path."""
    looks = re.compile(rf"(?<![\w.>&]){re.escape(name)}(?:->|\[)")

    def wanted(one: Event | Edge) -> bool:
        return _looks(one, name, looks)

    return first_ahead(analysed.function, number, 0, wanted, lambda one: _asks_or_sets(one, name))


def _asks_or_sets(one: Event | Edge, name: str) -> bool:
    """Whether an event may give a variable another value, or an edge tests it."""
    if isinstance(one, Edge):
        return any(name in identifiers(text_of(test.subject)) for test in one.tests)
    return (isinstance(one, Assign) and one.target == name) or (
        isinstance(one, Call) and Addr(name) in one.args
    )


def _looks(one: Event | Edge, name: str, looks: re.Pattern[str]) -> bool:
    """Whether an event, or a test at an edge, looks into what a variable points to."""
    values: tuple[Value, ...] = ()
    if isinstance(one, Edge):
        values = tuple(test.subject for test in one.tests)
    elif isinstance(one, Assign):
        values = (one.value, Var(one.target))
    elif isinstance(one, Call):
        values = one.args
    elif isinstance(one, Return):
        values = (one.value,) if one.value is not None else ()
    elif isinstance(one, Deref):
        return one.path == name
    return any(looks.search(text_of(value)) for value in values)


CHECKS = (
    Check(
        "null-after-report",
        "errors",
        # pointer: the variable that is NULL; reporter: the call that tells it.
        (event("null-after-report", "function", "pointer", "reporter"),),
        run,
    ),
)
