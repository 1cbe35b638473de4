# SPDX-License-Identifier: GPL-2.0-or-later
"""VMStateDescriptions as data, their layout on the wire, and what a change of them breaks."""

from __future__ import annotations

import pytest

from qerrlint.model.program import Program
from qerrlint.qemu.vmstate.description import Description, descriptions
from qerrlint.qemu.vmstate.lookup import described_elsewhere
from qerrlint.queries.vmstates import compare, find
from qerrlint.report.queries.vmstate_text import changed, shown
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

HEADER = """\
#define VMSTATE_SINGLE(f, s, v, i, t) { \\
    .name = (stringify(f)), \\
    .version_id = (v), \\
    .size = sizeof(t), \\
    .info = &(i), \\
    .flags = VMS_SINGLE, \\
    .offset = vmstate_offset_value(s, f, t), \\
}
#define VMSTATE_UINT32_V(f, s, v) VMSTATE_SINGLE(f, s, v, vmstate_info_uint32, uint32_t)
#define VMSTATE_UINT32(f, s) VMSTATE_UINT32_V(f, s, 0)
#define VMSTATE_UINT8(f, s) VMSTATE_SINGLE(f, s, 0, vmstate_info_uint8, uint8_t)
#define VMSTATE_WORD(f, s, n) VMSTATE_UINT ## n(f, s)
#define VMSTATE_PAIR(s) VMSTATE_UINT8(low, s), VMSTATE_UINT8(high, s)
#define VMSTATE_UINT32_ARRAY(f, s, n) { \\
    .name = (stringify(f)), \\
    .num = (n), \\
    .size = sizeof(uint32_t), \\
    .info = &(vmstate_info_uint32), \\
    .flags = VMS_ARRAY, \\
    .offset = vmstate_offset_array(s, f, uint32_t, n), \\
}
#define VMSTATE_STRUCT(f, s, v, d, t) { \\
    .name = (stringify(f)), \\
    .version_id = (v), \\
    .vmsd = &(d), \\
    .size = sizeof(t), \\
    .flags = VMS_STRUCT, \\
    .offset = vmstate_offset_value(s, f, t), \\
}
#define VMSTATE_END_OF_LIST() { .flags = VMS_END }
#define SLOTS 3
"""
TABLE = """
static const VMStateDescription vmstate_lamp = {
    .name = "lamp",
    .version_id = %d,
    .minimum_version_id = %d,
    .fields = (const VMStateField[]) {
        %s,
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) { %s NULL },
};
"""
INNER = """
static const VMStateDescription vmstate_wick = {
    .name = "wick",
    .version_id = %d,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_V(length, WickState, %d),
        VMSTATE_END_OF_LIST()
    },
};
"""


def text(rows: str, version: int = 1, minimum: int = 1, sections: str = "", inner: str = "") -> bytes:
    return (HEADER + inner + TABLE % (version, minimum, rows, sections)).encode()


def source(data: bytes) -> OverlaySource:
    return OverlaySource(EmptySource(), {"hw/lamp.c": data})


def read(rows: str) -> Description:
    program = Program(source(text(rows)))
    (one,) = descriptions(program.environment, "hw/lamp.c", text(rows))
    return one


def test_a_row_is_what_its_macro_expands_to() -> None:
    one = read("VMSTATE_UINT32(level, LampState), VMSTATE_UINT32_ARRAY(slot, LampState, SLOTS)")
    level, slot = one.fields or ()
    assert (level.name, level.struct, level.member) == ("level", "LampState", "level")
    assert (level.shape, level.type, level.info) == ("value", "uint32_t", "vmstate_info_uint32")
    assert (slot.shape, slot.count, sorted(slot.flags)) == ("array", "SLOTS", ["VMS_ARRAY"])
    assert one.terminated
    assert one.structs == ("LampState",)


def test_a_macro_may_paste_and_may_stand_for_several_rows() -> None:
    one = read("VMSTATE_WORD(level, LampState, 32), VMSTATE_PAIR(LampState)")
    assert [(f.name, f.info) for f in one.fields or ()] == [
        ("level", "vmstate_info_uint32"),
        ("low", "vmstate_info_uint8"),
        ("high", "vmstate_info_uint8"),
    ]


