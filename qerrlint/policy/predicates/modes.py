# SPDX-License-Identifier: GPL-2.0-or-later
"""Predicates about migration modes, blockers and the notifiers beside them (the family `modes`)."""

from __future__ import annotations

import re

from qerrlint.checks.comments import comments_at
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.modes.cpr_notifier_for_blocked_mode import BlockedNotifier
from qerrlint.checks.modes.duplicate_mode import repeated_modes
from qerrlint.checks.modes.mode_arguments import mode_calls
from qerrlint.checks.modes.registered_on_paths import together
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.registrations import Registration

_CPR = lazy_re(r"\b(?:cpr|exec)\b", re.IGNORECASE)


def mode_is_repeated(analysed: AnalysedFunction, observation: Observation) -> bool:
    """The registration names a mode twice."""
    registration = observation.subject
    return isinstance(registration, Registration) and any(
        one.call.index == registration.call.index and any(repeated_modes(analysed, one))
        for one in analysed.once(mode_calls)
    )


def mode_is_explained(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a comment at the registration, or above it in its block, says what CPR does to the object."""
    comment = comments_at(analysed.unit, observation.primary, in_block=True)
    return _CPR.search(comment) is not None


def blocker_is_fallback(analysed: AnalysedFunction, observation: Observation) -> bool:
    """The blocker blocks all modes, and on some path the notifier is registered without it."""
    blocked = observation.subject
    if not isinstance(blocked, BlockedNotifier) or not blocked.end.blocker.registration.every:
        return False
    blocker, notifier = blocked.end.blocker.index, blocked.notifier.index
    return any(notifier in end and blocker not in end for end in analysed.once(together).calls)
