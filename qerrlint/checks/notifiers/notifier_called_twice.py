# SPDX-License-Identifier: GPL-2.0-or-later
"""The event notifier-called-twice: two functions tell the migration notifiers of one migration's end.

A migration ends once: it is done, or it has failed. A function that reports either, as the case may be,
reports the end of every migration. Whether one path runs through both functions is not examined.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# The call that tells the notifiers (migration/migration.c since QEMU 9.0).
_CALL = "migration_call_notifiers"
_CALLS = lazy_re(rb"\b%s\s*\(" % _CALL.encode())


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Calls that tell the notifiers of an end which another function of the file tells them of as well."""
    unit, name = analysed.unit, analysed.name
    calls = [call for call in analysed.function.calls if call.name == _CALL]
    if not calls:
        return
    ends = [end for end in unit.environment.mig_events() if end.endswith(("_DONE", "_FAILED"))]
    other = _reports_every_end(unit, name, ends)
    if other is None:
        return
    reporter, place = other
    step = Step(place, f"{reporter}() calls them at the end of every migration")
    for call in calls:
        told = [end for span in call.arg_spans if (end := unit.text.on_one_line(span)) in ends]
        if told:
            yield Observation(
                event="notifier-called-twice",
                function=name,
                primary=call.span,
                key=call.text,
                slots={"callee": call.name, "what": told[0], "other": reporter},
                trail=(step,),
                certainty="medium",
            )


def _reports_every_end(unit: TranslationUnit, but: str, ends: Sequence[str]) -> tuple[str, Span] | None:
    """The function, other than `but`, that reports whichever end it was, and the place of its call."""
    for name, piece in unit.functions.items():
        found = _CALLS.search(unit.data, piece.body, piece.span.end)
        if name == but or found is None:
            continue
        text = unit.data[piece.body : piece.span.end]
        argument = unit.data[found.end() : unit.data.find(b";", found.end())]
        by_name = any(end.encode() in argument for end in ends)
        if not by_name and all(re.search(rb"\b%s\b" % end.encode(), text) for end in ends):
            return name, Span(unit.path, found.start(), found.end() - 1)
    return None


CHECKS = (
    Check(
        "notifier-called-twice",
        "notifiers",
        # callee: who tells the notifiers; what: the constant; other: who tells them of every end.
        (event("notifier-called-twice", "callee", "what", "other"),),
        run,
    ),
)
