# SPDX-License-Identifier: GPL-2.0-or-later
"""Ends of the process that are no failure, or no failure that a caller could be told."""

from __future__ import annotations

from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import subject_of
from qerrlint.domain.error import ErrorState
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re

_GOOD_EXIT = lazy_re(r"exit\s*\(\s*(?:0|EXIT_SUCCESS)\s*\)")
_STARTS_PROGRAM = lazy_re(rb"\bexec(?:l|lp|le|v|vp|ve|vpe)[ \t]{0,9}\(")
# How many bytes before exit() the report of its reason may begin.
_FARTHEST = 400


def exit_is_a_success(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the process ends with the exit code 0."""
    exit_at = subject_of(observation).exit
    return exit_at is not None and _GOOD_EXIT.match(analysed.unit.text.on_one_line(exit_at)) is not None


def child_ends_there(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a call that replaces the program stands before exit() in its block."""
    exit_at = subject_of(observation).exit
    if observation.slots["form"] != "exit" or exit_at is None:
        return False
    data = analysed.unit.data
    start = max(analysed.piece.body, exit_at.start - _FARTHEST)
    return any(
        data.count(b"}", found.end(), exit_at.start) <= data.count(b"{", found.end(), exit_at.start)
        for found in _STARTS_PROGRAM.finditer(data, start, exit_at.start)
    )


def error_is_set_at_exit(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function has set its Error before it ends the process."""
    subject = subject_of(observation)
    return (
        subject.exit is not None
        and subject.occurrence is not None
        and subject.occurrence.first.state is ErrorState.SET
    )


def callee_exits_unreported(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a callee ends the process without an error_report() in the block before."""
    exit_at = subject_of(observation).exit
    if observation.slots["form"] != "exit-below" or exit_at is None:
        return False
    before = analysed.unit.data[max(0, exit_at.start - _FARTHEST) : exit_at.start]
    return b"error_report(" not in before[max(before.rfind(b"{"), 0) :]


def callee_is_named_nofail(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the callee that ends the process says by its name that it does not return with a failure."""
    return observation.slots["form"] == "exit-below" and "nofail" in observation.slots["printer"]


def error_ends_with_process(_analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function is main(), which leaves the program with the Error."""
    return observation.function == "main"
