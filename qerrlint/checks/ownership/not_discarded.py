# SPDX-License-Identifier: GPL-2.0-or-later
"""The event not-discarded: a failing return leaks what a failed attempt, or a release, left to the function.

It concerns pairs whose failed attempts and releases leave the object with the caller (`keeps`).
"""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.held import exits, held
from qerrlint.findings import Observation, Step


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """What one function forgets to free where it fails."""
    for one in exits(analysed, "released", "failed"):
        seen = one.seen
        if not seen.failing or not seen.pair.keeps:
            continue
        call = analysed.function.calls[seen.call]
        yield one.observation(
            "not-discarded",
            call,
            {"acquire": call.name, "discard": f"{seen.pair.discard[0].call}()"},
            (
                Step(call.span, f"after {call.name}() {seen.object} still belongs to this function"),
                *one.branches(),
                Step(seen.span, "the function fails here"),
            ),
            "high" if seen.sure and analysed.once(held).complete else "medium",
        )


CHECKS = (
    # acquire, discard: the calls.
    Check(
        "not-discarded",
        "ownership",
        (event("not-discarded", "pair", "object", "acquire", "discard"),),
        run,
    ),
)
