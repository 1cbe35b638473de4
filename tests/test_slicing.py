# SPDX-License-Identifier: GPL-2.0-or-later
"""The preparation of a function: which branches its slice keeps, which values flow into what is observed, and
where a fact is alive."""

from __future__ import annotations

from typing import Any

import pytest

from qerrlint.ir.code import Call
from qerrlint.model.program import Program
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource
from qerrlint.transfer import preparation, slicing
from qerrlint.transfer.preparation import prepare
from qerrlint.transfer.slicing import Slice

PROTOTYPES = """
typedef struct Cog Cog;
int cog_open(Cog *c, Error **errp);
int qapi_enum_parse(const Lookup *l, const char *text, int def, Error **errp);
void cog_set(Cog *c, Error **errp);
int cog_count(Cog *c);
bool cog_is_ready(Cog *c);
bool cog_has_room(Cog *c, Error **errp);
void cog_take(Cog *c, int *n, Error **errp);
static int cog_plain(Cog *c)
{
    Error *err = NULL;
    int r = cog_open(c, &err);
    if (r < 0) { error_report_err(err); }
    return r;
}
"""
HEAD = "static int cog(Cog *c, Cog *d, int n, int m, Error **errp)"
NO_ERRP = "static int cog(Cog *c, Cog *d, int n, int m)"
VOID = "static void cog(Cog *c, Cog *d, int n, int m, Error **errp)"
VOID_NO_ERRP = "static void cog(Cog *c, Cog *d, int n, int m)"
VOID_ERROR = "static void cog(Cog *c, Cog *d, int n, Error *e)"


