# SPDX-License-Identifier: GPL-2.0-or-later
"""Initialisers as data, layouts, constants, region tables and the type graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qerrlint.c.declarations.file import FileDeclarations, Macro
from qerrlint.c.expansion import TooMuchError, expanded
from qerrlint.c.initialisers import INVOCATION, LIST, Value, exclusive, tables, tables_of_type
from qerrlint.model.environment import Environment
from qerrlint.qemu.device_tables import property_rows, region_tables, region_uses
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_checkers import Checker, checkers
from qerrlint.qemu.type_graph import TypeGraph, graph_of
from qerrlint.qemu.type_tables import type_rows
from qerrlint.source.directory import DirectorySource
from qerrlint.source.span import Span

TABLES = b"""
static const VMStateDescription vmstate_box = {
    .name = "box",
    .version_id = 2, /* a comment, with a comma */
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(size, Box),
#ifdef CONFIG_X
        VMSTATE_UINT32(extra, Box),
#else
        VMSTATE_UNUSED(4),
#endif
        VMSTATE_ARRAY_LIKE(a[1], Box, N * 2) VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) { &one, NULL },
};
static const int plain = 3;
const char *names[] = { [A] = "x, y", [B + 1] = "}" };
static struct { int a; } inner[2] = { { 1 }, { .a = 2 } };
static void f(void)
{
    static const MemoryRegionOps local_ops = { .read = f, .impl.min_access_size = 1,
        .impl = { .max_access_size = 4 } };
    old = (Box) { .size = 3 };
}
static MemoryRegionOps old_style = { read: g, write: h };
"""


def test_what_is_never_compiled_is_left_out() -> None:
    text = b"""static const Box box = {
#if 0
    .one = 1,
# if Y
    .two = 2,
# endif
#else
    .three = 3,
#endif
    .four = 4,
#if 0
    .five = 5,
#endif
#if 01 > 0
    .six = 6,
#endif
};
"""
    (table,) = tables("x.c", text)
    assert [one.value.text for one in table.value.elements] == ["3", "4", "6"]


def member(value: Value, *names: str) -> Value:
    found = value.get(*names)
    assert found is not None
    return found


def test_tables_and_their_elements() -> None:
    found = {table.name: table for table in tables("x.c", TABLES)}
    assert list(found) == ["vmstate_box", "names", "old_style"]
    vmstate = found["vmstate_box"]
    assert (vmstate.type, vmstate.array) == ("VMStateDescription", False)
    assert member(vmstate.value, "name").text == '"box"'
    assert member(vmstate.value, "version_id").text == "2"
    fields = member(vmstate.value, "fields")
    assert (fields.kind, fields.type) == (LIST, "const VMStateField []")
    rows = [
        (one.value.kind, one.value.name, [a.text for a in one.value.arguments]) for one in fields.elements
    ]
    assert rows == [
        (INVOCATION, "VMSTATE_UINT32", ["size", "Box"]),
        (INVOCATION, "VMSTATE_UINT32", ["extra", "Box"]),
        (INVOCATION, "VMSTATE_UNUSED", ["4"]),
        (INVOCATION, "VMSTATE_ARRAY_LIKE", ["a[1]", "Box", "N * 2"]),
        (INVOCATION, "VMSTATE_END_OF_LIST", []),
    ]
    first, extra, unused, *_ = fields.elements
    assert exclusive(extra.arms, unused.arms)
    assert not exclusive(first.arms, extra.arms)
    assert member(vmstate.value, "subsections").elements[0].value.text == "&one"
    for element in fields.elements:
        assert TABLES[element.span.start : element.span.end].startswith(element.value.name.encode())
    assert [one.index for one in found["names"].rows] == ["A", "B + 1"]
    assert found["names"].rows[0].value.text == '"x, y"'
    assert member(found["old_style"].value, "write").text == "h"


def test_a_local_table_and_members_of_members() -> None:
    (local, old) = tables_of_type("x.c", TABLES, "MemoryRegionOps")
    assert (local.local, old.local) == (True, False)
    assert member(local.value, "impl", "min_access_size").text == "1"
    assert member(local.value, "impl", "max_access_size").text == "4"
    assert local.value.get("write") is None


@pytest.mark.parametrize(
    "text", [b"int a[] = {", b"int a[] = { { { };", b"x = {}", b"int a = { , , };", b"\xff = {}"]
)
def test_text_that_is_no_table_gives_no_error(text: bytes) -> None:
    for table in tables("x.c", text):
        assert table.name == "a"


def macros(text: bytes) -> Callable[[str], Macro | None]:
    file = FileDeclarations("x.h", text)
    return file.macro


def test_expansion() -> None:
    lookup = macros(
        b"#define CAT(a, b) a ## _ ## b\n#define STR(x) #x\n#define TWICE(x) CAT(x, x) STR(x)\n"
        b"#define LIST(first, ...) { first, __VA_ARGS__ }\n#define SELF SELF + 1\n#define N 4\n"
    )
    assert expanded("TWICE(ab)", lookup) == 'ab_ab "ab"'
    assert expanded("LIST(N, 2, (3, 4))", lookup) == "{ 4,  2, (3, 4) }"
    assert expanded("SELF", lookup) == "SELF + 1"
    assert expanded("CAT", lookup) == "CAT"
    bomb = macros(b"".join(b"#define B%d B%d B%d\n" % (n, n + 1, n + 1) for n in range(30)))
    with pytest.raises(TooMuchError):
        expanded("B0", bomb)


HEADER = b"""
#define TYPE_BOX "box"
#define TYPE_BOX_BIG TYPE_BOX "-big"
#define BOX_REGS (R_LAST + 1)
OBJECT_DECLARE_TYPE(BoxState, BoxClass, BOX)
REG32(FIRST, 0x0)
REG32(LAST, 0x1c)
enum { ONE = 1, TWO, FOUR = ONE << 2, FIVE };
struct BoxClass {
    DeviceClass parent_class;
    void (*open)(BoxState *s);
};
struct BoxState {
    DeviceState parent_obj;
    uint32_t regs[BOX_REGS], *more;
    union { uint8_t byte; uint64_t word; };
    struct { uint16_t x; uint8_t y[FIVE]; } inner[2];
    unsigned flag : 1;
};
typedef struct Small { uint8_t a; uint32_t b; char c; } Small;
"""
SOURCE = b"""
#include "box.h"
static const MemoryRegionOps box_ops[] = {
    { .read = box_read, .write = box_write, .valid.max_access_size = 8 },
    [1] = { .read_with_attrs = box_read_a, .write = NULL },
};
static const Property box_props[] = {
    DEFINE_PROP_UINT32("size", BoxState, size, 4),
    DEFINE_PROP_END_OF_LIST(),
};
static void box_realize(DeviceState *dev, Error **errp)
{
    memory_region_init_io(&s->mem, OBJECT(s), &box_ops[0], s, "a, b",
                          BOX_REGS * 4);
}
static void box_common(DeviceClass *dc)
{
    dc->vmsd = &vmstate_box;
}
static void box_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);
    BoxClass *bc = BOX_CLASS(klass);

    box_common(dc);
    bc->open = box_open;
    dc->realize = box_realize;
    dc->hotpluggable = false;
    rc->phases.hold = box_hold;
    device_class_set_props(dc, box_props);
}
static const TypeInfo box_info = {
    .name = TYPE_BOX,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(BoxState),
    .class_init = box_class_init,
    .interfaces = (const InterfaceInfo[]) { { TYPE_SIZED }, { } },
};
static const TypeInfo box_types[] = {
    { .name = TYPE_BOX_BIG, .parent = TYPE_BOX, .class_size = sizeof(BoxClass) },
    { }
};
OBJECT_DEFINE_TYPE(Chest, chest, CHEST, BOX)
static void register_all(void)
{
    for (i = 0; i < 2; i++) {
        TypeInfo info = {};
        Variant *v = &variants[i];
        info.name = v->name;
        info.parent = TYPE_BOX;
    }
}
static void register_more(void)
{
    for (i = 0; i < 2; i++) {
        TypeInfo more = {
            .name = kinds[i].part,
            .parent = TYPE_BOX,
        };
    }
}
static const Kind kinds[] = { { .part = "k1" }, { .part = "k2" } };
static Variant variants[] = { { .name = "v1" }, { .name = "v2" } };
"""
QDEV = b"""
#define TYPE_DEVICE "device"
#define OBJECT_DEFINE_TYPE(Name, stem, NAME, PARENT) \\
    static const TypeInfo stem##_info = { .name = TYPE_##NAME, .parent = TYPE_##PARENT, \\
        .instance_size = sizeof(Name), .abstract = true };
