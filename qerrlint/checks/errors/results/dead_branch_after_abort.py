# SPDX-License-Identifier: GPL-2.0-or-later
"""dead-branch-after-abort: a test for a failure that ended the program, by &error_abort or &error_fatal."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded
from qerrlint.findings import Observation, Step


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Branches that no path takes because the call before them does not return with a failure."""
    for branch in analysed.result.dead_branches:
        call = analysed.function.calls[branch.call]
        condition = folded(analysed.unit, branch.span)
        fatal = "error_abort" if "&error_abort" in call.text else "error_fatal"
        yield Observation(
            "dead-branch-after-abort",
            analysed.name,
            branch.span,
            condition,
            {"condition": condition, "callee": call.name, "fatal": fatal},
            (Step(call.span, f"{call.name}() with &{fatal} does not return after a failure"),),
            "high",
            subject=Subject((call,)),
        )


CHECKS = (
    Check(
        "dead-branch-after-abort",
        "errors",
        (event("dead-branch-after-abort", "condition", "callee", "fatal", path_sensitive=True),),
        run,
    ),
)
