# SPDX-License-Identifier: GPL-2.0-or-later
"""A core that devices of other files share: what it takes for their phases, and who gives it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import run

CORE = """
void bell_core_realize(BellCore *s)
{
    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, bell_ring, s);
}

static void bell_core_reset(BellCore *s)
{
    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, bell_ring, s);
}
"""
DEVICE = """
static void pci_bell_start(PCIBellState *s)
{
    bell_core_realize(&s->core);
}

static void pci_bell_realize(PCIDevice *dev, Error **errp)
{
    pci_bell_start(PCI_BELL(dev));
}

static void pci_bell_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(oc);

    dc->bus_type = TYPE_PCI_BUS;
    pc->realize = pci_bell_realize;
%s}

static const TypeInfo pci_bell_info = {
    .name = TYPE_PCI_BELL,
    .instance_size = sizeof(PCIBellState),
    .class_init = pci_bell_class_init,
};
"""
FREES = """
void bell_core_unrealize(BellCore *s)
{
    timer_free(s->timer);
}
"""


@pytest.mark.parametrize(
    ("core", "device", "found"),
    [
        pytest.param(CORE, DEVICE % "", ["bell_core_realize"], id="never freed"),
        pytest.param(CORE + FREES, DEVICE % "", [], id="freed by the core"),
        pytest.param(CORE, DEVICE % "" + FREES, [], id="freed by the device"),
        pytest.param(CORE, DEVICE % "    dc->hotpluggable = false;\n", [], id="stays"),
        pytest.param(CORE, DEVICE.replace("bell_core_realize", "bell_other") % "", [], id="not called"),
        pytest.param(
            CORE.replace("void bell_core_realize", "static void bell_core_realize"),
            DEVICE % "",
            [],
            id="another",
        ),
    ],
)
def test_what_a_core_takes(tmp_path: Path, core: str, device: str, found: list[str]) -> None:
    folder = tmp_path / "hw" / "bells"
    folder.mkdir(parents=True)
    (tmp_path / "include" / "qapi").mkdir(parents=True)
    (tmp_path / "include" / "qapi" / "error.h").write_text("void error_free(Error *err);\n")
    (tmp_path / "VERSION").write_text("10.0.0\n")
    (folder / "core.c").write_text(core)
    (folder / "pci.c").write_text(device)
    ran = run("check", "--tree", str(tmp_path), "hw/bells/core.c", "--format", "json", "--no-cache")
    assert [one["function"] for one in ran.findings if one["rule"] == "phase-leak"] == found
