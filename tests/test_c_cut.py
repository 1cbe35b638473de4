# SPDX-License-Identifier: GPL-2.0-or-later
"""The cut of a file into pieces: styles, names, spans, and agreement with a parse of the whole file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qerrlint.c.cut import FUNCTION, OTHER, Piece, cut, cut_by_tree, cut_file
from qerrlint.c.definition_names import function_name


def functions(text: str) -> list[Piece]:
    return [piece for piece in cut("a.c", text.encode()) if piece.kind == FUNCTION]


def names(text: str) -> list[tuple[str, str]]:
    return [(piece.kind, piece.name) for piece in cut("a.c", text.encode())]


def source(text: str, piece: Piece) -> str:
    return text.encode()[piece.span.start : piece.span.end].decode()


def test_functions_with_their_spans() -> None:
    text = (
        "#include <x.h>\n\n/**\n * first: does {\n */\nstatic int first(int a,\n                 int b)\n{\n"
        "    return a;\n}\n\nvoid second(void) {\n    first(1, 2);\n}\n"
    )
    one, two = functions(text)
    assert one.name == "first"
    assert source(text, one).startswith("static int first(")
    assert source(text, one).endswith("return a;\n}")
    assert text[one.body] == "{"
    assert two.name == "second"
    assert source(text, two) == "void second(void) {\n    first(1, 2);\n}"
    assert one.span.path == "a.c"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("static int f(int a)", "f"),
        ("static void coroutine_fn f(void)", "f"),
        ("static int\nf(int a)", "f"),
        ("static inline struct s *f(void)", "f"),
        ("static void G_GNUC_PRINTF(1, 2) f(const char *fmt, ...)", "f"),
        ("static int G_GNUC_PRINTF(2, 3)\nf(int a, const char *fmt, ...)", "f"),
        ("__attribute__((noreturn))\nstatic void f(void)", "f"),
        ("static void f(int a) __attribute__((cold))", "f"),
        ("void QEMU_FLATTEN f(void)", "f"),
        ("static int f(int (*cb)(void *, int), void *opaque)", "f"),
        ("void (*f(int signal))(int)", "f"),
        ("static inline void (f)(int a)", "f"),
        ("uint32_t HELPER(add)(uint32_t a)", "HELPER(add)"),
        ("void HELPER(glue(a, b))(void)", "HELPER(glue(a,b))"),
        ("DISAS_INSN(move)", "DISAS_INSN(move)"),
        ("static int f(int a /* with ( and { */)", "f"),
        ("static int f(int a,\nint b)", "f"),
    ],
)
def test_heads(head: str, name: str) -> None:
    text = f"int before;\n\n{head}\n{{\n    g();\n}}\n\nint after;\n"
    found = functions(text)
    assert [piece.name for piece in found] == [name]
    assert source(text, found[0]).endswith("{\n    g();\n}")
    assert text[found[0].body :].startswith("{\n    g();")


def test_head_with_a_branch_keeps_the_body_offset() -> None:
    text = "#ifdef A\nstatic int f(int a)\n#else\nstatic int f(void)\n#endif\n{\n    return 0;\n}\n"
    (one,) = functions(text)
    assert one.name == "f"
    assert text[one.body :] == "{\n    return 0;\n}\n"


def test_invocations_without_semicolon_do_not_join_the_next_head() -> None:
    text = "type_init(reg)\nFIELD(A, B)\nTRANS(x, gen,\n      y)\nstatic void f(void)\n{\n}\nblock_init(f)\n"
    (one,) = functions(text)
    assert source(text, one) == "static void f(void)\n{\n}"


def test_other_pieces() -> None:
    text = (
        'static const VMStateDescription vmstate_x = {\n    .name = "x",\n};\n'
        "static SaveVMHandlers h = {\n    .a = b,\n};\n"
        'static const char *const words[] = { "a{", "b" };\n'
        "static void (*const table[4])(int) = {\n    f, g,\n};\n"
        "struct Tag {\n    int a;\n};\n"
        "typedef struct Tag2 {\n    struct {\n        int b;\n    } in;\n} QEMU_PACKED Name;\n"
        "enum Kind { A, B };\n"
        "static const struct {\n    int a;\n} list[] = {\n    { 1 },\n    { 2 },\n};\n"
        "static Property props[] QEMU_ALIGNED(8) = {\n    DEFINE(1),\n};\n"
    )
    assert names(text) == [
        (OTHER, "vmstate_x"),
        (OTHER, "h"),
        (OTHER, "words"),
        (OTHER, "table"),
        (OTHER, "Tag"),
        (OTHER, "Name"),
        (OTHER, "Kind"),
        (OTHER, "list"),
        (OTHER, "props"),
    ]
    pieces = cut("a.c", text.encode())
    assert all(piece.body == -1 and source(text, piece).endswith(";") for piece in pieces)
    assert source(text, pieces[0]).startswith("static const VMStateDescription")


@pytest.mark.parametrize(
    "body",
    [
        "    puts(\"}\");\n    c = '{';\n",
        "    /* a brace at column 0:\n}\n{\n     */\n    g();\n",
        "#if A\n    if (a) {\n#else\n    if (b) {\n#endif\n        g();\n    }\n",
        "out:\n    g();\n",
        "#define M(x) { \\\n    x\n    g();\n#undef M\n",
        "    if (a) {\n    } else {\n        g();\n}\n",
    ],
)
def test_bodies(body: str) -> None:
    text = f"static int f(void)\n{{\n{body}}}\n\nstatic int g(void)\n{{\n    return 1;\n}}\n"
    one, two = functions(text)
    assert (one.name, two.name) == ("f", "g")
    assert source(text, one) == f"static int f(void)\n{{\n{body}}}"


def test_odd_styles() -> None:
    text = (
        "int f(void) { return 0; }\n"
        "  int g(void)\n  {\n    return 1;\n  }\n"
        'extern "C" {\nint h(void)\n{\n    return 2;\n}\n}\n'
        "int last(void)\n{ return 3;\n}\n"
    )
    assert [piece.name for piece in functions(text)] == ["f", "g", "h", "last"]


def test_a_macro_that_defines_functions_is_no_piece() -> None:
    text = (
        "#define MAKE(n) \\\nint n(void) \\\n{ \\\n    return 1; \\\n}\n\nint f(void)\n{\n    return 0;\n}\n"
    )
    assert names(text) == [(FUNCTION, "f")]


def test_crlf() -> None:
    text = "static int f(void)\r\n{\r\n    return 0;\r\n}\r\n\r\nint g(int a) {\r\n    return a;\r\n}\r\n"
    one, two = functions(text)
    assert (one.name, two.name) == ("f", "g")
    assert source(text, one).endswith("return 0;\r\n}")


def test_cut_by_tree_agrees_on_plain_code() -> None:
    text = "static int f(void)\n{\n    return 0;\n}\nstatic const T t = {\n    1,\n};\nvoid g(void)\n{\n}\n"
    by_scan = [(p.kind, p.name, p.body, p.span.start) for p in cut("a.c", text.encode())]
    by_tree = [(p.kind, p.name, p.body, p.span.start) for p in cut_by_tree("a.c", text.encode()).pieces]
    assert by_scan == by_tree


def test_unclosed_function_falls_back_to_the_tree() -> None:
    data = b"int f(void)\n{\n    g(;\n"
    assert cut_file("a.c", data) == cut_by_tree("a.c", data)


def test_head_that_is_no_function() -> None:
    assert function_name(b"static const T t = ") is None
    assert function_name(b"struct s ") is None
    assert function_name(b"") is None


_TOKENS = st.sampled_from(
    [
        "{",
        "}",
        "\n{",
        "\n}",
        "\n",
        ";",
        "(",
        ")",
        "f(void)",
        "int ",
        "= ",
        '"',
        "'",
        "/*",
        "*/",
        "//",
        "#if A\n",
        "#else\n",
        "#endif\n",
        "\n#define X ",
        "\\\n",
        "struct s ",
        "typedef ",
        "g_autofree ",
        ", ",
        "\r\n",
        "out:",
        " ",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_TOKENS, max_size=40).map("".join))
def test_never_raises_and_pieces_are_in_order(text: str) -> None:
    data = text.encode()
    for pieces in (cut("a.c", data), cut_by_tree("a.c", data).pieces):
        end = 0
        for piece in pieces:
            assert end <= piece.span.start < piece.span.end <= len(data)
            assert piece.body == -1 or data[piece.body : piece.body + 1] == b"{"
            assert piece.body == -1 or piece.span.start <= piece.body < piece.span.end
            end = piece.span.end


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_never_raises_on_bytes(data: bytes) -> None:
    assert all(piece.span.end <= len(data) for piece in cut("a.c", data))
