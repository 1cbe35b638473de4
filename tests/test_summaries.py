# SPDX-License-Identifier: GPL-2.0-or-later
"""What a body tells its callers: outcomes, consumed parameters, Errors kept; and the effects made of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qerrlint.domain.effects import NO_EFFECT, NORETURN, Effect
from qerrlint.ir.code import ANY, NEG, POS, ZERO
from qerrlint.model.program import Program
from qerrlint.model.summary import Summary, join
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

PROTOTYPES = """
typedef enum { PEG_IN, PEG_OUT } PegPlace;
int peg_open(Peg *p, Error **errp);
bool peg_check(Peg *p, Error **errp);
void peg_keep(Peg *p, Error *err);
G_NORETURN void peg_stop(Peg *p);
"""


def unit_of(text: str, reach: str = "patch", **more: str) -> TranslationUnit:
    files = {"a.c": PROTOTYPES + text, **{name.replace("__", "/"): data for name, data in more.items()}}
    source = OverlaySource(EmptySource(), {name: data.encode() for name, data in files.items()})
    unit = Program(source, reach).unit("a.c")
    assert unit is not None
    return unit


def summary_of(head: str, body: str) -> Summary:
    summary = unit_of(f"static {head}\n{{\n{body}\n}}\n").interpretation.summary("peg")
    assert summary is not None
    return summary


def ways(head: str, body: str) -> set[str]:
    """Each outcome as "signs error": "-0 set"; then the constant, and ~ (tolerant) or ! (unset)."""
    found = set()
    for one in summary_of(head, body).outcomes:
        signs = "".join(mark for mark, bit in (("-", NEG), ("0", ZERO), ("+", POS)) if one.signs & bit)
        words = [signs, {True: "set", False: "null", None: "any"}[one.sets], one.value]
        found.add(" ".join(filter(None, words)) + "~" * one.tolerant + "!" * one.unset)
    return found


INT = "int peg(Peg *p, int n, Error **errp)"
BOOL = "bool peg(Peg *p, int n, Error **errp)"
VOID = "void peg(Peg *p, Error **errp)"
PLACE = "PegPlace peg(Peg *p, int n, Error **errp)"
POINTER = "Peg *peg(Peg *p, int n, Error **errp)"
SETS = 'error_setg(errp, "x");'


@pytest.mark.parametrize(
    ("head", "body", "wanted"),
    [
        (INT, f"if (n) {{ {SETS} return -1; }} return 0;", {"- set", "0 null"}),
        (INT, f"{SETS} return n;", {"- set"}),
        (INT, f"if (n) {{ {SETS} }} return n;", {"- set", "0 null"}),
        # A failure without an Error is the callee's own defect.
        (INT, f"if (n) {{ {SETS} return -1; }} return -2;", {"- set", "- any!"}),
        (INT, "return -EAGAIN;", {"- any -EAGAIN!"}),
        # So is a success with one.
        (INT, f"{SETS} return 0;", {"0 any!"}),
        (BOOL, f"{SETS} return false;", {"0 set"}),
        # True where it sets, and only there: the result is turned round.
        (BOOL, f"if (n) {{ {SETS} return true; }} return false;", {"+ set", "0 null"}),
        (BOOL, f"if (n) {{ {SETS} return true; }} return true;", {"+ set", "+ null"}),
        (POINTER, f"if (n) {{ {SETS} return NULL; }} return p;", {"0 set NULL", "+ null"}),
        (VOID, SETS, {"-0+ set"}),
        (VOID, "", {"-0+ null"}),
        # An enumerator says more than a sign.
        (PLACE, f"if (n) {{ {SETS} return PEG_OUT; }} return PEG_IN;", {"+ set PEG_OUT", "0 null PEG_IN"}),
        (INT, "return peg_open(p, errp);", {"- set", "0+ null"}),
        # Of a callee that nothing declares neither the result nor the Error is known.
        (INT, "peg_unknown(p, errp); return n;", {"-0+ any"}),
    ],
)
def test_ways_of_returning(head: str, body: str, wanted: set[str]) -> None:
    assert ways(head, body) == wanted


def test_a_propagated_error_is_tolerant() -> None:
    found = ways(VOID, "Error *err = NULL; peg_open(p, &err); error_propagate(errp, err);")
    assert found == {"-0+ set~", "-0+ null"}


@pytest.mark.parametrize(
    ("head", "body", "wanted"),
    [
        ("void peg(Peg *p, Error *err)", "error_free(err);", 1),
        ("void peg(Error *one, Error *two)", "error_free(two);", 1),
        ("void peg(Error *one, Error *two)", "error_free(two); error_free(one);", 0),
        ("void peg(Peg *p, Error *err)", "if (p->bad) { error_free(err); }", 1),
        ("void peg(Peg *p, Error *err)", "peg_keep(p, err);", None),
        # A read or an assignment is no consumer, and neither is one of another pointer.
        ("void peg(Peg *p, Error *err)", "if (err) { p->bad = 1; }", None),
        ("void peg(Peg *p, Error *err)", "Error *own = NULL; peg_open(p, &own); error_free(own);", None),
        ("void peg(Peg *p)", "Error *err = NULL; peg_open(p, &err); error_free(err);", None),
    ],
)  # fmt: skip
def test_which_parameter_is_consumed(head: str, body: str, wanted: int | None) -> None:
    assert summary_of(head, body).consumes == wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("error_report_err(*errp); *errp = NULL;", True),
        ("*errp = NULL;", False),
        ("if (*errp) { error_report_err(*errp); *errp = NULL; }", True),
        ("if (*errp) { error_report_err(*errp); *errp = p->err; }", False),
        ('error_free(*errp); *errp = NULL; error_setg(errp, "x");', False),
    ],
)
def test_a_function_that_takes_what_errp_points_to(body: str, wanted: bool) -> None:
    assert summary_of("void peg(Peg *p, Error **errp)", body).clears is wanted


def test_a_type_that_nothing_declares_fails_as_it_does_with_an_error() -> None:
    """Where each failure is negative a return without an Error is none."""
    body = 'if (p->bad) { error_setg(errp, "bad"); return -1; } return peg_other(p);'
    found = {one.sets: one.signs for one in summary_of("peg_code peg(Peg *p, Error **errp)", body).outcomes}
    assert found == {True: NEG, False: ZERO | POS}


def test_errors_that_stay_in_the_body() -> None:
    kept = summary_of(
        "int peg(Peg *p)", "Error *err = NULL; int r = peg_open(p, &err); error_report_err(err); return r;"
    )
    assert [(s.setter, s.printer, s.how) for s in kept.swallows] == [
        ("peg_open", "error_report_err", "report")
    ]
    freed = summary_of(
        "int peg(Peg *p)", "Error *err = NULL; int r = peg_open(p, &err); error_free(err); return r;"
    )
    assert [s.how for s in freed.swallows] == ["free"]
    below = unit_of(
        "static void peg_drop(Error *err)\n{\n    error_free(err);\n}\n"
        "static int peg(Peg *p)\n{\n    Error *err = NULL;\n    int r = peg_open(p, &err);\n\n"
        "    peg_drop(err);\n    return r;\n}\n"
    ).interpretation.summary("peg")
    assert below is not None
    assert [(s.printer, s.how) for s in below.swallows] == [("peg_drop", "body")]
    own = summary_of("void peg(Peg *p)", 'Error *err = NULL; error_setg(&err, "x"); error_report_err(err);')
    assert [(s.setter, s.how) for s in own.swallows] == [("error_setg", "report")]
    # With an out-error of its own a function may choose what it passes on.
    body = "Error *err = NULL; int r = peg_open(p, &err); error_report_err(err); return r;"
    assert summary_of("int peg(Peg *p, Error **errp)", body).swallows == ()
    passed = "Error *err = NULL; int r = peg_open(p, &err); error_propagate(p->errp, err); return r;"
    assert summary_of("int peg(Peg *p)", passed).swallows == ()
    handed = passed.replace("error_propagate(p->errp", "migrate_error_propagate(p->migration")
    assert summary_of("int peg(Peg *p)", handed).swallows == ()


@pytest.mark.parametrize(
    ("head", "body", "fails", "noreturn"),
    [
        (INT, f"{SETS} return -1;", True, False),
        (INT, "return 0;", False, False),
        (INT, "return n;", False, False),
        ("int peg(Peg *p)", "return -1;", True, False),
        (BOOL, "return true;", False, False),
        ("void peg(Peg *p)", "peg_stop(p);", False, True),
        ("void peg(Peg *p)", "if (p) { peg_stop(p); }", False, False),
        ("void peg(Peg *p)", "for (;;) { peg_check(p, NULL); }", False, True),
    ],
)  # fmt: skip
def test_failure_and_return(head: str, body: str, fails: bool, noreturn: bool) -> None:
    summary = summary_of(head, body)
    assert (summary.fails, summary.noreturn, summary.complete) == (fails, noreturn, True)


# -- what a call makes of it --------------------------------------------------------------------------


def effect_of(call: str, text: str = "", reach: str = "patch", **more: str) -> Effect:
    head = "static void user(Peg *p, Error **errp)"
    unit = unit_of(f"{text}\n{head}\n{{\n    Error *err = NULL;\n    {call};\n}}\n", reach, **more)
    function = unit.lowered("user")
    assert function is not None
    return unit.effect(function.calls[-1])


def test_effects_by_evidence() -> None:
    assert effect_of("peg_stop(p)") == NORETURN
    assert effect_of("exit(1)") == NORETURN
    assert effect_of("abort()") == NORETURN
    assert effect_of("peg_open(p, errp)").evidence == "signature"
    assert effect_of("own(err)", "static void own(Error *e) { error_report_err(e); abort(); }") == NORETURN
    assert effect_of("own(p)", "static void own(Peg *p) { }") == NO_EFFECT
    # What ends the process on some path only is as any other function that has no Error.
    assert effect_of("own(p)", "static void own(Peg *p) { if (p) { exit(1); } }") == NO_EFFECT
    assert effect_of("own(p)", "static void own(Peg *p) { exit(1); }") == NORETURN
    kept = "static void own(Peg *p, Error *err) { error_free(err); }"
    assert (effect_of("own(p, err)", kept).consumes, effect_of("own(p, err)", kept).evidence) == (1, "body")
    printed = "static void own(Peg *p) { Error *e = NULL; peg_open(p, &e); error_report_err(e); }"
    assert effect_of("own(p)", printed) == Effect(evidence="body")


def test_a_body_that_clears() -> None:
    text = "static void own(Peg *p, Error **errp) { error_report_err(*errp); *errp = NULL; }"
    found = effect_of("own(p, &err)", text)
    assert (found.clears, found.how, found.evidence, found.errp) == (1, "body", "body", None)


def test_what_a_body_does_not_decide_the_convention_does() -> None:
    stored = "static int own(Peg *p, Error **errp) { p->errp = errp; return 0; }"
    found = effect_of("own(p, errp)", stored)
    assert (found.evidence, found.errp, found.kind) == ("signature", 1, "int")
    assert {(o.signs, o.sets) for o in found.outcomes} == {(NEG, True), (ZERO | POS, False)}


@pytest.mark.parametrize(
    ("call", "errp"),
    [
        ("unknown(p, errp)", 1),
        ("unknown(p, &err)", 1),
        ("unknown(&local_err)", 0),
        ("unknown(p, &error_fatal)", 1),
        ("unknown(errp, p)", None),
        ("unknown(p, err)", None),
        ("unknown(p, &other)", None),
        ("unknown()", None),
    ],
)
def test_an_undeclared_callee_goes_by_its_last_argument(call: str, errp: int | None) -> None:
    found = effect_of(call)
    assert found.errp == errp
    if errp is None:
        assert found == NO_EFFECT
    else:
        assert found.evidence == "guess"
        assert [(o.signs, o.sets) for o in found.outcomes] == [(ANY, None)]


@pytest.mark.parametrize(
    ("macro", "errp"),
    [
        ('#define FAULT(e, text) error_setg(e, "fault: " text)', 0),
        ('#define FAULT(text, e) error_setg((e), text)', 1),
        ('#define FAULT(text, e) error_setg_errno(e, errno, text)', 1),
        ('#define FAULT(e, text) error_setg(errp, text)', None),
        ("#define FAULT(e, text) printf(text)", None),
        ("#define FAULT error_setg", None),
    ],
)  # fmt: skip
def test_a_macro_around_error_setg(macro: str, errp: int | None) -> None:
    found = effect_of("FAULT(errp, p)", macro + "\n")
    assert (found.errp if found.evidence == "setter" else None) == errp


LISTS = "GSList *peg_rows(Peg *p, Error **errp);\nPeg *peg_row(Peg *p, Error **errp);\n"


def test_an_empty_list_is_no_failure() -> None:
    found = effect_of("peg_rows(p, errp)", LISTS)
    assert {(o.signs, o.sets) for o in found.outcomes} == {(ZERO, True), (ZERO, False), (POS, False)}
    row = effect_of("peg_row(p, errp)", LISTS)
    assert {(o.signs, o.sets) for o in row.outcomes} == {(ZERO, True), (POS, False)}


@pytest.mark.parametrize(("member", "empty"), [("next", True), ("parent", False)])
def test_a_struct_that_has_the_next_of_its_kind_is_a_list(member: str, empty: bool) -> None:
    text = f"struct RowList {{ Peg *value; struct RowList *{member}; }};\n"
    found = effect_of("peg_rows(p, errp)", text + "struct RowList *peg_rows(Peg *p, Error **errp);\n")
    assert ((ZERO, False) in {(o.signs, o.sets) for o in found.outcomes}) is empty


def test_a_call_that_lacks_the_gerror_of_its_callee_sets_none() -> None:
    text = "bool peg_read(Peg *p, char **text, GError **error);\n"
    assert effect_of("peg_read(p, &text)", text).errp is None


def test_a_visitor_frees_what_it_made() -> None:
    text = "bool visit_type_Peg(Visitor *v, const char *name, Peg **obj, Error **errp);\n"
    assert effect_of('visit_type_Peg(v, "x", &p, errp)', text).makes == 2
    text = "bool visit_type_int(Visitor *v, const char *name, int64_t *obj, Error **errp);\n"
    assert effect_of('visit_type_int(v, "x", &n, errp)', text).makes is None


# -- functions of other files -------------------------------------------------------------------------

OTHER = """
int peg_silent(Peg *p, Error **errp) { return 0; }
int peg_loud(Peg *p, Error **errp) { error_setg(errp, "x"); return -1; }
void peg_end(Peg *p, Error **errp) { error_setg(errp, "x"); abort(); }
int peg_plain(Peg *p) { return 0; }
"""
HEADER = """
int peg_silent(Peg *p, Error **errp);
int peg_loud(Peg *p, Error **errp);
void peg_end(Peg *p, Error **errp);
int peg_plain(Peg *p);
"""


@pytest.mark.parametrize(
    ("reach", "name", "known"),
    [
        ("tree", "peg_silent", True),
        ("tree", "peg_end", True),
        # What sets an Error the convention tells better than a body seen in part.
        ("tree", "peg_loud", False),
        ("tree", "peg_plain", False),
        ("tree", "peg_none", False),
        ("headers", "peg_silent", False),
    ],
)
def test_a_body_in_another_file(reach: str, name: str, known: bool) -> None:
    unit = unit_of('#include "b.h"\n', reach, **{"b.c": '#include "b.h"\n' + OTHER, "b.h": HEADER})
    for _ in range(2):
        assert (unit.program.summary(name) is not None) is known


def test_files_at_hand_show_their_bodies() -> None:
    files = {"a.c": PROTOTYPES + "\nstatic int own(Peg *p) { return 0; }\n", "b.c": OTHER}
    source = OverlaySource(EmptySource(), {name: data.encode() for name, data in files.items()})
    program = Program(source, "headers", at_hand=("a.c", "b.c", "none.c"))
    loud = program.summary("peg_loud")
    assert loud is not None
    assert loud.may_set
    assert program.summary("own") is None
    assert len(program.bodies("peg_loud")) == 1
    assert program.bodies("own") == program.bodies("none") == ()


def test_a_file_at_hand_goes_before_the_tree() -> None:
    """What the tree shows of other files leaves out what sets an Error."""
    files = {"a.c": PROTOTYPES, "b.c": HEADER + OTHER}
    source = OverlaySource(EmptySource(), {name: data.encode() for name, data in files.items()})
    for reach in ("headers", "tree"):
        loud = Program(source, reach, at_hand=("b.c",)).summary("peg_loud")
        assert loud is not None
        assert loud.may_set
    assert Program(source, "tree").summary("peg_loud") is None


def test_either_of_two_bodies_may_fail() -> None:
    other = Summary((), consumes=None, noreturn=False, swallows=(), fails=False, complete=True)
    fails = replace(other, fails=True)
    assert join(fails, other).fails
    assert join(other, fails).fails
    assert not join(other, other).fails


def test_a_callee_that_returns_what_it_was_handed_sets_an_error_then() -> None:
    text = "int qapi_enum_parse(const Lookup *l, const char *text, int def, Error **errp);"
    effect = effect_of("qapi_enum_parse(l, text, -1, errp)", text)
    assert (effect.returns, {(one.signs, one.sets) for one in effect.outcomes}) == (
        2,
        {(ZERO | POS, False), (ANY, True)},
    )


@pytest.mark.parametrize(
    ("arguments", "nothing"), [("p, false, errp", False), ("p, true, errp", True), ("p", False)]
)
def test_null_is_an_answer_where_the_caller_says_so(arguments: str, nothing: bool) -> None:
    text = "Peg *peg_find(Peg *p, bool allow_none, Error **errp);"
    outcomes = effect_of(f"peg_find({arguments})", text).outcomes
    assert any(one.signs & ZERO and not one.sets for one in outcomes) == nothing


def test_a_visitor_without_a_name_takes_nothing_back() -> None:
    text = "bool visit_type_Peg(Visitor *v, Peg **p, Error **errp);"
    assert effect_of("visit_type_Peg(v, &p, errp)", text).makes is None


def test_a_call_outside_of_all_functions_has_no_variables() -> None:
    unit = unit_of("int peg(Peg *p)\n{\n    return peg_open(p, NULL);\n}\n")
    function = unit.lowered("peg")
    assert function is not None
    (call,) = function.calls
    assert unit.interpretation.variables(call) == {"p": "Peg *"}
    assert unit.interpretation.variables(replace(call, span=replace(call.span, start=0))) == {}


def test_calls_of_one_function_share_its_effect() -> None:
    unit = unit_of("void peg(Peg *p)\n{\n    peg_open(p, NULL);\n    peg_open(p, NULL);\n}\n")
    function = unit.lowered("peg")
    assert function is not None
    one, other = function.calls
    assert unit.effect(one) is unit.effect(other)
