# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that look wrong and are not: assertions, tests of what may be set one day, tests of a constant."""

from __future__ import annotations

from qerrlint.absint.reachability import blocks_after, place_of
from qerrlint.checks.errors.occurrences import is_addressed
from qerrlint.checks.errors.results.wrong_error_test import misplaced_tests
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import subject_of
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re

_ASSERTED = lazy_re(rb"assert\w*\s*\([\s!(]*\Z")
# How many bytes before a condition the word "assert" may begin.
_FARTHEST = 40


def test_is_an_assertion(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the condition stands in an assertion, which says just what the analysis found."""
    start = observation.primary.start
    return _ASSERTED.search(analysed.unit.data, max(0, start - _FARTHEST), start) is not None


def address_was_passed(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a callee has the address of the Error pointer that is never set."""
    return observation.slots["form"] == "error-never-set" and is_addressed(
        analysed, observation.slots["subject"]
    )


def wrong_test_is_told(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether errp itself is tested for the outcome of the call, which is told as the wrong test."""
    asked = {setter.index for _, setter, _ in analysed.once(misplaced_tests)}
    return any(call.index in asked for call in subject_of(observation).calls)


def null_may_be_a_result(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the result of the call that does not return with a failure is neither an int nor a bool."""
    return any(
        analysed.unit.effect(call).kind not in ("int", "bool") for call in subject_of(observation).calls
    )


def call_is_switched_off(file: AnalysedFile, observation: Observation) -> bool:
    """Whether the call stands behind a test of a constant of the file, which no execution passes."""
    unit, at = file.unit, observation.primary.start
    piece = unit.definitions.around(at)
    function = unit.with_definition(piece).lowering.function(piece) if piece is not None else None
    if function is None:
        return False
    place = next((place_of(function, call.index) for call in function.calls if call.span.start == at), None)
    return place is not None and place[0] not in {0, *blocks_after(function, 0)}
