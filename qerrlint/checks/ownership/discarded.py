# SPDX-License-Identifier: GPL-2.0-or-later
"""The event discarded: an object is freed by hand after the failed attempt freed it, or while it is held."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.held import HeldObject, held
from qerrlint.checks.ownership.objects import objects_of
from qerrlint.findings import Observation, Step


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The calls of one function that free what is not theirs to free.

    Where a failed attempt leaves the object with its caller (`keeps`), freeing it is right.
    """
    objects, found = analysed.once(objects_of), analysed.once(held)
    if objects is None:
        return
    for seen in sorted(found.seen, key=lambda s: (s.span, s.object, s.status)):
        failed = seen.status == "failed"
        if seen.kind != "discarded" or not (seen.status == "held" or (failed and not seen.pair.keeps)):
            continue
        acquiring = analysed.function.calls[seen.call]
        at = next(call for call in analysed.function.calls if call.span == seen.span)
        yield HeldObject(objects, seen).observation(
            "discarded",
            at,
            {"acquire": acquiring.name, "discard": at.name, "how": seen.status},
            (Step(acquiring.span, f"{acquiring.name}() has {'failed' if failed else 'taken it'}"),),
            "high" if found.complete else "medium",
            once=False,
        )


CHECKS = (
    Check(
        "discarded",
        "ownership",
        # acquire, discard: the calls; how: freed though the attempt failed, or though it is held.
        (event("discarded", "pair", "object", "acquire", "discard", how="failed held"),),
        run,
    ),
)
