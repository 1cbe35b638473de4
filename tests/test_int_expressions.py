# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions cut out of functions, their types, and how great the code shows that they get."""

from __future__ import annotations

import pytest
from single import unit_of

from qerrlint.c.expressions.int_types import INT, UINT64, IntType, resolved_int_type
from qerrlint.c.expressions.parser import parse
from qerrlint.c.expressions.statements import using
from qerrlint.qemu.int_expressions import IntExpressions, shown

HEADER = """
#define BASIN_BITS 40
#define BASIN_MASK 0x3f0
#define BASIN_BIT(n) (1ULL << (n))
typedef enum BasinMode { BASIN_LOW, BASIN_HIGH = 9 } BasinMode;
typedef uint32_t basin_t;
typedef struct Basin {
    uint64_t wide;
    basin_t level;
    uint8_t bytes[4];
    bool open;
    target_ulong pc;
} Basin;
uint16_t basin_level(Basin *s);
"""


def ints(body: str) -> IntExpressions:
    text = f"{HEADER}\nuint64_t basin(Basin *s, unsigned n, uint32_t given)\n{body}\n"
    unit = unit_of("hw/basin.c", text.encode())
    piece = unit.functions["basin"]
    return IntExpressions(unit, piece)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("s->wide + 1", UINT64),
        ("s->level << 3", IntType(32, False)),
        ("s->bytes[1] << 24", INT),
        ("1 << n", INT),
        ("n ? s->level : 1", IntType(32, False)),
        ("s->open", IntType(1, False)),
        ("!s->wide", INT),
        ("BASIN_BITS", INT),
        ("BASIN_HIGH", INT),
        ("BASIN_BIT(n)", UINT64),
        ("basin_level(s)", IntType(16, False)),
        ("(uint64_t)n << 3", UINT64),
        ("sizeof(Basin)", UINT64),
        ("MIN(n, s->wide)", UINT64),
        ("le16_to_cpu(given)", IntType(16, False)),
        ("s->pc + 1", None),
        ("s->missing", None),
    ],
)
def test_the_type_of_an_expression_is_that_of_c(text: str, type_: IntType | None) -> None:
    assert ints("{\n}").type_of(parse(text)) == type_


@pytest.mark.parametrize(
    ("text", "greatest"),
    [
        ("n & BASIN_MASK", 0x3F0),
        ("s->bytes[0] & 0xfff", 0xFF),
        ("n % BASIN_BITS", 39),
        ("s->bytes[2]", 255),
        ("s->open", 1),
        ("(n & 7) * 8", 56),
        ("(n & 7) + 8", 15),
        ("(n & 7) | 8", 15),
        ("(n & 0xff) >> 4", 15),
        ("64 - (n & 3)", None),
        ("extract32(n, 0, 6)", 63),
        ("le16_to_cpu(given)", 0xFFFF),
        ("xive_get_field32(BASIN_MASK, given)", 0x3F),
        ("n == 3", 1),
        ("n", None),
        ("s->level", None),
    ],
)
def test_how_great_an_expression_gets_is_shown_by_masks_fields_and_bytes(
    text: str, greatest: int | None
) -> None:
    assert ints("{\n}").greatest(parse(text), 1) == greatest
    assert ints("{\n}").bound(parse(text)) >= (greatest or 0)


@pytest.mark.parametrize(
    ("body", "greatest"),
    [
        ("{ int i; for (i = 0; i < BASIN_BITS; i++) { use(i); } }", 39),
        ("{ for (int i = 0; i <= BASIN_BITS; ++i) use(i); }", 40),
        ("{ int i; for (i = 0; i < BASIN_BITS; i++) { if (i < 3) { use(i); } } }", None),
        ("{ int i; for (i = 0; i < n; i++) { use(i); } }", None),
        ("{ int i; for (i = 0; i < BASIN_BITS; i++) { } use(i); }", None),
        ("{ int i = n & 7; use(i); }", 7),
        ("{ int i = n & 7; s->wide = 1 << i; use(i); }", 7),
        ("{ int i = n & 7; if (i < 3) { use(i); } }", None),
        ("{ int i = n & 7; if (3 != i) { use(i); } }", None),
        ("{ int i = n & 7; switch (i) { case 3: use(i); } }", None),
        ("{ int i = n & 7; int least = MIN(i, 3); use(i); }", None),
        ("{ int i = n & 7; i += 3; use(i); }", None),
        ("{ int i = n & 7; set(&i); use(i); }", None),
    ],
)
def test_a_local_gets_as_great_as_its_loop_or_its_only_value(body: str, greatest: int | None) -> None:
    assert ints(body).greatest(parse("i"), body.index("use(")) == greatest
    assert ints(body).bound(parse("i")) >= (greatest or 0)


