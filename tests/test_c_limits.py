# SPDX-License-Identifier: GPL-2.0-or-later
"""Hostile text: what the parser gives up on and says so, and that no scan costs the square of its text."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qerrlint.c import grammar
from qerrlint.c.cut import FUNCTION, Piece, cut, cut_by_tree, cut_file
from qerrlint.c.declarations.file import FileDeclarations
from qerrlint.c.declarations.members import parse_enumerators, parse_members
from qerrlint.c.declarations.tokens import tokens
from qerrlint.c.declarations.types import parse_signature
from qerrlint.c.definition_names import function_name, other_name
from qerrlint.c.expressions.arithmetic import NotUnderstoodError, evaluate
from qerrlint.c.format_string import ends_in_conversion
from qerrlint.c.grammar import TangledError
from qerrlint.c.initialisers import tables_of_type
from qerrlint.c.lexis import bare
from qerrlint.c.lower.function import lower
from qerrlint.c.normalise import normalise, normalise_damaged
from qerrlint.c.parse import Parsed, parse_piece
from qerrlint.c.qapi import qapi_constants
from qerrlint.c.suppression_comments import allowances
from qerrlint.qemu.type_tables import type_rows
from qerrlint.source.span import Span


def whole(data: bytes) -> Parsed:
    """A text parsed as if it were one piece."""
    return parse_piece(Piece(FUNCTION, "f", Span("a.c", 0, len(data)), 0), data)


def in_function(inside: bytes) -> bytes:
    return b"int f(void)\n{\n" + inside + b"\n}\n"


# -- the parser gives up, and says why -------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "damage"),
    [
        (b"/* " * 4000, "a comment that is not closed"),
        (b'g("/* ");\n' * 2000 + b"/*", "a comment that is not closed"),
        (b"a; " * 3000, "a line of more than 8192 bytes"),
        (b" g(\n" * 3000 + b")\n" * 3000, "brackets more than 200 levels deep"),
        (b"{\n" * 5000 + b"}\n" * 5000, "brackets more than 200 levels deep"),
        (b".m = x,\n" * 3000, "a statement of more than 10000 bytes"),
        (b"a = ({ b; }),\n" * 3000, "a statement of more than 10000 bytes"),
        (b"if (a) {\n} else " * 2500 + b"{\n}", "more than 2000 branches"),
    ],
)
def test_texts_that_are_not_parsed(inside: bytes, damage: str) -> None:
    data = in_function(inside)
    parsed = whole(data)
    assert (parsed.damage, parsed.function) == (damage, None)
    assert lower(parsed, data) is None


@pytest.mark.parametrize(
    "inside",
    [
        b"    g(a, b);\n" * 20_000,
        b"    if (a) {\n        g(b);\n    }\n" * 5_000,
        b"    static const int t[] = {\n" + b"        1, 2,\n" * 800 + b"    };\n",
        b"    switch (a) {\n" + b"    case 1:\n        g(b);\n        break;\n" * 4_000 + b"    }\n",
        b"".join(b"l%d: if (a) {\n goto l%d;\n }\n" % (n, n * 7 % 2000) for n in range(2000)),
        b"    g(\n" + b'      "text"\n' * 4_000 + b"    );\n",
    ],
)
def test_long_functions_are_parsed(inside: bytes) -> None:
    data = in_function(inside)
    parsed = whole(data)
    assert parsed.damage is None
    assert lower(parsed, data) is not None


def test_steps_of_the_parser_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = in_function(b"    g(a, b);\n" * 500)
    assert not grammar.parse(data).has_error
    monkeypatch.setattr(grammar, "_STEPS", 5)
    monkeypatch.setattr(grammar, "_BYTES_A_STEP", len(data))
    with pytest.raises(TangledError, match="more work to parse"):
        grammar.parse(data)
    parsed = whole(data)
    assert (parsed.damage, parsed.function) == ("more work to parse than code of its length", None)
    assert [gap.reason for gap in cut_by_tree("a.c", data).gaps] == [
        "more work to parse than code of its length"
    ]
    # What was given up on leaves nothing behind.
    assert (
        str(grammar.parse(b"int a;"))
        == "(translation_unit (declaration type: (primitive_type) declarator: (identifier)))"
    )


@pytest.mark.parametrize(
    "data", [b"\xff", b"int f(void) { \xc3", b"a\xe2\x82", b"int f(void)\n{ x = ( }\n", b""]
)
def test_the_parser_is_read_to_from_any_offset(data: bytes) -> None:
    """An error makes the parser go back, and a character that is cut off makes it read again."""
    expected = grammar._parser().parse(data).root_node
    assert str(grammar.parse(data)) == str(expected)


# -- no scan costs the square ----------------------------------------------------------------------

SIZE = 60_000


def loops(scan: Callable[[bytes], object], data: bytes) -> float:
    """The CPU time of a scan, in loops over the same bytes."""
    began = time.process_time()
    for byte in data:
        byte += 1
    loop = time.process_time() - began
    scan(data)
    return (time.process_time() - began - loop) / loop


def declared(data: bytes) -> None:
    found = FileDeclarations("a.h", data)
    assert found.includes is not None
    assert found.constants is not None
    for name in [*found.functions][:20]:
        found.signature(name)
        found.definition(name)
    for macro in [*found.macros][:20]:
        found.macro(macro)
    for entry in [*found.types.values()][:20]:
        found.members(entry)
    for slot in found.slots[:20]:
        found.slot_type(slot)
    found.pointer_members("a")


def parsed(data: bytes) -> None:
    lower(whole(data), data)


def decoded(scan: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: scan(data.decode("latin-1"))


SCANS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "bare": (bare, [b'"1 ... \\', b"/*", b"'", b"/* *"]),
    "cut": (
        lambda data: cut_file("a.c", data),
        [
            b"f() {\n{\n}\n",
            b"a() {\n",
            b"int\n/**/",
            b"/* ",
            b"x = {\n",
            b"f(a)\n/**/\n",
            b"f(){}",
            b"}enum e {",
            b"a() {/*\n}\n",
            b"x = {} = {} ",
            b"a ",
            b"QEMU_A(b) ",
            b"((",
            b'"1 ... \\',
            b"#define M(x) {\n",
            b"{;}    ",
            b"f(a) int a; {}\n",
        ],
    ),
    "tree": (
        lambda data: cut_by_tree("a.c", data),
        [b"\nenum {/*", b"#include <a", b"WITH_X_GUARD() \n#define M(x)  "],
    ),
    "normalise": (
        lambda data: (normalise(data), normalise_damaged(data), normalise_damaged(data, True)),
        [
            b"FOREACH(a) ",
            b"FOREACH(",
            b"g_new(",
            b"g_new(a     b ",
            b"typeof(",
            b"offsetof(",
            b"container_of(f(",
            b"QEMU_ALIGNED(",
            b"WITH_X_GUARD() \n#define M(x)  ",
            b"struct s *, ",
            b"case a b ",
            b"\nFIELD(a)",
            b"\n#if A\n",
            b"\n#if A\n#else\n",
            b"HELPER(x)",
            b"g_assert_cmpint(a, ==, ",
            b"a... ",
        ],
    ),
    "parse": (
        parsed,
        [b"(", b"{\n{", b".m = x,", b"a = ", b"#include <", b'"{', b"a}\r\n", b"x:", b"f(", b"-[a"],
    ),
    "lower": (
        lambda data: parsed(in_function(data)),
        [
            b"a;\n",
            b"x = a && b || (c);\n",
            b'g("/*/*/*");\n',
            b"int a, b;\n",
            b"g_autoptr(E) e = g();\n",
            b"l: if (a) goto l;\n",
            b"\n#if A\n#elif B\n#endif\n",
        ],
    ),
    "declarations": (
        declared,
        [
            b"\ntypedef ",
            b"\ntypedef /*",
            b"\nenum {",
            b"\nenum a {",
            b"\nstruct s ",
            b"\nstruct s {",
            b"\nint f(",
            b"\nf(offsetof(\n#endif\n",
            b"\n#define M(x) /*",
            b"\nOBJECT_DECLARE_TYPE(",
            b"\n a ",
            b".a = b",
            b"\nint f(A(A(",
        ],
    ),
    "names": (
        lambda data: (function_name(data[:16000]), other_name(data, data)),
        [b"a ", b"(*a", b"= ", b"f(a)", b"struct __attribute__("],
    ),
    "tokens": (decoded(tokens), [b"/*", b'"\\', b"\\\n", b"//"]),
    "members": (
        decoded(lambda text: (parse_members(text), parse_enumerators(text))),
        [b"struct {", b"a, ", b"int a; "],
    ),
    "signature": (parse_signature, [b"BIT(", b"FOREACH(", b"QEMU_A(", b"int (", b"*"]),
    "qapi": (
        lambda data: qapi_constants(b"{ 'enum': 'X', " + data, "X"),
        [b"'\\", b"[", b"'a': ", b"{ 'enum': 'X' #"],
    ),
    "comments": (
        lambda data: allowances("a.c", data, cut("a.c", data)),
        [
            b"/* qerrlint: allow x y */",
            b"/* qerrlint: allow x y */\n",
            b"int f(void)\n{\n/* qerrlint: allow x */\n}\n",
        ],
    ),
    "initialisers": (
        lambda data: (list(tables_of_type("a.c", data, "TypeInfo")), list(type_rows("a.c", data))),
        [b"TypeInfo t = {\n", b"\n TypeInfo t = {}\n}\n TypeInfo t = {{"],
    ),
    "format": (decoded(ends_in_conversion), [b"%0", b"%", b"0"]),
}


@pytest.mark.parametrize(
    ("name", "unit"), [(name, unit) for name, (_, units) in SCANS.items() for unit in units]
)
def test_no_scan_costs_the_square_of_its_text(name: str, unit: bytes) -> None:
    """A scan that reads on from each byte to the end takes thousands of loops over a text of this size."""
    scan = SCANS[name][0]
    scan(unit)  # what is loaded at first use is not counted
    assert loops(scan, unit * (SIZE // len(unit))) < 1500


def test_numbers_of_many_digits() -> None:
    digits = "9" * 5000
    assert parse_enumerators(
        f"A = {digits}, B, C = 1 << {digits}, D = BIT({digits}), E = 0x{digits}, F = 3"
    ) == (
        ("A", None),
        ("B", None),
        ("C", None),
        ("D", None),
        ("E", None),
        ("F", 3),
    )
    with pytest.raises(NotUnderstoodError, match="too long"):
        evaluate(digits, None)  # type: ignore[arg-type]


def test_structs_inside_of_structs() -> None:
    nested = "struct { " * 3000 + "int a; " + "}; " * 3000
    assert parse_members(nested) == ()
    assert [member.name for member in parse_members("struct { union { int a; }; }; int b;")] == ["a", "b"]


def test_real_functions_take_few_steps() -> None:
    """The limit on the parser's steps is far from what the functions of the fixtures take."""
    for path in sorted(Path(__file__).parent.parent.joinpath("fixtures").rglob("*.c")):
        data = path.read_bytes()
        for piece in cut(path.name, data):
            text = normalise(data[piece.span.start : piece.span.end]).data
            steps = steps_of(text)
            assert steps * 4 < grammar._STEPS + len(text) // grammar._BYTES_A_STEP


def steps_of(text: bytes) -> int:
    steps = 0

    def read(offset: int, _point: object) -> bytes:
        return text[offset:]

    def count(_offset: int, _error: bool) -> bool:
        nonlocal steps
        steps += 1
        return False

    grammar._parser().parse(read, progress_callback=count)
    return steps