typedef struct DeviceClass { void *realize; } DeviceClass;
typedef struct DeviceState { uint64_t x; } DeviceState;
"""
QDEV_C = b"""
#include "hw/core/qdev.h"
static void device_class_init(ObjectClass *oc, void *data)
{
    DEVICE_CLASS(oc)->x = 1;
}
static const TypeInfo device_type_info = {
    .name = TYPE_DEVICE,
    .class_size = sizeof(DeviceClass),
    .class_init = device_class_init,
    .instance_finalize = device_finalize,
};
"""


@pytest.fixture
def tree(tmp_path: Path) -> Environment:
    files = {
        "include/hw/core/qdev.h": QDEV,
        "hw/core/qdev.c": QDEV_C,
        "hw/misc/box.h": b'#include "hw/core/qdev.h"\n' + HEADER,
        "hw/misc/box.c": SOURCE,
    }
    for path, data in files.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return Environment(DirectorySource(str(tmp_path)))


def test_members_of_a_type_that_a_macro_makes_are_placed_at_its_invocation(tree: Environment) -> None:
    chest = next(one for one in graph_of(tree).of_file("hw/misc/box.c") if one.row.macro)
    at = SOURCE.index(b"OBJECT_DEFINE_TYPE(Chest")
    end = SOURCE.index(b")", at) + 1
    assert {value.span for value in chest.row.values.values()} == {Span("hw/misc/box.c", at, end)}


def test_layouts_and_constants(tree: Environment) -> None:
    layouts = layouts_of(tree)
    constants = layouts.constants("hw/misc/box.c")
    texts = ("BOX_REGS", "FIVE", "A_LAST", "sizeof(Small) * 2", "UNKNOWN")
    assert [constants.number(text) for text in texts] == [8, 5, 0x1C, 24, None]
    assert constants.string("TYPE_BOX_BIG") == "box-big"
    box = layouts.layout("BoxState", "hw/misc/box.c")
    assert box is not None
    assert (box.parent, box.path) == ("DeviceState", "hw/misc/box.h")
    placed = [(one.field.name, one.offset, one.size) for one in box.placed]
    assert placed == [
        ("parent_obj", 0, 8),
        ("regs", 8, 32),
        ("more", 40, 8),
        ("", 48, 8),
        ("inner", 56, 16),
        ("flag", None, 4),
    ]
    assert box.size is None  # how bit fields are packed is not worked out
    assert box.field("word") is not None
    assert layouts.chain("BoxClass", "hw/misc/box.c") == ("BoxClass", "DeviceClass")
    for name in ("BoxState", "struct BoxState"):
        assert layouts.place(name, "hw/misc/box.c") == (box.path, box.start)
    assert layouts.place("UnknownState", "hw/misc/box.c") is None


def test_regions_and_properties() -> None:
    first, second = region_tables("x.c", SOURCE)
    assert (first.name, first.read, first.write) == ("box_ops[0]", "box_read", "box_write")
    assert (second.name, second.read, second.write) == ("box_ops[1]", "box_read_a", "")
    assert first.text("valid", "max_access_size") == "8"
    (use,) = region_uses("x.c", SOURCE)
    assert (use.table, use.opaque, use.size) == ("box_ops", "s", "BOX_REGS * 4")
    (row,) = property_rows("x.c", SOURCE)
    assert (row.macro, row.name, row.struct, row.field) == (
        "DEFINE_PROP_UINT32",
        '"size"',
        "BoxState",
        "size",
    )


def test_type_graph(tree: Environment) -> None:
    graph = graph_of(tree)
    types = {one.name: one for one in graph.of_file("hw/misc/box.c")}
    assert list(types) == ["box", "box-big", "k1", "k2", "v1", "v2", "TYPE_CHEST"]
    box, big = types["box"], types["box-big"]
    assert [one.name for one in big.lineage] == ["box-big", "box", "device"]
    assert big.complete
    assert (box.class_struct, box.instance_struct) == ("DeviceClass", "BoxState")
    assert (big.class_struct, big.instance_struct) == ("BoxClass", "BoxState")
    assert types["TYPE_CHEST"].row.abstract
    assert types["v1"].parent is box
    assert not big.flag("hotpluggable", True)
    assert big.flag("user_creatable", True)
    vmsd, props = big.stored("vmsd"), big.stored("props")
    assert vmsd is not None
    assert props is not None
    assert (vmsd.name, props.name) == ("vmstate_box", "box_props")
    assert box.row.interfaces == ("TYPE_SIZED",)
    phases = [(one.phase, one.function, one.struct, one.owner) for one in big.phases]
    assert phases == [
        ("class_init", "box_class_init", "TypeInfo", "box"),
        ("realize", "box_realize", "DeviceClass", "box"),
        ("reset", "box_hold", "ResettableClass", "box"),
        ("class_init", "device_class_init", "TypeInfo", "device"),
        ("finalize", "device_finalize", "TypeInfo", "device"),
    ]
    assert [cast.macro for cast in box.setup.casts] == ["DEVICE_CLASS", "RESETTABLE_CLASS", "BOX_CLASS"]


def test_the_whole_tree_is_the_same_as_its_files(tree: Environment) -> None:
    names = [one.name for one in TypeGraph(tree).everything()]
    assert names == ["device", "box", "box-big", "k1", "k2", "v1", "v2", "TYPE_CHEST"]


@pytest.mark.parametrize(
    ("head", "end"),
    [("LID = {", "};"), ("LID = {", " };"), ("LID[] = { {", "} };"), ("LID = {", "}\n;")],
)
def test_the_table_of_a_type_ends_at_its_brace_however_it_stands(head: str, end: str) -> None:
    more = "static const TypeInfo more = {\n    .name = TYPE_MORE,\n};\n"
    text = f"static const TypeInfo {head}\n    .name = TYPE_LID,\n{end}\n{more}"
    assert [row.name for row in type_rows("hw/misc/lid.c", text.encode())] == ["TYPE_LID", "TYPE_MORE"]


def test_the_cast_macros_of_a_file() -> None:
    data = b"""
