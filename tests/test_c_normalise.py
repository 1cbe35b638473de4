# SPDX-License-Identifier: GPL-2.0-or-later
"""The normaliser: what each kind of macro becomes, and that lengths, lines, strings and comments stay."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qerrlint.c.grammar import parse
from qerrlint.c.lexis import OPAQUE
from qerrlint.c.macros import load, table
from qerrlint.c.normalise import (
    ALWAYS,
    AUTO,
    BRANCH,
    INVOCATION,
    LOOP,
    NORETURN,
    RENAME,
    normalise,
    normalise_damaged,
)
from qerrlint.errors import UsageError


def kinds(text: str) -> list[tuple[str, str]]:
    return [(rewrite.kind, rewrite.name) for rewrite in normalise(text.encode()).rewrites]


def body(statement: str) -> str:
    return f"void f(void)\n{{\n    {statement}\n}}\n"


@pytest.mark.parametrize(
    ("statement", "becomes"),
    [
        ("QLIST_FOREACH(a, &b, next) { g(a); }", "while        (a, &b, next) { g(a); }"),
        ("CPU_FOREACH(cpu) g(cpu);", "while      (cpu) g(cpu);"),
        ("if (x) QTAILQ_FOREACH_SAFE(a, b, c, d) { }", "if (x) while              (a, b, c, d) { }"),
        ("WITH_QEMU_LOCK_GUARD(&s->lock) { g(); }", "if                  (&s->lock) { g(); }"),
        ("WITH_RCU_READ_LOCK_GUARD() { g(); }", "if                     (1) { g(); }"),
        ("g_autofree char *p = NULL;", "           char *p = NULL;"),
        ("g_autoptr(Error) err = NULL;", "Error *          err = NULL;"),
        ("g_auto(GStrv) v = NULL;", "GStrv         v = NULL;"),
        ("x = g_new0(struct X, 1);", "x = g_new0(       X, 1);"),
        ("x = g_new(X *, n);", "x = g_new(X  , n);"),
        ("p = va_arg(ap, const char *);", "p = va_arg(ap,       char  );"),
        ("x = container_of(n, struct X, node);", "x = container_of(n,        X, node);"),
        ("x = PARENT(struct X *, s);", "x = PARENT(       X  , s);"),
        ("o = offsetof(struct X, a.b[1]);", "o = Offsetof(       X, a.b[1]);"),
        ("switch (a) { case 1 ... 3: g(); }", "switch (a) { case 1  |  3: g(); }"),
        ("switch (a) { case 'a'...'z': g(); }", "switch (a) { case 'a' | 'z': g(); }"),
        ('g("a" stringify(B) "c");', 'g("a" stringify_B_ "c");'),
        ("typeof(s->a[0]) b = 1;", "typeof_s_a_0___ b = 1;"),
        ("g_assert_cmpint(a, ==, b);", "g_assert_cmpint(a  ==  b);"),
        ("QTAILQ_HEAD(, T) head;", "QTAILQ_HEAD(  T) head;"),
        ("char b[4] QEMU_ALIGNED(8);", "char b[4]                ;"),
        ("int a G_GNUC_UNUSED;", "int a              ;"),
    ],
)
def test_statements(statement: str, becomes: str) -> None:
    normal = normalise(body(statement).encode()).data.decode()
    assert normal == body(becomes)
    assert not parse(normal.encode()).has_error


@pytest.mark.parametrize(
    "text",
    [
        body("g_list_foreach(list, g, NULL);"),
        body("ret = child_foreach(obj, g);"),
        body("return object_child_foreach(obj, g, NULL);"),
        "int object_child_foreach(Object *obj, int (*fn)(Object *child))\n{\n    return 0;\n}\n",
        body("p = (struct X *)q;"),
        body("n = sizeof(struct X *);"),
        "int f(struct X *, int);\n",
        body('puts("QLIST_FOREACH(a, b, c) { g_autofree");'),
        body("/* g_autofree QLIST_FOREACH(a, b, c) { */ g();"),
        body("g('\"'); /* coroutine_fn */"),
        "int f(const char *fmt, ...);\n",
    ],
)
def test_left_alone(text: str) -> None:
    assert normalise(text.encode()).data == text.encode()
    assert kinds(text) == []


def test_rewrites_name_kind_and_place() -> None:
    text = body("QLIST_FOREACH(a, &b, next) { WITH_JOB_LOCK_GUARD() { g_autoptr(Error) e = NULL; } }")
    data = text.encode()
    found = {rewrite.kind: rewrite for rewrite in normalise(data).rewrites}
    assert data[found[LOOP].start : found[LOOP].end] == b"QLIST_FOREACH"
    assert found[LOOP].name == "QLIST_FOREACH"
    assert data[found[ALWAYS].start : found[ALWAYS].end] == b"WITH_JOB_LOCK_GUARD"
    assert data[found[AUTO].start : found[AUTO].end] == b"g_autoptr(Error)"
    assert found[AUTO].name == "g_autoptr(Error)"


def test_heads() -> None:
    assert kinds("G_NORETURN void f(void)\n{\n}\n") == [(NORETURN, "G_NORETURN")]
    assert kinds("void __attribute__((noreturn)) f(void)\n{\n}\n") == [(NORETURN, "__attribute__")]
    assert kinds("uint32_t HELPER(add)(int a)\n{\n}\n") == [(RENAME, "HELPER(add)")]
    assert normalise(b"uint32_t HELPER(add)(int a)\n{\n}\n").data == b"uint32_t HELPER_add_(int a)\n{\n}\n"
    assert normalise(b"POWERPC_FAMILY(405)(int a)\n{\n}\n").data == b"void POWERPC_FAMILY(int a)\n{\n}\n"
    assert kinds("uint64_t (dup)(int a)\n{\n}\n") == []


def test_invocations_are_kept_in_the_side_table() -> None:
    text = (
        "int a;\ntype_init(reg)\nTRANS(x, gen,\n      y)\n\nint f(void)\n{\n    return 0;\n}\nblock_init(f)\n"
    )
    normal = normalise(text.encode())
    assert [(r.kind, r.name) for r in normal.rewrites] == [
        (INVOCATION, "type_init"),
        (INVOCATION, "TRANS"),
        (INVOCATION, "block_init"),
    ]
    assert text[normal.rewrites[1].start : normal.rewrites[1].end] == "TRANS(x, gen,\n      y)"
    assert normal.data.split() == b"int a; int f(void) { return 0; }".split()


@pytest.mark.parametrize(
    ("inside", "kept"),
    [
        ("#ifdef A\n    if (a) {\n#else\n    if (b) {\n#endif\n        g();\n    }\n", "if (a) { g(); }"),
        ("    if (a) {\n    }\n#ifdef A\n    else if (b) {\n    }\n#endif\n    else {\n    }\n", None),
        ("#if 0\n    if (a) {\n#else\n    if (b) {\n#endif\n    }\n", "if (b) { }"),
        ("    x = a\n#ifdef A\n        + b\n#endif\n        ;\n", "x = a + b ;"),
    ],
)
def test_unbalanced_branches(inside: str, kept: str | None) -> None:
    text = f"void f(void)\n{{\n{inside}}}\n".encode()
    normal = normalise_damaged(text)
    assert not parse(normal.data).has_error
    if kept is not None:
        assert normal.data.split() == f"void f(void) {{ {kept} }}".encode().split()


def test_branches_are_recorded_and_balanced_ones_stay() -> None:
    text = (
        b"void f(void)\n{\n#ifdef A\n    if (a) {\n#else\n    if (b) {\n#endif\n    }\n"
        b"#ifdef B\n    g();\n#endif\n}\n"
    )
    normal = normalise_damaged(text)
    (branch,) = (rewrite for rewrite in normal.rewrites if rewrite.kind == BRANCH)
    assert text[branch.start : branch.end].strip() == b"if (b) {"
    assert branch.name == "#else"
    assert b"#ifdef B\n" in normal.data
    assert b"#ifdef B" not in normalise_damaged(text, every_branch=True).data


def test_branches_inside_a_kept_arm_are_looked_at() -> None:
    text = (
        b"void f(void)\n{\n#ifdef A\n    if (a) {\n#ifdef B\n    if (b) {\n#else\n    {\n#endif\n    }\n"
        b"#else\n    {\n#endif\n    }\n}\n"
    )
    assert normalise_damaged(text).data.split() == b"void f(void) { if (a) { if (b) { } } }".split()


def test_unknown_macros_of_damaged_functions() -> None:
    normal = normalise_damaged(
        b"void f(void)\n{\n    SOME_BLOCK(a) {\n        g();\n    }\n    CASE(U8)\n    h();\n}\n"
    )
    assert [(r.kind, r.name) for r in normal.rewrites] == [(INVOCATION, "CASE"), (LOOP, "SOME_BLOCK")]
    assert not parse(normal.data).has_error


@pytest.mark.parametrize(
    ("inside", "kept"),
    [
        ("QSIMPLEQ_HEAD(bells, Bell) bells;", "QSIMPLEQ_HEAD_bells_Bell__ bells;"),
        ("remove(BELL_DIR BELL_NAME);", "remove( BELL_NAME);"),
        ("put(b, BELL_DIR\n        BELL_NAME, 1);", "put(b, BELL_NAME, 1);"),
        ("put(b,\n        BELL_DIR BELL_NAME);", "put(b, BELL_NAME);"),
        ('put(b, BELL_A_Z BELL_a_z\n        BELL_09 "+-", 1);', 'put(b, BELL_09 "+-", 1);'),
        ("put(b, BELL_NAME(.low), 1);", "put(b, BELL_NAME_low__, 1);"),
        ('DLOG(trace("bell"); show(bell(b)));', ";"),
        ("if (__builtin_available(macOS 15.0, *)) {\n        ring();\n    }", None),
    ],
)
def test_arguments_that_are_no_expressions(inside: str, kept: str | None) -> None:
    text = f"void f(void)\n{{\n    {inside}\n    after();\n}}\n".encode()
    assert parse(normalise(text).data).has_error
    normal = normalise_damaged(text)
    assert not parse(normal.data).has_error
    if kept is not None:
        assert normal.data.split() == f"void f(void) {{ {kept} after(); }}".encode().split()


def test_declarations_of_damaged_functions_stay() -> None:
    text = b"void f(void)\n{\n    Bell BELL, GONG;\n    UINT8 A;\n    CASE(U8)\n    h(A);\n}\n"
    assert b"Bell BELL, GONG;\n    UINT8 A;" in normalise_damaged(text).data


def test_the_table_is_checked() -> None:
    assert all(macro.reason and macro.needles for macro in table())
    entry = '[[macro]]\nnames = ["A"]\nkind = "BLANK"\naction = "blank"\nreason = "r"\n'
    assert len(load(entry, "t.toml")) == 1
    for wrong, why in [
        (entry.replace("BLANK", "BLANCK"), "unknown kind"),
        (entry.replace('"blank"', '"blnk"'), "unknown action"),
        (entry.replace('"r"', '""'), "no reason"),
        (entry + 'pattern = "B"\n', "either names or a pattern"),
        (entry + 'colour = "B"\n', "unknown key 'colour'"),
        (entry.replace('names = ["A"]', "pattern = 'A'"), "needs words or needles"),
        (entry + 'needles = ["A"]\n', "names need none"),
        (entry + 'words = ["A"]\n', "names need none"),
        (entry.replace('names = ["A"]', "pattern = '('\nneedles = ['A']"), "macro 1"),
        ("x = 1\n", "no table of macros"),
        ("[[macro]\n", "no table of macros"),
    ]:
        with pytest.raises(UsageError, match=why) as caught:
            load(wrong, "t.toml")
        assert str(caught.value).startswith("t.toml: ")


_TOKENS = st.sampled_from(
    [
        "QLIST_FOREACH",
        "(a, b)",
        "(",
        ")",
        " {",
        "}",
        ";",
        "\n",
        "\n    ",
        "g_autofree ",
        "g_autoptr(Error) ",
        "g_auto(",
        "WITH_X_GUARD",
        "()",
        "coroutine_fn ",
        "struct X *",
        ", ",
        "offsetof",
        "case 1 ... 2:",
        "..",
        '"',
        "'",
        "/* ",
        "*/",
        "#if A\n",
        "\n#else\n",
        "\n#endif\n",
        "\n#if 0\n",
        "typeof",
        "stringify",
        "g_new0",
        "__attribute__((x))",
        "//",
        "\nTYPE(x)\n",
        "HELPER(a)",
        "int ",
        "x",
        "=",
        "64AS",
        "\\\n",
        "\r\n",
        "else ",
        "args...)",
        "==",
        "\xe9",
    ]
)
_TEXTS = st.lists(_TOKENS, max_size=40).map(lambda parts: "".join(parts).encode("latin-1"))


@settings(max_examples=400, deadline=None)
@example(b"(a, b)QLIST_FOREACH\r\n()QLIST_FOREACH")
@given(_TEXTS)
def test_length_and_lines_stay(data: bytes) -> None:
    for normal in (normalise(data), normalise_damaged(data), normalise_damaged(data, True)):
        assert len(normal.data) == len(data)
        assert [m.start() for m in re.finditer(b"\n", normal.data)] == [
            m.start() for m in re.finditer(b"\n", data)
        ]
        assert all(0 <= r.start < r.end <= len(data) for r in normal.rewrites)


@settings(max_examples=400, deadline=None)
@given(_TEXTS)
def test_comments_stay_and_strings_are_not_read(data: bytes) -> None:
    normal = normalise(data)
    blanked = [r for r in normal.rewrites if r.kind == INVOCATION or "(" in r.name or r.name.startswith("__")]
    for match in OPAQUE.finditer(data):
        start, end = match.span()
        # Only what is blanked together with its arguments may take a literal with it.
        if normal.data[start:end] != data[start:end]:
            assert any(r.start <= start and end <= r.end for r in blanked) or normal.data[start:end].isspace()


@settings(max_examples=200, deadline=None)
@given(_TEXTS, _TEXTS)
def test_what_stands_in_a_comment_is_never_changed(code: bytes, text: bytes) -> None:
    inside = text.replace(b"*/", b"").replace(b"*", b" ")
    data = b"int a;\n/*" + inside + b"*/\nint b;\n"
    assert normalise(data).data == data


@settings(max_examples=200, deadline=None)
@given(_TEXTS)
def test_idempotent_once_it_settles(data: bytes) -> None:
    first = normalise(data).data
    second = normalise(first).data
    # A blanked macro can make a neighbour visible, never more than once.
    assert normalise(second).data == second


def test_plain_code_comes_back_unchanged_and_unhurried() -> None:
    data = b"static int f(int a)\n{\n    return a + 1;\n}\n"
    normal = normalise(data)
    assert normal.data is data
    assert normal.rewrites == ()
