# SPDX-License-Identifier: GPL-2.0-or-later
"""freed-message-argument: a message is made of a string that has just been freed."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import numbered, observed, of_kind
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Calls that set or print a message and read freed memory for it."""
    for occurrence in of_kind(analysed, OccurrenceKind.FREED_ARGUMENT):
        call = numbered(analysed, occurrence.call)
        if call is None:
            continue
        frees = word_list("memory-releases")
        freeing = (c for c in analysed.function.calls if frees.matches(c.name))
        by = next((c.name for c in freeing if occurrence.cell in c.text), "g_free")
        slots = {"callee": call.name, "argument": occurrence.cell, "by": by}
        yield observed(analysed, "freed-message-argument", occurrence, slots, calls=(call,))


CHECKS = (
    Check(
        "freed-message-argument",
        "errors",
        (event("freed-message-argument", "callee", "argument", "by", path_sensitive=True),),
        run,
    ),
)
