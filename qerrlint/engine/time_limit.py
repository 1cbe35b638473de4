# SPDX-License-Identifier: GPL-2.0-or-later
"""TimeLimit: a run begins with no further file after a time.

What is left is named as not analysed. The bounds on one file are no times but numbers of states, rounds and
steps (docs/security.md): with them a file has the same outcome on any machine.
"""

from __future__ import annotations

import time

from qerrlint.records import record


@record(frozen=True, slots=True)
class TimeLimit:
    """`seconds`: for how long a run begins with files; `until`: when that ends, on the clock that all
    processes of a machine share (CLOCK_MONOTONIC)."""

    seconds: float
    until: float

    @classmethod
    def from_now(cls, seconds: float) -> TimeLimit:
        """A limit that begins now."""
        return cls(seconds, time.monotonic() + seconds)

    def passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self.until

    @property
    def reason(self) -> str:
        """Why a file is not analysed."""
        return f"the time limit of {self.seconds:g} s had passed"
