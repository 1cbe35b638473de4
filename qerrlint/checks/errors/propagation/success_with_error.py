# SPDX-License-Identifier: GPL-2.0-or-later
"""success-with-error: a function has set the Error and returns success, or goes on with its work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.absint.trace import is_joined, places
from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import of_kind
from qerrlint.checks.errors.return_states import set_successes
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded, path_steps
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, Result
from qerrlint.lazy_patterns import lazy_re

_LEAVES = lazy_re(rb"\)\s*\{?\s*return;")
_JUMP = lazy_re(rb"\b(?:return|goto|break|continue|case|default|else|exit|abort)\b")


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Successful returns with an Error that is certainly set; void functions that lack a return."""
    errp = analysed.errp
    if errp is None:
        return
    # Where the callee whose result is passed on may set the Error again, that is the finding.
    again = {(o.call, o.first.origin) for o in of_kind(analysed, OccurrenceKind.SET_AGAIN)}
    for leaving in analysed.once(set_successes):
        passed = leaving.value.call if isinstance(leaving.value, Result) else -1
        if not leaving.error.sure or (passed, leaving.error.origin) in again:
            continue  # not sure: whether the callee failed nobody has asked: unchecked-call
        setter = analysed.function.calls[leaving.error.origin]
        text = folded(analysed.unit, leaving.span).removeprefix("return").strip(" ;")
        yield Observation(
            "success-with-error",
            analysed.name,
            leaving.span,
            f"{text} {setter.text}",
            success_slots(analysed, text, setter, analysed.kind),
            path_steps(analysed.unit, leaving.trail, "*" + errp, setter),
            whole=not is_joined(leaving.trail),
            subject=Subject((setter,), returned=leaving),
            group=leaving.span,
        )
    if analysed.kind == "void":
        yield from _going_on(analysed)
        yield from _past_failure(analysed)


def success_slots(analysed: AnalysedFunction, value: str, callee: Call, kind: str) -> dict[str, str]:
    """The slots of success-with-error: what is returned, and the call that has set the Error, or failed."""
    return {
        "function": analysed.name,
        "value": value,
        "callee": callee.name,
        "kind": kind,
        "errp": analysed.errp or "",
    }


def _going_on(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A void function that sets errp itself and then goes on with its work: a return is missing."""
    calls = analysed.function.calls
    for occurrence in of_kind(analysed, OccurrenceKind.GOES_ON):
        setter, following = calls[occurrence.first.origin], calls[occurrence.call]
        if following.span < setter.span:
            continue  # the next turn of a loop
        yield Observation(
            "success-with-error",
            analysed.name,
            setter.span,
            setter.text,
            success_slots(analysed, "", setter, "void"),
            (Step(following.span, f"the function goes on here with {following.name}()"),),
            "medium",
            subject=Subject((setter,), occurrence),
            group=setter.span,
        )


def _past_failure(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A void function sees that a call has failed, and goes on with the work that success leads to."""
    calls, data = analysed.function.calls, analysed.unit.data
    for occurrence in of_kind(analysed, OccurrenceKind.FAILED_ON):
        failed = calls[occurrence.first.origin]
        if analysed.unit.effect(failed).evidence == "setter" or occurrence.span < failed.span:
            continue
        tests = [one for one in places(occurrence.trail) if one.kind == "branch"]
        behind = data[failed.span.end : occurrence.span.start]
        if not tests or tests[-1].span.end < failed.span.start:
            continue
        negated = data[tests[-1].span.start - 1 : tests[-1].span.start] == b"!"
        # Either the failure leads to a block and out of it, or the success to a return.
        inverted = not negated and tests[-1].span == failed.span and _LEAVES.match(behind) is not None
        if inverted and analysed.unit.effect(failed).kind != "bool":
            continue
        if not inverted and (tests[-1].taken == negated or not _left(behind)):
            continue
        text = data[occurrence.span.start : occurrence.span.end].decode("utf-8", "replace")
        yield Observation(
            "success-with-error",
            analysed.name,
            failed.span,
            failed.text,
            success_slots(analysed, "", failed, "inverted" if inverted else "failed"),
            (
                Step(tests[-1].span, f"the test of what {failed.name}() returns"),
                Step(occurrence.span, f"the function goes on here with {text.split('(')[0].split(' =')[0]}"),
            ),
            "medium",
            subject=Subject((failed,), None if inverted else occurrence),
            group=("failed", failed.span),
        )


def _left(text: bytes) -> bool:
    """Whether a text, from a call in a condition on, has a block behind which it stands, and no jump."""
    if _JUMP.search(text) is not None:
        return False
    opened, closed = text.count(b"{"), text.count(b"}")
    return opened == closed > 0


SUCCESS_WITH_ERROR = event(
    "success-with-error",
    "function",
    "value",
    "callee",
    "errp",
    path_sensitive=True,
    kind="int bool pointer void failed inverted status unset",
)
"""value: the returned expression; kind: what the result is, "failed" where a function without a result goes
on behind a failed call, "status" where one without errp loses the status of a callee; callee: who set the
Error; errp: the Error."""

CHECKS = (Check("success-with-error", "errors", (SUCCESS_WITH_ERROR,), run),)
