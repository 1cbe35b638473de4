# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptions, subsections, parts and methods of parents in several files, with random edits of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

HEADER = "include/hw/silos/silo.h"
# What the parent's realize does.
REALIZES = (
    "",
    'if (SILO(dev)->next > SILO_ROWS) { error_setg(errp, "too far"); }',
    "SILO(dev)->next = 1;",
    "silo_fill(SILO(dev));",
)


@dataclass
class Loads:
    """A silo, its roof in a file of its own, and a barn that is derived from it and has one."""

    draw: random.Random
    rows: str = "8"
    more: int = 12
    array: str = "uint32_t grain[SILO_ROWS]"
    info: str = "uint32"
    macro: str = "VMSTATE_UINT32"
    name: str = '"silo"'
    roof: str = '"attic"'
    roof_file: str = "hw/silos/roof.c"
    described: str = "vmstate_silo"
    realize: str = REALIZES[1]
    fill: str = "s->dust = 1;"
    parent: str = "TYPE_SILO"
    part: str = "TYPE_SILO"
    silo: str = '"silo"'

    def edits(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """The edits, of which one is done, with their names."""
        draw = self.draw

        def attribute(key: str, *values: str) -> tuple[str, Callable[[], None]]:
            return key, lambda: setattr(self, key, draw.choice(values))

        yield attribute("rows", "8", "300", "SILO_MORE")
        yield "more", lambda: setattr(self, "more", draw.choice((12, 400)))
        yield attribute("array", "uint32_t grain[SILO_ROWS]", "uint32_t *grain", "uint32_t grain[2][4]")
        yield attribute("info", "uint32", "uint8", "uint32_equal")
        yield attribute("macro", "VMSTATE_UINT32", "VMSTATE_ROW")
        yield attribute("name", '"silo"', '"attic"', "SILO_NAME")
        yield attribute("roof", '"silo/roof"', '"attic"', "SILO_NAME")
        yield attribute("roof_file", "hw/silos/roof.c", "hw/silos/attic.c", "hw/barns/roof.c")
        yield attribute("described", "vmstate_silo", "vmstate_other")
        yield attribute("realize", *REALIZES)
        yield attribute("fill", "", "s->dust = 1;", "s->next = 2;")
        yield attribute("parent", "TYPE_SILO", '"silo"', "TYPE_SYS_BUS_DEVICE")
        yield attribute("part", "TYPE_SILO", "TYPE_BARN")
        yield attribute("silo", '"silo"', '"tower"')

    def files(self) -> dict[str, str]:
        """The files of the tree by their paths."""
        return {
            HEADER: self._header(),
            "hw/silos/silo.c": self._silo(),
            "hw/silos/fill.c": (
                f'#include "hw/silos/silo.h"\nvoid silo_fill(SiloState *s)\n{{\n    {self.fill}\n}}\n'
            ),
            self.roof_file: self._description("roof", "SILO_ROOF", "dust, SiloState"),
            "hw/barns/barn.c": self._barn(),
        }

    def _header(self) -> str:
        return (
            f"#define TYPE_SILO {self.silo}\n#define SILO_MORE {self.more}\n#define SILO_ROWS {self.rows}\n"
            f'#define TYPE_BARN "barn"\n#define SILO_NAME "silo"\n#define SILO_ROOF {self.roof}\n'
            f"#define VMSTATE_UINT32(f, s) {{ .name = (stringify(f)), .info = &vmstate_info_{self.info}, "
            ".flags = VMS_SINGLE, .offset = vmstate_offset_value(s, f, uint32_t), }\n"
            "#define VMSTATE_ROW(f, s) { .name = (stringify(f)), .info = &vmstate_info_uint16, "
            ".flags = VMS_SINGLE, .offset = vmstate_offset_value(s, f, uint16_t), }\n"
            "#define VMSTATE_STRUCT(f, s, v, d, t) { .name = (stringify(f)), .vmsd = &(d), "
            ".flags = VMS_STRUCT, .offset = vmstate_offset_value(s, f, t), }\n"
            f"typedef struct SiloState {{\n    SysBusDevice parent_obj;\n    {self.array};\n"
            "    uint32_t next;\n    uint32_t dust;\n} SiloState;\n"
            "extern const VMStateDescription vmstate_silo;\nextern const VMStateDescription vmstate_roof;\n"
            "void silo_fill(SiloState *s);\n"
        )

    def _description(self, stem: str, name: str, row: str, sections: str = "") -> str:
        return (
            '#include "hw/silos/silo.h"\n'
            f"const VMStateDescription vmstate_{stem} = {{\n    .name = {name},\n"
            f"    .fields = (const VMStateField[]) {{\n        {self.macro}({row}),\n"
            f"        {{ .flags = VMS_END }}\n    }},\n{sections}}};\n"
        )

    def _silo(self) -> str:
        sections = "    .subsections = (const VMStateDescription * const []) { &vmstate_roof, NULL },\n"
        return (
            self._description("silo", self.name, "next, SiloState", sections)
            + "uint32_t silo_take(SiloState *s)\n{\n    return s->grain[s->next];\n}\n"
            + self._type(
                "silo", "TYPE_SILO", "SiloState", "TYPE_SYS_BUS_DEVICE", self.realize, self.described
            )
        )

    def _barn(self) -> str:
        described = (
            "typedef struct BarnState {\n    SiloState silo;\n    SiloState part;\n"
            "    uint32_t hay;\n} BarnState;\n"
            'static const VMStateDescription vmstate_barn = {\n    .name = "barn",\n'
            "    .fields = (const VMStateField[]) {\n"
            "        VMSTATE_STRUCT(part, BarnState, 1, vmstate_silo, SiloState),\n"
            "        { .flags = VMS_END }\n    },\n};\n"
            "static void barn_init(Object *obj)\n{\n    BarnState *s = BARN(obj);\n\n"
            f'    object_initialize_child(obj, "part", &s->part, {self.part});\n}}\n'
        )
        kind = self._type(
            "barn", "TYPE_BARN", "BarnState", self.parent, "BARN(dev)->hay = 1;", "vmstate_barn"
        )
        return '#include "hw/silos/silo.h"\n' + described + kind

    def _type(self, stem: str, name: str, struct: str, parent: str, realize: str, described: str) -> str:
        return (
            f"static void {stem}_realize(DeviceState *dev, Error **errp)\n{{\n    {realize}\n}}\n"
            f"static void {stem}_class_init(ObjectClass *oc, const void *data)\n{{\n"
            f"    DeviceClass *dc = DEVICE_CLASS(oc);\n\n    dc->realize = {stem}_realize;\n"
            f"    dc->vmsd = &{described};\n}}\n"
            f"static const TypeInfo {stem}_info = {{\n    .name = {name},\n    .parent = {parent},\n"
            f"    .instance_size = sizeof({struct}),\n    .class_init = {stem}_class_init,\n}};\n"
        )
