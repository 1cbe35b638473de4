# SPDX-License-Identifier: GPL-2.0-or-later
"""Summaries are a least fixpoint: the same whatever is asked first, exact for recursion, bounded in work."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qerrlint.absint.trace import places
from qerrlint.domain.effects import Outcome
from qerrlint.domain.result import Occurrence, ReturnState
from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.file_report import FileReport
from qerrlint.ir.code import ANY, NEG, POS, ZERO
from qerrlint.model import fixpoint, interpretation
from qerrlint.model.components import components, postorder
from qerrlint.model.interpretation import MORE_ROUNDS
from qerrlint.model.program import Program
from qerrlint.model.summary import BOTTOM, UNKNOWN, Summary, Swallow, join
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import RuleSet
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.span import Span
from qerrlint.transfer import interpretation as transfer


def program_of(*at_hand: str, **files: bytes) -> Program:
    texts = {f"{name}.c": data for name, data in files.items()}
    return Program(OverlaySource(EmptySource(), texts), "patch", at_hand=at_hand)


def unit_of(data: bytes) -> TranslationUnit:
    unit = program_of(a=data).unit("a.c")
    assert unit is not None
    return unit


def ways(unit: TranslationUnit | None, name: str) -> set[tuple[int, bool | None]]:
    summary = unit.interpretation.summary(name) if unit is not None else None
    assert summary is not None
    return {(outcome.signs, outcome.sets) for outcome in summary.outcomes}


@cache
def rules() -> RuleSet:
    return load_rules()


# -- the graph ------------------------------------------------------------------------------------

# One strategy a size, made once: to make one for each example takes longer than to draw the example.
OF_SIZE = [
    st.lists(st.lists(st.integers(0, size - 1), max_size=4), min_size=size, max_size=size)
    for size in range(1, 10)
]
GRAPHS = st.integers(0, 8).flatmap(OF_SIZE.__getitem__)


def reached(graph: Sequence[Sequence[int]], start: int) -> set[int]:
    seen, waiting = {start}, [start]
    while waiting:
        for node in graph[waiting.pop()]:
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return seen


# On a busy machine drawing an input may take seconds.
BUSY = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@BUSY
@given(GRAPHS)
def test_components_are_what_reaches_each_other_callees_first(graph: list[list[int]]) -> None:
    found = list(components(0, graph.__getitem__))
    below = [reached(graph, node) for node in range(len(graph))]
    wanted = {frozenset(n for n in below[m] if m in below[n]) for m in below[0]}
    assert {frozenset(one) for one in found} == wanted
    assert sum(map(len, found)) == len(below[0])
    done: set[int] = set()
    for component in found:
        done.update(component)
        assert set().union(*(graph[node] for node in component)) <= done


@BUSY
@given(GRAPHS)
def test_each_node_is_asked_once(graph: list[list[int]]) -> None:
    asked: Counter[int] = Counter()

    def successors(node: int) -> list[int]:
        asked[node] += 1
        return graph[node]

    list(components(0, successors))
    assert set(asked.values()) == {1}


@BUSY
@given(GRAPHS)
def test_postorder_leaves_successors_first_where_it_can(graph: list[list[int]]) -> None:
    nodes = list(range(len(graph)))
    order = postorder(nodes, graph.__getitem__)
    assert sorted(order) == nodes
    at = {node: place for place, node in enumerate(order)}
    for node in nodes:
        for following in graph[node]:
            if node not in reached(graph, following):
                assert at[following] < at[node]


def test_a_long_chain_needs_no_deep_stack() -> None:
    chain = [[node + 1] for node in range(50_000)] + [[]]
    assert [one for (one,) in components(0, chain.__getitem__)] == list(range(50_000, -1, -1))
    assert len(postorder([0], chain.__getitem__)) == 1


# -- the lattice ----------------------------------------------------------------------------------

SWALLOW = Swallow("a", Span("a.c", 1, 2), "b", Span("a.c", 3, 4), "free")
OTHER = Swallow("c", Span("a.c", 0, 1), "d", Span("a.c", 5, 6), "report")
OUTCOMES = [Outcome(NEG, True), Outcome(ZERO, False), Outcome(ZERO | POS, False), Outcome(ANY, None)]


# Joined with nothing, their parts stand in the order that sum_up() gives them.
SUMMARIES = st.builds(
    Summary,
    outcomes=st.sets(st.sampled_from(OUTCOMES)).map(tuple),
    consumes=st.sampled_from([None, 0, 1]),
    noreturn=st.booleans(),
    swallows=st.sets(st.sampled_from([SWALLOW, OTHER])).map(tuple),
    fails=st.booleans(),
    complete=st.booleans(),
    clears=st.booleans(),
).map(lambda made: join(made, BOTTOM))


@BUSY
@given(SUMMARIES, SUMMARIES, SUMMARIES)
def test_join_is_a_least_upper_bound(one: Summary, two: Summary, three: Summary) -> None:
    assert join(one, one) == one
    assert join(one, two) == join(two, one)
    assert join(one, join(two, three)) == join(join(one, two), three)
    assert join(one, BOTTOM) == one
    clearing = replace(one, clears=True)
    assert join(clearing, BOTTOM) == clearing
    assert join(one, join(one, two)) == join(one, two)


@BUSY
@given(SUMMARIES)
def test_nothing_is_known_of_what_may_be_unknown(one: Summary) -> None:
    both = join(one, UNKNOWN)
    assert not both.complete
    assert not both.noreturn
    assert both.outcomes == one.outcomes


# -- recursion ------------------------------------------------------------------------------------

MUTUAL = b"""
static int peg_down(Peg *p, int n, Error **errp)
{
    if (n > 9) {
        error_setg(errp, "too far");
        return -1;
    }
    if (n == 0) {
        return 0;
    }
    return peg_up(p, n - 1, errp);
}

