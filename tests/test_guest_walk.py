# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions with C's types, the accesses that a region lets through, and the walk over their samples."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from qerrlint.c.divisions import divisions
from qerrlint.c.expressions.int_types import INT, UINT64, IntType, int_type
from qerrlint.c.expressions.parser import UnreadableError, parse, paths
from qerrlint.c.expressions.typed import UNKNOWN, Column, evaluate
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_tables import region_tables
from qerrlint.qemu.guest.entries import guest_entries
from qerrlint.qemu.guest.file import GuestFile, GuestVisit
from qerrlint.qemu.guest.region_accesses import accesses, region_size
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource


class Names:
    """Names with fixed columns; no calls."""

    def __init__(self, **columns: Column) -> None:
        self._columns = columns

    def value(self, path: str) -> Column:
        return self._columns.get(path, UNKNOWN)

    def result(self, name: str, args: Sequence[str]) -> Column:
        return UNKNOWN


def number(text: str, **columns: Column) -> object:
    return evaluate(parse(text), Names(**columns)).numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(1 + 2) * 3", 9),
        ("7 & ~3", 4),
        ("0x80000000 >> 31", 1),
        ("-1 < 1u", 0),
        ("-1 < 1", 1),
        ("(uint8_t)0x1ff", 0xFF),
        ("(int8_t)0xff", -1),
        ("0xffffffff + 1", 0),
        ("0xffffffffULL + 1", 1 << 32),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("1 / 0", None),
        ("1 << 40", None),
        ("0 && x", 0),
        ("1 || x", 1),
        ("x & 0", 0),
        ("2 > 1 ? 5 : x", 5),
        ("010", 8),
        ("'A'", 65),
    ],
)
def test_constants_are_those_of_c(text: str, value: int | None) -> None:
    assert number(text) == value


def test_columns_are_evaluated_sample_by_sample() -> None:
    offset = Column((0, 4, 8), UINT64)
    assert number("(offset - 4) >> 2", offset=offset) == (0x3FFFFFFFFFFFFFFF, 0, 1)
    assert number("offset < 8 && s->on", offset=offset) == (None, None, 0)
    assert number("offset == 4 ? 1 : 2", offset=offset) == (2, 1, 2)
    assert number("(int)offset - 4 < 0", offset=offset) == (1, 0, 0)
    assert number("!n", n=Column((0, None, 3), INT)) == (1, None, 0)


