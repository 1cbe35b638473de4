# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of a migration that notifiers hear of twice: each migration is done, or has failed, once.

A function that tells them of the one or the other, as it turns out, speaks for every migration. Whether a
path leads through both nobody here follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.cut import Piece
from qerrlint.findings import Observation, Step
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

CALLS = re.compile(rb"\bmigration_call_notifiers\s*\(")
"""Finds the calls that tell the notifiers (migration/migration.c since QEMU 9.0)."""


def ended_twice(unit: TranslationUnit, piece: Piece) -> Iterator[Observation]:
    """Calls that tell notifiers of an end which another function of the file tells them of as well."""
    ends = [name for name in unit.environment.mig_events() if name.endswith(("_DONE", "_FAILED"))]
    function = unit.lowered(piece.name)
    other = _speaks_for_all(unit, piece.name, ends) if function is not None else None
    if function is None or other is None:
        return
    for call in function.calls:
        if call.name != "migration_call_notifiers":
            continue
        said = [end for span in call.arg_spans if (end := unit.on_one_line(span)) in ends]
        if said:
            name, place = other
            slots = {"callee": call.name, "what": said[0], "other": name}
            step = Step(place, f"{name}() tells them of the end of every migration")
            yield Observation(
                "notifier-called-twice", piece.name, call.span, call.text, slots, (step,), "medium"
            )


def _speaks_for_all(unit: TranslationUnit, but: str, ends: list[str]) -> tuple[str, Span] | None:
    """The function that tells of whichever end it was, and where."""
    for name, piece in unit.functions.items():
        found = CALLS.search(unit.data, piece.body, piece.span.end)
        if name == but or found is None:
            continue
        text = unit.data[piece.body : piece.span.end]
        argument = unit.data[found.end() : unit.data.find(b";", found.end())]
        by_name = any(end.encode() in argument for end in ends)
        if not by_name and all(re.search(rb"\b%s\b" % end.encode(), text) for end in ends):
            return name, Span(unit.path, found.start(), found.end() - 1)
    return None
