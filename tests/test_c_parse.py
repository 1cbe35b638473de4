# SPDX-License-Identifier: GPL-2.0-or-later
"""Parsing one piece: what is healed, what is called damaged, and the figures of health."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qerrlint.c.cut import FUNCTION, Piece, cut
from qerrlint.c.normalise import BRANCH, LOOP
from qerrlint.c.parse import Parsed, parse_piece
from qerrlint.source.span import Span


def parsed(text: str) -> Parsed:
    data = text.encode()
    (piece,) = (one for one in cut("a.c", data) if one.kind == FUNCTION)
    return parse_piece(piece, data)


def test_offsets_count_from_the_piece() -> None:
    text = "int a;\n\n/* doc */\nstatic int f(Error **errp)\n{\n    return 0;\n}\n"
    result = parsed(text)
    assert result.damage is None
    assert result.function is not None
    body = result.function.child_by_field_name("body")
    assert body is not None
    assert body.start_byte == result.piece.body - result.piece.span.start
    assert result.function.end_byte == len(result.normal.data)


@pytest.mark.parametrize(
    "text",
    [
        "static int coroutine_fn GRAPH_RDLOCK\nf(BlockDriverState *bs, Error **errp)\n{\n    return 0;\n}\n",
        "void f(void)\n{\n    CPU_FOREACH(cpu) {\n        if (a) {\n            break;\n        }\n    }}\n",
        "void f(void)\n{\n    if (a) {\n    }\n#ifdef A\n    else if (b) {\n    }\n#endif\n}\n",
        "void f(void)\n#ifdef A\n{\n    g();\n}\n#endif\n",
        "POWERPC_FAMILY(405)(ObjectClass *oc, const void *data)\n{\n    g(oc);\n}\n",
        "DISAS_INSN(move)\n{\n    g();\n}\n",
        "void f(void)\n{\n    cap = FIELD_DP32(cap, CAP, 64AS, 1);\n}\n",
        'int f(void)\n{\n    register int r __asm__("r0") = 1;\n    return r;\n}\n',
    ],
)
def test_healthy(text: str) -> None:
    result = parsed(text)
    assert result.damage is None
    assert result.function is not None


def test_second_and_third_pass_are_recorded() -> None:
    unbalanced = parsed("void f(void)\n{\n#if A\n    if (a) {\n#else\n    if (b) {\n#endif\n    }\n}\n")
    assert [r.kind for r in unbalanced.normal.rewrites] == [BRANCH]
    block = parsed("void f(void)\n{\n    g();\n    SOME_MACRO(a) {\n        h();\n    }\n}\n")
    assert [(r.kind, r.name) for r in block.normal.rewrites] == [(LOOP, "SOME_MACRO")]


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        ("void f(void)\n{\n    g();\n    DO_OP(a, +, b);\n}\n", "syntax error at line 4 of the function"),
        ("void f(void)\n{\n    return 1\n}\n", "missing token at line 3 of the function"),
        (
            "void f(void)\n{\n    int g(int a)\n    {\n        return a;\n    }\n    g(1);\n}\n",
            "function inside a function",
        ),
    ],
)
def test_damaged(text: str, damage: str) -> None:
    result = parsed(text)
    assert result.damage == damage


def test_no_function() -> None:
    data = b"{ }"
    assert parse_piece(Piece(FUNCTION, "f", Span("a.c", 0, 3), 0), data).damage == "no function found"
    other = parse_piece(Piece("other", "x", Span("a.c", 0, 6), -1), b"int x;")
    assert (other.function, other.damage) == (None, None)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 120), st.integers(0, 120))
def test_never_raises(data: bytes, start: int, end: int) -> None:
    piece = Piece(FUNCTION, "f", Span("a.c", start, end), start)
    result = parse_piece(piece, data)
    assert len(result.normal.data) == len(data[start:end])
