# SPDX-License-Identifier: GPL-2.0-or-later
"""The abstract domain: laws of its lattices, interning, copies on write, terms, and its tables."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qerrlint.absint.trace import Trail, is_joined, places
from qerrlint.c.declarations.types import Param, Signature
from qerrlint.domain import error, signs, state
from qerrlint.domain.casts import casts
from qerrlint.domain.conventions import FAILURE, SUCCESS, by_convention, fails_by, succeeds_by
from qerrlint.domain.effects import Effect, Outcome
from qerrlint.domain.error import Cell, ErrorState, cell, fault_of
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.ownership import FAILURES, PROCESS, RESULT, Move, Pair, place_of_object, tail
from qerrlint.domain.result import FunctionResult
from qerrlint.domain.state import (
    ANYTHING,
    NO_MARKS,
    NOT_NULL,
    Channel,
    Draft,
    Fact,
    Marks,
    State,
    fact,
    marks,
)
from qerrlint.domain.terms import Terms, depends, root_of
from qerrlint.ir.code import (
    ANY,
    NEG,
    NONZERO,
    POS,
    ZERO,
    Addr,
    Assign,
    Block,
    Call,
    Const,
    Function,
    Result,
    Value,
    Var,
)
from qerrlint.source.span import Span

AT = Span("a.c", 0, 1)
T = TypeVar("T")


def check_laws(
    leq: Callable[[T, T], bool], join: Callable[[T, T], T], same: Callable[[T, T], bool], a: T, b: T, c: T
) -> None:
    """A partial order of which `join` is the least upper bound."""
    assert leq(a, a)
    if leq(a, b) and leq(b, a):
        assert same(a, b)
    if leq(a, b) and leq(b, c):
        assert leq(a, c)
    both = join(a, b)
    assert leq(a, both)
    assert leq(b, both)
    if leq(a, c) and leq(b, c):
        assert leq(both, c)
    assert same(both, join(b, a))
    assert same(join(a, a), a)
    assert same(join(both, c), join(a, join(b, c)))
    assert same(both, b) == leq(a, b)


# -- signs ------------------------------------------------------------------------------------------

SIGNS = st.integers(0, 7)
SAMPLES = range(-9, 10)


def sign_of(number: int) -> int:
    return NEG if number < 0 else POS if number else ZERO


def test_signs_are_ordered_by_inclusion() -> None:
    for one, other in itertools.product(range(8), repeat=2):
        assert signs.leq(one, other) == (one & ~other == 0)


@pytest.mark.parametrize("operator", ["|", "&", "+", "-"])
def test_combined_covers_integer_arithmetic_and_no_more(operator: str) -> None:
    computed: dict[str, Callable[[int, int], int]] = {
        "|": lambda a, b: a | b,
        "&": lambda a, b: a & b,
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
    }
    exact: dict[tuple[int, int], int] = {}
    for a, b in itertools.product(SAMPLES, repeat=2):
        pair = sign_of(a), sign_of(b)
        exact[pair] = exact.get(pair, 0) | sign_of(computed[operator](a, b))
    for left, right in itertools.product(range(8), repeat=2):
        wanted = 0
        for (a, b), result in exact.items():
            if a & left and b & right:
                wanted |= result
        got = signs.combined(operator, left, right)
        assert signs.leq(wanted, got)
        if operator != "&":
            assert got == wanted
        elif ZERO in (left, right):
            assert got in (ZERO, 0)


def test_unary_operators_are_exact() -> None:
    for of in range(8):
        numbers = [n for n in SAMPLES if sign_of(n) & of]
        assert signs.negated(of) == sum({sign_of(-n) for n in numbers})
        assert signs.inverted(of) == sum({sign_of(int(not n)) for n in numbers})


# -- the typestate of an Error ------------------------------------------------------------------------

CELLS = st.builds(
    cell, st.sampled_from(ErrorState), st.sampled_from([-2, -1, 0, 1]), st.booleans(), st.booleans()
)


@given(CELLS, CELLS, CELLS)
def test_cells_are_a_lattice(a: Cell, b: Cell, c: Cell) -> None:
    check_laws(error.leq, error.join, lambda x, y: x is y, a, b, c)
    assert error.leq(a, error.TOP_CELL)


def test_the_order_of_cells_by_component() -> None:
    for one, other in itertools.permutations(ErrorState, 2):
        assert error.leq(cell(one), cell(other)) == (other is ErrorState.MAYBE)
    assert error.leq(cell(ErrorState.SET, 3), cell(ErrorState.SET))
    assert not error.leq(cell(ErrorState.SET), cell(ErrorState.SET, 3))
    assert not error.leq(cell(ErrorState.SET, 2), cell(ErrorState.SET, 3))
    assert error.leq(cell(ErrorState.SET, 3, sure=True), cell(ErrorState.SET, 3))
    assert not error.leq(cell(ErrorState.SET, 3), cell(ErrorState.SET, 3, sure=True))
    assert error.leq(cell(ErrorState.SET, 3), cell(ErrorState.SET, 3, propagated=True))
    assert not error.leq(cell(ErrorState.SET, 3, propagated=True), cell(ErrorState.SET, 3))


def test_equal_cells_are_one_object() -> None:
    assert cell(ErrorState.SET, 1) is cell(ErrorState.SET, 1)
    made = {cell(*values) for values in itertools.product(ErrorState, (-1, 0), (False, True), (False, True))}
    assert len(made) == len(ErrorState) * 8
    assert error.NULL_CELL is cell(ErrorState.NULL, -1, sure=False, propagated=False)
    assert error.OWNED_CELL is cell(ErrorState.MAYBE, -2)
    assert error.UNKNOWN_CELL is cell(ErrorState.MAYBE)
    assert error.UNINIT_CELL is cell(ErrorState.UNINIT)


def test_what_is_known_to_be_null() -> None:
    assert cell(ErrorState.NULL).known_null
    assert cell(ErrorState.NULL, 0, sure=True).known_null
    assert not cell(ErrorState.NULL, 0).known_null
    assert not cell(ErrorState.MAYBE).known_null
    assert not cell(ErrorState.SET, sure=True).known_null


FAULTS = {
    ("pass", ErrorState.UNINIT): OccurrenceKind.UNINIT,
    ("pass", ErrorState.GONE): OccurrenceKind.STALE,
    ("set", ErrorState.SET): OccurrenceKind.SET_AGAIN,
    ("use", ErrorState.UNINIT): OccurrenceKind.UNINIT,
    ("use", ErrorState.GONE): OccurrenceKind.GONE_USED,
    ("extend", ErrorState.GONE): OccurrenceKind.GONE_USED,
    ("test", ErrorState.UNINIT): OccurrenceKind.UNINIT,
}


def test_the_table_of_faults() -> None:
    for use, held in itertools.product(("pass", "set", "use", "extend", "test"), ErrorState):
        assert fault_of(use, cell(held)) is FAULTS.get((use, held)), (use, held)
        inside = fault_of(use, cell(held), looks_inside=True)
        wanted = OccurrenceKind.NULL_REPORTED if held is ErrorState.NULL else FAULTS.get((use, held))
        assert inside is wanted, (use, held)
    assert fault_of("use", cell(ErrorState.NULL, 4), looks_inside=True) is None
    with pytest.raises(KeyError):
        fault_of("eat", error.NULL_CELL)


# -- facts, marks, states -----------------------------------------------------------------------------

FACTS = st.builds(
    fact, st.integers(1, 7), st.sampled_from([-1, 0, 1]), st.booleans(), st.sampled_from(Channel)
)
MARKS = st.builds(
    marks,
    st.frozensets(st.integers(0, 2)),
    st.frozensets(st.integers(0, 2)),
    st.integers(-1, 1),
    st.booleans(),
)
INDEXES = st.integers(0, 3)


# The top of each map is left out of it: a state says it by saying nothing.
STATES = st.builds(
    State,
    st.dictionaries(INDEXES, CELLS.filter(lambda c: c is not error.TOP_CELL), max_size=2),
    st.dictionaries(INDEXES, FACTS.filter(lambda f: f is not ANYTHING), max_size=2),
    st.dictionaries(INDEXES, INDEXES, max_size=2),
    st.none(),
    MARKS,
    st.frozensets(st.sampled_from(["one", "two"])),
)


def plain(one: State) -> State:
    """The state without cells that say nothing."""
    errors = {term: held for term, held in one.errors.items() if held is not error.TOP_CELL}
    return State(errors, one.facts, one.points, one.trail, one.marks, one.held)


def alike(one: State, other: State) -> bool:
    return plain(one).key() == plain(other).key()


@settings(max_examples=80)
@given(STATES, STATES, STATES)
def test_states_are_a_lattice(a: State, b: State, c: State) -> None:
    check_laws(state.leq, state.join, alike, a, b, c)


@given(FACTS, FACTS, FACTS)
def test_facts_are_a_lattice(a: Fact, b: Fact, c: Fact) -> None:
    check_laws(state._fact_leq, state._joined, lambda x, y: x is y, a, b, c)


@pytest.mark.parametrize(
    ("more", "less"),
    [
        (State({0: cell(ErrorState.SET)}, {}, {}), State({0: cell(ErrorState.MAYBE)}, {}, {})),
        (State({0: cell(ErrorState.SET)}, {}, {}), State({}, {}, {})),
        (State({}, {0: fact(POS)}, {}), State({}, {0: fact(NONZERO)}, {})),
        (State({}, {0: fact(POS)}, {}), State({}, {}, {})),
        (State({}, {0: fact(POS, 1)}, {}), State({}, {0: fact(POS)}, {})),
        (State({}, {0: fact(POS, signed=True)}, {}), State({}, {0: fact(POS)}, {})),
        (State({}, {0: fact(POS, channel=Channel.NONE)}, {}), State({}, {0: fact(POS)}, {})),
        (State({}, {}, {0: 1}), State({}, {}, {})),
        (State({}, {}, {}), State({}, {}, {}, marks_=marks(frozenset({1})))),
        (State({}, {}, {}), State({}, {}, {}, marks_=marks(freed=frozenset({1})))),
        (State({}, {}, {}), State({}, {}, {}, marks_=marks(propagated=True))),
        (State({}, {}, {}, marks_=marks(set_by=1)), State({}, {}, {})),
        (State({}, {}, {}), State({}, {}, {}, held=frozenset({"one"}))),
    ],
)
def test_the_order_of_states_by_component(more: State, less: State) -> None:
    assert state.leq(more, less)
    assert not state.leq(less, more)
    assert alike(state.join(more, less), less)


@given(STATES)
def test_widening_goes_up_and_stops(one: State) -> None:
    wide = state.widen(one)
    assert state.leq(one, wide)
    assert state.widen(wide).key() == wide.key()
    assert not wide.facts
    assert (wide.errors, wide.points, wide.marks, wide.held) == (one.errors, one.points, one.marks, one.held)


def test_the_join_keeps_the_first_trail() -> None:
    trail = Trail(None, "set", AT)
    one = State({}, {}, {}, trail)
    assert state.join(one, State({}, {}, {})).trail is trail
    assert state.widen(one).trail is trail


@given(FACTS, st.integers(1, 7))
def test_a_narrowed_fact(known: Fact, to: int) -> None:
    narrow = known.narrowed(to)
    assert narrow is fact(to, known.origin, known.signed, known.channel)


def test_a_fact_says_nothing_by_default() -> None:
    assert fact(POS) is fact(POS, -1, signed=False, channel=Channel.POINTER)
    assert fact(ANY) is ANYTHING
    assert len({fact(POS, *rest) for rest in itertools.product((-1, 0), (False, True), Channel)}) == 12


def test_marks() -> None:
    one = NO_MARKS.adding_printed(3)
    assert one is marks(frozenset({3}))
    assert one.adding_printed(4) is marks(frozenset({3, 4}))
    assert one.without_printed() is NO_MARKS
    assert NO_MARKS.without_printed() is NO_MARKS
    freed = one.with_freed(2, True)
    assert freed is marks(frozenset({3}), frozenset({2}))
    assert freed.with_freed(2, True) is freed
    assert one.with_freed(2, False) is one
    assert freed.with_freed(2, False) is one
    setting = freed.with_set_by(5)
    assert setting is marks(frozenset({3}), frozenset({2}), 5)
    assert setting.with_set_by(5) is setting
    propagated = setting.with_propagated()
    assert propagated is marks(frozenset({3}), frozenset({2}), 5, propagated=True)
    assert propagated.with_propagated() is propagated
    assert propagated.adding_printed(4) is marks(frozenset({3, 4}), frozenset({2}), 5, propagated=True)
    assert propagated.without_printed() is marks(frozenset(), frozenset({2}), 5, propagated=True)
    assert propagated.with_freed(2, False) is marks(frozenset({3}), frozenset(), 5, propagated=True)
    assert propagated.with_set_by(-1) is marks(frozenset({3}), frozenset({2}), -1, propagated=True)
    assert marks() is NO_MARKS is marks(frozenset(), frozenset(), -1, propagated=False)


@given(MARKS, MARKS)
def test_equal_marks_are_one_object(one: Marks, other: Marks) -> None:
    values = [(m.printed, m.freed, m.set_by, m.propagated) for m in (one, other)]
    assert (values[0] == values[1]) == (one is other)


# Each writes to a draft: (name, arguments).
WRITES = st.one_of(
    st.tuples(st.just("set_error"), INDEXES, CELLS),
    st.tuples(st.just("drop_error"), INDEXES),
    st.tuples(st.just("set_fact"), INDEXES, FACTS),
    st.tuples(st.just("forget"), st.integers(0, 15)),
    st.tuples(st.just("point"), INDEXES, st.none() | INDEXES),
)


def mask(terms: set[int]) -> int:
    return sum(1 << term for term in terms)


def contents(one: State) -> tuple[object, ...]:
    return dict(one.errors), dict(one.facts), dict(one.points), one.marks, one.held, one.known, one.watched


@settings(max_examples=60)
@given(STATES, st.lists(WRITES, max_size=6))
def test_a_draft_copies_what_it_writes_and_its_masks_agree(
    one: State, writes: list[tuple[object, ...]]
) -> None:
    before = contents(one)
    draft = one.draft()
    errors: dict[int, Any] = dict(one.errors)
    facts: dict[int, Any] = dict(one.facts)
    points: dict[int, Any] = dict(one.points)
    for name, *arguments in writes:
        if name == "drop_error" and arguments[0] not in draft.errors:
            continue
        getattr(draft, str(name))(*arguments)
        term = arguments[0]
        assert isinstance(term, int)
        if name == "set_error":
            errors[term] = arguments[1]
        elif name == "drop_error":
            del errors[term]
        elif name == "set_fact":
            facts[term] = arguments[1]
        elif name == "forget":
            facts = {index: known for index, known in facts.items() if not term >> index & 1}
        elif arguments[1] is None:
            points.pop(term, None)
        else:
            points[term] = arguments[1]
        assert draft.watched == mask(draft.errors.keys() | draft.points.keys())
        assert draft.known == mask(set(draft.facts))
    assert contents(one) == before
    frozen = draft.frozen()
    assert (frozen.errors, frozen.facts, frozen.points) == (errors, facts, points)
    assert contents(one) == before
    assert type(frozen) is State
    assert frozen.key() == State(errors, facts, points, None, one.marks, one.held).key()


def test_a_second_draft_does_not_write_to_the_first_ones_maps() -> None:
    first = State({}, {}, {}).draft()
    first.set_error(0, error.NULL_CELL)
    first.set_fact(0, NOT_NULL)
    first.point(0, 1)
    one = first.frozen()
    second = one.draft()
    second.set_error(1, error.NULL_CELL)
    second.set_fact(1, NOT_NULL)
    second.point(1, 1)
    assert (set(one.errors), set(one.facts), set(one.points)) == ({0}, {0}, {0})


def test_an_unchanged_draft_is_its_state() -> None:
    one = State({0: error.NULL_CELL}, {1: NOT_NULL}, {2: 0})
    assert one.draft().frozen() is one
    draft = one.draft()
    draft.forget(~(1 << 1))
    draft.point(5, None)
    assert draft.frozen() is one
    assert one.without_facts(1 << 0) is one
    assert one.with_held(one.held) is one
    assert one.with_trail(None) is one
    trail = Trail(None, "set", AT)
    for change in ("marks", "trail", "held"):
        draft = one.draft()
        setattr(
            draft, change, {"marks": marks(propagated=True), "trail": trail, "held": frozenset({1})}[change]
        )
        changed = draft.frozen()
        assert changed is not one
        assert not isinstance(changed, Draft)


def test_helpers_of_a_state() -> None:
    one = State({0: error.NULL_CELL}, {1: NOT_NULL, 2: fact(NEG)}, {3: 0})
    assert set(one.without_facts(1 << 1).facts) == {2}
    assert one.with_held(frozenset({"x"})).held == frozenset({"x"})
    trail = Trail(None, "set", AT)
    assert one.with_trail(trail).trail is trail
    assert one.with_trail(trail).key() == one.key()


def test_the_value_of_a_term() -> None:
    wanted = {
        ErrorState.UNINIT: ANY,
        ErrorState.NULL: ZERO,
        ErrorState.SET: POS,
        ErrorState.MAYBE: ZERO | POS,
        ErrorState.GONE: POS,
    }
    for held, of in wanted.items():
        assert State({0: cell(held)}, {}, {}).value(0).signs == of
    one = State({0: error.NULL_CELL}, {0: fact(NEG), 1: fact(NEG)}, {1: 0})
    assert one.value(0).signs == ZERO
    assert one.value(1).signs == NEG
    assert one.value(2) is ANYTHING
    assert State({}, {0: fact(NEG)}, {}).value(0).signs == NEG


@given(STATES, STATES)
def test_keys_tell_states_apart(one: State, other: State) -> None:
    same = contents(one)[:5] == contents(other)[:5]
    assert (one.key() == other.key()) == same


def test_a_key_leaves_out_the_facts_that_are_ignored() -> None:
    errors = {0: error.NULL_CELL}
    one, other = State(errors, {1: NOT_NULL, 2: NOT_NULL}, {}), State(errors, {2: NOT_NULL}, {})
    assert one.key(1 << 1) == other.key()
    assert State(errors, {1: NOT_NULL, 2: NOT_NULL}, {}).key(1 << 2) != other.key()
    assert one.key(1 << 1) is one.key(1 << 1)


@given(STATES, STATES)
def test_weaker_is_the_order_of_facts(one: State, other: State) -> None:
    if one.facts.keys() <= other.facts.keys():
        assert one.weaker(other) == all(state._fact_leq(other.facts[t], f) for t, f in one.facts.items())


def test_weaker() -> None:
    one, other = State({}, {0: fact(NONZERO)}, {}), State({}, {0: fact(POS), 1: fact(POS)}, {})
    assert one.weaker(other)
    assert one.weaker(one)
    assert not State({}, {0: fact(NEG)}, {}).weaker(other)


# -- traces -------------------------------------------------------------------------------------------


def test_a_trail_is_read_forwards() -> None:
    first = Trail(None, "branch", AT, taken=True)
    second = Trail(first, "set", AT, note="err")
    assert places(second) == [first, second]
    assert places(None) == []
    assert (second.note, second.kind, second.taken, first.taken) == ("err", "set", None, True)
    assert "branch" in repr(second)


def test_what_was_joined_stays_so() -> None:
    first = Trail(None, "branch", AT)
    joined = Trail(first, "joined", AT)
    assert not is_joined(None)
    assert not is_joined(first)
    assert is_joined(joined)
    assert is_joined(Trail(joined, "set", AT))


# -- terms --------------------------------------------------------------------------------------------


def test_terms_are_interned_and_numbered() -> None:
    terms = Terms()
    one, other = terms.of("err"), terms.of("s->err")
    assert terms.of("err") is one
    assert [terms.all[index].text for index in range(len(terms.all))] == ["err", "s", "s->err"]
    assert all(term.index == number and term.bit == 1 << number for number, term in enumerate(terms.all))
    assert one.local
    assert not other.local
    assert other.owner is terms.of("s")
    assert terms.of("$1").local
    assert terms.of("s.err").owner is None
    assert terms.of("f(x)->y").owner is None
    assert terms.of("s->a->b").owner is terms.of("s")


def test_a_pointee() -> None:
    terms = Terms()
    pointee = terms.of("*errp")
    pointer = terms.of("errp")
    assert pointee.pointee_of is pointer
    assert pointee.place == pointee.bit | pointer.bit
    assert pointer.place == pointer.bit
    assert pointee.asks == pointee.alive_by == pointee.bit
    assert not pointee.local
    assert pointer.pointee_of is None


def test_an_equation_with_a_constant() -> None:
    terms = Terms()
    left = terms.of("ret")
    equation = terms.equation(left, "-ENOENT")
    assert (equation.text, equation.left, equation.constant) == ("ret==-ENOENT", left, "-ENOENT")
    assert equation.by_constant
    assert equation.right is None
    every = terms.equations_of(left)
    assert every.text == "ret=="
    assert every.left is None
    assert equation.alive_by == left.bit | every.bit | equation.bit
    assert equation.asks == equation.alive_by
    assert equation.place == equation.bit


@pytest.mark.parametrize("constant", ["12", "-1", "0x10", "MODE_A", "_X", "A1"])
def test_what_is_a_constant(constant: str) -> None:
    terms = Terms()
    assert terms.equation(terms.of("x"), constant).by_constant


@pytest.mark.parametrize("other", ["y", "s->mode", "f(A)", "Mode", "A-1", "A b"])
def test_what_is_no_constant(other: str) -> None:
    terms = Terms()
    assert not terms.equation(terms.of("x"), other).by_constant


def test_an_equation_of_two_places() -> None:
    terms = Terms()
    equation = terms.of("a->x==b.y")
    assert equation.right is terms.of("b.y")
    assert equation.asks & terms.of("b.y").bit
    assert equation.asks & terms.of("a->x").bit
    assert not equation.alive_by & terms.of("b.y").bit
    assert terms.of("f(x)==y").right is None
    assert terms.of("x==f(y)").right is None
    named = terms.of("x==MODE")
    assert named.right is terms.of("MODE")
    assert not named.asks & terms.of("MODE").bit
    assert terms.of("a==b==c").left is terms.of("a==b")


def test_terms_of_values() -> None:
    terms = Terms()
    assert terms.result(3) is terms.of("#3")
    cast = Call(0, "object_dynamic_cast", True, (), (), AT, "object_dynamic_cast(f(a,b),TYPE)", True)
    assert terms.type_of(cast).text == "typeof(f(a,b))"
    assert root_of(terms.of("*s->x")) == "s"


PATHS = ["x", "s", "s->x", "s->x.y", "*x", "$1", "#1", "x==A", "s->x==s", "f(x,s->x)", "sx", "x+$1", "a[x]"]


@given(st.sampled_from(PATHS), st.sampled_from(PATHS))
def test_readers_are_what_depends(text: str, place: str) -> None:
    terms = Terms()
    for path in PATHS:
        terms.of(path)
    for _ in range(2):
        assert terms.reads(terms.of(text), terms.of(place)) == depends(text, place)
    every = (1 << len(terms.all)) - 1
    wanted = mask({term.index for term in terms.all if depends(term.text, place)})
    assert terms.readers(terms.of(place), every) == wanted
    assert terms.readers(terms.of(place), every & ~terms.of(text).bit) == wanted & ~terms.of(text).bit


@pytest.mark.parametrize(
    ("text", "path", "wanted"),
    [
        ("x", "x", True),
        ("s->x", "x", True),  # an identifier is looked for without regard to what it is a member of
        ("sx", "x", False),
        ("x", "s->x", False),
        ("s->x.y", "s->x", True),
        ("$12", "$1", False),
        ("a+$1", "$1", True),
        ("#1", "#1", True),
        ("#1==A", "#1", True),
        ("s->locked", "s->lock", False),
        ("ps->x", "s->x", False),
        ("f(ps->x,s->x)", "s->x", True),
        ("s->x[1]", "s->x", True),
        ("q->s->x", "s->x", True),
        ("**x", "*x", True),
        ("#12", "#1", False),
        ("s->a[i].b", "s->a[i]", True),
    ],
)
def test_depends(text: str, path: str, wanted: bool) -> None:
    assert depends(text, path) is wanted


def test_casts() -> None:
    def call(number: int, name: str, *args: Value) -> Call:
        return Call(number, name, True, args, (AT,) * len(args), AT, name, True)

    calls = (
        call(0, "FOO", Var("dev->bus")),
        call(1, "foo", Var("dev")),
        call(2, "FOO", Var("dev"), Var("x")),
        call(3, "FOO", Addr("dev")),
        call(4, "FOO", Var("dev")),
    )
    events = [Assign(f"s{number}", Result(number), AT) for number in range(5)]
    block = Block([*events, Assign("t", Var("dev"), AT)])
    assert casts(Function("f", AT, 0, (block,), calls, {})) == [("s0", "dev"), ("s4", "dev")]


# -- conventions --------------------------------------------------------------------------------------


def test_what_a_result_means_by_convention() -> None:
    failures = {
        (kind, of) for kind in ("int", "bool", "pointer", "void") for of in range(1, 8) if fails_by(kind, of)
    }
    assert failures == {("int", NEG), ("bool", ZERO), ("pointer", ZERO)}
    successes = {
        (kind, of)
        for kind in ("int", "bool", "pointer", "void")
        for of in range(1, 8)
        if succeeds_by(kind, of)
    }
    assert successes == {("int", ZERO), ("bool", POS), ("pointer", POS)}
    assert SUCCESS == {"int": ZERO | POS, "bool": NONZERO, "pointer": POS}
    assert FAILURE == {"int": NEG, "bool": ZERO, "pointer": ZERO}


@pytest.mark.parametrize(
    ("kind", "name", "exception", "wanted"),
    [
        ("int", "", None, {(ZERO | POS, False), (NEG, True)}),
        ("bool", "", None, {(POS, False), (ZERO, True)}),
        ("pointer", "", None, {(POS, False), (ZERO, True)}),
        ("void", "", None, {(ANY, False), (ANY, True)}),
        ("unsigned", "", None, {(ANY, None)}),
        ("bool", "dev_is_blocked", None, {(ANY, None)}),
        ("bool", "is_busy", None, {(ANY, None)}),
        ("bool", "this_open", None, {(POS, False), (ZERO, True)}),
        ("bool", "is_valid", None, {(POS, False), (ZERO, True)}),
        ("int", "is_blocked", None, {(ZERO | POS, False), (NEG, True)}),
        ("bool", "", "true", {(ZERO, False), (NEG | POS, True)}),
        ("int", "", "error-only", {(ANY, False), (ANY, True)}),
        ("bool", "", "negative", {(ZERO | POS, False), (NEG, True)}),
        ("int", "", "not-zero", {(ZERO, False), (NEG | POS, None), (NEG | POS, True)}),
        ("pointer", "", "error-only", {(POS, False), (ZERO, False), (ZERO, True)}),
        ("pointer", "", "true", {(ZERO, False), (NEG | POS, True)}),
    ],
)
def test_outcomes_by_convention(
    kind: str, name: str, exception: str | None, wanted: set[tuple[int, bool | None]]
) -> None:
    got = by_convention(kind, name, exception)
    # Failing without an Error is what a body does, never what is expected of one.
    assert not any(outcome.unset for outcome in got)
    assert {(outcome.signs, outcome.sets) for outcome in got} == wanted
    assert all(outcome == Outcome(outcome.signs, outcome.sets) for outcome in got)


def test_an_effect_says_nothing_by_default() -> None:
    silent = Effect()
    assert (silent.errp, silent.consumes, silent.clears, silent.makes, silent.returns) == (None,) * 5
    assert not any((silent.noreturn, silent.makes_error, silent.keeps, silent.outcomes))
    assert silent.evidence == "signature"


def test_the_out_parameter_of_a_result() -> None:
    function = Function("f", AT, 0, (Block(),), (), {})
    assert FunctionResult(function, None).errp is None
    assert FunctionResult(function, None).complete


# -- pairs --------------------------------------------------------------------------------------------


def signature_of(*types: str) -> Signature:
    return Signature("f", None, tuple(Param(f"p{n}", type) for n, type in enumerate(types)), "void")


def call_with(*args: Value) -> Call:
    return Call(0, "f", True, args, (AT,) * len(args), AT, "f()", False)


def test_a_move_applies_by_the_type_of_its_argument() -> None:
    move = Move("f", 2, "Error **")
    assert move.applies(signature_of("int", "Error **"))
    assert not move.applies(signature_of("Error **", "int"))
    assert not move.applies(signature_of("Error **"))
    assert not move.applies(None)
    assert Move("f", 2).applies(None)
    assert not Move("f", RESULT, "Error *").applies(None)
    assert Move("f", RESULT, "void").applies(signature_of())
    assert not Move("f", RESULT, "int").applies(signature_of())
    assert Move("f", RESULT).applies(None)
    assert Move("f", PROCESS, "Error *").applies(None)
    assert not Move("f", 1, "Error *").applies(None)


def test_what_a_move_moves() -> None:
    call = call_with(Var("a"), Var("b"))
    assert Move("f", 1).moved(call) == Var("a")
    assert Move("f", 2).moved(call) == Var("b")
    assert Move("f", 3).moved(call) is None
    assert Move("f", RESULT).moved(call) is None
    assert Move("f", PROCESS).moved(call) is None


def test_the_patterns_of_a_pair() -> None:
    take, give, drop = Move("take", 1), Move("give", 1), Move("drop", 1)
    pair = Pair("p", (take, Move("grab", 1)), (give,), discard=(drop,))
    assert pair.roles == (
        ("acquire", pair.acquire),
        ("release", (give,)),
        ("prepare", ()),
        ("discard", (drop,)),
    )
    assert pair.acquiring.findall(b"take(x) grab take_more mistake") == [b"take", b"grab"]
    assert pair.releasing.findall(b"give(x) forgive") == [b"give"]
    assert pair.discarding.findall(b"drop(x) dropped") == [b"drop"]
    assert Pair("p", (take,), (give,)).discarding.search(b"drop(x)") is None


def test_the_place_of_an_object() -> None:
    assert place_of_object(Addr("s->x")) == place_of_object(Var("s->x")) == "s->x"
    assert place_of_object(Var("*p")) == "p"
    assert place_of_object(None) == place_of_object(Const("1", POS)) == ""
    assert [tail(path) for path in ("s->cpr.blocker", "x", "a[1]", "")] == ["blocker", "x", "", ""]
    assert FAILURES["negative"] == (ZERO | POS, NEG)
    for good, bad in FAILURES.values():
        assert not good & bad
