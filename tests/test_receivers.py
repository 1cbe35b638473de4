# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls through a pointer get the function type that the declared types on the way to it give."""

from __future__ import annotations

import pytest

from qerrlint.domain.effects import NO_EFFECT
from qerrlint.ir.code import Call
from qerrlint.model.program import Program
from qerrlint.model.receivers import Receivers, _split
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

HEADER = b"""
typedef struct Mill Mill;
typedef int MillStop(Mill *m, int how, Error **errp);
typedef bool (*MillTurn)(Mill *m, Error **errp);

struct Sail {
    void (*start)(struct Sail *s);
};

typedef struct MillClass {
    bool (*start)(Mill *m, Error **errp);
    MillStop *stop;
    MillTurn turn;
    void (*hooks[4])(Mill *m, Error **errp);
} MillClass;

typedef MillClass MillKind;
typedef MillClass *MillRef;

struct Mill {
    const MillClass *klass;
    struct Sail *sail;
    struct Sail sails[4];
    const MillClass *kinds[2];
    struct Sail grid[2][3];
    struct {
        MillClass inner;
    };
};

#define MILL_GET_CLASS(obj) OBJECT_GET_CLASS(MillClass, (obj), "mill")
OBJECT_DECLARE_TYPE(Wheel, WheelClass, WHEEL)
struct WheelClass {
    int (*start)(Wheel *w, int speed, Error **errp);
};
extern const MillClass mill_common;
Mill *mill_find(int number);
"""
SOURCE = b"""
#include "mill.h"

static MillClass *mill_parent;
static const MillClass mill_table[] = { { 0 } };
static int (*const mill_makers[MILL__MAX])(
    const char *name,
    Error **errp) = { 0 };

static void mill_use(Mill *m, MillKind *kind, struct Sail **all, MillTurn turn, void *opaque, MillRef ref,
                     int (*given)(Mill *m, Error **errp), Error **errp)
{
    MillClass *mc = m->klass;
    const MillClass **list = m->kinds;
    MillStop *stop = mc->stop;
    int i = 0;

    CALL;
}
"""
BOOL, VOID, STOP = (1, "bool", 2), (1, "void", 2), (2, "int", 3)
SAIL, WHEEL = (None, "void", 1), (2, "int", 3)


def unit_of(call: str) -> TranslationUnit:
    files = {"mill.h": HEADER, "mill.c": SOURCE.replace(b"CALL", call.encode())}
    unit = Program(OverlaySource(EmptySource(), files)).unit("mill.c")
    assert unit is not None
    return unit


def called(call: str) -> tuple[TranslationUnit, Call]:
    unit = unit_of(call)
    function = unit.lowered("mill_use")
    assert function is not None
    return unit, function.calls[-1]


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("mc->start", BOOL),
        ("m->klass->start", BOOL),
        ("m->sail->start", SAIL),
        ("m->sails[i].start", SAIL),
        ("m->sails->start", SAIL),
        ("m->kinds[1]->start", BOOL),
        ("m->grid[1][i].start", SAIL),
        ("list[i]->start", BOOL),
        ("(*list)->start", BOOL),
        ("(*mc).start", BOOL),
        ("(&mill_common)->start", BOOL),
        ("mill_common.start", BOOL),
        ("mill_parent->start", BOOL),
        ("mill_table[i].start", BOOL),
        ("(*all)->start", SAIL),
        ("all[0]->start", SAIL),
        ("kind->start", BOOL),
        ("ref->start", BOOL),
        ("(*ref).start", BOOL),
        ("m->inner.start", BOOL),
        ("mc->stop", STOP),
        ("(*mc->stop)", STOP),
        ("mc->turn", BOOL),
        ("mc->hooks[i]", VOID),
        ("MILL_GET_CLASS(m)->start", BOOL),
        ("WHEEL_GET_CLASS(opaque)->start", WHEEL),
        ("WHEEL_CLASS(opaque)->start", WHEEL),
        ("((MillClass *)opaque)->start", BOOL),
        ("((const struct Sail *)opaque)->start", SAIL),
        ("mill_find(i)->klass->start", BOOL),
        ("mill_find(mill_number(i, 2))->sail->start", SAIL),
        ("container_of(opaque, MillClass, turn)->start", BOOL),
        ("mill_makers[i]", (1, "int", 2)),
        ("turn", BOOL),
        ("(*turn)", BOOL),
        ("given", (1, "int", 2)),
        ("stop", STOP),
    ],
)
def test_a_pointer_is_resolved_by_the_types_on_the_way(
    expression: str, wanted: tuple[int | None, str, int]
) -> None:
    unit, call = called(f"{expression}(m, errp)")
    signature = unit.interpretation.effects.signature(call)
    assert signature is not None
    assert (signature.errp, signature.returns, len(signature.params)) == wanted


