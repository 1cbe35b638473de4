# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint device`: the page of a type, as text and as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from commandline import git, on_terminal, run
from jsonschema import Draft202012Validator

import qerrlint

SCHEMA = json.loads(
    (Path(qerrlint.__file__).parent / "report/schema/qerrlint-device-1.schema.json").read_text()
)
VMSTATE = """
#define VMSTATE_UINT32(f, s) { .name = stringify(f), .version_id = 0, .size = sizeof(uint32_t), \\
    .info = &vmstate_info_uint32, .flags = VMS_SINGLE, .offset = vmstate_offset_value(s, f, uint32_t) }
#define VMSTATE_END_OF_LIST() { .flags = VMS_END }
"""
FILES = {
    "VERSION": "10.0.0\n",
    "include/qapi/error.h": "typedef struct Error Error;\n",
    "include/hw/core/qdev.h": '#define TYPE_DEVICE "device"\n#define TYPE_PCI_DEVICE "pci-device"\n',
    "hw/core/qdev.c": """
#include "hw/core/qdev.h"
static void pci_device_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);

    dc->bus_type = TYPE_PCI_BUS;
}

static const TypeInfo types[] = {
    { .name = TYPE_DEVICE },
    {
        .name = TYPE_PCI_DEVICE,
        .parent = TYPE_DEVICE,
        .class_size = sizeof(PCIDeviceClass),
        .class_init = pci_device_class_init,
    },
};
""",
    "hw/misc/lamp.c": """
#include "hw/core/qdev.h"
#define TYPE_LAMP "lamp"

typedef struct LampState {
    uint32_t regs[4];
    QEMUTimer *timer;
    QEMUBH *bh;
} LampState;

static const MemoryRegionOps lamp_ops = {
    .read = lamp_read,
    .write = lamp_write,
};

static const VMStateDescription vmstate_lamp = {
    .name = TYPE_LAMP,
    .version_id = 3,
};

static const Property lamp_props[] = {
    DEFINE_PROP_UINT32("colour", LampState, colour, 0),
};

static void lamp_realize(PCIDevice *dev, Error **errp)
{
    LampState *s = LAMP(dev);

    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, lamp_tick, s);
    s->bh = qemu_bh_new(lamp_tick, s);
    memory_region_init_io(&s->mem, OBJECT(s), &lamp_ops, s, "lamp", sizeof(uint32_t) * 4);
}

static void lamp_exit(PCIDevice *dev)
{
    qemu_bh_delete(LAMP(dev)->bh);
}

static void lamp_class_init(ObjectClass *oc, const void *data)
{
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(oc);
    DeviceClass *dc = DEVICE_CLASS(oc);

    pc->realize = lamp_realize;
    pc->exit = lamp_exit;
    dc->vmsd = &vmstate_lamp;
    device_class_set_props(dc, lamp_props);
}

static const TypeInfo lamp_info = {
    .name = TYPE_LAMP,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(LampState),
    .class_init = lamp_class_init,
};
""",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_the_page_as_text(tree: Path) -> None:
    ran = run("device", "--tree", str(tree), "lamp")
    assert ran.code == 0
    text = " ".join(ran.out.split())
    for part in (
        "lamp type, hw/misc/lamp.c:50",
        "parents pci-device < device",
        "structs LampState, class PCIDeviceClass",
        "bus TYPE_PCI_BUS, can be unplugged",
        "realize lamp_realize() in .realize hw/misc/lamp.c:",
        "timer_new_ns() into s->timer in lamp_realize() hw/misc/lamp.c:29: never released",
        "qemu_bh_new() into s->bh in lamp_realize() hw/misc/lamp.c:30: released by lamp_exit()",
        "lamp_ops: sizeof(uint32_t) * 4 = 0x10 bytes, read lamp_read, write lamp_write",
        "properties colour",
        'vmstate_lamp "lamp", version 3',
        "16 8 QEMUTimer * timer",
    ):
        assert part in text


def test_the_page_as_json_by_the_macro(tree: Path) -> None:
    ran = run("device", "--tree", str(tree), "--format", "json", "TYPE_LAMP")
    document = json.loads(ran.out)
    Draft202012Validator(SCHEMA).validate(document)
    (lamp,) = document["types"]
    assert (lamp["name"], lamp["parents"], lamp["complete"]) == ("lamp", ["pci-device", "device"], True)
    assert [(one["call"], one["released"]) for one in lamp["held"]] == [
        ("timer_new_ns", []),
        ("qemu_bh_new", ["lamp_exit"]),
    ]
    assert lamp["regions"][0]["bytes"] == 16
    assert [(one["name"], one["offset"]) for one in lamp["fields"]] == [
        ("regs", 0),
        ("timer", 16),
        ("bh", 24),
    ]


OF_GUEST = """
static uint64_t lamp_read(void *opaque, hwaddr offset, unsigned size)
{
    LampState *s = opaque;

    return s->level + s->colour;
}

static void lamp_dim(LampState *s, unsigned level)
{
    s->level = level;
    s->used++;
}

static void lamp_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    LampState *s = opaque;

    lamp_dim(s, value);
}

static void lamp_reset(DeviceState *dev)
{
    LampState *s = LAMP(dev);

    s->level = 0;
}

static const MemoryRegionOps lamp_ops = {"""


def test_the_uses_of_each_member_of_the_state(tree: Path) -> None:
    file = tree / "hw/misc/lamp.c"
    for old, new in (
        ("#define TYPE_LAMP", '#include "migration/vmstate.h"\n#define TYPE_LAMP'),
        ("    uint32_t regs[4];\n", "    uint32_t regs[4];\n    uint32_t level, colour, used, spare;\n"),
        ("static const MemoryRegionOps lamp_ops = {", OF_GUEST),
        ("    .version_id = 3,\n", "    .version_id = 3,\n    .fields = (const VMStateField[]) {\n"
         "        VMSTATE_UINT32(level, LampState),\n        VMSTATE_END_OF_LIST()\n    },\n"),
        ("    dc->vmsd", "    device_class_set_legacy_reset(dc, lamp_reset);\n    dc->vmsd"),
    ):  # fmt: skip
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
    (tree / "include/migration").mkdir()
    (tree / "include/migration/vmstate.h").write_text(VMSTATE)
    document = json.loads(run("device", "--tree", str(tree), "--format", "json", "lamp").out)
    Draft202012Validator(SCHEMA).validate(document)
    found = {one["name"]: one for one in document["types"][0]["members"]}
    assert list(found) == ["regs", "level", "colour", "used", "spare", "timer"]
    level = found["level"]
    assert (level["description"], level["reset"], level["property"]) == ("vmstate_lamp", True, False)
    assert level["written"] == [
        {"function": "lamp_dim", "when": ["guest"]},
        {"function": "lamp_reset", "when": ["reset"]},
    ]
    assert level["read"] == [{"function": "lamp_read", "when": ["guest"]}]
    used = found["used"]
    assert (used["description"], used["reset"]) == ("", False)
    assert used["written"] == used["read"] == [{"function": "lamp_dim", "when": ["guest"]}]
    assert found["colour"]["property"]
    assert found["timer"]["written"] == [{"function": "lamp_realize", "when": ["setup"]}]
    text = " ".join(run("device", "--tree", str(tree), "lamp").out.split())
    assert "level: migrates, reset; written by lamp_dim() (guest), lamp_reset() (reset); read by" in text
    assert "used: not migrated, not reset; written by lamp_dim() (guest); read by lamp_dim() (guest)" in text
    assert "not used in this file: regs, spare" in text


def test_what_a_class_init_leaves_to_another_file_is_said(tree: Path) -> None:
    file = tree / "hw/misc/lamp.c"
    file.write_text(
        file.read_text().replace("    dc->vmsd = &vmstate_lamp;\n", "    lights_class_init(oc, data);\n")
    )
    (lamp,) = json.loads(run("device", "--tree", str(tree), "--format", "json", "lamp").out)["types"]
    assert (lamp["state"], lamp["class_helpers"]) == (None, ["lights_class_init"])
    text = " ".join(run("device", "--tree", str(tree), "lamp").out.split())
    assert "migrates nothing, unless lights_class_init() of another file describes it" in text


def test_an_unknown_type_is_one_line_with_names_that_are_near(tree: Path) -> None:
    ran = run("device", "--tree", str(tree), "lampe")
    assert ran.code == 2
    assert ran.err == "qerrlint: no type 'lampe' in this tree; near: lamp\n"


def changed(tree: Path, *edits: tuple[str, str]) -> Path:
    """The page of a review of lamp.c with texts replaced."""
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "base")
    file = tree / "hw/misc/lamp.c"
    text = file.read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    page = tree / "page.html"
    run("diff", "--tree", str(tree), "--format", f"html:{page}", "--min-severity", "error")
    return page


