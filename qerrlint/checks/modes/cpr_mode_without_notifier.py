# SPDX-License-Identifier: GPL-2.0-or-later
"""The event cpr-mode-without-notifier: a blocker exempts a CPR mode that no notifier of its object serves."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.modes.registered_on_paths import listed, object_name, together, word
from qerrlint.findings import Observation, Step

_EVENT = "cpr-mode-without-notifier"


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Blockers that exempt a CPR mode, where the object has a notifier for another CPR mode.

    A notifier whose modes are not understood may be registered for any of them.
    """
    ends = analysed.once(together).ends
    every = [name for name, _ in analysed.unit.scope.mig_modes()] if ends else []
    for end in ends:
        blocker = end.blocker.registration
        notifiers = [one.registration for one in end.notifiers]
        covered = frozenset[str]().union(*(notifier.possible for notifier in notifiers))
        served = [mode for mode in every if mode in covered and "_CPR_" in mode]
        exempt = [mode for mode in every if mode not in blocker.possible and "_CPR_" in mode]
        missing = [mode for mode in exempt if mode not in covered]
        if not served or not missing or not all(notifier.choices for notifier in notifiers):
            continue
        yield Observation(
            event=_EVENT,
            function=analysed.name,
            primary=blocker.call.span,
            key=f"{blocker.call.text} {missing}",
            slots={
                "object": object_name(analysed, end),
                "exempt": ", ".join(map(word, exempt)),
                "covered": ", ".join(map(word, served)),
                "missing": ", ".join(map(word, missing)),
            },
            trail=tuple(
                Step(n.call.span, f"the notifier is registered for {listed(n.possible, every)} only")
                for n in notifiers
            ),
            subject=end,
            group=blocker.call.index,
        )


CHECKS = (
    # object: state struct or function; exempt, covered, missing: lists of mode names.
    Check(_EVENT, "modes", (event(_EVENT, "object", "exempt", "covered", "missing"),), run),
)
