# SPDX-License-Identifier: GPL-2.0-or-later
"""bench/seeded.py: each kind of defect has places, and what counts as told."""

from __future__ import annotations

from pathlib import Path

import pytest
from seeded import Seeded, load_kinds, run, show, table
from seeds.seed import KINDS, Defect, Splice

# A place for each kind of defect of Errors.
TEXT = b"""
typedef struct CrateState {
    int size;
    char *label;
    QemuMutex lock;
} CrateState;

bool crate_open(CrateState *s, int way, Error **errp);
int crate_move(CrateState *s, int way, Error **errp);
CrateState *crate_new(int way, Error **errp);
char *crate_name(CrateState *s);
void crate_mark(CrateState *s);
void crate_use(CrateState *s, Error **errp);

static bool crate_fill(CrateState *s, int way, Error **errp)
{
    int i;

    if (!crate_open(s, way, errp)) {
        return false;
    }
    if (crate_move(s, way, errp) < 0) {
        return false;
    }
    if (!crate_open(s, 5, errp)) {
        crate_forget(s);
        return false;
    }
    crate_mark(s);
    for (i = 0; i < way; i++) {
        if (!crate_open(s, i, errp)) {
            return false;
        }
    }
    if (way > 3) {
        error_setg(errp, "the crate is full");
        return false;
    }
    crate_mark(s);
    return crate_open(s, 4, errp);
}

static int crate_size(int way, Error **errp)
{
    CrateState *other;
    CrateState *s = crate_new(way, errp);

    if (!s) {
        return -EINVAL;
    }
    s->size = 3;
    other = crate_other(s);
    if (!other) {
        error_setg(errp, "there is no other crate");
        return -EINVAL;
    }
    other->size = 4;
    if (crate_count(s) < 0) {
        error_setg_errno(errp, errno, "the crate cannot be counted");
        return -EINVAL;
    }
    return 0;
}

static int crate_fit(CrateState *s, int way, Error **errp)
{
    int ret = crate_move(s, way, errp);

    if (ret < 0) {
        return ret;
    }
    if (way > 3) {
        error_setg(errp, "the crate is full");
        ret = -ENOSPC;
        goto out;
    }
    crate_mark(s);
out:
    crate_forget(s);
    return ret;
}

static void crate_try(CrateState *s, int way)
{
    Error *err = NULL;

    if (!crate_open(s, way, &err)) {
        error_report_err(err);
        return;
    }
    crate_use(s, &err);
    if (err) {
        error_report_err(err);
    }
}

static void crate_pass(CrateState *s, Error **errp)
{
    Error *err = NULL;

    crate_use(s, &err);
    if (err) {
        error_propagate(errp, err);
        return;
    }
    crate_mark(s);
}

static void crate_guarded(CrateState *s, Error **errp)
{
    ERRP_GUARD();

    crate_use(s, errp);
    if (*errp) {
        return;
    }
    crate_mark(s);
}

static char *crate_label(CrateState *s)
{
    g_autofree char *label = crate_name(s);

    return g_steal_pointer(&label);
}

static int crate_read(CrateState *s)
{
    char *label = g_strdup("crate");

    qemu_mutex_lock(&s->lock);
    if (s->size > 4) {
        qemu_mutex_unlock(&s->lock);
        g_free(label);
        return -1;
    }
    if (s->size > 3) {
        g_free(label);
        qemu_mutex_unlock(&s->lock);
        return -1;
    }
    g_free(label);
    qemu_mutex_unlock(&s->lock);
    return 0;
}
"""