def devices(page: Path) -> dict[str, str]:
    """The summary and the table of each type, tags taken out."""
    found = re.findall(r'<details class="device">(.*?)</details>', page.read_text("utf-8"), re.S)
    plain = [re.sub(r"<[^>]+>", " ", one.replace("</summary>", "\n")) for one in found]
    halves = [[" ".join(part.split()) for part in one.strip().split("\n", 1)] for one in plain]
    return {half[0]: half[1] for half in halves}


def test_a_page_of_a_change_shows_what_it_does_to_a_type(tree: Path) -> None:
    page = changed(
        tree,
        ("    uint32_t regs[4];\n", "    uint32_t regs[4];\n    uint64_t level;\n"),
        (
            "    qemu_bh_delete(LAMP(dev)->bh);\n",
            "    qemu_bh_delete(LAMP(dev)->bh);\n    timer_free(LAMP(dev)->timer);\n",
        ),
    )
    ((summary, table),) = devices(page).items()
    assert re.fullmatch(r"lamp hw/misc/lamp.c:\d+; \d+ lines changed; touched: lamp_exit\(\)", summary)
    assert re.search(r"- realize +timer_new_ns\(\).* never released", table)
    assert re.search(r"\+ realize +timer_new_ns\(\).* released by lamp_exit\(\)", table)
    assert re.search(r"\+ 16 +8 +uint64_t level", table)
    assert re.search(r"migrates +vmstate_lamp", table), "what stays is shown as well"


