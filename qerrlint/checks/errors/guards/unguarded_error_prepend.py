# SPDX-License-Identifier: GPL-2.0-or-later
"""unguarded-error-prepend: text is added to an Error that a caller with &error_fatal never sees."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.guards.errp_guard import errp_of_callers, guard_words, unguarded_uses
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.text.guard_edits import guard_edits
from qerrlint.findings import Observation
from qerrlint.ir.code import Call

_FORMS = {"error_prepend": "prepend", "error_vprepend": "prepend", "error_append_hint": "hint"}


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Calls that extend what the function's own errp points to, before the guard."""
    errp = analysed.errp
    if errp is None:
        return
    for call in unguarded_uses(analysed):
        if call.name not in _FORMS:
            continue
        yield Observation(
            event="unguarded-error-prepend",
            function=analysed.name,
            primary=call.span,
            key=call.text,
            slots={
                "errp": errp,
                "callee": call.name,
                "guard": guard_words(analysed),
                "form": _FORMS[call.name],
                "setter": "own" if _is_set_here(analysed, call) else "callee",
                "callers": analysed.once(errp_of_callers),
            },
            edits=analysed.once(guard_edits),
            subject=Subject((call,)),
        )


def _is_set_here(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether the call before this one in the text is the function's own error_setg()."""
    before = [c for c in analysed.function.calls if c.span.end <= call.span.start]
    return bool(before) and analysed.unit.effect(before[-1]).evidence == "setter"


CHECKS = (
    Check(
        "unguarded-error-prepend",
        "errors",
        # setter: whether the function itself has just set the Error that is extended; callers: whether all
        # of them have the guard, or an Error of their own.
        (
            event(
                "unguarded-error-prepend",
                "errp",
                "callee",
                "guard",
                form="prepend hint",
                setter="own callee",
                callers="any guarded local",
            ),
        ),
        run,
    ),
)