class Prepared:
    """A function with its frame and its slice; a slice is made however few branches there are."""

    def __init__(self, body: str, head: str = HEAD, sliced: bool = True) -> None:
        text = f"{PROTOTYPES}\n{head}\n{{\n{body}\n}}\n"
        self.text = text
        unit = Program(OverlaySource(EmptySource(), {"a.c": text.encode()}), "patch").unit("a.c")
        assert unit is not None
        function = unit.lowered("cog")
        assert function is not None
        made: list[Slice | None] = []

        def spy(*arguments: Any) -> Slice | None:
            made.append(slicing.slice_of(*arguments))
            return made[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(slicing, "WORTHWHILE", 0)
            patch.setattr(preparation, "slice_of", spy)
            self.frame = prepare(function, unit.signature("cog"), unit.effect, sliced)
        self.slice = made[0] if made else None

    def _tests(self) -> list[tuple[int, str, bool]]:
        """(block, text, whether the fact is kept) of each test of one place."""
        out = []
        for number, block in enumerate(self.frame.blocks):
            for guard in block.edges:
                if guard.span is not None:
                    text = self.text[guard.span.start : guard.span.end]
                    out += [(number, text, test.kept) for test in guard.tests]
        return out

    def kept_branches(self) -> set[str]:
        """The texts of the tests that matter."""
        assert self.slice is not None
        return {text for number, text, _ in self._tests() if self.slice.branches[number]}

    def kept_facts(self) -> set[str]:
        """The texts of the tests of which some side's fact is kept."""
        return {text for _, text, kept in self._tests() if kept}

    def flows(self, path: str) -> bool:
        """Whether the value of a place flows into something observed."""
        return self.frame.values & self.frame.terms.of(path).bit != 0

    def decides(self, path: str) -> bool:
        """Whether the value of a place is asked for at all."""
        assert self.slice is not None
        return self.slice.terms & self.frame.terms.of(path).bit != 0

    def alive(self, path: str, at: str) -> bool:
        """Whether facts of a place matter at the start of the block that calls a function."""
        (number,) = [
            number
            for number, block in enumerate(self.frame.function.blocks)
            if any(isinstance(event, Call) and event.name == at for event in block.events)
        ]
        return self.frame.live[number] & self.frame.terms.of(path).alive_by != 0


# -- branches ---------------------------------------------------------------------------------------------

ERR = "Error *err = NULL; "


@pytest.mark.parametrize(
    ("body", "head", "wanted"),
    [
        ("if (n) { c->x = 1; } return 0;", HEAD, set()),
        # The value that is returned.
        ("int r = 0; if (n) { r = 1; } return r;", HEAD, {"n"}),
        ("int r = 0; int t = 0; if (n) { t = 1; } return r;", HEAD, set()),
        ("int r = 0; int t = 0; if (n) { t = 1; } r = t; return r;", HEAD, {"n"}),
        ("int r = 0; int t = 0; if (n) { t = 1; } r = t + 1; return r;", HEAD, {"n"}),
        ("int r = 0; if (n) { c->x = 1; } return c->x;", HEAD, {"n"}),
        ("if (n) { c = d; } return c->x;", HEAD, {"n"}),
        ("if (n) { d->x = 1; } return c->x;", HEAD, set()),
        ("if (n) { return 1; } return 0;", HEAD, {"n"}),
        ("if (n) { m = 1; } if (m) { return 1; } return 0;", HEAD, {"n", "m"}),
        ("if (n) { if (m) { c->x = 1; } } return 0;", HEAD, set()),
        ("if (n) { if (m) { c->x = 1; } cog_set(c, errp); } return 0;", HEAD, {"n"}),
        ("if (n) { if (m) { cog_set(c, errp); } } return 0;", HEAD, {"n", "m"}),
        ("if (n) { if (m) { return 1; } } return 0;", HEAD, {"n", "m"}),
        # A return without a value, where there is an Error that it could leave.
        ("if (n) { return; } c->x = 1;", VOID, {"n"}),
        ("if (n) { return; } c->x = 1;", VOID_ERROR, {"n"}),
        ("if (n) { return; } c->x = 1;", VOID_NO_ERRP, set()),
        ("Error *err; if (n) { return; } c->x = 1;", VOID_NO_ERRP, {"n"}),
        ("d = *errp; if (n) { return; } c->x = 1;", VOID, {"n"}),
        # Calls about Errors.
        ("if (n) { cog_set(c, errp); } return 0;", HEAD, {"n"}),
        ("if (n) { cog_set(c, NULL); } return 0;", HEAD, {"n"}),
        ("if (n) { cog_count(c); } return 0;", HEAD, set()),
        ("if (n) { cog_count(c); } return 0;", NO_ERRP, set()),
        ('if (n) { error_setg(errp, "x"); } return 0;', HEAD, {"n"}),
        ('if (n) { error_prepend(errp, "x"); } return 0;', HEAD, {"n"}),
        ("if (n) { error_free(c->err); } return 0;", NO_ERRP, {"n"}),
        ("if (n) { error_free_or_abort(&c->err); } return 0;", NO_ERRP, {"n"}),
        ("if (n) { c->err = error_copy(d->err); } return 0;", NO_ERRP, {"n"}),
        ("if (n) { cog_plain(c); } return 0;", NO_ERRP, {"n"}),
        ("if (n) { cog_error_name(c); } return 0;", NO_ERRP, {"n"}),
        ("if (n) { abort(); } return 0;", NO_ERRP, {"n"}),
        # What is printed and freed.
        ('if (n) { error_report("x"); } return 0;', NO_ERRP, {"n"}),
        ('if (n) { warn_report("x"); } return 0;', NO_ERRP, set()),
        ("if (n) { g_free(d); } return 0;", NO_ERRP, {"n"}),
        ('if (n) { fprintf(stderr, "x"); } return 0;', HEAD, {"n"}),
        ('if (n) { fprintf(stderr, "x"); } return 0;', NO_ERRP, set()),
        # Variables of type Error * and Error **.
        ("if (n) { Error *err; } return 0;", NO_ERRP, {"n"}),
        ("if (n) { int err; } return 0;", NO_ERRP, set()),
        ("Error *err; if (n) { err = NULL; } return 0;", NO_ERRP, {"n"}),
        ("Error *err; if (n) { err = c->err; } return 0;", NO_ERRP, {"n"}),
        (ERR + "if (n) { c->err = err; } return 0;", NO_ERRP, {"n"}),
        (ERR + "if (n) { c->errp = &err; } return 0;", NO_ERRP, {"n"}),
        ("if (n) { c->errp = errp; } return 0;", HEAD, {"n"}),
        ("if (n) { c->errp = &d; } return 0;", HEAD, set()),
        ("if (n) { *errp = c->err; } return 0;", HEAD, {"n"}),
        ("if (n) { d = *errp; } return 0;", HEAD, {"n"}),
        (ERR + "err = d; if (n) { d = c; } return 0;", NO_ERRP, {"n"}),
    ],
)
def test_branches_on_which_something_observed_depends(body: str, head: str, wanted: set[str]) -> None:
    assert Prepared(body, head).kept_branches() == wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        # Where a callee may set errp and the function goes on, the work behind it is observed.
        ("cog_set(c, errp); if (n) { cog_count(d); } return 0;", {"n"}),
        ("cog_set(c, errp); if (n) { trace_cog(d); } return 0;", set()),
        ("cog_set(c, errp); if (n) { d->x = 1; } return 0;", set()),
        ('error_setg(errp, "x"); if (n) { cog_count(d); } return 0;', set()),
        ("cog_set(c, NULL); if (n) { cog_count(d); } return 0;", {"n"}),
        (ERR + "cog_set(c, &err); if (n) { cog_count(d); } return 0;", set()),
        (ERR + "cog_set(c, &err); error_free(err); if (n) { cog_count(d); } return 0;", {"n"}),
        ('error_report("x"); if (n) { cog_count(d); } return 0;', {"n"}),
        ('fprintf(d, "x"); if (n) { cog_count(d); } return 0;', {"n"}),
    ],
)
def test_branches_around_other_work(body: str, wanted: set[str]) -> None:
    assert Prepared(body).kept_branches() == wanted