def test_a_type_that_only_moved_is_not_shown(tree: Path) -> None:
    page = changed(tree, ('#define TYPE_LAMP "lamp"\n', '#define TYPE_LAMP "lamp"\n#define LAMP_LEVELS 3\n'))
    assert devices(page) == {}
    assert "Device models" not in page.read_text("utf-8")


def test_a_new_and_a_removed_type(tree: Path) -> None:
    page = changed(tree, ('#define TYPE_LAMP "lamp"', '#define TYPE_LAMP "lantern"'))
    found = devices(page)
    assert sorted(summary.split("; ")[1] for summary in found) == ["added", "removed"]
    assert {summary.split()[0] for summary in found} == {"lantern", "lamp"}


@pytest.mark.parametrize("columns", [60, 80])
def test_the_page_fits_a_terminal(tree: Path, columns: int) -> None:
    wide = run("device", "--tree", str(tree), "lamp").out
    assert max(map(len, wide.splitlines())) > 80
    shown = on_terminal(columns, "device", "--tree", str(tree), "lamp")
    assert max(map(len, shown.splitlines())) <= columns
    assert shown.split() == wide.split()
    assert re.search(r"^ {30,31}\S", shown, re.M)  # below what is told of the phase


TABLES = {
    "hw/misc/core.c": """
const MemoryRegionOps core_ops = {
    .read = core_read,
    .write = core_write,
};
""",
    "hw/misc/torch.c": """
#include "hw/core/qdev.h"
#define TYPE_TORCH "torch"
extern const MemoryRegionOps core_ops, far_ops;

typedef struct TorchState {
    DeviceState parent_obj;
    bool narrow;
    char *label;
} TorchState;

static const MemoryRegionOps wide_ops = {
    .read = wide_read,
    .write = wide_write,
};

static const MemoryRegionOps narrow_ops = {
    .read = narrow_read,
    .write = narrow_write,
};

static const VMStateDescription vmstate_torch = {
    .name = "torch",
    .unmigratable = 1,
};

static const Property torch_properties[] = {
    DEFINE_PROP_STRING("label", TorchState, label),
};

static void torch_realize(DeviceState *dev, Error **errp)
{
    TorchState *s = TORCH(dev);
    const MemoryRegionOps *ops = s->narrow ? &narrow_ops : &wide_ops;

    s->label = g_strdup("torch");
    memory_region_init_io(&s->chosen, OBJECT(s), ops, s, "chosen", 16);
    memory_region_init_io(&s->core, OBJECT(s), &core_ops, s, "core", 16);
    memory_region_init_io(&s->far, OBJECT(s), &far_ops, s, "far", 16);
}

static void torch_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);

    dc->realize = torch_realize;
    dc->vmsd = &vmstate_torch;
}

static const TypeInfo torch_info = {
    .name = TYPE_TORCH,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(TorchState),
    .class_init = torch_class_init,
};
""",
}


