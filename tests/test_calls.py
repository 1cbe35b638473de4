# SPDX-License-Identifier: GPL-2.0-or-later
"""What calls and assignments make of a state and tell the recorder, in the shapes beside those of
test_transfer."""

from __future__ import annotations

import pytest
from test_transfer import ERR, HEAD, Small

from qerrlint.absint.trace import places
from qerrlint.ir.code import ANY, NEG, POS, ZERO

NO_ERRP = "static int peg(Peg *p, int n)"
SET = ERR + 'error_setg(&err, "x"); '
OWN = 'error_setg(errp, "x"); '


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        # The function works on where a call may have set errp, and nobody has asked.
        ("peg_set(p, errp); peg_start(p); return 0;", {"unchecked *errp"}),
        ("peg_set(p, errp); trace_peg(p); return 0;", set()),
        ("peg_set(p, errp); peg_unlock(p); return 0;", set()),
        ("peg_set(p, errp); int r = peg_count(p); return r;", set()),
        ("peg_set(p, errp); p->x = 3; return 0;", {"unchecked *errp"}),
        ("peg_set(p, errp); p->x = 0; return 0;", set()),
        ("peg_set(p, errp); p->x = n; return 0;", {"unchecked *errp"}),
        ("peg_set(p, errp); n = 3; return 0;", set()),
        ("peg_set(p, errp); n = p->a ? 3 : 4; return 0;", set()),
        ("peg_set(p, errp); global = 3; return 0;", {"unchecked *errp"}),
        ("Peg q; peg_set(p, errp); q.x = 3; return 0;", set()),
        ("Peg *q; peg_set(p, errp); *q = 3; return 0;", {"unchecked *errp"}),
        ("int r = peg_open(p, errp); if (r < 0) { return r; } peg_start(p); return 0;", set()),
        ("int r = peg_open(p, errp); peg_start(p); return r;", {"unchecked *errp"}),
        (ERR + "peg_set(p, &err); peg_start(p); error_free(err); return 0;", set()),
        # A result that is dropped and is all that would have told.
        ("peg_open(p, NULL); return 0;", {"dropped-result peg_open"}),
        ("peg_plain(p); return 0;", {"dropped-result peg_plain"}),
        ("peg_count(p); return 0;", set()),
        ("peg_open(p, &error_fatal); return 0;", set()),
        ("int r = peg_open(p, NULL); return r;", set()),
        (OWN + "peg_open(p, NULL); return -1;", set()),
        # Work behind an error_setg() of the function itself.
        (OWN + "int r = peg_count(p); return r;", {"goes-on peg_count"}),
        (OWN + "trace_peg(p); peg_start(p); return 0;", {"goes-on peg_start"}),
        (OWN + "trace_peg(peg_count(p)); return 0;", set()),
        (OWN + "peg_start(peg_count(p)); return 0;", {"goes-on peg_count"}),
        (SET + "peg_start(p); error_free(err); return 0;", set()),
        (OWN + "return peg_open(p, errp);", {"set-again *errp"}),
        # Strings that are freed.
        ('g_free(n); error_report("%s", n); return 0;', {"freed-argument n"}),
        ("g_free(n); peg_count(n); return 0;", set()),
        ('g_free(n); peg_store(&n); error_setg(errp, "%s", n); return 0;', set()),
        ('g_free(n); n = p; error_setg(errp, "%s", n); return 0;', set()),
        ('g_free(p->n); error_setg(errp, "%s", p->n); return 0;', {"freed-argument p->n"}),
        ('g_free(p->n); error_setg(errp, "%s", p->m); return 0;', set()),
        ('error_setg(errp, "%s", n); g_free(n); return 0;', set()),
        # Memory that outlives the function: a variable of another file, and what a typedef points to.
        ("peg_set(p, errp); elsewhere.x = 3; return 0;", {"unchecked *errp"}),
        ("PegPointer q = p; peg_set(p, errp); *q = 3; return 0;", {"unchecked *errp"}),
        # An errno that is negative.
        ('int r = -5; error_setg_file_open(errp, r, "x"); return 0;', {"negative-errno r"}),
        ('int r = 5; error_setg_file_open(errp, r, "x"); return 0;', set()),
        ("int r = -5; f(g_strerror(r)); return 0;", {"negative-errno r"}),
        ("int r = -5; f(strerror(-r)); return 0;", set()),
        ("f(strerror(n)); return 0;", set()),
    ],
)
def test_what_calls_tell_the_recorder(body: str, wanted: set[str]) -> None:
    told = {one for one in Small(body).occurrences() if not one.startswith(("consumed", "left-set"))}
    assert told == wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        # An Error that another value takes the place of.
        (SET + "err = NULL; return 0;", {"overwritten err"}),
        (SET + "err = p->err; return 0;", {"overwritten err"}),
        (SET + "err = err; error_free(err); return 0;", {"consumed err"}),
        (SET + "error_free(err); err = NULL; return 0;", {"consumed err"}),
        (ERR + "err = NULL; return 0;", set()),
        ("Error *err = p->err; err = NULL; return 0;", set()),
        # What a variable of another type holds is none of the function's Errors.
        (SET + "void *q = err; q = NULL; return 0;", set()),
        ('error_setg(&p->err, "x"); p->err = NULL; return 0;', set()),
        # A declaration in a loop: the variable loses what it had in the round before.
        ('while (n) { Error *err; error_setg(&err, "x"); } return 0;', {"overwritten err", "uninit err"}),
        # What is left at a return.
        (SET + "return 0;", {"left-set err"}),
        (SET + "p->err = err; return 0;", set()),
        (SET + "return err;", set()),
        ('g_autoptr(Error) err = NULL; error_setg(&err, "x"); return 0;', set()),
        (SET + "error_free(err); return 0;", {"consumed err"}),
        ('error_setg(&p->err, "x"); return 0;', set()),
        # Consumers.
        (SET + "error_free_or_abort(&err); return 0;", {"consumed err"}),
        (SET + "error_report_err(err); error_report_err(err); return 0;", {"consumed err", "gone-used err"}),
        (ERR + "warn_report_err(err); return 0;", {"consumed err", "null-reported err"}),
        (ERR + "error_propagate(errp, err); return 0;", {"consumed err", "null-propagated err"}),
        (SET + "error_propagate(NULL, err); return 0;", {"consumed err"}),
        (
            ERR + "Error *e2 = NULL; peg_set(p, &e2); error_propagate(errp, e2); error_propagate(errp, err);"
            " return 0;",
            {"consumed err", "consumed e2", "null-propagated e2", "null-propagated err"},
        ),
        (SET + "f(error_get_pretty(err)); return 0;", {"left-set err"}),
        (SET + "error_free(err); f(error_get_pretty(err)); return 0;", {"consumed err", "gone-used err"}),
        ("Error *err; error_free(err); return 0;", {"consumed err", "uninit err"}),
        # Calls that lack the argument that the callee takes.
        (SET + "error_free(); error_free(err); return 0;", {"consumed err"}),
        (SET + "error_propagate(errp); error_free(err); return 0;", {"consumed err"}),
        (SET + "error_free(err); peg_keep(p, err); return 0;", {"consumed err", "gone-used err"}),
        (SET + 'error_free(err); error_prepend(&err, "x"); return 0;', {"consumed err", "gone-used err"}),
    ],
)
def test_errors_that_are_lost_left_and_consumed(body: str, wanted: set[str]) -> None:
    assert Small(body, NO_ERRP.replace("int n", "int n, Error **errp")).occurrences() == wanted


