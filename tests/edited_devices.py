# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices whose types, tables, structs and registers lie in several files, with random edits of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

HEADER = "include/hw/lamps/lamp.h"
BASE = "hw/lamps/lamp.c"
NEAR = ("hw/lamps/desk.c", "hw/lamps/wall.c")
FAR = "hw/tools/torch.c"


@dataclass
class Device:
    """One device: what it is derived from, what it takes and gives back, which registers it has."""

    parent: str = "TYPE_LAMP"
    size: str = "LampState"
    abstract: bool = False
    takes: str = "realize"
    frees: str = ""
    registers: int = 0x20
    shift: str = "2"
    described: str = "LampState"
    helper: bool = False


@dataclass
class Devices:
    """The files of the devices; `draw` decides all."""

    draw: random.Random
    devices: dict[str, Device] = field(default_factory=dict)
    base: Device = field(default_factory=lambda: Device(parent="TYPE_DEVICE"))
    name: str = '"lamp"'
    registers: str = "8"
    level: str = "uint32_t"
    glow: int = 3
    first: str = "DeviceState parent_obj"
    casts: str = "LampState, LAMP"
    mask: tuple[int, int] = (0, 4)
    macro: str = "VMSTATE_UINT32"
    elsewhere: str = ""
    moved: bool = False
    include: str = '#include "hw/lamps/lamp.h"\n'
    notes: int = 0

    def begin(self) -> Devices:
        for path in (*NEAR, FAR):
            self.devices[path] = self.device()
        return self

    def device(self) -> Device:
        choice = self.draw.choice
        return Device(
            choice(("TYPE_LAMP", "TYPE_DEVICE", '"lamp"', "TYPE_BULB", "TYPE_TORCH")),
            choice(("LampState", "DeviceState", "BulbState")),
            choice((True, False)),
            choice(("realize", "init")),
            choice(("", "unrealize", "finalize")),
            choice((0x10, 0x20, 0x40, 0x1000)),
            choice(("2", "LAMP_SHIFT", "R_LEVEL_GLOW_LENGTH")),
            choice(("LampState", "BulbState", "DeviceState")),
            choice((True, False)),
        )

    def edits(self) -> Iterator[tuple[str, Callable[[], object]]]:
        draw = self.draw

        def attribute(key: str, *values: object) -> Callable[[], None]:
            return lambda: setattr(self, key, draw.choice(values))

        path = draw.choice(list(self.devices))
        yield "device", lambda: self.devices.__setitem__(path, self.device())
        yield "device gone", lambda: self.devices.pop(path) if len(self.devices) > 1 else None
        yield "device back", lambda: self.devices.__setitem__(draw.choice((*NEAR, FAR)), self.device())
        yield "base", lambda: setattr(self, "base", self.device())
        yield "name of a type", attribute("name", '"lamp"', '"torch"', "LAMP_NAME")
        yield "array", attribute("registers", "8", "16", "LAMP_REGS", "sizeof(uint64_t)")
        yield "member", attribute("level", "uint32_t", "uint64_t", "LampLevel", "LampLevel *")
        yield "enumerator", lambda: setattr(self, "glow", draw.randrange(1, 7))
        yield "first member", attribute("first", "DeviceState parent_obj", "BulbState bulb", "int first")
        yield "casts", attribute("casts", "LampState, LAMP", "BulbState, LAMP", "BulbState, BULB")
        yield "field", lambda: setattr(self, "mask", (draw.randrange(4), draw.randrange(1, 6)))
        yield "macro of a table", attribute("macro", "VMSTATE_UINT32", "VMSTATE_LAMP", "VMSTATE_GLOW")
        yield "released elsewhere", attribute("elsewhere", "", "timer_free(s->wick);", "timer_del(s->wick);")
        yield "base moves", lambda: setattr(self, "moved", not self.moved)
        yield "include", attribute("include", '#include "hw/lamps/lamp.h"\n', '#include "lamp.h"\n', "")
        yield "note", lambda: setattr(self, "notes", draw.randrange(4))

    def files(self) -> dict[str, str]:
        out = {path: self.c_file(path, one) for path, one in self.devices.items()}
        out[HEADER] = self.header()
        out["hw/lamps/base.c" if self.moved else BASE] = self.c_file(BASE, self.base)
        out["hw/lamps/common.c"] = (
            self.include + f"void lamp_common(LampState *s)\n{{\n    {self.elsewhere}\n}}\n"
        )
        out["hw/core/device.c"] = (
            "typedef struct DeviceState { int id; } DeviceState;\n"
            "static const TypeInfo device_type_info = {\n    .name = TYPE_DEVICE,\n"
            "    .instance_size = sizeof(DeviceState),\n    .abstract = true,\n};\n"
        )
        return out

    def header(self) -> str:
        shift, length = self.mask
        return (
            "/* note */\n" * self.notes
            + f'#define TYPE_LAMP {self.name}\n#define TYPE_BULB "bulb"\n#define TYPE_TORCH "torch"\n'
            + '#define LAMP_NAME "lamp"\n#define LAMP_REGS (1 << LAMP_GLOW)\n#define LAMP_SHIFT 1\n'
            + f"typedef enum LampLevel {{\n    LAMP_DARK,\n    LAMP_GLOW = {self.glow},\n}} LampLevel;\n"
            + "typedef struct BulbState {\n    DeviceState parent_obj;\n    uint32_t watts;\n} BulbState;\n"
            + f"typedef struct LampState {{\n    {self.first};\n    QEMUTimer *wick;\n"
            + f"    {self.level} level;\n    uint32_t regs[{self.registers}];\n}} LampState;\n"
            + f"OBJECT_DECLARE_SIMPLE_TYPE({self.casts})\nREG32(LEVEL, 0x4)\n"
            + f"    FIELD(LEVEL, GLOW, {shift}, {length})\n"
            + "#define VMSTATE_LAMP(f, s) VMSTATE_UINT32(f, s)\n"
            + "#define VMSTATE_GLOW(f, s) { .name = (stringify(f)), .offset = offsetof(s, f), }\n"
            + "void lamp_common(LampState *s);\n"
        )

    def c_file(self, path: str, one: Device) -> str:
        stem = path.rpartition("/")[2].removesuffix(".c")
        kind = {BASE: "TYPE_LAMP", FAR: "TYPE_TORCH", NEAR[0]: "TYPE_BULB"}.get(path, f'"{stem}"')
        freed = "    timer_free(s->wick);\n" if one.frees else ""
        taken = "    s->wick = timer_new_ns(QEMU_CLOCK_VIRTUAL, NULL, s);\n"
        realize, init = (taken, "") if one.takes == "realize" else ("", taken)
        undo = one.frees or "unrealize"
        helper = f"static void {stem}_set(DeviceClass *dc)\n{{\n    dc->vmsd = &vmstate_{stem};\n}}\n\n"
        return (
            self.include
            + f"static uint64_t {stem}_read(void *opaque, hwaddr offset, unsigned size)\n{{\n"
            + "    LampState *s = opaque;\n\n    assert(offset < LAMP_REGS * 4);\n"
            + f"    return s->regs[offset >> {one.shift}];\n}}\n\n"
            + f"static const MemoryRegionOps {stem}_ops = {{\n    .read = {stem}_read,\n}};\n\n"
            + f'static const VMStateDescription vmstate_{stem} = {{\n    .name = "{stem}",\n'
            + f"    .fields = (const VMStateField[]) {{\n        {self.macro}(level, {one.described}),\n"
            + "        VMSTATE_END_OF_LIST()\n    },\n};\n\n"
            + f"static void {stem}_realize(DeviceState *dev, Error **errp)\n{{\n"
            + f"    LampState *s = LAMP(dev);\n\n{realize}"
            + f'    memory_region_init_io(&s->mem, NULL, &{stem}_ops, s, "{stem}", {one.registers});\n}}\n\n'
            + f"static void {stem}_init(Object *obj)\n{{\n"
            + f"    LampState *s = LAMP(obj);\n\n{init}    s->level = 0;\n}}\n\n"
            + f"static void {stem}_{undo}({'Object' if undo == 'finalize' else 'DeviceState'} *obj)\n{{\n"
            + f"    LampState *s = LAMP(obj);\n\n    s->level = 0;\n{freed}}}\n\n"
            + (helper if one.helper else "")
            + f"static void {stem}_class_init(ObjectClass *oc, const void *data)\n{{\n"
            + f"    DeviceClass *dc = DEVICE_CLASS(oc);\n\n    dc->realize = {stem}_realize;\n"
            + (f"    dc->unrealize = {stem}_unrealize;\n" if undo == "unrealize" else "")
            + (f"    {stem}_set(dc);\n" if one.helper else f"    dc->vmsd = &vmstate_{stem};\n")
            + f"}}\n\nstatic const TypeInfo {stem}_info = {{\n"
            + f"    .name = {kind},\n    .parent = {one.parent},\n"
            + f"    .instance_size = sizeof({one.size}),\n    .instance_init = {stem}_init,\n"
            + (f"    .instance_finalize = {stem}_finalize,\n" if undo == "finalize" else "")
            + ("    .abstract = true,\n" if one.abstract else "")
            + f"    .class_init = {stem}_class_init,\n}};\n"
        )


LAMP = Device(parent="TYPE_DEVICE", takes="init", frees="finalize")


def lit(wall: Device, base: Device = LAMP, **changes: object) -> Devices:
    """Two lamps, one of which derives from the other unless its device says otherwise."""
    devices = Devices(random.Random(0), {NEAR[1]: wall}, base)
    for name, value in changes.items():
        setattr(devices, name, value)
    return devices