static int peg_up(Peg *p, int n, Error **errp)
{
    return peg_down(p, n - 1, errp);
}
"""


@pytest.mark.parametrize("order", [("peg_down", "peg_up"), ("peg_up", "peg_down")])
def test_mutual_recursion_gives_the_ways_of_the_base_case(order: tuple[str, str]) -> None:
    unit = unit_of(MUTUAL)
    for name in order:
        assert ways(unit, name) == {(ZERO, False), (NEG, True)}
        summary = unit.interpretation.summary(name)
        assert summary is not None
        assert summary.complete


def test_what_never_sets_its_error_by_recursion_never_does() -> None:
    unit = unit_of(
        b"static int peg(int n, Error **errp)\n{\n    if (n) {\n        return peg(n - 1, errp);\n    }\n"
        b"    return 0;\n}\n"
    )
    summary = unit.interpretation.summary("peg")
    assert summary is not None
    assert not summary.may_set
    assert ways(unit, "peg") == {(ZERO, False)}


def test_recursion_without_an_end_does_not_return() -> None:
    unit = unit_of(
        b"static void peg_a(Error **errp)\n{\n    peg_b(errp);\n}\n\n"
        b"static void peg_b(Error **errp)\n{\n    peg_a(errp);\n}\n"
    )
    for name in ("peg_a", "peg_b"):
        summary = unit.interpretation.summary(name)
        assert summary is not None
        assert summary.noreturn


def test_a_damaged_member_is_known_by_its_prototype_only() -> None:
    unit = unit_of(MUTUAL.replace(b"return peg_down(p, n - 1, errp);", b"return (peg_down(p, n - 1, errp);"))
    assert unit.interpretation.summary("peg_up") is None
    assert ways(unit, "peg_down") >= {(NEG, True), (ZERO, False)}


def test_recursion_through_another_file_at_hand() -> None:
    heads = b"int peg_down(Peg *p, int n, Error **errp);\nint peg_up(Peg *p, int n, Error **errp);\n\n"
    down, up = (heads + text for text in MUTUAL.replace(b"static ", b"").split(b"\n\n", 1))
    seen = []
    for first, second in (("a.c", "b.c"), ("b.c", "a.c")):
        program = program_of("a.c", "b.c", a=down + b"\n", b=up)
        names = {"a.c": "peg_down", "b.c": "peg_up"}
        for path in (first, second):
            assert ways(program.unit(path), names[path]) == {(ZERO, False), (NEG, True)}
        seen.append([program.summary(name) for name in sorted(names.values())])
    assert seen[0] == seen[1]


# -- the same whatever is asked first -------------------------------------------------------------

KINDS = {"int": ("-1", "0"), "bool": ("false", "true"), "Peg *": ("NULL", "p"), "void": ("", "")}


def random_file(seed: int) -> bytes:
    """A file of functions that call each other in all ways in which an Error may be handed on."""
    rng = random.Random(seed)
    kinds = [rng.choice(list(KINDS)) for _ in range(rng.randint(2, 6))]
    texts = []
    for number, kind in enumerate(kinds):
        fail, fine = (f"return {value};".replace(" ;", ";") for value in KINDS[kind])
        lines = ["Error *err = NULL;"]
        for _ in range(rng.randint(1, 4)):
            callee = rng.randrange(len(kinds))
            theirs = kinds[callee]
            test = {"int": "{} < 0", "bool": "!{}", "Peg *": "!{}", "void": "{}, p->bad"}[theirs]
            handed, local = (test.format(f"peg_{callee}(p, n - 1, {to})") for to in ("errp", "&err"))
            lines += rng.choice(
                [
                    [f'if (n > {number}) {{ error_setg(errp, "n"); {fail} }}'],
                    [f"if ({handed}) {{ {fail} }}"],
                    [f"if ({local}) {{ error_propagate(errp, err); {fail} }}"],
                    [f"peg_{callee}(p, n, &err);", "if (err) { error_report_err(err); err = NULL; }"],
                    [f"peg_{callee}(p, n, NULL);"],
                    [f"if (n == {number}) {{ peg_{callee}(p, n, errp); {fine} }}"],
                    [f"peg_end_{number}(p, err);"],
                    [f"return peg_{callee}(p, n, errp);" if theirs == kind != "void" else fine],
                ]
            )
        head = f"static {kind} peg_{number}(Peg *p, int n, Error **errp)"
        texts.append("\n".join([head, "{", *(f"    {line}" for line in lines), f"    {fine}", "}", ""]))
        end = rng.choice(["error_free(err);", f"peg_end_{rng.randrange(len(kinds))}(p, err);", "abort();"])
        texts.append(f"static void peg_end_{number}(Peg *p, Error *err)\n{{\n    if (p) {{ {end} }}\n}}\n")
    rng.shuffle(texts)
    return "\n".join(texts).encode()


def answers(data: bytes, order: Sequence[str]) -> tuple[dict[str, Summary | None], list[str], FileReport]:
    unit = unit_of(data)
    for at, name in enumerate(order):
        if at % 2:
            unit.result(name)
        else:
            unit.interpretation.summary(name)
    names = sorted(unit.functions)
    results: list[str] = []
    for name in names:
        result = unit.result(name)
        if result is not None:
            told: list[Occurrence | ReturnState] = [*result.occurrences, *result.returns]
            paths = [[(p.kind, p.span, p.note, p.taken) for p in places(one.trail)] for one in told]
            without = [replace(one, trail=None) for one in told]
            results.append(repr((without, paths, result.complete, result.states)))
    return {name: unit.interpretation.summary(name) for name in names}, results, analyse_unit(unit, rules())


@settings(deadline=None, max_examples=35)
@given(st.integers(0, 10**9), st.randoms(use_true_random=False))
def test_the_order_of_questions_changes_nothing(seed: int, rng: random.Random) -> None:
    data = random_file(seed)
    names = list(unit_of(data).functions)
    first = answers(data, ())
    for _ in range(2):
        order = rng.sample(names, rng.randint(0, len(names)))
        assert answers(data, order) == first


@settings(deadline=None, max_examples=35)
@given(st.integers(0, 10**9))
def test_a_summary_covers_what_interpretation_with_it_gives(seed: int) -> None:
    unit = unit_of(random_file(seed))
    for name, piece in unit.functions.items():
        summary = unit.interpretation.summary(name)
        again = unit.interpretation.interpret(piece)
        assert summary is not None
        assert again is not None
        assert join(summary, unit.interpretation.sum_up(again)) == summary


# -- the work -------------------------------------------------------------------------------------


def count_interpretations(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    seen: Counter[str] = Counter()
    real = transfer.interpret

    def counted(function, *more):  # type: ignore[no-untyped-def]
        seen[function.name] += 1
        return real(function, *more)

    monkeypatch.setattr(interpretation, "interpret", counted)
    return seen


def chain(length: int, last: str) -> bytes:
    """`length` functions, each of which calls the next one; the last one calls the function `last`."""
    texts = []
    for number in range(length):
        callee = f"peg_{number + 1}" if number + 1 < length else last
        texts.append(
            f"static int peg_{number}(int n, Error **errp)\n{{\n    if (n == {number}) {{\n"
            f"        return 0;\n    }}\n    return {callee}(n - 1, errp);\n}}\n"
        )
    return "\n".join(texts).encode()


def test_without_recursion_each_function_is_interpreted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = count_interpretations(monkeypatch)
    report = analyse_unit(unit_of(chain(40, "peg_open")), rules())
    assert report.explored == 40
    assert set(seen.values()) == {1}
    assert len(seen) == 40


def test_what_nobody_calls_is_not_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = count_interpretations(monkeypatch)
    unit_of(chain(40, "peg_open")).result("peg_30")
    assert set(seen) == {f"peg_{number}" for number in range(30, 40)}


def test_a_chain_may_be_longer_than_the_stack() -> None:
    unit = unit_of(chain(1500, "peg_open"))
    assert ways(unit, "peg_0") == {(ZERO, False), (ZERO | POS, False), (NEG, True)}


def test_a_ring_is_settled_in_a_few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = count_interpretations(monkeypatch)
    unit = unit_of(chain(300, "peg_0"))
    assert ways(unit, "peg_150") == {(ZERO, False)}
    assert max(seen.values()) <= 4


def everyone(count: int) -> bytes:
    """Functions that may each call all others."""
    texts = []
    for number in range(count):
        calls = "".join(
            f"    if (n == {other}) {{\n        return peg_{other}(n - 1, errp);\n    }}\n"
            for other in range(count)
        )
        texts.append(
            f"static int peg_{number}(int n, Error **errp)\n{{\n{calls}"
            f'    error_setg(errp, "{number}");\n    return -1;\n}}\n'
        )
    return "\n".join(texts).encode()


def test_hundreds_of_functions_that_all_call_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = count_interpretations(monkeypatch)
    unit = unit_of(everyone(60))
    start = time.process_time()
    assert ways(unit, "peg_7") == {(NEG, True)}
    assert max(seen.values()) <= 4
    assert time.process_time() - start < 30


def test_where_the_bound_is_hit_the_functions_are_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixpoint, "_MOST_ROUNDS", 1)
    seen = count_interpretations(monkeypatch)
    unit = unit_of(MUTUAL)
    report = analyse_unit(unit, rules())
    assert [(item.function, item.reason) for item in report.incomplete] == [
        ("peg_down", MORE_ROUNDS),
        ("peg_up", MORE_ROUNDS),
    ]
    assert max(seen.values()) <= 2
    summary = unit.interpretation.summary("peg_down")
    assert summary is not None
    assert not summary.complete


def test_an_error_of_the_program_leaves_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = unit_of(MUTUAL)
    real = transfer.interpret

    def broken(function, *more):  # type: ignore[no-untyped-def]
        raise ZeroDivisionError

    monkeypatch.setattr(interpretation, "interpret", broken)
    with pytest.raises(ZeroDivisionError):
        unit.interpretation.summary("peg_up")
    monkeypatch.setattr(interpretation, "interpret", real)
    assert ways(unit, "peg_up") == {(ZERO, False), (NEG, True)}


TURNED = b"""
static bool peg_deep(Peg *p, Error **errp);

