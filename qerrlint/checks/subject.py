# SPDX-License-Identifier: GPL-2.0-or-later
"""Subject: what an observation rests on, for the predicates of exemptions to ask about."""

from __future__ import annotations

from qerrlint.domain.result import Occurrence, ReturnState
from qerrlint.findings import Observation
from qerrlint.ir.code import Call
from qerrlint.records import record
from qerrlint.source.span import Span


@record(frozen=True, slots=True)
class Subject:
    """`calls` are the calls whose effect makes the observation (in it the one that sets the Error).

    occurrence: the event of the path that was recorded. returned: the way of returning that is judged.
    exit: the place where the process ends.
    """

    calls: tuple[Call, ...] = ()
    occurrence: Occurrence | None = None
    returned: ReturnState | None = None
    exit: Span | None = None


def subject_of(observation: Observation) -> Subject:
    """The Subject of an observation. Raises TypeError where its check has put none there."""
    if not isinstance(observation.subject, Subject):
        raise TypeError(f"{observation.event}: an observation without a Subject")
    return observation.subject