@pytest.mark.parametrize("text", ["", "a b", "x = 1", "f(", "(" * 99 + "1" + ")" * 99, "1" * 3000, "09"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        parse(text)


def test_paths_are_those_that_are_read() -> None:
    assert paths(parse("s->regs[i].mode + f(a->b, 2) * (x)")) == {"s->regs[i].mode", "a->b", "x"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("const uint16_t", IntType(16, False)),
        ("unsigned long", IntType(64, False)),
        ("unsigned", IntType(32, False)),
        ("hwaddr", UINT64),
        ("LampState", None),
        ("char *", None),
    ],
)
def test_names_of_integer_types(text: str, found: IntType | None) -> None:
    assert int_type(text) == found


# -- regions ----------------------------------------------------------------------------------------

TABLE = """
typedef struct LampState { MemoryRegion a, b; } LampState;
static uint64_t lamp_read(void *opaque, hwaddr addr, unsigned size)
{
    %s
}
static void lamp_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    %s
}
static const MemoryRegionOps lamp_ops = { .read = lamp_read, .write = lamp_write, %s };
static void lamp_init(Object *obj)
{
    %s
}
"""
INIT = 'memory_region_init_io(&s->a, obj, &lamp_ops, s, "a", %s);'


def unit_of(members: str = "", init: str = INIT % "8", read: str = "", write: str = "") -> TranslationUnit:
    data = (TABLE % (read, write, members, init)).encode()
    unit = Program(OverlaySource(EmptySource(), {"lamp.c": data}), reach="patch").unit("lamp.c")
    assert unit is not None
    return unit


def pairs_of(members: str, near: frozenset[int] = frozenset(), size: str = "8") -> set[tuple[int, int]]:
    unit = unit_of(members, INIT % size)
    (table,) = region_tables(unit.path, unit.data)
    return set(accesses(unit, table, near, region_size(unit, table)).pairs)


def test_without_limits_the_core_splits_at_four_bytes() -> None:
    pairs = pairs_of("")
    assert {size for _, size in pairs} == {1, 2, 4}
    assert (4, 4) in pairs
    assert (6, 4) not in pairs
    assert (7, 1) in pairs


def test_a_small_access_is_widened_at_its_own_offset() -> None:
    assert pairs_of(".impl.min_access_size = 4, .valid.max_access_size = 2") == {(n, 4) for n in range(8)}


def test_what_is_not_valid_does_not_come() -> None:
    only = ".valid = { .min_access_size = 4, .max_access_size = 4 }"
    assert pairs_of(only) == {(0, 4), (4, 4)}
    loose = only.replace("= 4 }", "= 4, .unaligned = true }")
    assert (2, 4) not in pairs_of(loose)
    assert (2, 4) in pairs_of(f"{loose}, .impl.unaligned = true")


def test_an_access_that_begins_in_the_region_is_not_cut_at_its_end() -> None:
    pairs = accesses(unit_of(""), region_tables("t.c", unit_of("").data)[0], (), 7).pairs
    assert (4, 4) in pairs
    assert (8, 4) not in pairs


def test_eight_bytes_come_whole_where_the_functions_take_them() -> None:
    assert (0, 8) in pairs_of(".valid.max_access_size = 8, .impl.max_access_size = 8")
    assert (0, 8) not in pairs_of(".valid.max_access_size = 8")


def test_of_a_large_region_offsets_near_constants_are_tried() -> None:
    pairs = pairs_of("", frozenset({0x8000}), "0x100000")
    assert {(0x8000, 4), (0x7FFC, 4), (0xFFFFC, 4), (0, 1)} <= pairs
    assert max(offset + size for offset, size in pairs) == 0x100000


@pytest.mark.parametrize(
    ("init", "size"),
    [
        (INIT % "0x10", 16),
        (INIT % "0x10" + INIT % "0x20", 32),
        (INIT % "s->size", None),
        (INIT % "0x10" + "lamp_more(&lamp_ops);", None),
        ("", None),
    ],
)
def test_the_size_is_that_of_the_largest_region(init: str, size: int | None) -> None:
    unit = unit_of("", init)
    (table,) = region_tables(unit.path, unit.data)
    assert region_size(unit, table) == size


# -- walks ------------------------------------------------------------------------------------------


def visits_of(unit: TranslationUnit, callee: str) -> list[GuestVisit]:
    guest = GuestFile(unit)
    everything = frozenset(unit.functions)
    return list(guest.visits(everything, lambda call: call is not None and call.name == callee))


def offsets(read: str) -> set[int | None]:
    return {s.offset for visit in visits_of(unit_of(read=read), "hit") for s in visit.samples}


def test_a_walk_keeps_to_what_the_tests_leave() -> None:
    assert offsets("if (addr >= 6) { hit(); } return 0;") == {6, 7}
    assert offsets("switch (addr) { case 0 ... 5: break; default: hit(); } return 0;") == {6, 7}
    assert offsets("unsigned n = addr >> 1; if (n == 2) { hit(); } return 0;") == {4, 5}
    assert offsets("if (addr > 7) { hit(); } return 0;") == set()


def test_paths_that_agree_for_a_sample_are_known_again() -> None:
    read = "int n; if (addr < 4) { n = 1; } else { n = 2; } if (n == 2) { hit(); } return 0;"
    assert offsets(read) == {4, 5, 6, 7}


def test_a_loop_ends_and_what_it_changes_is_not_known() -> None:
    read = "int n = 0; while (more()) { n += addr; } if (n == 99) { hit(); } return 0;"
    (visit,) = visits_of(unit_of(read=read), "hit")
    assert visit.decided == "state"
    assert visit.complete


def test_a_test_that_mixes_known_and_unknown_makes_unsure() -> None:
    (visit,) = visits_of(unit_of(read="if (addr + more() > 3 && addr < 2) { hit(); } return 0;"), "hit")
    assert visit.decided == "state"


def test_values_are_tried_where_a_test_hangs_on_them() -> None:
    (visit,) = visits_of(unit_of(write="uint8_t low = value; if (low == 0xf7) { hit(); }"), "hit")
    assert visit.decided == "access"
    assert {sample.value & 0xFF for sample in visit.samples if sample.value is not None} == {0xF7}


def test_old_tables_name_a_function_for_each_size() -> None:
    members = ".old_mmio = { .read = { lamp_read, lamp_init, lamp_init } }"
    entries = [entry for entry in guest_entries(unit_of(members)) if entry.size is not None]
    assert [(entry.function, entry.size) for entry in entries] == [
        ("lamp_read", 1),
        ("lamp_init", 2),
        ("lamp_init", 4),
    ]


@pytest.mark.parametrize(
    ("code", "divisors"),
    [
        ("x = a / (uint64_t)s->x[i].y + 3;", ["(uint64_t)s->x[i].y"]),
        ("y /= (s->a + 1) * 2;", ["(s->a + 1) * 2"]),
        ("z = q % (b ? c : d)->e(f, 2)[3];", ["(b ? c : d)->e(f, 2)[3]"]),
        ("w = t / -u, v = p / *r;", ["-u", "*r"]),
        ("m = o / (s->x) % n;", ["(s->x)", "n"]),
    ],
)
def test_divisors_are_whole_operands(code: str, divisors: list[str]) -> None:
    assert [one.divisor for one in divisions(code)] == divisors
