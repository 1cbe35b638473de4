# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptions and state that look wrong by themselves and are right in the way they are used."""

from __future__ import annotations

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.qemu.vmstate.description import Description


def state_outlives_reset(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the state is kept on purpose, by the names of the file and of the member."""
    words = word_list("kept-over-reset")
    names = (analysed.unit.path.rpartition("hw/")[2], observation.slots.get("member", ""))
    return any(words.matches(name.lower()) for name in names)


def device_blocks_migration(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the file adds a migration blocker."""
    return b"migrate_add_blocker" in analysed.unit.data


def needed_is_not_asked(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the callback is `needed` of a description that is only nested in others."""
    one = observation.subject
    assert isinstance(one, Description)
    if observation.slots["what"] != f"{one.callbacks.get('needed')}()":
        return False
    return any(
        field.vmsd == one.variable for other in analysed.once(vmstates) for field in other.fields or ()
    )