@pytest.mark.parametrize(
    "expression",
    ["unknown->start", "m->absent->start", "opaque->start", "mill_absent(m)->start", "((Absent *)m)->start"],
)
def test_what_cannot_be_told_goes_by_the_name_and_three_structs_differ(expression: str) -> None:
    unit, call = called(f"{expression}(m, errp)")
    assert unit.interpretation.effects.signature(call) is None
    assert unit.effect(call).evidence == "guess"


def test_a_call_that_lacks_the_error_of_its_type_sets_none() -> None:
    unit, call = called("mc->start(m)")
    signature = unit.interpretation.effects.signature(call)
    assert signature is not None
    assert signature.errp == 1
    assert unit.effect(call) == NO_EFFECT


def test_a_name_that_all_structs_agree_on_needs_no_type() -> None:
    unit, call = called("unknown->turn(m, errp)")
    signature = unit.interpretation.effects.signature(call)
    assert signature is not None
    assert signature.errp == 1


def test_a_parameter_hides_a_function_of_its_name() -> None:
    data = (
        b"static void given(Mill *m) { }\n\n"
        b"static void mill_use(int (*given)(Mill *m, Error **errp), Error **errp)\n"
        b"{\n    given(0, errp);\n}\n"
    )
    unit = Program(OverlaySource(EmptySource(), {"mill.c": data})).unit("mill.c")
    assert unit is not None
    call = unit.lowered("mill_use").calls[0]  # type: ignore[union-attr]
    assert unit.effect(call).errp == 1
    assert unit.interpretation.callees(unit.functions["mill_use"]) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a->b", ("a", "->b")),
        ("a.b->c", ("a.b", "->c")),
        ("a[i->j]", ("a", "[i->j]")),
        ("f(x,g(y))->m", ("f(x,g(y))", "->m")),
        ("f(x,g(y))", ("f", "(x,g(y))")),
        ("a", ("a", "")),
        ("a)", ("a)", "")),
        ("[a)", ("[a)", "")),
    ],
)
def test_an_expression_is_split_at_its_last_part(text: str, parts: tuple[str, str]) -> None:
    assert _split(text) == parts


@pytest.mark.parametrize(
    "text", ["*" * 60 + "m", "(" * 60 + "m" + ")" * 60, "m" + "[0]" * 60, "]", "->x", ".x", "()"]
)
def test_odd_expressions_end(text: str) -> None:
    unit, call = called("mc->start(m, errp)")
    receivers = unit.interpretation.effects._receivers
    assert receivers.signature(text, unit.interpretation.variables(call)) is None


@pytest.mark.parametrize(
    ("of", "wanted"),
    [
        ("MillRef", "MillClass"),
        ("const MillRef", "MillClass"),
        ("MillClass **", "MillClass *"),
        ("MillClass *[4]", "MillClass *"),
        ("MillKind", ""),
        ("int", ""),
        ("", ""),
    ],
)
def test_what_a_pointer_points_to(of: str, wanted: str) -> None:
    unit = unit_of("mill_find(i)")
    assert Receivers(unit.program.environment, unit.path, unit.data)._pointee(of) == wanted