@pytest.mark.parametrize(
    ("body", "path", "wanted"),
    [
        ("Error *err = error_copy(p->e);", "err", ["set"]),
        ("Error *err = peg_count(p);", "err", ["maybe"]),
        (SET + "error_free_or_abort(&err);", "err", ["null"]),
        (SET + "error_get_class(err);", "err", ["set"]),
        (SET + "peg_keep(p, err);", "err", ["maybe"]),
        (SET + "peg_keep(p, p);", "err", ["set"]),
        (SET + "peg_store(err->msg);", "err", ["set"]),
        (SET + "Error **to = &err; peg_store(to);", "err", ["maybe"]),
        (SET + 'Error **to = &err; error_prepend(to, "x");', "err", ["set"]),
        (ERR + "Error **to = NULL; to = &err; peg_set(p, to);", "err", ["null~", "set~"]),
        (ERR + "Error **to = &err; to = NULL; peg_set(p, to);", "err", ["null"]),
        (ERR + "Error **to = &err; Error **two = to; peg_set(p, two);", "err", ["null~", "set~"]),
        (ERR + "peg_set(p, &error_warn);", "err", ["null"]),
        (ERR + "peg_open(p, &error_abort);", "err", ["null"]),
        (ERR + "peg_set(p, &err); peg_set(p, &err);", "err", ["null~", "set~", "set~"]),
        (ERR + "peg_fwd(p, &err); peg_fwd(p, &err);", "err", ["null~", "set~+", "set~+", "set~+"]),
        ("Error *err; error_setg(&err, NULL);", "err", ["set"]),
        ("Error *err = NULL; Error *err;", "err", ["uninit"]),
        # A pointer to an Error of which no declaration tells.
        ('error_setg(&p->err, "x"); Error **to = &p->err; error_free_or_abort(to);', "p->err", ["null"]),
        ('error_setg(&p->err, "x"); Error **to = &p->name; error_free_or_abort(to);', "p->err", ["set"]),
        # An object that is overwritten, with all its bytes or with others.
        ('error_setg(&s.err, "x"); s = (S){0};', "s.err", ["none"]),
        ('error_setg(&s.err, "x"); s = t;', "s.err", ["none"]),
        ('error_setg(&s.err, "x"); t = s;', "s.err", ["set"]),
        ('error_setg(&p->err, "x"); p->errno = 1;', "p->err", ["set"]),
    ],
)
def test_what_becomes_of_errors(body: str, path: str, wanted: list[str]) -> None:
    assert Small(body).errors(path) == wanted


