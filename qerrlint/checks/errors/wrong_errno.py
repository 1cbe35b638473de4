# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-errno: a message gets a negative error number, or errno after a call that returns the number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import numbered, observed, of_kind
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, Var

_TAKES_ERRNO = frozenset({"error_setg_errno", "error_setg_file_open"})


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The error numbers in messages of one function that have the wrong sign or come from the wrong place."""
    for occurrence in of_kind(analysed, "negative-errno"):
        call = numbered(analysed, occurrence.call)
        if call is None:
            continue
        form = "negative-constant" if occurrence.cell.startswith("-E") else "negative-result"
        slots = {"callee": call.name, "value": occurrence.cell, "form": form}
        yield observed(analysed, "wrong-errno", occurrence, slots, calls=(call,))
    yield from _errno_of_status(analysed)


def _errno_of_status(analysed: AnalysedFunction) -> Iterator[Observation]:
    """errno in a message about a call whose result is the error number: it need not set errno."""
    for call in analysed.function.calls:
        if call.name not in _TAKES_ERRNO or len(call.args) < 2 or call.args[1] != Var("errno"):
            continue
        failed = _call_before(analysed, call)
        if failed is None or not analysed.unit.environment.api.returns_errno(failed.name):
            continue
        yield Observation(
            "wrong-errno",
            analysed.name,
            call.span,
            call.text,
            {"callee": call.name, "value": failed.name, "form": "result-is-errno"},
            (Step(failed.span, f"what {failed.name}() returns is the error, or is made of it"),),
            "medium",
            whole=True,
            subject=Subject((failed,)),
        )


def _call_before(analysed: AnalysedFunction, call: Call) -> Call | None:
    """The call that the message is about: the last one before it in the text that may fail with an errno.

    A name in capitals is a macro, a cast or a constructor of the QOM.
    """
    without_errno = word_list("calls-without-errno")
    earlier = [
        c
        for c in analysed.function.calls
        if c.direct
        and c.span.end <= call.span.start
        and not c.name.isupper()
        and not without_errno.matches(c.name)
    ]
    return max(earlier, key=lambda c: c.span) if earlier else None


CHECKS = (
    Check(
        "wrong-errno",
        "errors",
        (
            event(
                "wrong-errno",
                "callee",
                "value",
                path_sensitive=True,
                form="negative-constant negative-result result-is-errno",
            ),
        ),
        run,
        ("calls-without-errno",),
    ),
)