OBJECT_DECLARE_TYPE(CrateState, CrateClass, CRATE)
\tOBJECT_DECLARE_SIMPLE_TYPE(LidState,
                               LID)
DECLARE_INSTANCE_CHECKER(PegState, PEG, TYPE_PEG)
DECLARE_CLASS_CHECKERS(PegClass, PEG, TYPE_PEG)
/* OBJECT_DECLARE_TYPE(OneState, OneClass, ONE) */
#define MY_DECLARE_TYPE(a) DECLARE_INSTANCE_CHECKER(a, A, TYPE_A)
int x = NO_DECLARE_TYPE(TwoState, TwoClass, TWO);
#define HINGE(obj) OBJECT_CHECK(HingeState, (obj), TYPE_HINGE)
#define HINGE_GET_CLASS(obj) \\
    OBJECT_GET_CLASS(HingeClass, (obj), TYPE_HINGE)
"""
    assert list(checkers(data)) == [
        Checker("TYPE_CRATE", "CRATE", "CrateState", "CrateClass"),
        Checker("TYPE_LID", "LID", "LidState", ""),
        Checker("TYPE_PEG", "PEG", "PegState", "PegClass"),
        Checker("TYPE_HINGE", "HINGE", "HingeState", "HingeClass"),
    ]
    assert list(checkers(b"int crate;\n")) == []
