# SPDX-License-Identifier: GPL-2.0-or-later
"""What an edge makes of a state: results and the Errors that they decide, tests of Error pointers, equations,
members that may show a failure."""

from __future__ import annotations

import pytest
from test_transfer import ERR, HEAD, Small

from qerrlint.ir.code import ANY, NEG, NONZERO, POS, ZERO

NO_ERRP = "static int peg(Peg *p, int n)"


def sides(body: str, path: str, head: str = HEAD) -> tuple[list[int], list[int]]:
    """The signs of a value in each state on the two sides of the branch that ends a line, taken first."""
    small = Small(body, head)
    found: tuple[list[int], list[int]] = ([], [])
    for one in small.states:
        for guard in small.block.edges:
            for test in guard.tests:
                test.kept = True
            passed = small.domain.assume(one, guard)
            if passed is not None:
                index = small.frame.terms.of(path).index
                found[0 if guard.taken else 1].append(passed.value(index).signs)
    return sorted(found[0]), sorted(found[1])


def returns(body: str, head: str = HEAD) -> set[str]:
    """The returns that are reached."""
    return {way[0].removeprefix("return ").rstrip(";") for way in Small(body, head).ways()}


# -- signs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "path", "wanted"),
    [
        ("if (n < 0) {}", "n", ([NEG], [ZERO | POS])),
        ("if (n > 0) {}", "n", ([POS], [NEG | ZERO])),
        ("if (n) {}", "n", ([NONZERO], [ZERO])),
        ("if (n == 0) {}", "n", ([ZERO], [NONZERO])),
        ("if (n != 0) {}", "n", ([NONZERO], [ZERO])),
        ("if (n == -1) {}", "n", ([NEG], [ZERO | POS])),
        ("if (p->x < 0) {}", "p->x", ([NEG], [ZERO | POS])),
        # Of a result that is not 0 nobody asks whether it is above 0.
        ("int r = peg_open(p, errp); if (r) {}", "r", ([NEG], [ZERO])),
        ("int r = peg_open(p, errp); if (r < 0) {}", "r", ([NEG], [ZERO | POS])),
        ("int r = peg_open(p, errp); if (r >= 0) {}", "r", ([ZERO | POS], [NEG])),
        ("int r = peg_open(p, errp); if (r <= 0) {}", "r", ([ZERO, NEG], [POS])),
        ("int r = peg_count(p); if (r) {}", "r", ([NONZERO], [ZERO])),
        ("bool r = peg_check(p, errp); if (r) {}", "r", ([POS], [ZERO])),
        # Two places that are equal have the signs that both may have.
        ("int r = 3; if (n == r) {}", "n", ([POS], [ANY])),
        ("int r = 3; if (r == n) {}", "n", ([POS], [ANY])),
        ("int r = -3; if (p->x == r) {}", "p->x", ([NEG], [ANY])),
        ("int r = 3; if (n != r) {}", "n", ([ANY], [POS])),
        ("int r = 3; if (n == r + 1) {}", "n", ([ANY], [ANY])),
        ("int r = 3; int t = n < 0; if (r == t) {}", "r", ([POS], [POS])),
    ],
)
def test_signs_on_the_sides_of_a_branch(body: str, path: str, wanted: tuple[list[int], list[int]]) -> None:
    assert tuple(map(sorted, wanted)) == sides(body, path)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        # `if (ret)` of an int result is the test for a failure, unless the path has asked for its sign.
        ("int r = peg_open(p, errp); if (r) { if (r > 0) { return 1; } return 2; } return 0;", {"2", "0"}),
        (
            "int r = peg_open(p, errp); if (r < 0) { return -1; } if (r) { return 1; } return 0;",
            {"-1", "1", "0"},
        ),
        (
            "int r = peg_open(p, errp); if (r >= 0) { if (r) { return 1; } return 2; } return 0;",
            {"1", "2", "0"},
        ),
        (
            "int r = peg_open(p, errp); if (r > 0) { return 1; } if (r) { return 2; } return 0;",
            {"1", "2", "0"},
        ),
        ("bool r = peg_check(p, errp); if (r < 0) { return -1; } if (r) { return 1; } return 0;", {"1", "0"}),
        # What is not 0 has failed: `rc < 0` behind `if (rc)` does not ask for above 0.
        ("if (n) { if (n < 0) { return -1; } return 1; } return 0;", {"-1", "0"}),
        ("if (n) { if (n > 0) { return 1; } return -1; } return 0;", {"1", "-1", "0"}),
        ("if (n < 0) { return -1; } if (n) { return 1; } return 0;", {"-1", "1", "0"}),
        ("if (p->x) { if (p->x >= 0) { return 1; } return -1; } return 0;", {"-1", "0"}),
    ],
)
def test_what_a_test_asks_for(body: str, wanted: set[str]) -> None:
    assert returns(body) == wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("if (p->m == MODE_A) { if (p->m == MODE_A) { return 1; } return 2; } return 0;", {"1", "0"}),
        ("if (p->m == MODE_A) { if (p->m == MODE_B) { return 1; } return 2; } return 0;", {"2", "0"}),
        ("if (p->m == MODE_A) { if (q->m == MODE_B) { return 1; } return 2; } return 0;", {"1", "2", "0"}),
        ("if (p->m != MODE_A) { if (p->m == MODE_B) { return 1; } return 2; } return 0;", {"1", "2", "0"}),
        ("if (p->m != MODE_A) { if (p->m == MODE_A) { return 1; } return 2; } return 0;", {"2", "0"}),
        # A place is no constant: both may hold.
        ("if (p->m == p->a) { if (p->m == p->b) { return 1; } return 2; } return 0;", {"1", "2", "0"}),
        ("if (p->m == p->a) { if (p->m == MODE_B) { return 1; } return 2; } return 0;", {"1", "2", "0"}),
        ("if (p->m == MODE_A) { if (p->m == p->a) { return 1; } return 2; } return 0;", {"1", "2", "0"}),
    ],
)
def test_equations(body: str, wanted: set[str]) -> None:
    assert returns(body) == wanted