@pytest.mark.parametrize(
    ("status", "wanted"),
    [("int r = 0;", ["null"]), ("int r = -1;", ["null", "set~"]), ("int r = n;", ["null", "set~"])],
)
def test_of_a_status_that_is_0_no_error_is_made(status: str, wanted: list[str]) -> None:
    head = "void peg_set_error(int r, Error **errp);\nvoid peg_set_mode(int r, Error **errp);\n" + HEAD
    assert Small(status + " peg_set_error(r, errp);", head).errors("*errp") == wanted
    assert Small(status + " peg_set_mode(r, errp);", head).errors("*errp") == ["null", "set~"]


@pytest.mark.parametrize(
    ("body", "value", "wanted"),
    [
        ("int r = peg_open(p, &error_warn);", "r", [ANY]),
        ("bool r = peg_check(p, &error_fatal);", "r", [POS]),
        ("p->x = 3; peg_store(&p->x);", "p->x", [ANY]),
        ("p->x = 3; peg_store(&p);", "p->x", [ANY]),
        ("p->x = 3; peg_store(p);", "p->x", [POS]),
        ("p->x = 3; peg_store(&p->y);", "p->x", [POS]),
        ("int r = -1; int t = r; r = 3;", "t", [NEG]),
        ("int r = -1; r = -r;", "r", [POS]),
        ("int r; r = 0; r = r | n;", "r", [ANY]),
        ("bool b; int t; t = b;", "t", [ZERO | POS]),
        ("hwaddr b; int t; t = b;", "t", [ZERO | POS]),
        ("unsigned int b; int t; t = b;", "t", [ZERO | POS]),
        ("unsigned int *b; int t; t = b;", "t", [ANY]),
        ("uint8_t *b; int t; t = b;", "t", [ANY]),
        ("unsigned b; b = -1; int t; t = b;", "t", [NEG]),
        ("long b; int t; t = b;", "t", [ANY]),
        ("q->x = p->x;", "p", [POS]),
        ("q->x = p->x;", "q", [POS]),
        ("p = NULL; n = p->x;", "p", [ZERO]),
        ("p->a.x = 0;", "p", [POS]),
        ("v.x = 0;", "v", [ANY]),
    ],
)
def test_values_behind_calls_and_assignments(body: str, value: str, wanted: list[int]) -> None:
    assert Small(body).signs(value) == wanted


def test_which_constant_a_copy_is() -> None:
    copied = "p->m = MODE_A; int r = p->m; int t = r; if (t == {0}) {{ return 1; }} return 0;"
    assert {way[0] for way in Small(copied.format("MODE_A")).ways()} == {"return 1;"}
    assert {way[0] for way in Small(copied.format("MODE_B")).ways()} == {"return 0;"}
    changed = "p->m = MODE_A; int r = p->m; p->m = n; if (r == MODE_B) { return 1; } return 0;"
    assert {way[0] for way in Small(changed).ways()} == {"return 0;"}
    number = "int r = 3; if (r == 4) { return 1; } return 0;"
    assert {way[0] for way in Small(number).ways()} == {"return 1;", "return 0;"}


def test_which_named_constant_a_callee_returned() -> None:
    text = (
        "static void *peg_map(Peg *p, Error **errp)\n{\n    void *m = peg_memory(p);\n"
        '    if (m == MAP_FAILED) {\n        error_setg(errp, "no memory");\n        return MAP_FAILED;\n'
        "    }\n    return m;\n}\n"
    )
    body = "void *m = peg_map(p, errp); if (m == {}) {{ return 1; }} return 0;"
    failed = Small(body.format("MAP_FAILED"), text + HEAD).ways()
    assert failed == {("return 1;", POS, "set"), ("return 0;", ZERO, "null")}
    assert ("return 0;", ZERO, "set") in Small(body.format("MAP_OTHER"), text + HEAD).ways()


def test_after_a_failure_the_result_is_what_was_handed_over() -> None:
    head = "int qapi_enum_parse(const Lookup *l, const char *text, int def, Error **errp);\n" + HEAD
    assert Small("int r = qapi_enum_parse(l, p, -1, errp);", head).signs("r") == [NEG, ZERO | POS]
    assert Small("int r = qapi_enum_parse(l, p, 3, errp);", head).signs("r") == [POS, ZERO | POS]


def test_the_default_is_found_by_its_name() -> None:
    """Until 2.10 the number of constants stood before it."""
    head = "int qapi_enum_parse(const char *const l[], const char *text, int max, int def, Error **errp);\n"
    body = "int r = qapi_enum_parse(l, p, LAMP__MAX, -1, errp);"
    assert Small(body, head + HEAD).signs("r") == [NEG, ZERO | POS]


def test_the_way_of_a_propagated_error() -> None:
    body = SET + 'error_propagate(errp, err); error_setg(errp, "y"); return -1;'
    (again,) = [one for one in Small(body).result().occurrences if one.kind.value == "set-again"]
    way = [(place.kind, place.note) for place in places(again.trail)]
    assert way == [("set", "err"), ("gone", "err"), ("set", "*errp")]
