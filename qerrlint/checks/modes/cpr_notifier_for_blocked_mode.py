# SPDX-License-Identifier: GPL-2.0-or-later
"""The event cpr-notifier-for-blocked-mode: a notifier for a CPR mode that a blocker of its object blocks."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.modes.registered_on_paths import PathEnd, Present, listed, object_name, together, word
from qerrlint.findings import Observation, Step
from qerrlint.records import record

_EVENT = "cpr-notifier-for-blocked-mode"


@record(frozen=True, slots=True)
class BlockedNotifier:
    """A notifier, and the end of a path at which a blocker blocks a mode that it is registered for."""

    notifier: Present
    end: PathEnd


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Notifiers that are registered for a CPR mode which is blocked on the same path: they never run.

    What a callee registers is left out: it may do so under a condition.
    """
    ends = analysed.once(together).ends
    every = [name for name, _ in analysed.unit.scope.mig_modes()] if ends else []
    for end in ends:
        blocker = end.blocker.registration
        step = Step(blocker.call.span, f"the blocker names {listed(blocker.sure, every)}")
        for notifier in end.notifiers:
            if notifier.by_callee:
                continue
            call = notifier.registration.call
            for mode in every:
                if mode in notifier.registration.sure & blocker.sure and "_CPR_" in mode:
                    yield Observation(
                        event=_EVENT,
                        function=analysed.name,
                        primary=call.span,
                        key=f"{call.text} {mode}",
                        slots={
                            "object": object_name(analysed, end),
                            "mode": word(mode),
                            "blocker": blocker.call.name,
                        },
                        trail=(step,),
                        subject=BlockedNotifier(notifier, end),
                        group=(call.index, mode),
                    )


CHECKS = (
    # object: state struct or function; mode: as users write it; blocker: the call.
    Check(_EVENT, "modes", (event(_EVENT, "object", "mode", "blocker"),), run),
)
