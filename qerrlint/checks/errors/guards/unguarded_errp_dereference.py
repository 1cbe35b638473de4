# SPDX-License-Identifier: GPL-2.0-or-later
"""unguarded-errp-dereference: `*errp` of an out-parameter that may be NULL."""

from __future__ import annotations

import re
from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.guards.errp_guard import errp_of_callers, guard_words, is_guarded, unguarded_uses
from qerrlint.checks.errors.occurrences import of_kind
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.text.guard_edits import guard_edits
from qerrlint.checks.trace_steps import folded
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.findings import Observation
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Reads and writes of what errp points to, and g_clear_pointer() on it, before the guard."""
    errp = analysed.errp
    if errp is None:
        return
    for occurrence in of_kind(analysed, OccurrenceKind.DEREF):
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
        slots={
            "errp": errp,
            "text": text,
            "guard": guard_words(analysed),
            "form": _form(analysed, errp, span),
            "callers": analysed.once(errp_of_callers),
        },
        edits=analysed.once(guard_edits),
        subject=Subject(),
    )


def _form(analysed: AnalysedFunction, errp: str, span: Span) -> str:
    """How the function looks at errp: `errp && !*errp` and `errp && *errp` cover NULL, not &error_fatal."""
    lines, name = analysed.unit.text.lines, re.escape(errp.encode())
    line, _ = lines.position(span.start)
    found = re.search(rb"(?<!!)\b%s\s*&&\s*(!?)\s*\*\s*%s\b" % (name, name), lines.text(line))
    if found is None:
        return "use"
    return "asks-whether-unset" if found[1] else "asks-both"


CHECKS = (
    Check(
        "unguarded-errp-dereference",
        "errors",
        # errp: the parameter; text: the expression; guard: the macro of this tree's age; callers: whether all
        # of them have the guard, or an Error of their own.
        (
            event(
                "unguarded-errp-dereference",
                "errp",
                "text",
                "guard",
                form="use asks-both asks-whether-unset",
                callers="any guarded local",
            ),
        ),
        run,
    ),
)
