# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-dangling: an object is freed, the function fails, and instance_finalize frees it again."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.held import exits, held
from qerrlint.domain.ownership import tail
from qerrlint.findings import Observation, Step


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The members that one function frees before it fails, and leaves pointing to what is freed."""
    for one in exits(analysed, "discarded"):
        seen, sites = one.seen, one.objects.sites
        if not seen.failing or one.is_local or one.is_static:
            continue
        others = sites.discarding_at_the_end(seen.pair, tail(seen.object)) - sites.below(analysed.name)
        if not others:
            continue
        call, other = analysed.function.calls[seen.call], min(others)
        yield one.observation(
            "left-dangling",
            call,
            {"discard": call.name, "other": other},
            (Step(seen.span, f"the function fails here, and {other}() runs when the object is destroyed"),),
            "high" if seen.sure and analysed.once(held).complete else "medium",
        )


CHECKS = (
    # discard: the call; other: the function that frees it again.
    Check(
        "left-dangling",
        "ownership",
        (event("left-dangling", "pair", "object", "discard", "other"),),
        run,
    ),
)
