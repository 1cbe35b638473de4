# SPDX-License-Identifier: GPL-2.0-or-later
"""dropped-error: a call gets NULL for its Error, and where it fails another text is printed instead.

The other text says that something failed, and the Error would have said why. An Error that a function sets
instead is left alone: its text may be the better one for the caller.
"""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.absint.reachability import branch_events
from qerrlint.checks.check import Check
from qerrlint.checks.errors.propagation.dropped_error import DROPPED_ERROR
from qerrlint.checks.errors.return_states import passes_null_errp
from qerrlint.checks.failing_edges import failed_call
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call
from qerrlint.transfer.sites import is_trace


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The calls with NULL whose failure is told in other words."""
    seen: set[int] = set()
    calls = {call.index for call in analysed.function.calls if passes_null_errp(analysed, call)}
    for number, block in enumerate(analysed.function.blocks) if calls else ():
        for edge in block.edges:
            failed = failed_call(analysed, number, edge) if edge.tests else None
            if failed is None or failed.index not in calls or failed.index in seen or _asks(failed):
                continue
            teller = _first_call(analysed, edge.target)
            if teller is None:
                continue
            seen.add(failed.index)
            yield Observation(
                DROPPED_ERROR.name,
                analysed.name,
                failed.span,
                failed.text,
                {
                    "function": analysed.name,
                    "printer": teller.name,
                    "setter": failed.name,
                    "errp": analysed.errp or "",
                    "how": "retold",
                },
                (Step(teller.span, f"{teller.name}() reports the failure here in words of its own"),),
                "medium",
                whole=True,
                subject=Subject((failed,)),
                group=("retold", failed.name),
            )


def _asks(call: Call) -> bool:
    """Whether a call only asks or looks something up: its failure is an answer."""
    name = call.name
    return (
        word_list("lookups").matches(name)
        or word_list("questions").matches(name)
        or word_list("property-prefixes").matches(name)
    )


def _first_call(analysed: AnalysedFunction, number: int) -> Call | None:
    """The call that a branch begins with, where that prints a text."""
    events = branch_events(analysed.function, number)
    first = next((one for one in events if isinstance(one, Call) and not is_trace(one)), None)
    return first if first is not None and word_list("retells").matches(first.name) else None


CHECKS = (Check("retold-failure", "errors", (DROPPED_ERROR,), run),)