def test_work_behind_a_setter_matters_in_a_void_function() -> None:
    body = 'error_setg(errp, "x"); if (n) { cog_count(d); }'
    assert Prepared(body, VOID).kept_branches() == {"n"}
    assert Prepared(body + " return 0;").kept_branches() == set()


def test_what_a_function_without_errp_tells_makes_its_work_matter() -> None:
    """It is observed where it asks a callee for no Error, looks at the result, and tells of failures."""
    work = " if (n) { cog_count(d); } return 0;"
    asks, tells = "int r = cog_open(c, NULL);", 'error_report("x");'
    assert Prepared(asks + tells + work, NO_ERRP).kept_branches() == {"n"}
    assert Prepared(asks + " error_report_err(c->err);" + work, NO_ERRP).kept_branches() == {"n"}
    assert Prepared(asks + work, NO_ERRP).kept_branches() == set()
    assert Prepared(tells + work, NO_ERRP).kept_branches() == set()
    assert Prepared("cog_open(c, NULL);" + tells + work, NO_ERRP).kept_branches() == set()
    assert Prepared(ERR + "int r = cog_open(c, &err);" + tells + work, NO_ERRP).kept_branches() == set()


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        # A result that may tell what became of an Error, and its copies.
        ("int r = cog_open(c, errp); if (r) { d->x = 1; } return 0;", {"r"}),
        ("int r = cog_open(c, NULL); if (r) { d->x = 1; } return 0;", {"r"}),
        ("int r = cog_open(c, errp); int t = r; if (t) { d->x = 1; } return 0;", {"t"}),
        ("int t; int r = cog_open(c, errp); int s = r; t = s; if (t) { d->x = 1; } return 0;", {"t"}),
        ("int r = cog_plain(c); if (r) { d->x = 1; } return 0;", {"r"}),
        ("int r = cog_count(c); if (r) { d->x = 1; } return 0;", set()),
        ("int r = cog_open(c, errp); int t = r + 1; if (t) { d->x = 1; } return 0;", set()),
        ("if (cog_open(c, errp) < 0) { d->x = 1; } return 0;", {"cog_open(c, errp) < 0"}),
        ("if (cog_count(c) < 0) { d->x = 1; } return 0;", set()),
        # A member of an object that a setter was handed may show the failure.
        ("cog_set(c, errp); if (c->bad) { d->x = 1; } return 0;", {"c->bad"}),
        ("cog_set(c->in, errp); if (c->bad) { d->x = 1; } return 0;", {"c->bad"}),
        ("cog_take(d, &m, errp); if (m) { d->x = 1; } return 0;", set()),
        ("cog_set(c, errp); if (d->bad) { d->x = 1; } return 0;", set()),
        ("cog_set(c, errp); if (c) { d->x = 1; } return 0;", set()),
        ("cog_set(c, errp); if (n) { if (c->bad) { d->x = 1; } } return 0;", {"n", "c->bad"}),
        ("cog_set(c, errp); if (n) { c->bad = 1; } if (c->bad) { d->x = 1; } return 0;", {"n", "c->bad"}),
        ("cog_count(c); if (c->bad) { d->x = 1; } return 0;", set()),
        # A status that is handed to a call about Errors, an errno, and a pointer that may be NULL.
        ("if (n) { m = 1; } cog_error(c, m); return 0;", {"n"}),
        ("if (n) { m = 1; } cog_count(c, m); return 0;", set()),
        ('if (n) { m = 1; } error_setg_errno(errp, m, "x"); return 0;', {"n"}),
        ('if (n) { m = 1; } error_setg_errno(errp, m + 1, "x"); return 0;', {"n"}),
        ('if (n) { d->x = 1; } error_setg(errp, "%d", d->x); return 0;', {"n"}),
        ("cog_set(c, c->errp); if (n) { c->errp = NULL; } return 0;", {"n"}),
        # A value that is the result after a failure.
        ("if (n) { m = 1; } return qapi_enum_parse(c->all, c->text, m, errp);", {"n"}),
    ],
)
def test_branches_on_values_that_tell_of_an_error(body: str, wanted: set[str]) -> None:
    assert Prepared(body).kept_branches() == wanted


