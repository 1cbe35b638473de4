# SPDX-License-Identifier: GPL-2.0-or-later
"""Embedded structs that another file describes: what embeds one has to use that description."""

from __future__ import annotations

import pytest

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.state_not_migrated import run
from qerrlint.model.program import Program
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

MACROS = """
#define VMSTATE_UINT32(f, s) { \\
    .name = stringify(f), \\
    .info = &vmstate_info_uint32, \\
    .flags = VMS_SINGLE, \\
    .offset = vmstate_offset_value(s, f, uint32_t), \\
}
#define VMSTATE_STRUCT(f, s, v, d, t) { \\
    .name = stringify(f), \\
    .vmsd = &(d), \\
    .flags = VMS_STRUCT, \\
    .offset = vmstate_offset_value(s, f, t), \\
}
#define VMSTATE_END_OF_LIST() { .flags = VMS_END }
"""
HEADER = """
typedef struct PedalBox {
    %s
    uint32_t depth;
} PedalBox;
extern const VMStateDescription vmstate_pedal_box;
#define VMSTATE_PEDALS(f, s) VMSTATE_STRUCT(f, s, 1, vmstate_pedal_box, PedalBox)
void pedal_box_press(PedalBox *box);
"""
PART = """
#include "vmstate.h"
#include "hw/audio/pedals.h"
const VMStateDescription vmstate_pedal_box = {
    .name = "pedals",
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(depth, PedalBox),
        VMSTATE_END_OF_LIST()
    },
};
void pedal_box_press(PedalBox *box)
{
    %s
    box->depth++;
}
"""
DEVICE = """
#include "vmstate.h"
#include "hw/audio/pedals.h"
typedef struct OrganState {
    uint32_t pipes;
    PedalBox %s;
} OrganState;
static int organ_post_load(void *opaque, int version_id)
{
    OrganState *s = opaque;
    %s
    return 0;
}
static const VMStateDescription vmstate_organ = {
    .name = "organ",
    .post_load = organ_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(pipes, OrganState),
        %s
        VMSTATE_END_OF_LIST()
    },
};
"""


@pytest.mark.parametrize(
    ("first", "works", "field", "loads", "listed", "told"),
    [
        ("", "", "box", "", "", True),
        ("", "", "box", "press(s->box.depth);", "", True),
        ("", "", "box", "pedal_box_set(&s->box);", "", False),
        ("", "", "box", "", "VMSTATE_STRUCT(box, OrganState, 1, vmstate_pedal_box, PedalBox),", False),
        ("", "", "box", "", "VMSTATE_PEDALS(box, OrganState),", False),
        ("", "", "*box", "", "", False),
        ("DeviceState parent_obj;", "", "box", "", "", False),
        ("", "vmstate_register(NULL, 0, &vmstate_pedal_box, box);", "box", "", "", False),
    ],
)
def test_a_part_is_described(first: str, works: str, field: str, loads: str, listed: str, told: bool) -> None:
    files = {
        "include/vmstate.h": MACROS,
        "include/hw/audio/pedals.h": HEADER % first,
        "hw/audio/pedals.c": PART % works,
        "hw/audio/organ.c": DEVICE % (field, loads, listed),
    }
    source = OverlaySource(EmptySource(), {path: text.encode() for path, text in files.items()})
    unit = Program(source).unit("hw/audio/organ.c")
    assert unit is not None
    found = [one for one in run(AnalysedFile(unit)) if one.slots["form"] == "part"]
    assert [one.slots["member"] for one in found] == (["box"] if told else [])