# -- Errors -------------------------------------------------------------------------------------------

TWO = ERR + "Error *e2 = NULL; int r = peg_open(p, &err); int t = peg_open(p, &e2); "
BOTH = ["null~ null~", "null~ set~", "set~ null~", "set~ set~"]


@pytest.mark.parametrize(
    ("body", "paths", "taken", "other"),
    [
        # The result decides about the Errors of its own call only.
        (TWO + "if (n) {}", ["err", "e2"], BOTH, BOTH),
        # A pointer that is not below 0 is any pointer; only NULL of a list leaves it open.
        ("Peg *r = peg_new(p, errp); if (r < 0) {}", ["*errp"], [], ["null", "set"]),
        (TWO + "if (r < 0) {}", ["err", "e2"], ["set null~", "set set~"], ["null null~", "null set~"]),
        (TWO + "if (t < 0) {}", ["err", "e2"], ["null~ set", "set~ set"], ["null~ null", "set~ null"]),
        ("int r = peg_open(p, errp); int t = r; if (t < 0) {}", ["*errp"], ["set"], ["null"]),
        ("int r = -peg_open(p, errp); if (r > 0) {}", ["*errp"], ["set"], ["null"]),
        ("int r = peg_open(p, errp); r = n; if (r < 0) {}", ["*errp"], ["null~", "set~"], ["null~", "set~"]),
        # Tests of the pointer.
        (ERR + "peg_set(p, &err); if (!err) {}", ["err"], ["set"], ["null~"]),
        (ERR + "int r = peg_fwd(p, &err); if (err) {}", ["err"], ["set+"], ["null~"]),
        (ERR + "int r = peg_fwd(p, &err); if (r < 0) {}", ["err"], ["set+"], ["null"]),
        (ERR + "peg_guess(p, &err); if (err) {}", ["err"], ["set"], ["null"]),
        (ERR + "peg_store(&err); if (err) {}", ["err"], ["set"], ["null"]),
        ("if (*errp) {}", ["*errp"], [], ["null"]),
        ("peg_set(p, errp); if (*errp) {}", ["*errp"], ["set"], ["null"]),
        ("if (!errp) {}", ["*errp"], ["null"], ["maybe"]),
        # An equation of a result with a code that is no failure, and with what was wanted.
        ("int r = peg_open(p, errp); if (r == -EAGAIN) {}", ["*errp"], ["maybe~"], ["null~", "set~"]),
        ("int r = peg_open(p, errp); if (r != -EAGAIN) {}", ["*errp"], ["null~", "set~"], ["maybe~"]),
        ("int r = peg_count(p); if (r == -EAGAIN) {}", ["*errp"], ["null"], ["null"]),
        ("int r = peg_open(p, errp); if (r == n) {}", ["*errp"], ["maybe~", "null~"], ["null~", "set~"]),
    ],
)
def test_errors_on_the_sides_of_a_branch(
    body: str, paths: list[str], taken: list[str], other: list[str]
) -> None:
    assert Small(body).after_edges(*paths) == {True: taken, False: other}


