# SPDX-License-Identifier: GPL-2.0-or-later
"""A description that the core of a bus registers: of what the slaves keep, or of the bus alone."""

from __future__ import annotations

import pytest

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.device_registers import run
from qerrlint.model.program import Program
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

CORE = b"""
typedef struct ReedBus {
    BusState parent_obj;
    uint8_t current;
} ReedBus;

typedef struct ReedSlave {
    DeviceState parent_obj;
    uint8_t address;
} ReedSlave;

static const VMStateDescription vmstate_reed = {
    .name = "reed",
    .fields = (const VMStateField[]) {
        { .name = "address", .offset = vmstate_offset_value(%(struct)s, %(member)s, uint8_t) },
        { .flags = VMS_END },
    },
};

void reed_add(ReedBus *bus, ReedSlave *slave)
{
    vmstate_register(NULL, -1, %(registered)s, bus);
}

static const TypeInfo device_type_info = {
    .name = "device",
};

static const TypeInfo reed_slave_info = {
    .name = "reed-slave",
    .parent = "device",
    .instance_size = sizeof(ReedSlave),
};
"""
SLAVE = b"""
#include "reed.h"
typedef struct OboeState {
    ReedSlave parent_obj;
    uint8_t pitch;
} OboeState;

static int oboe_send(I2CSlave *i2c, uint8_t data)
{
    OboeState *s = OBOE(i2c);

    s->pitch = data;
    return 0;
}

static uint8_t oboe_recv(I2CSlave *i2c)
{
    OboeState *s = OBOE(i2c);

    return s->pitch;
}

static void oboe_class_init(ObjectClass *klass, void *data)
{
    I2CSlaveClass *k = I2C_SLAVE_CLASS(klass);

    k->send = oboe_send;
    k->recv = oboe_recv;
}

static const TypeInfo oboe_info = {
    .name = "oboe",
    .parent = "reed-slave",
    .instance_size = sizeof(OboeState),
    .class_init = oboe_class_init,
};
"""
HEADER = b"""
typedef struct ReedSlave {
    DeviceState parent_obj;
    uint8_t address;
} ReedSlave;
"""


@pytest.mark.parametrize(
    ("struct", "member", "registered", "told"),
    [
        (b"ReedBus", b"current", b"&vmstate_reed", True),
        (b"ReedSlave", b"address", b"&vmstate_reed", False),
        (b"ReedBus", b"current", b"slave->vmsd", False),
    ],
)
def test_what_a_core_registers(struct: bytes, member: bytes, registered: bytes, told: bool) -> None:
    core = CORE % {b"struct": struct, b"member": member, b"registered": registered}
    files = {"hw/reed/core.c": core, "hw/reed/oboe.c": SLAVE, "hw/reed/reed.h": HEADER}
    unit = Program(OverlaySource(EmptySource(), files)).unit("hw/reed/oboe.c")
    assert unit is not None
    events = {one.event for one in run(AnalysedFile(unit, ()))}
    assert ("device-not-migrated" in events) is told
    assert "device-not-reset" in events
