# SPDX-License-Identifier: GPL-2.0-or-later
"""Lowering: what statements and expressions become, and what bounds the cost of hostile ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import qerrlint.c.lower
from qerrlint.c.cut import FUNCTION, cut
from qerrlint.c.lower.function import lower
from qerrlint.c.lower.lowering import Lowering
from qerrlint.c.parse import parse_piece
from qerrlint.ir.code import (
    ANY,
    NEG,
    NONZERO,
    POS,
    ZERO,
    Assign,
    Block,
    Call,
    Const,
    Declare,
    Deref,
    Event,
    Function,
    Var,
    text_of,
)

_SIGNS = {NEG: "<0", ZERO: "=0", POS: ">0", NEG | ZERO: "<=0", ZERO | POS: ">=0", NONZERO: "!=0", ANY: "any"}


def lowered(body: str, head: str = "void f(void)", **constants: int) -> Function:
    data = f"{head}\n{{\n{body}\n}}\n".encode()
    (piece,) = (one for one in cut("a.c", data) if one.kind == FUNCTION)
    parsed = parse_piece(piece, data)
    assert parsed.damage is None
    function = lower(parsed, data, constants.get)
    assert function is not None
    return function


def shown_event(event: Event) -> str:
    if isinstance(event, Call):
        return f"{'=' * event.used}{event.name}({', '.join(map(text_of, event.args))})"
    if isinstance(event, Assign):
        return f"{event.target} {'=' if event.stated else ':='} {text_of(event.value)}"
    if isinstance(event, Declare):
        marks = " auto" * event.auto + " static" * event.static
        return f"{event.type}: {event.path}{marks}"
    if isinstance(event, Deref):
        return f"{'write' if event.written else 'read'} *{event.path}"
    if event.implicit:
        return "end"
    return f"return {text_of(event.value)}" if event.value is not None else "return"


def shown(function: Function) -> list[str]:
    """A line a reachable block: its number, @ for a loop, its events, its edges with their tests."""
    lines = []
    for number in sorted(reachable(function)):
        block = function.blocks[number]
        parts = [f"{number}{'@' * block.loop}:", "; ".join(map(shown_event, block.events)), *edges(block)]
        lines.append(" ".join(filter(None, parts)))
    return lines


def edges(block: Block) -> Iterator[str]:
    for edge in block.edges:
        tests = ",".join(f"{text_of(test.subject)}{_SIGNS[test.allow]}" for test in edge.tests)
        yield f"->{edge.target}" + (f"[{tests}]" if tests else "")


def reachable(function: Function) -> set[int]:
    seen: set[int] = set()
    pending = [0]
    while pending:
        block = pending.pop()
        if block not in seen:
            seen.add(block)
            pending.extend(edge.target for edge in function.blocks[block].edges)
    return seen


def events(body: str, head: str = "void f(void)", **constants: int) -> list[str]:
    """The events of a body without branches."""
    return [shown_event(event) for event in lowered(body, head, **constants).blocks[0].events][:-1]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("NULL", "NULL"),
        ("-EINVAL", "-EINVAL"),
        ("-1", "-1"),
        ("(off_t)-1", "-1"),
        ("0x10u", "0x10u"),
        ("a + b", "a+b"),
        ("a * (b /* c */ + 1)", "a*b+1"),
        ("-a", "-a"),
        ("-errno", "-errno"),
        ("(int)a", "a"),
        ("s -> next . err", "s->next.err"),
        ("(&s)->err", "s.err"),
        ("&s->err", "&s->err"),
        ("*&s", "s"),
        ("&*s", "s"),
        ("list[i + 1].err", "list[i+1].err"),
        ("sizeof (int)", "sizeof(int)"),
        ('"a" B', '"a" B'),
        ("likely(a)", "a"),
        ("(a, b)", "b"),
        ("(struct point) { 1, 2 }", "(structpoint){1,2}"),
    ],
)
def test_values(expression: str, value: str) -> None:
    assert events(f"x = {expression};")[-1] == f"x = {value}"


@pytest.mark.parametrize(
    ("text", "signs", "number"),
    [
        ("0", ZERO, 0),
        ("017", POS, 15),
        ("0x1F", POS, 31),
        ("0b101", POS, 5),
        ("-2", NEG, -2),
        ("-0", ZERO, 0),
        ("08", ANY, None),
        ("1.5", ANY, None),
        ("9" * 5000, ANY, None),
        ("0x" + "f" * 5000, ANY, None),
        ("EINVAL", POS, None),
        ("-EINVAL", NEG, None),
        ("LIMIT", ANY, None),
        ("KNOWN", POS, 7),
        ("lower", NEG, -1),
        ("NOTHING", ZERO, 0),
        ("sizeof x", POS, None),
        ("'a'", ANY, None),
    ],
)
def test_signs_and_numbers(text: str, signs: int, number: int | None) -> None:
    function = lowered(f"x = {text};", KNOWN=7, lower=-1, NOTHING=0)
    (assign,) = (event for event in function.blocks[0].events if isinstance(event, Assign))
    assert isinstance(assign.value, Const)
    assert (assign.value.signs, assign.value.number) == (signs, number)


def test_a_local_hides_a_constant_from_its_declaration_on() -> None:
    function = lowered("x = limit; int limit = 2; y = limit;", limit=7)
    values = {e.target: e.value for e in function.blocks[0].events if isinstance(e, Assign)}
    assert (values["x"], values["y"]) == (Const("limit", POS, 7), Var("limit"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("g(a, h(b)); s->ops->run(s);", ["=h(b)", "g(a, #0)", "s->ops->run(s)"]),
        ("(*cb)(opaque);", ["cb(opaque)"]),
        ("x = TYPE(g(a));", ["=g(a)", "x = #0"]),
        ("x = OTHER(a);", ["=OTHER(a)", "x = #0"]),
        ("p = g_steal_pointer(&q);", ["$1 := q", "q := NULL", "p = $1"]),
        ("p = g_steal_pointer(q);", ["write *q", "$1 := *q", "*q := NULL", "p = $1"]),
        ("*errp = err;", ["write *errp", "*errp = err"]),
        ("x = *p;", ["read *p", "x = *p"]),
        ("x = p[0] + p[1];", ["read *p", "x = p[0]+p[1]"]),
        ("x += y; x <<= 1; x++;", ["x = x+y", "x = x<<=1", "x = x++"]),
        ("int a, *b = NULL;", ["int: a", "int *: b", "b = NULL"]),
        ("static char buf[4];", ["char[]: buf static"]),
        ("g_autoptr(Error) err = NULL;", ["Error *: err auto", "err = NULL"]),
        ("struct s x = { .a = g(), .b = 1 };", ["struct s: x", "x = {0}", "=g()", "x.a = #0", "x.b = 1"]),
        ("int g(int);", []),
        ("h(({ g(); 1; }));", ["g()", "h(({g();1;}))"]),
        ("h(sizeof(g()));", ["h(sizeof(g()))"]),
        ("a = b = g();", ["=g()", "b = #0", "a = b"]),
    ],
)
def test_events(body: str, expected: list[str]) -> None:
    assert events(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "if (!err) { g(); } else if (a < 0) { return; } h();",
            [
                "0: ->3[err!=0] ->1[err=0]",
                "1: g() ->2",
                "2: h(); end",
                "3: ->4[a<0] ->5[a>=0]",
                "4: return",
                "5: ->2",
            ],
        ),
        (
            "if (a && (b || g())) { h(); }",
            [
                "0: ->3[a!=0] ->2[a=0]",
                "1: h() ->2",
                "2: end",
                "3: ->1[b!=0] ->4[b=0]",
                "4: =g() ->1[#0!=0] ->2[#0=0]",
            ],
        ),
        (
            "if (ret == -EIO) { g(); }",
            ["0: ->1[ret==-EIO>0,ret<0] ->2[ret==-EIO=0]", "1: g() ->2", "2: end"],
        ),
        ("if (0 > ret) { g(); }", ["0: ->1[ret<0] ->2[ret>=0]", "1: g() ->2", "2: end"]),
        ("if (ret != -1) { g(); }", ["0: ->1[ret>=0] ->2[ret<0]", "1: g() ->2", "2: end"]),
        ("if (ok == true) { g(); }", ["0: ->1[ok!=0] ->2[ok=0]", "1: g() ->2", "2: end"]),
        ("if (n >= 1) { g(); }", ["0: ->1[n>0] ->2[n<=0]", "1: g() ->2", "2: end"]),
        ("if (a > b) { g(); }", ["0: ->1[a>b>0] ->2[a>b=0]", "1: g() ->2", "2: end"]),
        ("if (1) { g(); }", ["0: ->1", "1: g() ->2", "2: end"]),
        ("if (unlikely(!p)) { g(); }", ["0: ->2[p!=0] ->1[p=0]", "1: g() ->2", "2: end"]),
        ("assert(p); g();", ["0: ->1[p!=0] ->2[p=0]", "1: g(); end", "2:"]),
        ("g_assert_null(p); g();", ["0: ->2[p!=0] ->1[p=0]", "1: g(); end", "2:"]),
        (
            "return a == b;",
            ["0: ->1[a==b>0] ->2[a==b=0]", "1: $1 := true ->3", "2: $1 := false ->3", "3: return $1"],
        ),
        (
            "x = a ? b : c;",
            ["0: ->1[a!=0] ->2[a=0]", "1: $1 := b ->3", "2: $1 := c ->3", "3: x = $1; end"],
        ),
        (
            "x = a ?: b;",
            ["0: ->1[a!=0] ->2[a=0]", "1: $1 := a ->3", "2: $1 := b ->3", "3: x = $1; end"],
        ),
        (
            "while (a) { if (b) { break; } if (c) { continue; } g(); }",
            [
                "0: ->1",
                "1@: ->2[a!=0] ->3[a=0]",
                "2: ->4[b!=0] ->5[b=0]",
                "3: end",
                "4: ->3",
                "5: ->6[c!=0] ->7[c=0]",
                "6: ->1",
                "7: g() ->1",
            ],
        ),
        ("do { g(); } while (0);", ["0: ->1", "1: g() ->2", "2: ->3", "3: end"]),
        ("do { g(); } while (a);", ["0: ->1", "1@: g() ->2", "2: ->1[a!=0] ->3[a=0]", "3: end"]),
        (
            "for (int i = 0; i < n; i++) { g(i); }",
            [
                "0: int: i; i = 0 ->1",
                "1@: ->2[i<n>0] ->4[i<n=0]",
                "2: g(i) ->3",
                "3: i = i++ ->1",
                "4: end",
            ],
        ),
        ("for (;;) { g(); }", ["0: ->1", "1@: ->2", "2: g() ->3", "3: ->1"]),
        (
            "QLIST_FOREACH(p, &s->list, next) { g(p); }",
            ["0: ->1", "1@: ->2 ->3", "2: p := <QLIST_FOREACH>; g(p) ->4", "3: end", "4: p := p->next ->1"],
        ),
        (
            "QLIST_FOREACH_SAFE(p, &s->list, next, q) { g(p); }",
            ["0: ->1", "1@: ->2 ->3", "2: p := <QLIST_FOREACH_SAFE>; g(p) ->1", "3: end"],
        ),
        (
            "WITH_RCU_READ_LOCK_GUARD() { if (a) { break; } g(); } h();",
            ["0: ->2[a!=0] ->3[a=0]", "1: h(); end", "2: ->1", "3: g() ->1"],
        ),
        (
            "switch (a) { case 1: g(); break; case A ... B: case -1: h(); default: k(); }",
            [
                "0: ->2[a==1>0,a>0] ->3[a==A|B>0] ->4[a<0] ->5[a==1=0,a==A|B=0,a>=0]",
                "1: end",
                "2: g() ->1",
                "3: ->4",
                "4: h() ->5",
                "5: k() ->1",
            ],
        ),
        (
            "again: g(); if (a) { goto again; } if (b) { goto out; } h(); out: k();",
            [
                "0: ->1",
                "1@: g() ->2[a!=0] ->3[a=0]",
                "2: ->1",
                "3: ->4[b!=0] ->5[b=0]",
                "4: ->6",
                "5: h() ->6",
                "6: k(); end",
            ],
        ),
        (
            "\n#ifdef A\n    g();\n#elif B\n    h();\n#endif\n    k();",
            ["0: ->2 ->3", "1: k(); end", "2: g() ->1", "3: ->4 ->5", "4: h() ->1", "5: ->1"],
        ),
        ("\n#if 0\n    g();\n#else\n    h();\n#endif\n", ["0: ->2", "1: end", "2: h() ->1"]),
    ],
)
def test_blocks(body: str, expected: list[str]) -> None:
    assert shown(lowered(body)) == expected


def test_spans_and_texts_are_those_of_the_file() -> None:
    text = 'int before;\n\nvoid f(void)\n{\n    g("\xe9", /* b */ 1); /* \xe9 */ h(\n 2);\n}\n'
    data = text.encode("latin-1")
    (piece,) = (one for one in cut("a.c", data) if one.kind == FUNCTION)
    function = lower(parse_piece(piece, data), data)
    assert function is not None
    first, second = function.calls
    assert data[first.span.start : first.span.end] == b'g("\xe9", /* b */ 1)'
    assert [data[s.start : s.end] for s in first.arg_spans] == [b'"\xe9"', b"1"]
    assert first.text == 'g("\ufffd",1)'
    assert (second.text, second.span.path) == ("h(2)", "a.c")
    assert data[function.body : function.body + 1] == b"{"


def test_what_nests_too_deeply_has_no_flow() -> None:
    for nest in ("a * " * 1500 + "a", "-(" * 1500 + "a" + ")" * 1500, "g(" * 1500 + "a" + ")" * 1500):
        data = f"void f(void)\n{{\n    x = {nest};\n}}\n".encode()
        (piece,) = cut("a.c", data)
        assert lower(parse_piece(piece, data), data) is None


def test_the_texts_of_nested_calls_are_bounded() -> None:
    """Each call keeps its text: a nest around a long literal would keep it once a level."""
    for size, expected in ((1_000, True), (1_000_000, False)):
        literal = '"' + "\\n\\\n".ljust(80, "x") * (size // 80) + '"'
        data = f"void f(void)\n{{\n    x = {'g(' * 150}{literal}{')' * 150};\n}}\n".encode()
        (piece,) = cut("a.c", data)
        parsed = parse_piece(piece, data)
        assert parsed.damage is None
        assert (lower(parsed, data) is not None) is expected


def test_each_operand_is_looked_at_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    real = Lowering.has_effect

    def counted(self: Lowering, node: object) -> bool:
        nonlocal looks
        looks += 1
        return real(self, node)  # type: ignore[arg-type]

    monkeypatch.setattr(Lowering, "has_effect", counted)
    operand = "(" * 8 + "b" + ")" * 8
    assert lowered(f"x = {' == '.join([operand] * 120)};").calls == ()
    assert 0 < looks < 120 * 8 * 8


FOLDER = Path(qerrlint.c.lower.__file__).parent


def test_handlers_are_functions_over_one_state() -> None:
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base) for base in node.bases]
                assert bases in ([], ["Exception"]), f"{path.name}: {node.name} inherits {bases}"