def test_tables_that_a_variable_or_another_file_gives(tmp_path: Path) -> None:
    for name, text in {**FILES, **TABLES}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shown = run("device", "torch", "--tree", str(tmp_path), "--format", "json")
    (page,) = json.loads(shown.out)["types"]
    assert [(one["table"], one["read"], one["known"]) for one in page["regions"]] == [
        ("narrow_ops", "narrow_read", True),
        ("wide_ops", "wide_read", True),
        ("core_ops", "core_read", True),
        ("far_ops", "", False),
    ]
    text = run("device", "torch", "--tree", str(tmp_path)).out
    assert "callbacks not found" in text
    assert "released by its property" in text
    assert "which says that it cannot be migrated" in text


PARTS = {
    "hw/misc/beacon.h": """
#define DEFINE_BEACON_PROPERTIES() \\
    DEFINE_PROP_STRING("crest", BeaconState, crest)
""",
    "hw/misc/beacon.c": """
#include "beacon.h"

typedef struct BeaconState {
    DeviceState parent_obj;
    char *crest;
    QEMUTimer blink;
    DeviceState *mast;
    MemoryRegion core;
} BeaconState;

static const MemoryRegionOps core_ops = {
    .read = core_read,
    .write = core_write,
};

static const Property beacon_properties[] = {
    DEFINE_BEACON_PROPERTIES(),
    DEFINE_PROP_UINT32("height", BeaconState, height, 0),
};

static const Property other_properties[] = {
    DEFINE_PROP_UINT32("depth", OtherState, depth, 0),
};

static void beacon_blink(void *opaque)
{
    BeaconState *s = opaque;

    timer_del(&s->blink);
}

static void beacon_realize(DeviceState *dev, Error **errp)
{
    BeaconState *s = BEACON(dev);
    SysBusDevice *mast;

    s->crest = g_strdup("crest");
    timer_init_ns(&s->blink, QEMU_CLOCK_VIRTUAL, beacon_blink, s);
    s->mast = qdev_new("mast");
    mast = SYS_BUS_DEVICE(s->mast);
    sysbus_realize_and_unref(mast, errp);
    memory_region_init_io(&s->core, OBJECT(s), &core_ops, s, "core", 0x10);
}

static void beacon_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    const BeaconInfo *info = data;

    dc->realize = beacon_realize;
    device_class_set_props(dc, beacon_properties);
    if (info->fixed) {
        dc->hotpluggable = false;
    }
    dc->user_creatable = true;
}

static const TypeInfo beacon_info = {
    .name = "beacon",
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(BeaconState),
    .class_init = beacon_class_init,
};
""",
}


def test_what_macros_conditions_and_aliases_say(tmp_path: Path) -> None:
    for name, text in {**FILES, **PARTS}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shown = run("device", "beacon", "--tree", str(tmp_path), "--format", "json")
    (page,) = json.loads(shown.out)["types"]
    # Those of the type's own list; a macro that stands for several is named.
    assert page["properties"] == ["DEFINE_BEACON_PROPERTIES", "height"]
    assert page["conditional"] == ["hotpluggable"]
    text = " ".join(run("device", "beacon", "--tree", str(tmp_path)).out.split())
    for part in (
        "class_init sets hotpluggable on some paths only",
        "into s->crest in beacon_realize() hw/misc/beacon.c:38: released by its property",
        "into s->blink in beacon_realize() hw/misc/beacon.c:39: never released",
        "into s->mast in beacon_realize() hw/misc/beacon.c:40: released by beacon_realize()",
        "core_ops: 0x10 bytes, read core_read",
    ):
        assert part in text, part