# Places for kinds of defect of devices.
DEVICE = b"""
#define VMSTATE_UINT32(f, s) { .name = stringify(f), .info = &vmstate_info_uint32, .flags = VMS_SINGLE, \\
    .offset = vmstate_offset_value(s, f, uint32_t), }
#define VMSTATE_PCI_DEVICE(f, s) { .name = stringify(f), .vmsd = &vmstate_pci_device, .flags = VMS_STRUCT, \\
    .offset = vmstate_offset_value(s, f, PCIDevice), }
#define VMSTATE_END_OF_LIST() { .flags = VMS_END }

typedef struct SluiceState {
    PCIDevice parent_obj;
    MemoryRegion mmio;
    QEMUTimer *timer;
    uint8_t *gates;
    uint32_t level;
    uint32_t mode;
    uint32_t lock;
} SluiceState;

static uint64_t sluice_read(void *opaque, hwaddr offset, unsigned size)
{
    SluiceState *s = opaque;

    switch (offset) {
    case 0:
        return s->level;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "sluice: no register\\n");
        return 0;
    }
}

static void sluice_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    SluiceState *s = opaque;

    if (value > 0x1000) {
        qemu_log_mask(LOG_UNIMP, "sluice: not yet\\n");
        return;
    }
    switch (offset) {
    case 0:
        s->level = value;
        break;
    }
}

static const MemoryRegionOps sluice_ops = {
    .read = sluice_read,
    .write = sluice_write,
    .valid.min_access_size = 4,
    .valid.max_access_size = 4,
};

static void sluice_tick(void *opaque)
{
}

static void sluice_reset(DeviceState *dev)
{
    SluiceState *s = SLUICE(dev);

    s->level = 0;
    s->mode = 0;
    s->lock = 0;
}

static void sluice_realize(PCIDevice *dev, Error **errp)
{
    SluiceState *s = SLUICE(dev);

    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, sluice_tick, s);
    s->gates = g_malloc0(64);
    memory_region_init_io(&s->mmio, OBJECT(s), &sluice_ops, s, "sluice", 0x10);
    pci_register_bar(dev, 0, 0, &s->mmio);
}

static void sluice_exit(PCIDevice *dev)
{
    SluiceState *s = SLUICE(dev);

    timer_free(s->timer);
    g_free(s->gates);
}

static void sluice_init(Object *obj)
{
    SluiceState *s = SLUICE(obj);

    s->mode = 1;
}

static const VMStateDescription vmstate_sluice = {
    .name = "sluice",
    .version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, SluiceState),
        VMSTATE_UINT32(level, SluiceState),
        VMSTATE_UINT32(mode, SluiceState),
        VMSTATE_END_OF_LIST()
    },
};

static void sluice_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(oc);

    k->realize = sluice_realize;
    k->exit = sluice_exit;
    dc->vmsd = &vmstate_sluice;
    device_class_set_legacy_reset(dc, sluice_reset);
}

static const TypeInfo sluice_info = {
    .name = TYPE_SLUICE,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(SluiceState),
    .instance_init = sluice_init,
    .class_init = sluice_class_init,
};
"""
# Those of which the tool needs nothing but this file to tell them.
# fmt: off
TOLD = {
    "callback-missing", "default-aborts", "default-asserts", "default-ends", "default-exits",
    "default-prints", "divided-at-once", "divided-in-read", "end-missing", "global-in-init",
    "made-again", "ops-member-twice", "register-asserted", "released-twice", "row-missing", "row-twice",
    "unimplemented-ends", "used-when-freed", "value-asserted",
}
# fmt: on


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> list[Seeded]:
    tree: Path = tmp_path_factory.mktemp("devices")
    (tree / "hw").mkdir()
    (tree / "hw" / "sluice.c").write_bytes(DEVICE)
    return run(str(tree), load_kinds("devices"), 1, 5, 1)


def test_kinds_for_devices_have_a_place_and_are_told(devices: list[Seeded]) -> None:
    assert {one.kind for one in devices if one.outcome == "told"} >= TOLD
    assert {one.kind for one in devices} >= {
        *TOLD,
        "unrealize-release",
        "reset-store-missing",
        "row-twice",
        "end-missing",
    }


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> list[Seeded]:
    tree: Path = tmp_path_factory.mktemp("tree")
    (tree / "crate.c").write_bytes(TEXT)
    return run(str(tree), load_kinds("errors"), 1, 5, 1)


def test_each_kind_for_errors_has_a_place_and_most_are_told(every: list[Seeded]) -> None:
    assert {one.kind for one in every} == {kind.name for kind in load_kinds("errors")}
    assert all(one.outcome for one in every)
    assert sum(one.outcome == "told" for one in every) >= len(every) - 4


def test_each_kind_says_what_it_makes_wrong() -> None:
    load_kinds()
    assert all(kind.says.endswith(".") for kind in KINDS.values())
    with pytest.raises(SystemExit, match="no kind: crate"):
        load_kinds("", ["crate"])


def test_the_report(every: list[Seeded]) -> None:
    text = table(every, load_kinds("errors"))
    assert "set-twice" in text
    assert "error-set-twice 1" in text
    assert text.splitlines()[-1].split()[:2] == ["all", str(len(every))]
    assert '+        error_setg(errp, "cannot go on");' in show(every)


def test_edits_move_offsets() -> None:
    defect = Defect("f", (Splice(2, 4, b"xyz"), Splice(6, 8, b"")))
    assert defect.applied(b"0123456789") == b"01xyz4589"
    assert [defect.moved(place) for place in (0, 5, 9)] == [0, 6, 8]
