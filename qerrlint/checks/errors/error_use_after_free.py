# SPDX-License-Identifier: GPL-2.0-or-later
"""error-use-after-free: an Error that is gone is consumed again, or a member still points to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import numbered, observed, of_kind, of_locals
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.findings import Observation, Step
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Second uses of local Errors, and members that the function leaves pointing to an Error that is gone."""
    yield from _again(analysed)
    yield from _dangling(analysed)


def _again(analysed: AnalysedFunction) -> Iterator[Observation]:
    for occurrence in of_locals(analysed, "gone-used"):
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


def _dangling(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A member keeps the address of an Error that is gone, and another function of the file looks at it."""
    for occurrence in of_kind(analysed, "left-gone"):
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
                how="again dangling",
            ),
        ),
        run,
    ),
)