@pytest.mark.parametrize(
    ("body", "greatest"),
    [
        ("{ if (n >= BASIN_BITS) { return 0; } use(n); }", 39),
        ("{ if (n > BASIN_BITS) return 0; use(n); }", 40),
        ("{ assert(n < 64); use(n); }", 63),
        ("{ assert(n < 64); n++; use(n); }", None),
        ("{ if (n >= BASIN_BITS) { warn(); } use(n); }", None),
        ("{ if (n >= s->level) { return 0; } use(n); }", None),
    ],
)
def test_a_test_that_leaves_limits_what_does_not_change(body: str, greatest: int | None) -> None:
    assert ints(body).greatest(parse("n"), body.index("use(")) == greatest
    assert ints(body).bound(parse("n")) >= (greatest or 0)


@pytest.mark.parametrize(
    ("body", "text", "bound"),
    [
        ("{ }", "n", 1),
        ("{ }", "s->level", 1),
        ("{ }", "n & 7", 7),
        ("{ }", "(n & 7) << 3", 56),
        ("{ }", "s->bytes[n]", 0xFFFF),
        ("{ int i = n & 7; }", "i", 7),
        ("{ int i = i + 1; i = 9; }", "i", 1),
        ("{ n = n; }", "n", 1 << 64),
        ("{ }", "-n", 1),
        ("{ }", "n + 1", 2),
    ],
)
def test_a_bound_is_found_without_types(body: str, text: str, bound: int) -> None:
    asked = ints(body)
    assert asked.bound(parse(text)) == bound
    assert "_variables" not in vars(asked)


def test_a_name_that_two_blocks_declare_with_two_types_has_none() -> None:
    body = "{ { uint32_t x = 1; use(x); } { uint64_t x = 2; use(x); } }"
    assert ints(body).type_of(parse("x")) is None


def test_a_typedef_stands_for_its_type() -> None:
    targets = {"basin_t": "uint32_t", "loop_t": "loop_t"}
    assert resolved_int_type("basin_t", targets.get) == IntType(32, False)
    assert resolved_int_type("loop_t", targets.get) is None


@pytest.mark.parametrize(
    ("code", "text", "how", "target", "declared", "sign"),
    [
        ("{ s->a |= 1 << n; }", "1 << n", "assigned", "s->a", "", "|="),
        ("{ uint64_t a = 1 << n; }", "1 << n", "assigned", "", "uint64_t", "="),
        ("{ return 1 << n; }", "1 << n", "returned", "", "", ""),
        ("{ if (a & (1 << n)) { b(); } }", "a & (1 << n)", "tested", "", "", ""),
        ("{ if (a) b = 1 << n; }", "1 << n", "assigned", "b", "", "="),
        ("{ if (a) { } else if (b == 1 << n) { } }", "b == 1 << n", "tested", "", "", ""),
        ("{ switch (a) { case 3: b = 1 << n; } }", "1 << n", "assigned", "b", "", "="),
        ("{ for (i = 0; i < 3; i++) b = 1 << n; }", "1 << n", "assigned", "b", "", "="),
        ("{ for (i = 1 << n; i; i--) { } }", "1 << n", "assigned", "i", "", "="),
        ("{ call(a, 1 << n); }", "call(a, 1 << n)", "tested", "", "", ""),
    ],
)
def test_what_gets_the_value_of_an_expression(
    code: str, text: str, how: str, target: str, declared: str, sign: str
) -> None:
    (used,) = using(code, "<<")
    found = (used.text.strip(), used.how, used.target, used.declared, used.sign)
    assert found == (text, how, target, declared, sign)
    assert code[used.start : used.end] == used.text


def test_an_expression_with_several_operators_is_told_once() -> None:
    assert len(list(using("{ a = 1 << n | 2 << m; b = 3 << n; }", "<<"))) == 2


def test_an_expression_is_shown_without_casts() -> None:
    assert shown(parse("(int)a[1] + f(b, 2) * -c")) == "(a[1] + (f(b, 2) * -(c)))"