def test_a_row_without_a_definition_is_not_known() -> None:
    one = read("VMSTATE_MYSTERY(level, LampState)")
    assert [element.value.name for element in one.unknown] == ["VMSTATE_MYSTERY"]
    assert one.terminated


@pytest.mark.parametrize("first", ["hw/attic/far.c", "hw/lamps/near.c"])
def test_a_description_is_found_whoever_has_asked_before(first: str) -> None:
    """In the folder of the file, or in that of a header that mentions it: not every file finds it."""
    header = b"extern const VMStateDescription vmstate_lamp;\n"
    files = {
        "include/hw/all/lamp.h": header,
        "hw/lamps/lamp.c": TABLE.encode().replace(b"static ", b""),
        "hw/lamps/near.c": b'#include "hw/all/lamp.h"\n',
        "hw/attic/far.c": b'#include "hw/all/lamp.h"\n',
    }
    environment = Program(OverlaySource(EmptySource(), files)).environment
    found = {
        path: described_elsewhere(environment, "vmstate_lamp", path)
        for path in sorted(("hw/attic/far.c", "hw/lamps/near.c"), key=lambda path: path != first)
    }
    assert found["hw/attic/far.c"] is None
    near = found["hw/lamps/near.c"]
    assert near is not None
    assert near.path == "hw/lamps/lamp.c"


def test_files_may_define_the_macros_of_a_macro_differently() -> None:
    """A macro of the same name and text in two files stands for what each of them makes of it."""
    outer = "#define VMSTATE_OWN(f, s) VMSTATE_KIND(f, s)\n"
    kinds = {"a.c": "VMSTATE_UINT8", "b.c": "VMSTATE_UINT32"}
    files = {
        path: (HEADER + f"#define VMSTATE_KIND(f, s) {kind}(f, s)\n" + outer).encode()
        + text("VMSTATE_OWN(level, LampState)").removeprefix(HEADER.encode())
        for path, kind in kinds.items()
    }
    environment = Program(OverlaySource(EmptySource(), files)).environment
    infos = [descriptions(environment, path, data)[0].fields for path, data in files.items()]
    assert [fields[0].info for fields in infos if fields] == ["vmstate_info_uint8", "vmstate_info_uint32"]


def test_the_layout_is_told() -> None:
    rows = "VMSTATE_UINT8(low, LampState), VMSTATE_UINT32_ARRAY(slot, LampState, SLOTS)"
    (one,) = find(source(text(rows, 2)), "lamp")
    assert list(shown(one)) == [
        'vmstate_lamp: "lamp" at hw/lamp.c:33',
        "  version 2, loads from version 1 on",
        "  of LampState",
        "  on the wire:",
        "    low: 1 byte",
        "    slot: 4 bytes x 3",
    ]


A = "VMSTATE_UINT32(level, LampState)"
B = "VMSTATE_UINT8(low, LampState)"


@pytest.mark.parametrize(
    ("old", "new", "breaks", "said"),
    [
        (text(A), text(A.replace("level", "height")), None, ""),
        (text(A), text(f"{A}, {B}"), True, "low (1 byte) is added at the end with the same version_id 1"),
        (text(f"{A}, {B}"), text(A), True, "low (1 byte) is gone from the end"),
        (text(A), text(B), True, "in place 1 level (4 bytes) becomes low (1 byte)"),
        (text(A), text(f"{A}, VMSTATE_UINT32_V(more, LampState, 2)", 2), False, "new in version 2: more"),
        (text(A), text(f"{A}, {B}", 2), True, "low (1 byte) is added at the end for streams of version 1"),
        (text(A), text(A, 2, 2), True, "streams of version 1 are refused"),
        (text(A, 2), text(A, 1), True, "version_id goes back from 2 to 1"),
        (text(A), text(A, sections="&vmstate_more,"), False, "a new subsection vmstate_more"),
        (text(A, sections="&vmstate_more,"), text(A), True, "the subsection vmstate_more is gone"),
    ],
)
def test_what_a_change_breaks(old: bytes, new: bytes, breaks: bool | None, said: str) -> None:
    found = compare(source(old), source(new))
    if breaks is None:
        assert found == []
        return
    (one,) = found
    assert one.breaks is breaks
    assert any(said in line for line in changed(one))


