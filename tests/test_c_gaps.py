# SPDX-License-Identifier: GPL-2.0-or-later
"""Gaps: text that may hold functions and that no piece covers is named, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from qerrlint.c.cut import FUNCTION, OTHER, cut, cut_by_tree, cut_file
from qerrlint.c.gaps import BLOCK, COMMENT, ENCODING, MACRO, OLD_STYLE, TANGLED

FUNCTION_G = "int g(void)\n{\n    return h(1);\n}\n"


def gaps(text: str | bytes) -> list[tuple[str, str, str]]:
    """Kind, name and text of each gap."""
    data = text.encode() if isinstance(text, str) else text
    return [
        (gap.kind, gap.name, data[gap.span.start : gap.span.end].decode("latin-1"))
        for gap in cut_file("a.c", data).gaps
    ]


def functions(text: str) -> list[str]:
    return [piece.name for piece in cut("a.c", text.encode()) if piece.kind == FUNCTION]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (FUNCTION_G.encode("utf-16"), "text in UTF-16"),
        (FUNCTION_G.encode("utf-16-be"), "text in UTF-16"),
        (FUNCTION_G.encode("utf-32"), "text in UTF-32"),
        (b"\x7fELF\x02\x01\x01" + bytes(9) + FUNCTION_G.encode(), "binary data"),
        (bytes(100), "UTF-16"),
        (FUNCTION_G.encode() + b"\0", "binary data"),
    ],
)
def test_what_is_no_text(data: bytes, reason: str) -> None:
    found = cut_file("a.c", data)
    assert found.pieces == ()
    (gap,) = found.gaps
    assert gap.kind == ENCODING
    assert reason in gap.reason
    assert (gap.span.start, gap.span.end) == (0, len(data))


def test_a_byte_order_mark_of_utf_8_is_skipped() -> None:
    found = cut_file("a.c", FUNCTION_G.encode("utf-8-sig"))
    assert [(piece.name, piece.span.start) for piece in found.pieces] == [("g", 3)]
    assert found.gaps == ()


@pytest.mark.parametrize("opening", ["/* open\n", "#define A 1 /* open\n", 'int x = "*/"; /* open '])
def test_a_comment_that_is_not_closed(opening: str) -> None:
    text = f"int f(void)\n{{\n}}\n{opening}{FUNCTION_G}"
    assert functions(text) == ["f"]
    assert gaps(text) == [(COMMENT, "", text[text.index("/* open") :])]


def test_marks_in_literals_open_no_comment() -> None:
    assert gaps('char *x = "/*";\n#define A "/*"\n' + FUNCTION_G) == []
    assert gaps("/* closed */\n" + FUNCTION_G + "// not /* opened\n") == []


def test_old_style_heads() -> None:
    head = "f(a, errp)\n    int a;\n    Error **errp;\n"
    text = f"static int\n{head}{{\n    g(a);\n}}\n{FUNCTION_G}"
    assert functions(text) == ["g"]
    assert gaps(text) == [(OLD_STYLE, "f", f"{head}{{\n    g(a);\n}}")]


@pytest.mark.parametrize(
    "text",
    [
        "int f(int a) -> int\n{\n    g();\n}\n",
        "DEFINE(A, {\n    g();\n    h();\n})\n",
        "class A {\n    int f() { g(); }\n};\n",
    ],
)
def test_statements_under_a_head_that_is_not_understood(text: str) -> None:
    ((kind, name, _),) = gaps(text + FUNCTION_G)
    assert (kind, name) == (BLOCK, "")


@pytest.mark.parametrize(
    "text",
    [
        "static const T t = {\n    .a = { 1, 2 },\n};\n",
        "enum {\n    A, /* ; */\n    B,\n};\n",
        "struct {\n    int a;\n} s;\n",
        "typedef union {\n    int a;\n} U;\n",
        "OBJECT_DEFINE_TYPE(A, a, A, OBJECT, { NULL })\n",
        "{ 1, 2, 3 },\n{ 4, 5, 6 },\n",
        'extern "C" {\nint f(void);\n}\n',
        "#define LOOP(x) for (x = 0; x < 3; x++) { \\\n    g(x); \\\n}\n",
        "#define ONCE(x) do { g(x); } while (0)\n",
        "#define TABLE(x) static const T x = { 1 }\n",
        "#define SUM(a) ({ int b = (a); b; })\n",
        "#define IF(a) if (a) { g(); } else { h(); }\n",
        'static const char *const t[] = {\n    "f(a)"\n    /* f(a)\n{ */,\n};\n',
        "static const T t[] =\n{\n{ 1, f(2) },\n#define X f(1)\n{ 2 },\n};\n",
    ],
)
def test_what_is_no_function_is_no_gap(text: str) -> None:
    assert gaps(text + FUNCTION_G) == []


def test_macros_that_define_functions() -> None:
    macro = "#define MAKE(n) \\\nstatic int n##_get(Error **errp) \\\n{ \\\n    return g(errp); \\\n}"
    assert gaps(f"{macro}\n\nMAKE(a)\n\n{FUNCTION_G}") == [(MACRO, "MAKE", macro)]
    after = "#define MAKE(n) int n##_a; static int n##_get(void) { return n##_a; }"
    assert gaps(after + "\n") == [(MACRO, "MAKE", after)]


def test_a_table_without_its_end_covers_no_function() -> None:
    text = "static const int t[] = {\n    1, 2,\n\nint f(Error **errp)\n{\n    return g(errp);\n}\n"
    assert [(piece.kind, piece.name) for piece in cut("a.c", text.encode())] == [(OTHER, "t")]
    (gap,) = cut_file("a.c", text.encode()).gaps
    assert (gap.kind, gap.reason) == (BLOCK, "a function inside of the braces of t")


def test_digraphs() -> None:
    text = 'int f(void) <% g("%d<%"); %>\n'
    assert gaps(text + FUNCTION_G) == [(BLOCK, "", text + FUNCTION_G)]
    assert gaps('char *a = "<%s", *b = "%>";\n' + FUNCTION_G) == []


def test_braces_that_do_not_add_up() -> None:
    text = "int f(void) { { { g(1); }\nint h(int b) { return 2; }\n"
    assert functions(text) == ["h"]
    assert gaps(text) == [(BLOCK, "", "int f(void) { { { g(1); }\n")]
    assert gaps("int f(void)\n{\n    g(;\n") == [(BLOCK, "", "int f(void)\n{\n    g(;\n")]


def test_a_file_too_tangled_to_be_parsed() -> None:
    data = b"int f(void) {" + b" {\n" * 9000 + b" /* open"
    found = cut_by_tree("a.c", data)
    assert [gap.kind for gap in found.gaps] == [TANGLED, COMMENT]
    assert found.gaps[0].reason == "brackets more than 200 levels deep"
    assert found.pieces == ()


def test_a_thousand_gaps_are_summed_up() -> None:
    text = "{;}\n" * 1000
    found = cut_file("a.c", text.encode()).gaps
    assert len(found) == 500
    assert found[-1].span.start == text.index("{", 499 * 4)
    assert found[-1].span.end == len(text) - 1
    assert found[-1].reason.endswith("not understood, and 500 more places that are not covered")


def test_definitions_of_one_name() -> None:
    text = (
        "#ifdef CONFIG_A\nstatic int f(Error **errp)\n{\n    return 0;\n}\n#else\n"
        "static int f(Error **errp)\n{\n    return g(errp);\n}\n#endif\n"
        "struct f {\n    int a;\n};\nstatic int h(void)\n{\n}\n#if B\nint f(void) { return 2; }\n#endif\n"
    )
    pieces = [piece for piece in cut("a.c", text.encode()) if piece.kind == FUNCTION]
    assert [(piece.name, piece.ordinal, piece.key) for piece in pieces] == [
        ("f", 0, "f"),
        ("f", 1, "f#2"),
        ("h", 0, "h"),
        ("f", 2, "f#3"),
    ]
    starts = [text.encode()[piece.body :][:20] for piece in pieces]
    assert starts[0].startswith(b"{\n    return 0;")
    assert starts[1].startswith(b"{\n    return g(errp)")
    by_tree = cut_by_tree("a.c", text.encode()).pieces
    assert [piece.key for piece in by_tree if piece.kind == FUNCTION] == ["f", "f#2", "h", "f#3"]


def test_the_project_s_own_fixtures_have_no_gap() -> None:
    files = sorted(Path(__file__).parent.parent.joinpath("fixtures").rglob("*.[ch]"))
    assert len(files) > 100
    assert [(str(path), gap) for path in files for gap in cut_file(path.name, path.read_bytes()).gaps] == []
