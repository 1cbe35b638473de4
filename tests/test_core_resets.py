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


BASE = """
#define VMSTATE_UINT32(f, s) { \\
    .name = stringify(f), \\
    .info = &vmstate_info_uint32, \\
    .flags = VMS_SINGLE, \\
    .offset = vmstate_offset_value(s, f, uint32_t), \\
}
#define VMSTATE_END_OF_LIST() { .flags = VMS_END }

typedef struct BandState {
    DeviceState parent_obj;
    uint32_t pitch;
    uint32_t volume;
    uint32_t tempo;
    uint32_t key;
    uint32_t mute;
} BandState;

static const VMStateDescription vmstate_band = {
    .name = "band",
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(pitch, BandState),
        VMSTATE_UINT32(volume, BandState),
        VMSTATE_UINT32(tempo, BandState),
        %s
        VMSTATE_END_OF_LIST()
    },
};

static void band_reset(DeviceState *dev)
{
    BandState *s = BAND(dev);

    s->pitch = 440;
    s->volume = 0;
    s->tempo = 0;
}

static void band_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->reset = band_reset;
}

static const TypeInfo band_info = {
    .name = "band",
    .parent = "device",
    .instance_size = sizeof(BandState),
    .abstract = %s,
    .class_init = band_class_init,
};
"""


@pytest.mark.parametrize(
    ("rows", "abstract", "told"),
    [
        ("VMSTATE_UINT32(mute, BandState),", "true", ["mute"]),
        ("VMSTATE_UINT32(mute, BandState),", "false", []),
        ("VMSTATE_UINT32(mute, BandState), VMSTATE_UINT32(key, BandState),", "true", []),
        ("", "true", []),
    ],
)
def test_what_the_reset_of_a_base_leaves(rows: str, abstract: str, told: list[str]) -> None:
    text = (BASE % (rows, abstract)).encode()
    program = Program(OverlaySource(EmptySource(), {"hw/band.c": text}))
    unit = program.unit("hw/band.c")
    assert unit is not None
    assert [one.slots["member"] for one in run(AnalysedFile(unit))] == told
