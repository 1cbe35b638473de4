# SPDX-License-Identifier: GPL-2.0-or-later
"""bench/variants.py: what each transformation makes of a function, and what counts as a deviation."""

from __future__ import annotations

import random

import pytest
from rewrites.body import REWRITES, Body, Declared
from variants import (
    Subject,
    Tally,
    applied,
    chosen,
    fixtures,
    justified,
    justified_rows,
    owner,
    rewrite_names,
    run_subject,
    table,
)

from qerrlint.c.cut import FUNCTION, cut
from qerrlint.findings import Finding
from qerrlint.rules.loader import load_rules
from qerrlint.source.span import Span

# Each transformation has a place in it.
TEXT = b"""
typedef struct CrateLid {
    int size;
    char *label;
} CrateLid;

typedef struct CrateState {
    CrateLid lid;
    CrateLid *spare;
    int items[4];
} CrateState;

int crate_open(CrateState *s, int way, Error **errp);
CrateLid *crate_lid(CrateState *s);
void crate_mark(CrateLid *lid);
void crate_count(int size);

static int crate_fill(CrateState *s, int way, Error **errp)
{
    int i, n;
    int ret = 0;
    CrateLid *lid = &s->lid;
    CrateLid *spare;
    bool empty;

    spare = crate_lid(s);
    if (!spare) {
        return -1;
    }
    if (spare == NULL)
        return -1;
    n = 3;
    s->items[0] = crate_open(s, n, errp);
    if (crate_open(s, way, errp) < 0) {
        goto out;
    }
    if ((ret = crate_open(s, 12, errp)) < 0) {
        goto out;
    } else {
        crate_mark(lid);
    }
    if (way == 1) {
        crate_mark(&s->lid);
    } else if (way == 2) {
        crate_count(s->lid.size);
    } else {
        g_free(s->lid.label);
    }
    if (way && ret) {
        if (s->spare) {
            crate_mark(s->spare);
        }
    }
    if (way > 3 || ret > 3) {
        error_setg(errp, "the crate is full");
        return -1;
    }
    for (i = 0; i < way; i++) {
        if (s->items[i]) {
            continue;
        }
        s->items[i] = 7;
    }
    while (ret) {
        ret -= 1;
    }
    switch (way) {
    case 0:
    case 1:
        crate_mark(lid);
        break;
    default:
        crate_count(8);
    }
    empty = way ? true : false;
    if (empty) {
        way = 1;
    } else {
        way = 2;
    }
    s->spare->size = 3;
    s->spare->size = 4;
    if (way)
        crate_count(way);
out:
    return ret;
}

static void crate_empty(CrateState *s)
{
    if (s->spare) {
        crate_mark(s->spare);
    }
}

static void crate_shut(CrateState *s)
{
    CrateLid *lid;
    int i;

    if (!s->spare) {
        return;
    }
    lid = crate_lid(s);
    for (i = 0; i < 4; i++) {
        s->items[i] = 0;
    }
    crate_mark(lid);
}

static int crate_lock(CrateState *s)
{
    if (s->items[0]) {
        return -1;
    }
    if (s->items[1]) {
        return -1;
    }
    if (s->items[2]) {
        s->items[3] = 0;
    }
    return 0;
}
"""

EXAMPLES = [
    ("turn-if", "if (!a) { f(); } else { g(); }", "if (a) { g(); } else { f(); }"),
    ("turn-compare", "if (a < 0) { f(); }", "if (0 > a) { f(); }"),
    ("status-bare", "int ret = f(); if (ret < 0) { f(); }", "int ret = f(); if (ret) { f(); }"),
    ("null-spelled", "if (!p) { f(); }", "if (p == NULL) { f(); }"),
    ("null-bare", "if (p != NULL) { f(); }", "if (p) { f(); }"),
    ("and-to-nested", "if (a && b) { f(); }", "if (a) { if (b) { f(); } }"),
    ("nested-to-and", "if (a) { if (b < 3) f(); }", "if (a && (b < 3)) f();"),
    ("or-to-ifs", "if (a || b) { return; }", "if (a) { return; } if (b) { return; }"),
    ("else-after-return", "if (a) { return; } f();", "if (a) { return; } else { f(); }"),
    ("guard-to-block", "if (a) { return; } f();", "if (!a) { f(); }"),
    ("block-to-guard", "if (a) { f(); }", "if (!a) { return; } f();"),
    ("split-declaration", "int x = f();", "int x; x = f();"),
    ("assign-in-condition", "a = f(); if (a < 0) { g(); }", "; if ((a = f()) < 0) { g(); }"),
    ("assign-before-condition", "if ((a = f()) < 0) { g(); }", "a = f(); if (a < 0) { g(); }"),
    ("ternary-to-if", "a = b ? 1 : 2;", "if (b) { a = 1; } else { a = 2; }"),
    ("while-to-for", "while (a) { f(); }", "for (; a;) { f(); }"),
    (
        "switch-to-ifs",
        "switch (a) { case 1: case 2: f(); break; default: g(); }",
        "if (a == 1 || a == 2) { f(); } else { g(); }",
    ),
    (
        "ifs-to-switch",
        "if (a == 1) { f(); } else if (a == 2) { g(); }",
        "switch (a) { case 1: f(); break; case 2: g(); break; default: break; }",
    ),
    ("goto-to-return", "if (a) { goto out; } f(); out: g();", "if (a) { g(); return; } f(); out: g();"),
    ("do-while-zero", "f();", "do { f(); } while (0);"),
    ("arrow-to-star", "s->x = 1;", "(*s).x = 1;"),
    ("compound-assign", "a |= b;", "a = a | b;"),
    ("call-temporary", "if (f() < 0) { g(); }", "int value_1 = f(); if (value_1 < 0) { g(); }"),
    ("fold-temporary", "int x = f(); if (x < 0) { g(); }", "; if (f() < 0) { g(); }"),
]


