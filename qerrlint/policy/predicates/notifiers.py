# SPDX-License-Identifier: GPL-2.0-or-later
"""Predicates about notifiers and their callbacks (the family `notifiers`)."""

from __future__ import annotations

from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Call
from qerrlint.lazy_patterns import lazy_re

_EVENT_TEST = lazy_re(
    rb"\btype\s*==\s*(?:MIG_EVENT_)?\w+|\bcase\s+MIG_EVENT_\w+|\bMIG_EVENT_\w+"
    # Before QEMU 9.0 a notifier was handed the state of the migration and asked it.
    rb"|\bmigration_(?:in_setup|has_failed|has_finished)\b"
)


def result_is_no_status(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """The result that is discarded is that of a function whose result tells of no failure, by its name."""
    call = observation.subject
    if observation.slots["strength"] == "prints" or not isinstance(call, Call):
        return False
    # What is written in capitals is a macro.
    return call.name.isupper() or word_list("no-status").matches(call.name)


def serves_failed_event(analysed: AnalysedFunction, observation: Observation) -> bool:
    """The call, or the place in its callee that prints the Error, belongs to the event FAILED."""
    call, unit = observation.subject, analysed.unit
    if not isinstance(call, Call):
        return False
    if _last_event(unit.data[analysed.function.body : call.span.start]) == "FAILED":
        return True
    summary, piece = unit.interpretation.summary(call.name), unit.functions.get(call.name)
    if summary is None or piece is None or not summary.swallows:
        return False
    return all(
        _last_event(unit.data[piece.body : swallow.printer_span.start]) == "FAILED"
        for swallow in summary.swallows
    )


def _last_event(text: bytes) -> str:
    """The last word of the migration event that the text tests last, "" where it tests none."""
    tests = _EVENT_TEST.findall(text)
    return tests[-1].rpartition(b"_")[2].decode().upper() if tests else ""