static bool peg_far(Peg *p, Error **errp)
{
    if (p->far) {
        error_setg(errp, "far");
        return false;
    }
    return peg_deep(p, errp);
}

static bool peg_deep(Peg *p, Error **errp)
{
    if (p->deep) {
        error_setg(errp, "deep");
        return true;
    }
    if (p->done) {
        return true;
    }
    return peg_far(p, errp);
}
"""


def test_what_the_first_rounds_took_for_granted_is_taken_back() -> None:
    """As long as nothing is known of the other function, one returns true where it sets an Error, and only
    there: its result seems to be turned round."""
    unit = unit_of(TURNED)
    for name in ("peg_deep", "peg_far"):
        assert ways(unit, name) == {(ZERO, True), (POS, None), (POS, False)}


def test_a_parameter_of_the_name_of_a_function_calls_another() -> None:
    text = (
        b"static int peg_one(Peg *p, Error **errp) { return peg_open(p, errp); }\n"
        b"static int peg_by(Peg *p, int (*peg_one)(Peg *p, Error **errp), Error **errp)\n"
        b"{\n    return peg_one(p, errp);\n}\n"
        b"static int peg_two(Peg *p, Error **errp)\n{\n    return peg_one(p, errp);\n}\n"
    )
    unit = unit_of(text)
    callees = {name: unit.interpretation.callees(unit.functions[name]) for name in ("peg_by", "peg_two")}
    assert {name: len(found) for name, found in callees.items()} == {"peg_by": 0, "peg_two": 1}