SAME = (["null", "set~"], ["null", "set~"])
DOUBT = (["maybe~", "null"], ["maybe~", "null"])


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("peg_set(p, errp); if (p->bad) {}", DOUBT),
        ("peg_set(p, errp); if (!p->bad) {}", DOUBT),
        ("peg_set(p, errp); if (p->code < 0) {}", DOUBT),
        ("peg_set(p, errp); if (p->code >= 0) {}", DOUBT),
        ("peg_set(p, errp); if (p->a.b) {}", DOUBT),
        ("peg_set(&p->in, errp); if (p->bad) {}", DOUBT),
        ("peg_set(p->in, errp); if (p->bad) {}", DOUBT),
        # A number that is just compared, another object, no member.
        ("peg_set(p, errp); if (p->code > 0) {}", SAME),
        ("peg_set(p, errp); if (q->bad) {}", SAME),
        ("peg_set(p, errp); if (p) {}", SAME),
        ("peg_set(NULL, errp); if (p->bad) {}", SAME),
        # An Error that is set for certain stays so.
        ('error_setg(errp, "%p", p); if (p->bad) {}', (["set"], ["set"])),
        # What is known of the member comes from another call.
        ("p->bad = peg_open(q, NULL); peg_set(p, errp); if (p->bad) {}", SAME),
        # A variable that is the object under a cast.
        ("Peg *c = PEG(p); peg_set(p, errp); if (c->bad) {}", DOUBT),
        ("Peg *c = PEG(q); peg_set(p, errp); if (c->bad) {}", SAME),
        ("Peg *c = PEG(p); peg_set(c, errp); if (p->bad) {}", SAME),
    ],
)
def test_members_that_may_show_a_failure(body: str, wanted: tuple[list[str], list[str]]) -> None:
    found = Small(body).after_edges("*errp")
    assert (found[True], found[False]) == wanted


def test_a_result_that_is_kept_is_what_its_caller_looks_at() -> None:
    kept = (["null~", "set~"], ["null~", "set~"])
    doubt = (["maybe~", "null~"], ["maybe~", "null~"])
    for body, wanted in (
        ("int r = peg_open(p, errp); if (p->bad) {}", kept),
        # But for an out-parameter.
        ("int r = peg_open(n, errp); if (*n) {}", doubt),
        ("int r = peg_open(p, errp); if (*n) {}", kept),
    ):
        found = Small(body).after_edges("*errp")
        assert (found[True], found[False]) == wanted


def test_the_test_that_leads_to_a_setter_in_a_loop_is_no_look_at_its_outcome() -> None:
    loop = "while (p->more) {{ {} peg_set(p, errp); {} }} return 0;"
    before = {r for r in Small(loop.format("", "")).ways() if r[0] == "return 0;"}
    assert {state for _, _, state in before} == {"null", "set"}
    behind = Small(loop.format("", "if (p->bad) { return 1; }")).ways()
    assert ("return 1;", POS, "maybe") in behind


