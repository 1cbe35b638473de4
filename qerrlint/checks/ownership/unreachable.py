# SPDX-License-Identifier: GPL-2.0-or-later
"""The event unreachable: what is acquired by the address of a local variable cannot be released later."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.absint.reachability import after
from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.held import failing_returns
from qerrlint.checks.ownership.objects import objects_of
from qerrlint.domain.ownership import FAILURES
from qerrlint.findings import Observation
from qerrlint.ir.code import Addr, Event, Return
from qerrlint.qemu.device_lifecycle import SETUP


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The objects of one function that are prepared in a local variable and acquired by its address.

    A setup phase that can still fail (slot phase: "setup") leaves the object registered for certain.
    """
    objects = analysed.once(objects_of)
    if objects is None:
        return
    failing = analysed.once(failing_returns)

    def fails(event: Event) -> bool:
        return isinstance(event, Return) and event.span in failing

    for call, handling in objects.calls("acquire"):
        pair, path = handling.pair, handling.object
        if not pair.prepare or pair.keeps or not objects.is_local(path):
            continue
        if not isinstance(handling.move.moved(call), Addr) or objects.releases_itself(pair, path):
            continue
        good, _ = FAILURES[handling.move.fails]
        setup = objects.sites.runs_in(analysed.name) & SETUP and after(
            analysed.function, call.index, fails, good
        )
        yield Observation(
            event="unreachable",
            function=analysed.name,
            primary=call.span,
            key=call.text,
            slots={
                "pair": pair.name,
                "object": path,
                "acquire": call.name,
                "release": objects.remedy(pair),
                "phase": "setup" if setup else "other",
            },
            subject=call,
        )


CHECKS = (
    Check(
        "unreachable",
        "ownership",
        # phase: acquired in a setup phase that may fail afterwards, or not.
        (event("unreachable", "pair", "object", "acquire", "release", phase="setup other"),),
        run,
    ),
)
