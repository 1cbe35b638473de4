# SPDX-License-Identifier: GPL-2.0-or-later
"""error-use-after-free: an Error that is gone is consumed again, also where its variable leaves its scope, or
the pointer to it outlives the function: stored, returned, or in a member."""

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
from qerrlint.domain.result import Occurrence
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Assign, Call, Declare, Return, Var, root
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Second uses of an Error, and pointers to one that is gone that the function leaves behind."""
    yield from _again(analysed)
    yield from _kept(analysed)
    yield from _at_its_end(analysed)
    yield from _dangling(analysed)


def _again(analysed: AnalysedFunction) -> Iterator[Observation]:
    for occurrence in of_kind(analysed, OccurrenceKind.GONE_USED):
        call, first = numbered(analysed, occurrence.call), numbered(analysed, occurrence.first.origin)
        if call is None or not _is_still_gone(analysed, occurrence):
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
            before="frees or takes",
            group=("again", occurrence.cell, occurrence.first.origin),
        )


def _is_still_gone(analysed: AnalysedFunction, occurrence: Occurrence) -> bool:
    """Whether no other code can have given the pointer another value since its Error is gone: a variable of
    the function, or a member where no call between the two is handed the object."""
    variables = set(analysed.function.locals)
    if analysed.signature is not None:
        variables |= {param.name for param in analysed.signature.params}
    if occurrence.cell in variables:
        return True
    gone, owner = occurrence.first.origin, root(occurrence.cell)
    between = analysed.function.calls[gone + 1 : occurrence.call] if gone >= 0 else ()
    handed = any(isinstance(arg, (Var, Addr)) and arg.path == owner for call in between for arg in call.args)
    return owner in variables and 0 <= gone < occurrence.call and not handed


def _kept(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A variable whose Error is gone is stored where it outlives the function, or returned."""
    for occurrence in of_kind(analysed, OccurrenceKind.GONE_KEPT):
        consumer = numbered(analysed, occurrence.first.origin)
        if consumer is None:
            continue
        slots = {"error": occurrence.cell, "callee": "", "by": consumer.name, "how": "kept"}
        yield observed(
            analysed,
            "error-use-after-free",
            occurrence,
            slots,
            calls=(consumer,),
            before="frees or takes",
            group=("kept", occurrence.cell, occurrence.first.origin),
        )


def _at_its_end(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A variable that frees its Error by itself still points to one that a consumer has taken."""
    for occurrence in of_locals(analysed, OccurrenceKind.CONSUMED):
        consumer = numbered(analysed, occurrence.call)
        if (
            consumer is None
            or not _freed_by_scope(analysed, occurrence.cell)
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


def _freed_by_scope(analysed: AnalysedFunction, name: str) -> bool:
    """Whether a variable frees what it holds at its end; static ones live on, and free nothing."""
    return name in analysed.function.autos and any(
        isinstance(event_, Declare) and event_.auto and event_.path == name
        for event_ in analysed.function.events()
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
    """A member or static variable keeps the address of an Error that is gone, and another function of the
    file looks at it, or the next call of this one does."""
    for occurrence in of_kind(analysed, OccurrenceKind.LEFT_GONE):
        consumer = numbered(analysed, occurrence.first.origin)
        if consumer is None or _freed_by_scope(analysed, occurrence.cell):
            continue
        member = member_of(occurrence.cell)
        if occurrence.cell in analysed.function.locals:
            found: tuple[str, Span] | None = (analysed.name, consumer.span)
        else:
            found = _looks_at(analysed, member, occurrence.cell != member)
        if found is None:
            continue
        other, span = found
        yield Observation(
            "error-use-after-free",
            analysed.name,
            consumer.span,
            f"{occurrence.cell} {consumer.text}",
            {"error": occurrence.cell, "callee": other, "by": consumer.name, "how": "dangling"},
            (Step(span, f"{other}() looks at {member} here"),) if other != analysed.name else (),
            "medium",
            subject=Subject((consumer,), occurrence),
            group=("dangling", occurrence.cell, consumer.index),
        )


def member_of(path: str) -> str:
    """The last member of a path: "err" of "s->port.err"."""
    return re.split(r"->|\.", path)[-1]


def _looks_at(analysed: AnalysedFunction, member: str, is_member: bool) -> tuple[str, Span] | None:
    """Another function of the file that frees, reports or copies the member, or variable, of that name."""
    unit, word = analysed.unit, re.escape(member.encode())
    use = re.compile(
        rb"\b(?:error_(?:free|report_err|reportf_err|get_pretty|copy|propagate)|warn_report_err)\s*\((?:[^();]*,)?\s*"
        + (rb"\w+(?:->|\.)" if is_member else rb"")
        + word
        + rb"\b"
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
                how="again dangling kept scope",
            ),
        ),
        run,
    ),
)
