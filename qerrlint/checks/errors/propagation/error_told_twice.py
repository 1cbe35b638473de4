# SPDX-License-Identifier: GPL-2.0-or-later
"""error-told-twice: a function prints a message right beside the call that sets its Error, and fails.

Whoever gets the Error reports it as well. What is printed after other work, such as a clean-up that fails in
its turn, is another matter and left alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.absint.reachability import place_of
from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.return_states import fails
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.error import ErrorState
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The messages that are printed for a failure of which the Error is set as well."""
    calls, told = analysed.function.calls, set()
    for leaving in analysed.result.returns if analysed.errp is not None else ():
        if leaving.error.state is not ErrorState.SET or not leaving.error.sure or leaving.error.origin < 0:
            continue
        setter = calls[leaving.error.origin]
        for number in leaving.printed:
            printed = calls[number]
            if number in told or not word_list("plain-reports").matches(printed.name):
                continue
            if not fails(analysed, leaving) or not _belongs(analysed, setter, printed):
                continue
            told.add(number)
            yield Observation(
                "error-told-twice",
                analysed.name,
                printed.span,
                printed.text,
                {"callee": printed.name, "setter": setter.name, "errp": analysed.errp or ""},
                (Step(setter.span, f"{setter.name}() has set {analysed.errp}"),),
                whole=True,
                subject=Subject((printed, setter)),
                group=printed.span,
            )


def _belongs(analysed: AnalysedFunction, setter: Call, printed: Call) -> bool:
    """Whether a message is about the failure of which an Error is set: nothing is called between the two.

    A message before the Error is one where the same block sets that.
    """
    function = analysed.function
    if printed.span < setter.span:
        places = place_of(function, printed.index), place_of(function, setter.index)
        if None in places or (places[0] or ())[:1] != (places[1] or ())[:1]:
            return False
    first, last = sorted((setter, printed), key=lambda call: call.span.start)
    return not any(
        first.span.end <= call.span.start and call.span.end <= last.span.start for call in function.calls
    )


CHECKS = (
    Check(
        "error-told-twice",
        "errors",
        # callee: what prints; setter: what sets the Error.
        (event("error-told-twice", "callee", "setter", "errp", path_sensitive=True),),
        run,
    ),
)
