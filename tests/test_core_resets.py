# SPDX-License-Identifier: GPL-2.0-or-later
"""Resets of cores: functions by which other files reset a struct."""

from __future__ import annotations

import pytest

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.state_not_reset import run
from qerrlint.model.program import Program
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

CORE = """
typedef struct FiddleCore {
    uint32_t pitch;
    uint32_t volume;
    uint32_t pending;
} FiddleCore;

void fiddle_core_write(FiddleCore *core, uint32_t value)
{
    core->pitch = value;
    core->volume += value;
    core->pending |= 1;
    if (core->pending & 2) {
        core->volume = core->pitch;
    }
}

%s
{
    %s
    core->pitch = 440;
    core->volume = 0;
}
"""


@pytest.mark.parametrize(
    ("head", "first", "told"),
    [
        ("void fiddle_core_reset(FiddleCore *core)", "", ["pending"]),
        ("void fiddle_core_reset(void *opaque)", "FiddleCore *core = opaque;", ["pending"]),
        ("void fiddle_core_reset(FiddleCore *core)", "core->pending = 0;", []),
        ("static void fiddle_core_reset(FiddleCore *core)", "", []),
        ("void fiddle_core_reset_pitch(FiddleCore *core)", "", []),
    ],
)
def test_what_a_core_leaves(head: str, first: str, told: list[str]) -> None:
    program = Program(OverlaySource(EmptySource(), {"hw/fiddle.c": (CORE % (head, first)).encode()}))
    unit = program.unit("hw/fiddle.c")
    assert unit is not None
    assert [one.slots["member"] for one in run(AnalysedFile(unit))] == told
