# SPDX-License-Identifier: GPL-2.0-or-later
"""error-use-after-free: an Error that is gone is consumed again, also where its variable leaves its scope, or
a member still points to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.absint.reachability import place_of
from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import numbered, observed, of_kind, of_locals
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.error import ErrorState
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Assign, Call, Declare, Return
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Second uses of local Errors, and members that the function leaves pointing to an Error that is gone."""
    yield from _again(analysed)
    yield from _at_its_end(analysed)
    yield from _dangling(analysed)


def _again(analysed: AnalysedFunction) -> Iterator[Observation]:
    for occurrence in of_locals(analysed, OccurrenceKind.GONE_USED):
        call, first = numbered(analysed, occurrence.call), numbered(analysed, occurrence.first.origin)
        if call is None:
            continue
        slots = {
            "error": occurrence.cell,
            "callee": call.name,
            "by": first.name if first is not None else "",
            "how": "again",
        }
        yield observed(
            analysed,
            "error-use-after-free",
            occurrence,
            slots,
            calls=(call,),
            before="is freed or handed on",
            group=("again", occurrence.cell, occurrence.first.origin),
        )


def _at_its_end(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A variable that frees its Error by itself still points to one that a consumer has taken."""
    # Static variables live on by themselves as well, and free nothing.
    freed_by_scope = {
        event_.path
        for block in (analysed.function.blocks if analysed.function.autos else ())
        for event_ in block.events
        if isinstance(event_, Declare) and event_.auto
    }
    for occurrence in of_locals(analysed, OccurrenceKind.CONSUMED):
        consumer = numbered(analysed, occurrence.call)
        if (
            consumer is None
            or occurrence.cell not in freed_by_scope
            or occurrence.first.state is ErrorState.NULL
            or not _stays(analysed, occurrence.cell, consumer)
        ):
            continue
        slots = {"error": occurrence.cell, "callee": "g_autoptr", "by": consumer.name, "how": "scope"}
        yield observed(
            analysed,
            "error-use-after-free",
            occurrence,
            slots,
            calls=(consumer,),
            group=("scope", occurrence.cell, consumer.index),
        )


def _stays(analysed: AnalysedFunction, name: str, consumer: Call) -> bool:
    """Whether a path from a call to the end of the function gives a variable no other value."""
    at = place_of(analysed.function, consumer.index)
    if at is None:
        return False
    blocks = analysed.function.blocks
    waiting, seen = [(at[0], at[1] + 1)], {at[0]}
    while waiting:
        number, start = waiting.pop()
        for event_ in blocks[number].events[start:]:
            if isinstance(event_, Return):
                return True
            if isinstance(event_, Assign) and event_.target == name:
                break
            if isinstance(event_, Call) and (
                Addr(name) in event_.args or analysed.unit.effect(event_).noreturn
            ):
                break
        else:
            following = {edge.target for edge in blocks[number].edges} - seen
            seen |= following
            waiting += [(target, 0) for target in following]
    return False


def _dangling(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A member keeps the address of an Error that is gone, and another function of the file looks at it."""
    for occurrence in of_kind(analysed, OccurrenceKind.LEFT_GONE):
        consumer = numbered(analysed, occurrence.first.origin)
        if consumer is None:
            continue
        member = member_of(occurrence.cell)
        found = _looks_at(analysed, member)
        if found is None:
            continue
        other, span = found
        yield Observation(
            "error-use-after-free",
            analysed.name,
            consumer.span,
            f"{occurrence.cell} {consumer.text}",
            {"error": occurrence.cell, "callee": other, "by": consumer.name, "how": "dangling"},
            (Step(span, f"{other}() looks at {member} here"),),
            "medium",
            subject=Subject((consumer,), occurrence),
            group=("dangling", occurrence.cell, consumer.index),
        )


def member_of(path: str) -> str:
    """The last member of a path: "err" of "s->port.err"."""
    return re.split(r"->|\.", path)[-1]


def _looks_at(analysed: AnalysedFunction, member: str) -> tuple[str, Span] | None:
    """Another function of the file that frees, reports or copies the member of that name."""
    unit, word = analysed.unit, re.escape(member.encode())
    use = re.compile(
        rb"\b(?:error_(?:free|report_err|reportf_err|get_pretty|copy|propagate)|warn_report_err)\s*\((?:[^();]*,)?\s*"
        rb"\w+(?:->|\.)" + word + rb"\b"
    )
    for other, piece in unit.functions.items():
        if other == analysed.name:
            continue
        found = use.search(unit.data, piece.body, piece.span.end)
        if found is not None:
            return other, Span(unit.path, found.start(), found.end())
    return None


CHECKS = (
    Check(
        "error-use-after-free",
        "errors",
        # callee: who uses it again, or (dangling) the function that looks at it; by: who freed it.
        (
            event(
                "error-use-after-free",
                "error",
                "callee",
                "by",
                path_sensitive=True,
                how="again dangling scope",
            ),
        ),
        run,
    ),
)