# -- values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "path", "flows", "decides"),
    [
        ("return n;", "n", True, True),
        ("int r = n; return r;", "n", True, True),
        ("int r = n; r = m; return 0;", "n", False, False),
        ("if (n) { return 1; } return 0;", "n", False, True),
        ("m = n; if (m) { return 1; } return 0;", "n", False, True),
        ("if (n) { d->x = 1; } return 0;", "n", False, False),
        # Of two places that are equal what is known of one holds for the other.
        ("int r = cog_count(c); if (r == n) { return r; } return 0;", "n", True, True),
        ("int r = cog_count(c); if (n == r) { return r; } return 0;", "n", True, True),
        ("int r = cog_count(c); if (r == 3) { return n; } return 0;", "r", False, True),
        ("int r = cog_count(c); if (r == MODE) { return 1; } return 0;", "r", False, True),
        ("c = d; return c->x;", "d", True, True),
        # The answer of a predicate that may set an Error, which is the same when it is asked again.
        ("cog_has_room(c, errp); return 0;", "cog_has_room(c,errp)", True, True),
        ("cog_is_ready(c); return 0;", "cog_is_ready(c)", False, False),
        ("cog_open(c, errp); return 0;", "cog_open(c,errp)", False, False),
    ],
)
def test_values_that_flow_and_values_that_only_decide(
    body: str, path: str, flows: bool, decides: bool
) -> None:
    made = Prepared(body)
    assert (made.flows(path), made.decides(path)) == (flows, decides)


def test_few_branches_are_not_sliced(monkeypatch: pytest.MonkeyPatch) -> None:
    def sliced(branches: int) -> bool:
        body = "".join(f"if (c->m{number}) {{ d->x = 1; }} " for number in range(branches))
        text = f"{PROTOTYPES}{HEAD}\n{{\n{body} return 0;\n}}\n"
        unit = Program(OverlaySource(EmptySource(), {"a.c": text.encode()}), "patch").unit("a.c")
        assert unit is not None
        function = unit.lowered("cog")
        assert function is not None
        return prepare(function, unit.signature("cog"), unit.effect).values >= 0

    assert [sliced(number) for number in (0, 7, 8, 9)] == [False, False, True, True]
    assert Prepared("if (n) { d->x = 1; } return 0;", sliced=False).frame.values == -1


# -- liveness ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "path", "alive"),
    [
        ("if (m) { at(c); } if (n) { return 1; } return 0;", "n", True),
        ("if (m) { at(c); } return n;", "n", True),
        ("if (m) { at(c); } int r = n; return r;", "n", True),
        ("if (m) { at(c); } int r = n + 1; return r;", "n", True),
        ("if (m) { at(c); } return 0;", "n", False),
        # Assigned before it is read, or only before the place.
        ("if (m) { at(c); } n = 0; return n;", "n", False),
        ("if (n) { return 1; } if (m) { at(c); } return 0;", "n", False),
        ("if (m) { at(c); } int r = n; return 0;", "n", False),
        ("if (m) { at(c); n = 0; } return n;", "n", False),
        ("if (m) { at(c); if (m) { n = 0; } } return n;", "n", True),
        # Around a loop.
        ("while (m) { if (n) { return 1; } if (c) { at(c); } } return 0;", "n", True),
        ("while (m) { n = 0; if (n) { return 1; } if (c) { at(c); } } return 0;", "n", False),
        # Not sliced away: a branch that does not matter reads nothing.
        ("if (m) { at(c); } if (n) { d->x = 1; } return 0;", "n", False),
        # What a call about Errors asks for.
        ("if (m) { at(c); } cog_error(c, n); return 0;", "n", True),
        ("if (m) { at(c); } cog_count(c, n); return 0;", "n", False),
        ('if (m) { at(c); } error_setg_errno(errp, n, "x"); return 0;', "n", True),
        ("if (m) { at(c); } cog_set(c, c->errp); return 0;", "c->errp", True),
        ("if (m) { at(c); } cog_set(c, errp); return 0;", "errp", False),
        # An assignment reads a value where what is assigned matters.
        ("if (m) { at(c); } int r = 0; d->x = n; return r;", "n", False),
    ],
)
def test_where_facts_are_alive(body: str, path: str, alive: bool) -> None:
    assert Prepared(body).alive(path, "at") is alive