def bodies(data: bytes) -> list[Body]:
    declared = Declared(data.decode())
    return [Body(piece, data, declared) for piece in cut("a.c", data) if piece.kind == FUNCTION]


@pytest.mark.parametrize("name", rewrite_names())
def test_each_transformation_finds_a_place_and_its_result_parses(name: str) -> None:
    changes = [(body, change) for body in bodies(TEXT) for change in REWRITES[name](body)]
    assert changes
    for body, change in changes:
        text = applied(body, [change])
        assert text is not None, change
        assert text != body.text
    for body in bodies(TEXT):
        every = list(REWRITES[name](body))
        if every:
            assert applied(body, chosen(every, random.Random(1), False)) is not None


@pytest.mark.parametrize(("name", "before", "after"), EXAMPLES)
def test_what_a_transformation_makes(name: str, before: str, after: str) -> None:
    rewrite_names()
    head = "int f(void);\nvoid g(void);\nstatic void h(S *s, char *p, int a, int b)\n"
    text = f"{head}{{\n    {before}\n}}\n"
    (body,) = bodies(text.encode())
    change = next(REWRITES[name](body))
    new = applied(body, [change])
    assert new is not None
    assert " ".join(new[new.index("{") + 1 : -1].split()) == after


def test_what_a_helper_is_given() -> None:
    rewrite_names()
    text = b"static void h(S *s, int a)\n{\n    int b = 1;\n    a++;\n    g(s, b);\n}\n"
    (body,) = bodies(text)
    (change,) = REWRITES["extract-helper"](body)
    assert change.front == "static void h_part_1(S *s, int b)\n{\n    g(s, b);\n}\n\n"
    assert owner("h_part_1") == owner("h_call_2") == "h"


def said(rule: str, function: str, confidence: str = "high") -> Finding:
    return Finding(rule, Span("a.c", 0, 1), function, "message", "error", confidence, "0" * 16)


def test_what_counts_as_a_deviation() -> None:
    data = b"static void h(S *s, int a)\n{\n    g(s, a);\n}\n"
    now = [said("error-set-twice", "h_part_1"), said("leaked-error", "h"), said("stale-error", "h", "low")]
    then = [said("error-set-twice", "h"), said("unchecked-call", "h")]
    tally = Tally()
    subject = Subject("x/a.c", data, lambda text: then if text == data else now)
    run_subject(subject, ["extract-helper"], 1, 1, tally)
    assert [(one.kind, one.rule) for one in tally.losses] == [("other", "unchecked-call")]
    assert tally.kept == {("error-set-twice", "extract-helper"): 1, ("unchecked-call", "extract-helper"): 0}
    assert "+    h_part_1(s, a);" in tally.losses[0].diff()
    assert "100.00 %" in table(tally, load_rules())
    now[1:2] = [said("guest-abort", "h")]
    tally = Tally()
    run_subject(subject, ["extract-helper"], 1, 1, tally)
    told = [(one.kind, one.rule) for one in tally.losses]
    assert told == [("lost", "unchecked-call"), ("false", "guest-abort")]
    assert "50.00 %" in table(tally, load_rules())


# Of each family a fixture, all of whose deviations are known.
SAMPLE = [
    "error-set-twice/goto-cleanup.c",
    "error-set-twice/cleared-in-blocks.c",
    "dropped-error/forgiven-shapes.c",
    "failure-without-error/shapes.c",
    "guest-abort/exits.c",
    "phase-leak/class-in-steps.c",
    "missing-cleanup/files.c",
]


@pytest.mark.parametrize("name", SAMPLE)
def test_the_same_is_said_of_the_same_code_in_other_shapes(name: str) -> None:
    (subject,) = fixtures(name)
    assert subject.said
    tally = Tally()
    run_subject(subject, rewrite_names(), 1, 20261127, tally)
    assert tally.variants > 10
    wanting = [one for one in tally.losses if one.kind != "other" and justified(one) is None]
    told = [f"{one.kind}: {one.rule} ({one.rewrite}) {one.place}\n{one.diff()}" for one in wanting]
    assert not told, "\n".join(told)


def test_the_table_of_deviations_names_rules_and_transformations() -> None:
    known = {rule.id for rule in load_rules()} | {"*"}
    for row in justified_rows():
        assert set(row) == {"rewrites", "rules", "kinds", "reason"}
        assert set(row["rewrites"]) <= set(rewrite_names())
        assert set(row["rules"]) <= known
        assert set(row["kinds"]) <= {"lost", "false"}
