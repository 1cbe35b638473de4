# SPDX-License-Identifier: GPL-2.0-or-later
"""phase-leak: what several types of one base share is told once; parts that other files set up."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import run

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.model.program import Program
from qerrlint.rules.loader import load_rules
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

FIXTURE = Path(__file__).parent.parent / "fixtures/phase-leak/partly-undone.c"


def test_the_types_of_one_base_get_one_finding() -> None:
    ran = run("check", str(FIXTURE), "--select", "phase-leak", "--format", "json", "--fail-on", "never")
    told = [one["message"].split()[0] for one in ran.document["findings"]]
    assert told.count("s->spit") == 1
    assert told.count("s->heat") == 1


HEADER = b"""
typedef struct WindCore {
    MemoryRegion iomem;
    int vanes;
    QEMUTimer *timer;
} WindCore;

void wind_core_init(WindCore *core, DeviceState *owner);
void wind_core_uninit(WindCore *core);
"""

CORE = """
#include "hw/wind.h"

void wind_core_init(WindCore *core, DeviceState *owner)
{
    %s
    core->vanes = 4;
}

void wind_core_uninit(WindCore *core)
{
    wind_core_stop(core);
}
"""

DEVICE = b"""
#include "hw/wind.h"

typedef struct WindState {
    DeviceState parent_obj;
    WindCore core;
} WindState;

static void wind_init(Object *obj)
{
    WindState *s = WIND(obj);

    wind_core_init(&s->core, DEVICE(obj));
}

static const TypeInfo wind_info = {
    .name = TYPE_WIND,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(WindState),
    .instance_init = wind_init,
};
"""


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("memory_region_init_io(&core->iomem, OBJECT(owner), &wind_ops, core, NULL, 4);", []),
        ("core->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, wind_tick, core);", ["s->core"]),
        # Nothing tells what it does.
        ("", ["s->core"]),
    ],
)
def test_a_part_that_goes_with_its_device_is_no_leak(first: str, told: list[str]) -> None:
    texts = {"include/hw/wind.h": HEADER, "hw/wind.c": (CORE % first).encode(), "hw/wind-sysbus.c": DEVICE}
    unit = Program(OverlaySource(EmptySource(), texts)).unit("hw/wind-sysbus.c")
    assert unit is not None
    report = analyse_unit(unit, load_rules().select(["phase-leak"]))
    assert [one.message.split()[0] for one in report.findings] == told


BASE = """
#include "hw/wind.h"

static void wind_base_finalize(Object *obj)
{
    %s
}

static const TypeInfo wind_base_info = {
    .name = TYPE_WIND_BASE,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(DeviceState),
    .instance_finalize = wind_base_finalize,
    .abstract = true,
};
"""


@pytest.mark.parametrize(
    ("undone", "told"),
    [("wind_core_uninit(&WIND(obj)->core);", 0), ("trace_wind_base_gone(obj);", 1)],
    ids=["the parent undoes it", "nothing undoes it"],
)
def test_what_an_ancestor_in_another_file_undoes_is_no_leak(undone: str, told: int) -> None:
    core = CORE % "core->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, wind_turn, core);"
    header = HEADER + b'\n#define TYPE_WIND_BASE "wind-base"\n'
    files = {
        "VERSION": b"10.0.0\n",
        "include/qapi/error.h": b"",
        "include/hw/wind.h": header,
        "hw/core/wind-base.c": (BASE % undone).encode(),
        "hw/misc/wind-core.c": core.encode(),
        "hw/misc/wind.c": DEVICE.replace(b"TYPE_DEVICE", b"TYPE_WIND_BASE"),
    }
    unit = Program(OverlaySource(EmptySource(), files)).unit("hw/misc/wind.c")
    assert unit is not None
    assert [f.rule for f in analyse_unit(unit, load_rules()).findings].count("phase-leak") == told