def test_answers_are_alive_as_long_as_the_predicate_is_asked() -> None:
    twice = "if (m) { at(c); } if (cog_is_ready(c)) { return 1; } return 0;"
    assert Prepared(twice).alive("cog_is_ready(c)", "at")
    assert not Prepared(twice.replace("cog_is_ready", "cog_count")).alive("cog_count(c)", "at")
    cast = "if (m) { at(c); } if (object_dynamic_cast(c, TYPE_A)) { return 1; } return 0;"
    assert Prepared(cast).alive("typeof(c)==TYPE_A", "at")
    assert not Prepared(cast.replace(", TYPE_A", "")).alive("typeof(c)==TYPE_A", "at")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("if (n) { d->x = 1; } return n;", {"n"}),
        ("if (n) { d->x = 1; } return 0;", set()),
        ("if (n) { d->x = 1; } if (n) { return 1; } return 0;", {"n"}),
        ("if (n) { n = 0; } else { n = 1; } return n;", set()),
    ],
)
def test_facts_that_a_test_leaves_behind(body: str, wanted: set[str]) -> None:
    assert Prepared(body).kept_facts() == wanted


def test_facts_that_nothing_reads_are_never_made() -> None:
    made = Prepared("int r = cog_count(c); int t = n; d->x = t; if (m) { return r; } return 0;")
    assert [made.frame.is_used(made.frame.terms.of(path)) for path in ("r", "m", "n", "d->y")] == [
        True,
        True,
        True,
        False,
    ]
    # Where something else is observed as well, the results of calls are.
    for sliced, used in ((True, False), (False, True)):
        frame = Prepared("cog_count(c); return 0;", sliced=sliced).frame
        assert frame.is_used(frame.terms.of("#0")) is used


# -- what is known of a function without a state ---------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "head", "wanted"),
    [
        ("cog_set(c, errp); return 0;", HEAD, "passes_errp telling"),
        ("cog_set(c, NULL); return 0;", HEAD, "telling"),
        ('error_setg(errp, "x"); return 0;', HEAD, "telling"),
        ("Error **to = errp; cog_set(c, to); return 0;", HEAD, "passes_errp telling"),
        (ERR + "cog_set(c, &err); return 0;", HEAD, "telling"),
        ('error_prepend(errp, "x"); return 0;', HEAD, "extends telling"),
        ('error_prepend(&c->err, "x"); return 0;', HEAD, "telling"),
        ("cog_set(c, &error_abort); return 0;", HEAD, "fatal telling"),
        ("cog_set(c, &error_fatal); return 0;", HEAD, "fatal telling"),
        ("cog_set(c, &c->err); return 0;", NO_ERRP, ""),
        ("Error **to = &error_fatal; return 0;", NO_ERRP, "fatal"),
        ("Error **to = &c->err; return 0;", NO_ERRP, ""),
        (ERR + "Error **to = &err; cog_set(c, to); cog_count(c); return 0;", NO_ERRP, ""),
        ("cog_set(c, c->errp); return 0;", NO_ERRP, ""),
    ],
)
def test_the_flags_of_a_function(body: str, head: str, wanted: str) -> None:
    frame = Prepared(body, head).frame
    flags = ("extends", "fatal", "passes_errp", "telling")
    assert [name for name in flags if getattr(frame, name)] == wanted.split()


def test_which_facts_of_several_only_decide() -> None:
    body = "int r = cog_count(c); if (r == MODE) { d = c; } if (n || m) { return r; } return 0;"
    frame = Prepared(body).frame
    bits = {text: frame.terms.of(text).bit for text in ("r", "r==MODE", "n", "m")}
    assert frame.deciding(sum(bits.values())) == bits["n"] | bits["m"]