# -- what the recorder is told ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("bool r = peg_check(p, errp); if (r < 0) { return 1; } return 0;", {"sign-tested bool"}),
        ("bool r = peg_check(p, errp); if (r >= 0) { return 1; } return 0;", {"sign-tested bool"}),
        ("bool r = peg_check(p, errp); if (r > 0) { return 1; } return 0;", set()),
        ("bool r = peg_check(p, errp); if (r == 0) { return 1; } return 0;", set()),
        ("Peg *r = peg_new(p, errp); if (r < 0) { return 1; } return 0;", {"sign-tested pointer"}),
        ("int r = peg_open(p, errp); if (r < 0) { return 1; } return 0;", set()),
        ("bool r = peg_check(p, errp); if (-r < 0) { return 1; } return 0;", set()),
        ("peg_set(p, errp); if (errp) { return 1; } return 0;", {"errp-tested errp"}),
        ("peg_set(p, errp); if (!errp) { return 1; } return 0;", {"errp-tested errp"}),
        ("peg_set(p, errp); if (n) { return 1; } return 0;", set()),
        (ERR + "peg_set(p, &err); if (errp) { return 1; } error_free(err); return 0;", {"errp-tested errp"}),
        ("peg_set(p, &p->err); if (errp) { return 1; } return 0;", set()),
        ('error_setg(errp, "x"); if (errp) { return 1; } return 0;', set()),
        ("int r = peg_open(p, errp); if (r < 0) { if (errp) { return 1; } } return 0;", set()),
        ("Error *err; if (!err) { return 1; } return 0;", {"uninit err"}),
        ("Error *err; err = NULL; if (!err) { return 1; } return 0;", set()),
    ],
)
def test_what_tests_tell_the_recorder(body: str, wanted: set[str]) -> None:
    kinds = ("sign-tested", "errp-tested", "uninit")
    assert {one for one in Small(body).occurrences() if one.startswith(kinds)} == wanted


@pytest.mark.parametrize(
    "calls", ["peg_set(p, &err); peg_set(p, errp);", "peg_set(p, errp); peg_set(p, &err);"]
)
def test_the_error_that_nobody_has_asked_for_is_that_behind_errp_first(calls: str) -> None:
    small = Small(f"{ERR}{calls} if (errp) {{}}")
    (both,) = [one for one in small.states if small.show(one, "err") == small.show(one, "*errp") == "set~"]
    for guard in small.block.edges:
        small.domain.assume(both, guard)
    found = small.result()
    found.occurrences = []
    small.domain.recorder.write_into(found)
    (tested,) = [one for one in found.occurrences if one.kind.value == "errp-tested"]
    assert tested.first.origin == both.errors[small.frame.terms.of("*errp").index].origin


@pytest.mark.parametrize(
    ("test", "states"),
    [
        ("peg_set(p, &err); if (err) { return 1; } return 0;", {"SET", "NULL"}),
        ('error_setg(&err, "x"); if (err) { return 1; } return 0;', {"SET"}),
        ("if (err) { return 1; } return 0;", {"NULL"}),
        ("error_free(err); if (err) { return 1; } return 0;", {"NULL"}),
    ],
)
def test_the_states_in_which_a_pointer_is_tested(test: str, states: set[str]) -> None:
    (condition,) = Small(ERR + test).result().conditions
    assert {held.name for held in condition.states} == states


@pytest.mark.parametrize(
    ("body", "dead"),
    [
        ("int r = peg_open(p, &error_fatal); if (r < 0) { return 1; } return 0;", [True]),
        ("int r = peg_open(p, &error_fatal); if (r >= 0) { return 1; } return 0;", [False]),
        ("int r = peg_open(p, &error_abort); if (r != 0) { return 1; } return 0;", []),
        ("bool r = peg_check(p, &error_fatal); if (!r) { return 1; } return 0;", [False]),
        ("bool r = peg_check(p, &error_fatal); if (r) { return 1; } return 0;", [False]),
        ("Peg *r = peg_new(p, &error_fatal); if (r == NULL) { return 1; } return 0;", [True]),
        ("int r = peg_open(p, &error_fatal); r = n; if (r < 0) { return 1; } return 0;", []),
        ("int r = peg_count(p); peg_set(p, &error_fatal); if (r < 0) { return 1; } return 0;", []),
        ("int r = 3; peg_set(p, &error_fatal); if (r < 0) { return 1; } return 0;", []),
        # A branch that an earlier test rules out is not one that the fatal call makes dead.
        (
            "int r = peg_open(p, NULL); peg_set(p, &error_fatal); if (r < 0) { return 1; }"
            " if (r < 0) { return 2; } return 0;",
            [],
        ),
        # Where one path has another value in the variable, the branch is open.
        (
            "int r; if (n) { r = peg_open(p, &error_fatal); } else { r = peg_count(p); }"
            " if (r < 0) { return 1; } return 0;",
            [],
        ),
    ],
)
def test_branches_that_a_fatal_call_makes_dead(body: str, dead: list[bool]) -> None:
    assert [one.taken for one in Small(body).result().dead_branches] == dead


