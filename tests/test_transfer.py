# SPDX-License-Identifier: GPL-2.0-or-later
"""The transfer functions on small states: what each kind of event and edge makes of a state, and what the
recorder is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qerrlint.absint.reachability import blocks_before
from qerrlint.absint.solver import WORK_LIMIT
from qerrlint.absint.trace import Trail
from qerrlint.domain.ownership import RESULT, Move, Pair, place_of_object
from qerrlint.domain.result import FunctionResult
from qerrlint.domain.state import State
from qerrlint.ir.code import ANY, NEG, POS, ZERO, Var
from qerrlint.model.program import Program
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource
from qerrlint.transfer.freed_pointers import USES, follow_freed, may_be_used
from qerrlint.transfer.interpretation import ErrorDomain, interpret
from qerrlint.transfer.local_ownership import Owners, follow_locals, may_be_left
from qerrlint.transfer.objects import Handling
from qerrlint.transfer.ownership import follow
from qerrlint.transfer.preparation import prepare
from qerrlint.transfer.recorder import Recorder
from qerrlint.transfer.sites import ReturnSite

PROTOTYPES = """
int peg_open(Peg *p, Error **errp);
bool peg_check(Peg *p, Error **errp);
Peg *peg_new(Peg *p, Error **errp);
void peg_set(Peg *p, Error **errp);
int peg_count(Peg *p);
bool peg_is_ready(Peg *p);
void peg_keep(Peg *p, Error *err);
static void peg_maybe(Peg *p, Error **errp) { if (p->bad) { error_setg(errp, "bad"); } }
static void peg_free(Peg *p, Error *err) { error_free(err); }
static int peg_plain(Peg *p)
{
    Error *err = NULL;
    int r = peg_open(p, &err);
    if (r < 0) { error_report_err(err); }
    return r;
}
static int peg_fwd(Peg *p, Error **errp)
{
    Error *err = NULL;
    peg_set(p, &err);
    if (err) { error_propagate(errp, err); return -1; }
    return 0;
}
"""
HEAD = "static int peg(Peg *p, int n, Error **errp)"
ERROR_OF = {"NULL": "null", "SET": "set", "MAYBE": "maybe", "GONE": "gone", "UNINIT": "uninit"}


class Small:
    """A small function: its frame, and the states after the straight line that it begins with."""

    def __init__(self, body: str, head: str = HEAD) -> None:
        self.text = f"{PROTOTYPES}\n{head}\n{{\n{body}\n}}\n"
        source = OverlaySource(EmptySource(), {"a.c": self.text.encode()})
        unit = Program(source, "patch").unit("a.c")
        assert unit is not None
        function = unit.lowered("peg")
        assert function is not None, unit.lowering.damage(unit.functions["peg"])
        self.function = function
        self.signature = unit.signature("peg")
        self.effect = unit.effect
        self.frame = prepare(function, self.signature, unit.effect, sliced=False)
        self.frame.used = -1
        self.domain = ErrorDomain(self.frame)
        self.before: list[State] = [self.domain.entry()]
        self.block = self.frame.blocks[0]
        states = self.before
        for site in self.block.events:
            if isinstance(site, ReturnSite):
                break
            states = [new for one in states for new in self.domain.step(one, site)]
        self.states = states

    def show(self, state: State, path: str) -> str:
        """The state of an Error pointer: "set", "null~" (~: not sure), "none" for a pointer that is none."""
        held = state.errors.get(self.frame.terms.of(path).index)
        if held is None:
            return "none"
        sure = "" if held.sure or held.origin < 0 else "~"
        return ERROR_OF[held.state.name] + sure + ("+" if held.propagated else "")

    def errors(self, *paths: str) -> list[str]:
        """The states of Error pointers in each state at the end of the line, in order."""
        return sorted(" ".join(self.show(one, path) for path in paths) for one in self.states)

    def signs(self, path: str) -> list[int]:
        """The signs of a value in each state at the end of the line."""
        return sorted(one.value(self.frame.terms.of(path).index).signs for one in self.states)

    def after_edges(self, *paths: str) -> dict[bool | None, list[str]]:
        """The Error pointers on each side of the branch that ends the line."""
        out: dict[bool | None, list[str]] = {True: [], False: []}
        for one in self.states:
            for guard in self.block.edges:
                passed = self.domain.assume(one, guard)
                if passed is not None:
                    out[guard.taken].append(" ".join(self.show(passed, path) for path in paths))
        return {taken: sorted(found) for taken, found in out.items()}

    def passing(self) -> tuple[int, int]:
        """How many states pass the branch that ends the line, taken and not."""
        ways = self.after_edges()
        return len(ways[True]), len(ways[False])

    def result(self) -> FunctionResult:
        """The interpretation of the whole function."""
        return interpret(self.function, self.signature, self.effect)

    def occurrences(self) -> set[str]:
        """What the recorder was told by the whole function: "kind name"."""
        return {f"{o.kind.value} {o.cell}" for o in self.result().occurrences}

    def ways(self) -> set[tuple[str, int, str]]:
        """(return, signs of the result, out-error) of the whole function."""
        return {
            (self.text[r.span.start : r.span.end], r.signs, ERROR_OF[r.error.state.name])
            for r in self.result().returns
        }


ERR = "Error *err = NULL; "


# -- calls: outcomes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "paths", "wanted"),
    [
        ("", ["*errp"], ["null"]),
        ("Peg *c = DO_UPCAST(Peg, in);", ["*errp"], ["null"]),
        ('error_setg(errp, "x");', ["*errp"], ["set"]),
        (ERR + 'error_setg(&err, "x");', ["err", "*errp"], ["set null"]),
        ("int r = peg_open(p, errp);", ["*errp"], ["null~", "set~"]),
        (ERR + "peg_set(p, &err);", ["err", "*errp"], ["null~ null", "set~ null"]),
        (ERR + "peg_open(p, NULL);", ["err", "*errp"], ["null null"]),
        # A static callee is answered by its body.
        (ERR + "peg_maybe(p, &err);", ["err"], ["null~", "set~"]),
        (ERR + "int r = peg_fwd(p, &err);", ["err"], ["null~", "set~+"]),
        # The result is not looked at, and the out-parameter's Error cannot be: which call is all the same.
        ("peg_set(p, errp);", ["*errp"], ["null", "set~"]),
        # An Error that is set already for certain stays so; a path on which it only may be set ends.
        (ERR + 'error_setg(&err, "x"); error_setg(&err, "y");', ["err"], ["set"]),
        (ERR + 'error_setg(&err, "x"); peg_set(p, &err);', ["err"], ["set", "set"]),
        (ERR + 'peg_set(p, &err); error_setg(&err, "y");', ["err"], ["set"]),
        ("Error *err; peg_set(p, &err);", ["err"], ["maybe", "set~"]),
        ("Error *err;", ["err"], ["uninit"]),
        ("static Error *err;", ["err"], ["maybe"]),
        ("Error *err = NULL; error_free(err);", ["err"], ["null"]),
        (ERR + 'error_setg(&err, "x"); error_free(err);', ["err"], ["gone~"]),
        (ERR + 'error_setg(&err, "x"); error_free(err); peg_set(p, &err);', ["err"], ["maybe", "set~"]),
        (ERR + 'error_setg(&err, "x"); peg_free(p, err);', ["err"], ["gone~"]),
        (ERR + 'error_setg(&err, "x"); peg_keep(p, err);', ["err"], ["maybe"]),
        (ERR + 'error_setg(&err, "x"); peg_keep(p, NULL);', ["err"], ["set"]),
        (ERR + 'error_setg(&err, "x"); peg_store(&err, p);', ["err"], ["maybe"]),
        (ERR + 'error_setg(&err, "x"); error_prepend(&err, "y");', ["err"], ["set"]),
        (ERR + 'error_setg(&err, "x"); f(error_get_pretty(err));', ["err"], ["set"]),
        ('error_setg(errp, "x"); peg_store(p, errp);', ["*errp"], ["set"]),
        ("peg_store(errp, p);", ["*errp"], ["maybe"]),
        ("abort();", ["*errp"], []),
    ],
)
def test_what_calls_make_of_errors(body: str, paths: list[str], wanted: list[str]) -> None:
    assert Small(body).errors(*paths) == wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (ERR + 'error_setg(&err, "x"); error_propagate(errp, err);', ["gone~ set+"]),
        (ERR + "error_propagate(errp, err);", ["null null"]),
        (ERR + "peg_set(p, &err); error_propagate(errp, err);", ["gone~ set~+", "null~ null"]),
        (ERR + 'error_setg(errp, "y"); error_setg(&err, "x"); error_propagate(errp, err);', ["gone~ set"]),
        (ERR + 'error_setg(&err, "x"); error_propagate(NULL, err);', ["gone~ null"]),
        (ERR + 'error_setg(&err, "x"); error_propagate(&error_fatal, err);', []),
        (ERR + "error_propagate(&error_fatal, err);", ["null null"]),
        ("Error *err = p->err; error_propagate(errp, err);", ["gone~ maybe~"]),
        (ERR + "error_propagate(errp, peg_error(p));", ["null maybe~"]),
    ],
)
def test_propagation(body: str, wanted: list[str]) -> None:
    assert Small(body).errors("err", "*errp") == wanted


def test_a_maybe_error_is_propagated_or_is_null() -> None:
    small = Small(ERR + "if (!p->a) { return 0; }\npeg_guess(p, &err); error_propagate(errp, err); return 0;")
    assert ("return 0;", ZERO, "set") in small.ways()
    assert ("return 0;", ZERO, "null") in small.ways()


@pytest.mark.parametrize(
    ("body", "value", "wanted"),
    [
        ("int r = peg_open(p, errp);", "r", [NEG, ZERO | POS]),
        ("bool r = peg_check(p, errp);", "r", [ZERO, POS]),
        ("Peg *r = peg_new(p, errp);", "r", [ZERO, POS]),
        ("int r = peg_open(p, NULL);", "r", [ANY]),
        ("int r = peg_open(p, &error_fatal);", "r", [ZERO | POS]),
        ("int r = peg_open(p, &error_abort);", "r", [ZERO | POS]),
        ("Peg *r = peg_new(p, &error_abort);", "r", [POS]),
        ("int r = peg_count(p);", "r", [ANY]),
        ("int r = 3;", "r", [POS]),
        ("int r = -3;", "r", [NEG]),
        ("int r = 0;", "r", [ZERO]),
        ("int r = -EINVAL;", "r", [NEG]),
        ('const char *r = "x";', "r", [POS]),
        ("Peg *r = &p->x;", "r", [POS]),
        ("int r = 3; r = n;", "r", [ANY]),
        ("int r = 3; int t = -r;", "t", [NEG]),
        ("int r = 3; int t = r + 1;", "t", [POS]),
        ("int r = 3; int t = 0; t |= r;", "t", [POS]),
        ("int r = -1; peg_store(&r);", "r", [ANY]),
        ("int r = -1; peg_store(r);", "r", [NEG]),
        ("p->x = 3; p = n;", "p->x", [ANY]),
        ("p->x = 3; q->y = 0;", "p->x", [POS]),
        ("p->x = 3;", "p", [POS]),
        ("n = p->x;", "p", [POS]),
        ("unsigned r; int t; t = r;", "t", [ZERO | POS]),
        ("uint32_t r; int t; t = r;", "t", [ZERO | POS]),
        ("size_t r; int t; t = r;", "t", [ZERO | POS]),
        ("unsigned *r; int t; t = r;", "t", [ANY]),
        ("int r; int t; t = r;", "t", [ANY]),
        ("int r = 3; int t = 0; int r;", "r", [ANY]),
        ("Peg *q; visit_type_Peg(p, n, &q, errp);", "q", [ZERO, POS]),
    ],
)
def test_what_is_known_of_values(body: str, value: str, wanted: list[int]) -> None:
    assert Small(body).signs(value) == wanted


@pytest.mark.parametrize(
    ("body", "path", "wanted"),
    [
        ("Error *err = NULL;", "err", ["null"]),
        ("Error *err = peg_error(p);", "err", ["maybe"]),
        (ERR + 'error_setg(&err, "x"); Error *two = err;', "two", ["set"]),
        (ERR + 'error_setg(&err, "x"); Error *two = err;', "err", ["maybe"]),
        (ERR + "Error *two = err;", "err", ["null"]),
        (ERR + 'error_setg(&err, "x"); p->err = err;', "p->err", ["set"]),
        (ERR + 'error_setg(&err, "x"); p->err = err; p = q;', "p->err", ["none"]),
        (ERR + 'error_setg(&err, "x"); err = NULL;', "err", ["null"]),
        (ERR + 'error_setg(&err, "x"); err = error_copy(p->e);', "err", ["set"]),
        (ERR + 'error_setg(&err, "x"); *errp = err;', "*errp", ["set"]),
        (ERR + "Error **to = &err; peg_set(p, to);", "err", ["null~", "set~"]),
        (ERR + "Error **to = errp; peg_set(p, to);", "*errp", ["null", "set~"]),
        (ERR + "Error **to = &err; to = p; peg_set(p, to);", "err", ["null", "null"]),
        (ERR + "p->errp = &err;", "err", ["maybe"]),
    ],
)
def test_assignments_of_errors(body: str, path: str, wanted: list[str]) -> None:
    assert Small(body).errors(path) == wanted


def test_parameters_at_the_entry() -> None:
    small = Small("", "static void peg(Error *err, Error **errp, Error **other)")
    assert small.frame.errp is not None
    assert small.errors("err") == ["maybe~"[:5]]
    (entry,) = small.states
    assert entry.errors[small.frame.terms.of("err").index].origin == -2
    names = {small.frame.terms.all[index].text for index in entry.points}
    assert names == {"errp", "other"}


# -- calls: what the recorder is told -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (ERR + 'error_setg(&err, "x"); error_setg(&err, "y"); return 0;', {"set-again err", "left-set err"}),
        (ERR + 'error_setg(&err, "x"); return 0;', {"left-set err"}),
        ('g_autoptr(Error) err = NULL; error_setg(&err, "x"); return 0;', set()),
        ("Error *err; peg_set(p, &err); return 0;", {"uninit err", "left-set err"}),
        ("Error *err; if (err) { return 1; } return 0;", {"uninit err"}),
        (ERR + 'error_setg(&err, "x"); error_free(err); return 0;', {"consumed err"}),
        (ERR + 'error_setg(&err, "x"); error_free(err); error_free(err);', {"consumed err", "gone-used err"}),
        (
            ERR + 'error_setg(&err, "x"); error_free(err); peg_set(p, &err); return 0;',
            {"consumed err", "stale err", "left-set err"},
        ),
        (ERR + "error_report_err(err); return 0;", {"consumed err", "null-reported err"}),
        (ERR + "error_free(err); return 0;", {"consumed err"}),
        (ERR + 'error_prepend(&err, "x"); return 0;', {"null-reported err"}),
        ('error_prepend(errp, "x"); return 0;', {"null-reported *errp"}),
        (ERR + "f(error_get_pretty(err)); return 0;", {"null-reported err"}),
        (ERR + "error_propagate(errp, err); return 0;", {"consumed err", "null-propagated err"}),
        (
            ERR + 'error_setg(errp, "x"); error_propagate(errp, err); return 0;',
            {"consumed err", "null-over-error err"},
        ),
        (
            ERR + "peg_set(p, errp); peg_fwd(p, errp); return 0;",
            {"tolerated *errp", "unchecked *errp"},
        ),
        ("if (*errp) { return 1; } return 0;", {"deref *errp"}),
        ("peg_set(p, errp); if (errp) { return 1; } return 0;", {"errp-tested errp"}),
        ("if (errp) { return 1; } return 0;", set()),
        ("if (peg_check(p, errp) < 0) { return 1; } return 0;", {"sign-tested bool"}),
        ("if (peg_new(p, errp) >= 0) { return 1; } return 0;", {"sign-tested pointer"}),
        ("if (peg_open(p, errp) < 0) { return 1; } return 0;", set()),
        ("if (peg_check(p, errp)) { return 1; } return 0;", set()),
        ("exit(1);", {"exits exit"}),
        ("peg_plain(p); return 0;", {"dropped-result peg_plain"}),
        ('error_setg(errp, "x"); peg_start(p); return 0;', {"goes-on peg_start"}),
        ('error_setg(errp, "x"); peg_start(p); peg_more(p); return 0;', {"goes-on peg_start"}),
        ('error_setg(errp, "x"); g_free(p); return 0;', set()),
        ('error_setg(errp, "x"); peg_cleanup(p); return 0;', set()),
        ('error_setg_errno(errp, -1, "x"); return 0;', {"negative-errno -1"}),
        ('error_setg_errno(errp, 1, "x"); return 0;', set()),
        ('int r = -5; error_setg_errno(errp, r, "x"); return 0;', {"negative-errno r"}),
        ('int r = -5; error_setg_errno(errp, -r, "x"); return 0;', set()),
        ("int r = -5; f(strerror(r)); return 0;", {"negative-errno r"}),
        ('g_free(n); error_setg(errp, "%s", n); return 0;', {"freed-argument n"}),
        ('g_free(n); n = 0; error_setg(errp, "%s", n); return 0;', set()),
        ('g_free(n); error_setg(errp, "%s", p); return 0;', set()),
    ],
)
def test_what_is_recorded(body: str, wanted: set[str]) -> None:
    assert Small(body).occurrences() == wanted


def test_parameters_and_members_that_are_left() -> None:
    head = "static int peg(Peg *p, Error *err)"
    assert Small("return 0;", head).occurrences() == {"left-owned err"}
    assert Small("return f(err);", head).occurrences() == set()
    assert Small("error_free(err); return 0;", head).occurrences() == {"consumed err"}
    assert Small("return err;", "static Error *peg(Error *err)").occurrences() == set()
    body = 'error_setg(&p->err, "x"); error_free(p->err); return 0;'
    assert Small(body).occurrences() == {"consumed p->err", "left-gone p->err"}
    again = 'error_setg(&p->err, "x"); error_free(p->err); p->err = NULL; return 0;'
    assert Small(again).occurrences() == {"consumed p->err"}


# -- branches -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("int r = 3; if (r) {}", (1, 0)),
        ("int r = 0; if (r) {}", (0, 1)),
        ("int r = n; if (r) {}", (1, 1)),
        ("int r = -1; if (r < 0) {}", (1, 0)),
        # The sides are those of what stands behind the `!`.
        ("int r = 3; if (!r) {}", (1, 0)),
        ("int r = -3; if (-r > 0) {}", (1, 0)),
        ("p->m = MODE_A; if (p->m == MODE_A) {}", (1, 0)),
        ("p->m = MODE_A; if (p->m == MODE_B) {}", (0, 1)),
        ("p->m = MODE_A; if (p->m != MODE_B) {}", (1, 0)),
        ("p->m = MODE_A; int r = p->m; if (r == MODE_B) {}", (0, 1)),
        ("p->m = MODE_A; p->m = n; if (p->m == MODE_B) {}", (1, 1)),
        ("int r = 3; int t = -1; if (r == t) {}", (0, 1)),
        ("int r = 3; int t = 4; if (r == t) {}", (1, 1)),
        (ERR + "if (err) {}", (0, 1)),
        (ERR + 'error_setg(&err, "x"); if (err) {}', (1, 0)),
        (ERR + 'error_setg(&err, "x"); if (!err) {}', (1, 0)),
        (ERR + 'error_setg(&err, "x"); error_free(err); if (err) {}', (1, 0)),
        ("Error *err; if (err) {}", (1, 1)),
        ("Error *err = p->e; if (err) {}", (1, 1)),
        # An int result above 0 is not what `if (ret)` asks for, unless the path has asked for its sign.
        ("int r = peg_open(p, errp); if (r) {}", (1, 1)),
        ("int r = peg_open(p, errp); if (r > 0) {}", (1, 1 + 1)),
        ("bool r = peg_check(p, errp); if (r) {}", (1, 1)),
        ("bool r = peg_check(p, errp); if (!r) {}", (1, 1)),
    ],
)
def test_which_sides_of_a_branch_are_open(body: str, wanted: tuple[int, int]) -> None:
    assert Small(body).passing() == wanted


@pytest.mark.parametrize(
    ("body", "path", "taken", "other"),
    [
        ("int r = peg_open(p, errp); if (r < 0) {}", "*errp", ["set"], ["null"]),
        ("int r = peg_open(p, errp); if (r) {}", "*errp", ["set"], ["null"]),
        ("bool r = peg_check(p, errp); if (!r) {}", "*errp", ["null"], ["set"]),
        ("Peg *r = peg_new(p, errp); if (!r) {}", "*errp", ["null"], ["set"]),
        (ERR + "peg_set(p, &err); if (err) {}", "err", ["set"], ["null~"]),
        ("Error *err = p->e; if (err) {}", "err", ["set"], ["null"]),
        # A code that is no failure: the Error may or may not be set.
        ("int r = peg_open(p, errp); if (r == -EAGAIN) {}", "*errp", ["maybe~"], ["null~", "set~"]),
        ("int r = peg_open(p, errp); if (r == -EINVAL) {}", "*errp", ["set"], ["null~", "set~"]),
        # A member of what the setter was handed may show its failure; of anything else it does not.
        ("peg_set(p, errp); if (p->bad) {}", "*errp", ["maybe~", "null"], ["maybe~", "null"]),
        ("peg_set(p, errp); if (q->bad) {}", "*errp", ["null", "set~"], ["null", "set~"]),
        ("peg_set(p, errp); if (n) {}", "*errp", ["null", "set~"], ["null", "set~"]),
        ("int r = peg_open(p, errp); if (p->bad) {}", "*errp", ["null~", "set~"], ["null~", "set~"]),
        ("if (errp) {}", "*errp", ["null"], ["maybe"]),
    ],
)
def test_what_branches_make_of_errors(body: str, path: str, taken: list[str], other: list[str]) -> None:
    assert Small(body).after_edges(path) == {True: taken, False: other}


def test_a_callee_that_returns_true_where_it_sets() -> None:
    text = (
        'static bool peg_fails(Peg *p, Error **errp)\n{\n    if (p->bad) {\n        error_setg(errp, "x");\n'
        "        return true;\n    }\n    return false;\n}\n"
    )
    body = ERR + "if (peg_fails(p, errp)) {}"
    ways = Small(body, f"{text}{HEAD}").after_edges("*errp")
    assert ways == {True: ["set"], False: ["null"]}


def test_a_predicate_has_the_same_answer_twice() -> None:
    body = "if (peg_is_ready(p)) { if (peg_is_ready(p)) { return 1; } return 2; } return 0;"
    assert {way[0] for way in Small(body).ways()} == {"return 1;", "return 0;"}
    changed = "if (peg_is_ready(p)) { p = q; if (peg_is_ready(p)) { return 1; } return 2; } return 0;"
    assert {way[0] for way in Small(changed).ways()} == {"return 1;", "return 2;", "return 0;"}
    other = "if (peg_count(p)) { if (peg_count(p)) { return 1; } return 2; } return 0;"
    assert {way[0] for way in Small(other).ways()} == {"return 1;", "return 2;", "return 0;"}


def test_an_object_is_of_one_type() -> None:
    body = (
        "if (object_dynamic_cast(OBJECT(p), TYPE_A)) {{ if (object_dynamic_cast(OBJECT({}), {})) "
        "{{ return 1; }} return 2; }} return 0;"
    )
    assert {way[0] for way in Small(body.format("p", "TYPE_B")).ways()} == {"return 2;", "return 0;"}
    assert {way[0] for way in Small(body.format("p", "TYPE_A")).ways()} == {"return 1;", "return 0;"}
    assert len(Small(body.format("q", "TYPE_B")).ways()) == 3
    neither = body.replace("if (object", "if (!object", 1).format("p", "TYPE_B")
    assert {way[0] for way in Small(neither).ways()} == {"return 1;", "return 2;", "return 0;"}


def test_loops_forget_what_others_can_change() -> None:
    body = "p->x = 0; n = 0; while (!{}) {{ peg_wait(p); }} return 1;"
    assert Small(body.format("p->x")).ways() == {("return 1;", POS, "null")}
    assert Small(body.format("n")).ways() == set()
    # errp itself is a parameter: nobody else gives it another value.
    asked = "if (errp) { while (p->more) { peg_count(p); } if (!errp) { return 1; } } return 0;"
    assert {way for way, _, _ in Small(asked).ways()} == {"return 0;"}


def test_dead_branches() -> None:
    def dead(body: str) -> list[bool]:
        return [one.taken for one in Small(body).result().dead_branches]

    assert dead("int r = peg_open(p, &error_fatal); if (r < 0) { return 1; } return 0;") == [True]
    assert dead("int r = peg_open(p, &error_fatal); if (r > 0) { return 1; } return 0;") == []
    assert dead("if (!peg_new(p, &error_abort)) { return 1; } return 0;") == [False]
    assert dead("int r = peg_open(p, errp); if (r < 0) { return 1; } return 0;") == []
    both = (
        "int r; if (n) { r = peg_open(p, &error_fatal); } else { r = n; } if (r < 0) { return 1; } return 0;"
    )
    assert dead(both) == []


def test_conditions() -> None:
    body = ERR + "peg_set(p, &err); if (err) { error_free(err); } return 0;"
    (condition,) = Small(body).result().conditions
    assert condition.cell == "err"
    assert {held.name for held in condition.states} == {"SET", "NULL"}


# -- returns and marks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("return -1;", {("return -1;", NEG, "null")}),
        ('error_setg(errp, "x"); return -1;', {("return -1;", NEG, "set")}),
        (
            "return peg_open(p, errp);",
            {("return peg_open(p, errp);", NEG, "set"), ("return peg_open(p, errp);", ZERO | POS, "null")},
        ),
        (
            "int r = peg_open(p, errp); if (r < 0) { return r; } return 0;",
            {("return r;", NEG, "set"), ("return 0;", ZERO, "null")},
        ),
        (
            "int r = peg_open(p, errp); return r ? 1 : 2;",
            {("return r ? 1 : 2;", POS, "set"), ("return r ? 1 : 2;", POS, "null")},
        ),
    ],
)
def test_ways_of_returning(body: str, wanted: set[tuple[str, int, str]]) -> None:
    assert Small(body).ways() == wanted


def returned(body: str) -> list[tuple[str, bool, int, bool]]:
    """(constant, soft, how many told, handed) of each way of returning."""
    return sorted((r.constant, r.soft, len(r.printed), r.propagated) for r in Small(body).result().returns)


def test_the_constant_that_is_returned() -> None:
    assert returned("return -EINVAL;") == [("-EINVAL", False, 0, False)]
    assert returned("return -EAGAIN;") == [("-EAGAIN", True, 0, False)]
    assert returned("return 3;") == [("", False, 0, False)]
    assert returned("return n;") == [("", False, 0, False)]
    equal = "int r = peg_count(p); if (r == -EAGAIN) { return r; } return 0;"
    assert returned(equal) == [("", False, 0, False), ("-EAGAIN", True, 0, False)]
    assert returned("int r = -EINVAL; return r;") == [("-EINVAL", False, 0, False)]


def test_what_was_told_on_the_way() -> None:
    assert returned('error_report("x"); return -1;') == [("", False, 1, False)]
    assert returned('error_report("x"); peg_start(p); return -1;') == [("", False, 0, False)]
    assert returned('error_report("x"); g_free(p); return -1;') == [("", False, 1, False)]
    assert returned('fprintf(stderr, "x"); return -1;') == [("", False, 1, False)]
    assert returned('fprintf(p, "x"); return -1;') == [("", False, 0, False)]
    assert returned(ERR + 'error_setg(&err, "x"); error_report_err(err); return -1;')[0][2] == 1
    assert returned(ERR + 'error_setg(&err, "x"); error_free(err); return -1;')[0][2] == 1
    unseen = "int r = peg_open(p, NULL); if (r < 0) { return -1; } return 0;"
    assert [told for _, _, told, _ in returned(unseen)] == [0, 1]
    assert [told for _, _, told, _ in returned(unseen.replace("NULL", "errp"))] == [0, 0]


def test_what_was_propagated_on_the_way() -> None:
    assert returned(ERR + "error_propagate(errp, err); return 0;") == [("", False, 0, True)]
    assert returned(ERR + "error_propagate(p->e, err); return 0;") == [("", False, 0, False)]


def test_traces() -> None:
    body = ERR + 'if (n) { error_setg(&err, "x"); error_free(err); return 1; } return 0;'
    result = Small(body).result()
    (occurrence,) = result.occurrences
    kinds = []
    trail = occurrence.trail
    while trail is not None:
        kinds.append((trail.kind, trail.note, trail.taken))
        trail = trail.before
    assert kinds == [("set", "err", None), ("branch", "", True)]
    last = next(r for r in result.returns if r.signs == POS).trail
    assert last is not None
    assert (last.kind, last.note) == ("gone", "err")


def test_widening_marks_the_trail_as_joined() -> None:
    small = Small("p->x = 3;")
    (one,) = small.states
    wide = small.domain.widen(one)
    assert wide.trail is not None
    assert wide.trail.joined
    assert not wide.facts
    assert small.domain.widen(wide).trail is wide.trail


def test_a_state_covers_those_that_know_more_of_what_only_decides() -> None:
    small = Small("int r = 3; int t = 4;")
    (one,) = small.states
    term = small.frame.terms.of("r")
    less = one.without_facts(term.bit)
    assert small.domain.covers(less, one)
    assert not small.domain.covers(one, less)
    assert small.domain.covers(one, one)
    small.frame.values = 0
    assert small.domain.key(one.with_held(frozenset({1}))) != small.domain.key(less)
    assert replace(small.frame).deciding(term.bit) == term.bit


# -- what is acquired -------------------------------------------------------------------------------------

TAKE, GIVE = Move("take", 1, fails="negative"), Move("give", 1)
PLAIN = Pair("plain", (TAKE, Move("lock", 1), Move("make", RESULT)), (GIVE,))
PREPARED = Pair("prepared", (TAKE,), (GIVE,), (Move("prep", 1),), (Move("drop", 1),))
KEEPING = replace(PREPARED, keeps=True)


def followed(body: str, pair: Pair = PLAIN, head: str = HEAD) -> set[str]:
    """What is seen of the objects of a pair: "kind object status", "!" at a failing exit, "?" if not sure."""
    small = Small(body, head)
    handlings: dict[int, list[Handling]] = {}
    for call in small.function.calls:
        for role, moves in pair.roles:
            for move in moves:
                if move.call == call.name:
                    path = place_of_object(move.moved(call))
                    handlings.setdefault(call.index, []).append(Handling(role, pair, move, path))
    kind = "int" if small.signature is not None and small.signature.returns == "int" else "bool"
    held = follow(
        small.function,
        small.signature,
        kind,
        small.effect,
        handlings,
        lambda call, of, path: call.name == "peg_cleanup",
    )
    assert held.complete
    return {
        f"{one.kind} {one.object} {one.status}" + ("!" if one.failing else "") + ("" if one.sure else "?")
        for one in held.seen
    }


# A proven failure takes the place of one that is a guess, and a success is another kind of exit.
BOTH = {"exit p held!", "exit p held?"}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("lock(p); return -1;", {"exit p held!"}),
        ("lock(p); return 0;", {"exit p held?"}),
        ("lock(p); give(p); return -1;", set()),
        ("lock(p); give(q); return -1;", {"exit p held!", "exit q lent!"}),
        ("give(p); lock(p); return -1;", set()),
        ("lock(p); peg_cleanup(p); return -1;", set()),
        ("lock(p); peg_start(p); return -1;", {"exit p held!"}),
        ("lock(p); p = q; return -1;", set()),
        ("lock(p->a); p = q; return -1;", set()),
        ("lock(p); q = p; return -1;", {"exit q held!"}),
        ("lock(p); Peg *p; return -1;", set()),
        ("lock(p); if (!p) { return -1; } return 0;", {"exit p held?"}),
        ("lock(p); if (!p->a) { return -1; } return 0;", {"exit p held?"}),
        ("lock(p); if (!q) { return -1; } return 0;", {"exit p held!", "exit p held?"}),
        ("int r = take(p); if (r < 0) { return r; } return 0;", {"exit p held?"}),
        ("int r = take(p); if (r < 0) { return 0; } return -1;", {"exit p held!"}),
        ("int r = take(p); return r;", {"exit p held?"}),
        ("Peg *q = make(); if (!q) { return -1; } return 0;", {"exit q held?"}),
        ("Peg *q = make(); return -1;", {"exit q held!"}),
        ("make(); return -1;", set()),
        ("Peg *q = make(); give(q); return -1;", set()),
        ('lock(p); error_setg(errp, "x"); return 0;', {"exit p held!"}),
        ("lock(p); peg_set(p, errp); return 0;", {"exit p held!?", "exit p held?"}),
        ('error_setg(errp, "x"); lock(p); return 0;', set()),
        # One way to an exit where only a guess says that it fails, another where that is proven.
        ('lock(p); if (n) { peg_set(p, errp); } else { error_setg(errp, "x"); } return 0;', BOTH),
        ('lock(p); if (n) { error_setg(errp, "x"); } else { peg_set(p, errp); } return 0;', BOTH),
        ("int r = take(p); if (r > 0) { return -1; } return 0;", {"exit p held!", "exit p held?"}),
    ],
)
def test_what_is_held_at_an_exit(body: str, wanted: set[str]) -> None:
    assert followed(body) == wanted


def test_an_object_that_is_returned_is_not_left() -> None:
    assert followed("Peg *q = make(); return q;", head="static Peg *peg(Peg *p, int n)") == set()


def test_a_bool_result_alone_is_no_failure() -> None:
    assert followed("lock(p); return false;", head="static bool peg(Peg *p, int n)") == {"exit p held?"}
    assert followed("lock(p); return false;", head="static bool peg(Peg *p, Error **errp)") == {
        "exit p held!"
    }


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("prep(p); return -1;", {"exit p prepared!"}),
        ("prep(p); drop(p); return -1;", {"discarded p prepared", "exit p discarded!"}),
        ("prep(p); prep(p); return -1;", {"prepared p prepared", "exit p prepared!"}),
        ("prep(p); if (take(p) < 0) { return -1; } return 0;", {"exit p failed!", "exit p held?"}),
        (
            "prep(p); if (take(p) < 0) { drop(p); return -1; } give(p); return 0;",
            {"discarded p failed", "exit p discarded!"},
        ),
        ("drop(p); return -1;", set()),
        # What is prepared is there.
        ("prep(p); if (!p) { return -1; } return 0;", {"exit p prepared?"}),
    ],
)
def test_prepared_objects(body: str, wanted: set[str]) -> None:
    assert followed(body, PREPARED) == wanted


def test_a_release_may_leave_what_was_prepared() -> None:
    body = "prep(p); if (take(p) < 0) { return 0; } give(p); return -1;"
    assert followed(body, KEEPING) == {"exit p failed?", "exit p released!"}
    assert followed(body, PREPARED) == {"exit p failed?"}


def handled(small: Small, role: str, pair: Pair, moves: dict[str, Move]) -> dict[int, list[Handling]]:
    """What the calls of a function do to the objects of a pair, by the names of the callees."""
    return {
        call.index: [Handling(role, pair, move, place_of_object(move.moved(call)))]
        for call in small.function.calls
        if (move := moves.get(call.name)) is not None
    }


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("Peg *q = make(p); return 0;", {"exit q"}),
        ("Peg *q = make(p); give(q); return 0;", {"released q"}),
        # A variable that gets another value no longer leads to what it held.
        ("Peg *q = make(p); q = NULL; return 0;", {"lost q"}),
        ("Peg *q = make(p); q = make(p); give(q); return 0;", {"lost q", "released q"}),
        ("Peg *q = make(p); Peg *q; return 0;", {"lost q"}),
        ("give(p); return 0;", {"unheld p"}),
        # What is cast only if it is of the type has two names, or that of the cast alone.
        ("Peg *q = CAST(make(p)); return 0;", {"exit q"}),
        ("Peg *q = qobject_to(make(p)); return 0;", {"exit #0"}),
        ("Peg *a = make(p); Peg *q = CAST(make(p)); give(q); return 0;", {"exit a", "released q"}),
        ("Peg *q = make(p); Peg *r = CAST(q); q = NULL; give(r); return 0;", {"released r"}),
    ],
)
def test_what_only_a_local_variable_holds(body: str, wanted: set[str]) -> None:
    small = Small(body.replace("CAST(", "qobject_to(Peg, "))
    pair = Pair("local", (Move("make", RESULT, fails="never"),), (GIVE,))
    handlings = {
        **handled(small, "acquire", pair, {"make": pair.acquire[0]}),
        **handled(small, "release", pair, {"give": GIVE}),
    }
    owners = Owners(
        lambda call, of, path: False,
        lambda assign, path: False,
        lambda value, path: False,
        lambda path: path.isidentifier(),
    )
    held = follow_locals(small.function, small.signature, "int", small.effect, handlings, owners)
    assert {f"{one.kind} {one.object}" for one in held.seen} == wanted
    assert all(one.sure == (one.kind != "unheld") for one in held.seen if one.kind != "exit")
    left = any(one.startswith(("exit", "lost")) for one in wanted)
    assert may_be_left(small.function, handlings, owners) == left


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("done(p); return 0;", set()),
        ("done(p); done(p); return 0;", {"freed"}),
        ("done(p); peg_note(p->x); return 0;", {"used"}),
        ("done(p); n = p->x; return 0;", {"used"}),
        ("done(p); p->x = n; return 0;", {"used"}),
        ("done(p); int *at = &p->x; return 0;", {"used"}),
        ("done(p); if (p->x) { return 1; } return 0;", {"used"}),
        ("done(p); return p->x;", {"used"}),
        ("done(p); p = NULL; n = p->x; return 0;", set()),
        ("done(p); peg_store(&p); n = p->x; return 0;", set()),
        ("done(p); peg_store(&q); n = p->x; return 0;", {"used"}),
        ("done(p); n = p->x + 1; return 0;", {"used"}),
        ("done(p); n = 1 + p->x; return 0;", {"used"}),
        # A macro may give its argument another value; one that is handed another variable does not.
        ("done(p); PEG_RESET(p); n = p->x; return 0;", set()),
        ("done(p); PEG_RESET(n); n = p->x; return 0;", {"used"}),
        ("done(p); peg_reset(p); n = p->x; return 0;", {"used"}),
    ],
)
def test_uses_of_what_was_freed(body: str, wanted: set[str]) -> None:
    small = Small(body)
    pair = Pair("freed", (Move("done", 1, fails="never"),), ())
    handlings = handled(small, "acquire", pair, {"done": pair.acquire[0]})
    held = follow_freed(small.function, small.signature, small.effect, handlings, lambda call, at: False)
    assert {one.kind for one in held.seen if one.kind != "exit"} == wanted
    assert may_be_used(small.function, handlings, lambda call, at: False) == bool(wanted)


HANDLING_OBJECTS = (
    *("q = make(p);", "Peg *r = make(p);", "give(q);", "give(r);", "keep(q);", "q = NULL;", "r = q;"),
    *("done(p);", "p->x = n;", "p = NULL;", "peg_open(p, &err);", "n = peg_count(p);", "peg_note(p->x);"),
    *(
        "if (n < 0) { return n; }",
        "if (err) { return -1; }",
        "if (!q) { return -1; }",
        "if (q == r) { n = 0; }",
    ),
    *("while (n) { q = make(p); n = peg_count(p); }", "if (n) { goto out; }", "if (p->x) { give(q); }"),
)


@given(st.lists(st.sampled_from(HANDLING_OBJECTS), min_size=1, max_size=7))
@settings(max_examples=150, deadline=None)
def test_what_the_objects_alone_do_not_show_is_not_there(statements: list[str]) -> None:
    body = " ".join(["Error *err = NULL; Peg *q = NULL;", *statements, "out: give(q); return n;"])
    small = Small(body)
    pair = Pair("local", (Move("make", RESULT),), (GIVE,))
    handlings = {
        **handled(small, "acquire", pair, {"make": pair.acquire[0]}),
        **handled(small, "release", pair, {"give": GIVE}),
    }
    owners = Owners(
        lambda call, of, path: call.name == "keep",
        lambda assign, path: assign.value == Var(path),
        lambda value, path: value == Var(path),
        lambda path: path.isidentifier(),
    )
    held = follow_locals(small.function, small.signature, "int", small.effect, handlings, owners)
    if any(one.kind in ("exit", "lost") for one in held.seen):
        assert may_be_left(small.function, handlings, owners)
    freeing = handled(small, "acquire", pair, {"done": Move("done", 1, fails="never")})
    freed = follow_freed(small.function, small.signature, small.effect, freeing, lambda call, at: True)
    if any(one.kind in USES for one in freed.seen):
        assert may_be_used(small.function, freeing, lambda call, at: True)


def test_of_two_ways_of_returning_the_one_that_was_followed_alone_is_kept() -> None:
    (state,) = Small("return 0;").result().returns
    joined, alone = (
        replace(state, trail=Trail(None, kind, state.span, taken=True)) for kind in ("joined", "branch")
    )
    for ways in ((joined, alone), (alone, joined)):
        recorder = Recorder()
        for way in ways:
            recorder.leave(way)
        result = FunctionResult(Small("").function, None)
        recorder.write_into(result)
        (kept,) = result.returns
        assert kept.trail is alone.trail


def test_of_what_is_met_on_two_ways_the_first_is_kept() -> None:
    body = ERR + "if (n) { p->x = 1; } error_report_err(err); return 0;"
    (met,) = [one for one in Small(body).result().occurrences if one.kind.value == "null-reported"]
    recorder, span = Recorder(), met.span
    trails = [Trail(None, "branch", span, taken=taken) for taken in (True, False)]
    for trail in trails:
        recorder.occur(met.kind, span, "err", met.first, met.call, trail)
    result = FunctionResult(Small("").function, None)
    recorder.write_into(result)
    (kept,) = result.occurrences
    assert kept.trail is trails[0]


def test_the_blocks_that_lead_to_an_event() -> None:
    function = Small("if (n) { peg_count(p); return 1; } return 0;").function
    (call,) = function.calls
    every = frozenset(range(len(function.blocks)))
    assert blocks_before(function, call.span) < every
    # To a place without an event all may lead.
    assert blocks_before(function, replace(call.span, end=call.span.start)) == every


def test_a_function_with_many_errors_is_followed_for_less_time() -> None:
    def work(errors: int) -> int:
        return Small(" ".join(f"Error *e{number} = NULL;" for number in range(errors))).domain.work()

    assert work(3) == WORK_LIMIT
    assert WORK_LIMIT > work(10) > work(60) > 0