# Under a condition, in the place of another condition, with the upper half unused, of an unknown width.
TEST = """VMSTATE_TEST(%s, LampState, %s)"""
BUFFER = "VMSTATE_BUFFER(oil, LampState)"
MORE = """\
#define VMSTATE_TEST(f, s, t) { \\
    .name = (stringify(f)), \\
    .field_exists = (t), \\
    .info = &(vmstate_info_uint32), \\
    .flags = VMS_SINGLE, \\
    .offset = vmstate_offset_value(s, f, uint32_t), \\
}
#define VMSTATE_UNUSED(n) { \\
    .name = "unused", \\
    .size = (n), \\
    .info = &(vmstate_info_unused_buffer), \\
    .flags = VMS_BUFFER, \\
}
#define VMSTATE_BUFFER(f, s) { \\
    .name = (stringify(f)), \\
    .size = sizeof(typeof_field(s, f)), \\
    .info = &(vmstate_info_buffer), \\
    .flags = VMS_BUFFER, \\
    .offset = vmstate_offset_buffer(s, f), \\
}
#define VMSTATE_OWN(f, s) VMSTATE_SINGLE(f, s, 0, vmstate_info_lamp, uint32_t)
#define VMSTATE_UINTTL(f, s) VMSTATE_SINGLE(f, s, 0, vmstate_info_uint64, uint64_t)
"""


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        (A, f"{A}, {TEST % ('more', 'is_new')}", False),
        (f"{A}, {TEST % ('more', 'is_old')}", A, None),
        (TEST % ("level", "is_old"), A, None),
        (A, TEST % ("level", "is_old"), None),
        (TEST % ("level", "is_old"), TEST % ("level", "is_older"), False),
        ("VMSTATE_OWN(level, LampState)", A, False),
        (A, "VMSTATE_OWN(level, LampState)", False),
        (A, "VMSTATE_UINTTL(level, LampState)", False),
        ("VMSTATE_UINTTL(level, LampState)", f"VMSTATE_UNUSED(4), {A}", None),
        (A, f"VMSTATE_UNUSED(3), {B}", None),
        (A, f"VMSTATE_UNUSED(4), {B}", True),
        (A, B, True),
        # Buffers of unknown size behind fields that one unused buffer has replaced.
        (f"{A}, {A}, {B}, {BUFFER}, {B}", f"VMSTATE_UNUSED(8), {B}, {BUFFER}, {B}", None),
        (f"{A}, {A}, {B}, {BUFFER}, {B}", f"VMSTATE_UNUSED(8), {B}, {BUFFER}, {A}", True),
        (f"{A}, {B}, {BUFFER}", f"VMSTATE_UNUSED(4), {BUFFER}, {B}", True),
    ],
)
def test_what_may_be_the_same_does_not_break(old: str, new: str, breaks: bool | None) -> None:
    was, now = (source(MORE.encode() + text(rows)) for rows in (old, new))
    found = compare(was, now)
    assert [one.breaks for one in found] == ([] if breaks is None else [breaks])


def test_a_nested_description_is_loaded_with_its_own_version() -> None:
    nested = "VMSTATE_STRUCT(wick, LampState, 0, vmstate_wick, WickState)"
    old, new = (text(nested, inner=INNER % numbers) for numbers in ((1, 2), (2, 2)))
    found = {one.new.name: one for one in compare(source(old), source(new)) if one.new is not None}
    assert found["lamp"].breaks
    assert not found["wick"].breaks


def test_a_nested_struct_lies_in_the_place_of_its_field() -> None:
    nested = "VMSTATE_STRUCT(wick, LampState, 0, vmstate_wick, WickState)"
    old, new = text(nested, inner=INNER % (1, 0)), text(A, inner=INNER % (1, 0))
    assert compare(source(old), source(new)) == []