# -- a call that got NULL -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("int r = peg_open(p, NULL); if (r < 0) { return 7; } return 0;", {"7"}),
        ("int r = peg_open(p, NULL); if (r) { return 7; } return 0;", {"7"}),
        ("int r = peg_open(p, NULL); if (r > 0) { return 7; } return 0;", set()),
        ("int r = peg_open(p, NULL); if (r >= 0) { return 7; } return 0;", {"0"}),
        ("bool r = peg_check(p, NULL); if (!r) { return 7; } return 0;", {"7"}),
        ("bool r = peg_check(p, NULL); if (r) { return 7; } return 0;", {"0"}),
        ("Peg *r = peg_new(p, NULL); if (!r) { return 7; } return 0;", {"7"}),
        ("int r = peg_open(p, errp); if (r < 0) { return 7; } return 0;", set()),
        ("int r = peg_count(p); if (r < 0) { return 7; } return 0;", set()),
    ],
)
def test_a_failure_that_only_the_result_tells(body: str, seen: set[str]) -> None:
    small = Small(body)
    told = {small.text[r.span.start : r.span.end] for r in small.result().returns if r.printed}
    assert told == {f"return {number};" for number in seen}
    # A function that tells nobody of failures has no use for it.
    assert not any(r.printed for r in Small(body.replace("errp", "NULL"), NO_ERRP).result().returns)


def test_a_test_behind_a_setter_asks_for_its_outcome_in_each_round() -> None:
    loop = "for (;;) { peg_set(p, errp); if (p->bad) { return 1; } }"
    assert {held for _, _, held in Small(loop).ways()} == {"maybe", "null"}
    before = "for (;;) { if (!p->bad) { peg_wait(p); continue; } peg_set(p, errp); return 1; }"
    assert {held for _, _, held in Small(before).ways()} == {"set", "null"}


def test_a_gerror_that_is_a_parameter_is_there_or_not() -> None:
    small = Small("if (gerr) { return 1; } return 0;", "static int peg(Peg *p, GError *gerr)")
    assert small.errors("gerr") == ["none"]
    assert small.after_edges("gerr") == {True: ["set"], False: ["null"]}


LENGTHS = """
typedef struct Peg Peg;
struct Peg { int (*read)(Peg *p, int n, Error **errp); };
int peg_read(Peg *p, int n, Error **errp);
"""


def test_a_length_that_is_not_that_which_was_asked_for() -> None:
    def states(call: str) -> dict[bool | None, list[str]]:
        return Small(f"int r = {call}(p, n, errp); if (r != n) {{}}", LENGTHS + HEAD).after_edges("*errp")

    # A function that is named may do less than it was asked for.
    assert states("peg_read")[True] == ["null~", "set~"]
    assert states("p->read")[True] == ["set~"]
    assert states("peg_read")[False] == states("p->read")[False] == ["maybe~", "null~"]


def test_no_member_shows_what_became_of_an_error_that_was_handed_over() -> None:
    body = "if (e) { peg_count(p); peg_count(p); if (p->bad) { if (e) { error_free(e); } } } return 0;"
    small = Small(body, "static int peg(Peg *p, Error *e)")
    states = [{one.name for one in condition.states} for condition in small.result().conditions]
    assert states == [{"MAYBE"}, {"SET"}]
