# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptions and state that look wrong by themselves and are right in the way they are used."""

from __future__ import annotations

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.findings import Observation
from qerrlint.qemu.vmstate.description import Description


def needed_is_not_asked(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the callback is `needed` of a description that is only nested in others."""
    one = observation.subject
    assert isinstance(one, Description)
    if observation.slots["what"] != f"{one.callbacks.get('needed')}()":
        return False
    return any(
        field.vmsd == one.variable for other in analysed.once(vmstates) for field in other.fields or ()
    )
