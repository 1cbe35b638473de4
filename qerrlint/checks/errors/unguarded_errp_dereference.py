# SPDX-License-Identifier: GPL-2.0-or-later
"""unguarded-errp-dereference: `*errp` of an out-parameter that may be NULL."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.errp_guard import guard_name, is_guarded, unguarded_uses
from qerrlint.checks.errors.occurrences import of_kind
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded
from qerrlint.findings import Observation
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Reads and writes of what errp points to, and g_clear_pointer() on it, before the guard."""
    errp = analysed.errp
    if errp is None:
        return
    for occurrence in of_kind(analysed, "deref"):
        span = occurrence.span
        if occurrence.cell == "*" + errp and not is_guarded(analysed, span):
            yield _observation(analysed, errp, span, folded(analysed.unit, span))
    for call in unguarded_uses(analysed):
        if call.name == "g_clear_pointer":
            yield _observation(analysed, errp, call.span, call.text)


def _observation(analysed: AnalysedFunction, errp: str, span: Span, key: str) -> Observation:
    text = folded(analysed.unit, span)
    return Observation(
        event="unguarded-errp-dereference",
        function=analysed.name,
        primary=span,
        key=key,
        slots={"errp": errp, "text": text, "guard": guard_name(analysed)},
        subject=Subject(),
    )


CHECKS = (
    Check(
        "unguarded-errp-dereference",
        "errors",
        # errp: the parameter; text: the expression; guard: the macro of this tree's age.
        (event("unguarded-errp-dereference", "errp", "text", "guard"),),
        run,
    ),
)
