# SPDX-License-Identifier: GPL-2.0-or-later
"""The exemptions: every row has a reason, and a fixture whose expectations fail without it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import marks
import pytest
from single import report_of, unit_of
from test_fixtures import FIXTURES, asked

from qerrlint.checks import registry
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.registry import events
from qerrlint.domain.word_lists import word_lists
from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.errors import UsageError
from qerrlint.findings import Observation
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.policy import exemption_rows as rows_module
from qerrlint.policy import exemptions as module
from qerrlint.policy.exemption_rows import DROP, Exemption, exemption_rows
from qerrlint.policy.exemptions import Exemptions, load_exemptions, predicates
from qerrlint.rules.loader import load_rules
from qerrlint.source.span import Span

ROWS = load_exemptions().rows


@cache
def units(fixture: str) -> tuple[TranslationUnit, TranslationUnit | None]:
    """A fixture, and how it was before a change; what does not depend on exemptions is worked out once."""
    path = FIXTURES / fixture
    before, after = marks.versions(marks.blank(path.read_bytes()))
    return unit_of(path.name, after), unit_of(path.name, before) if before is not None else None


@cache
def faults(fixture: str, without: str | None = None) -> frozenset[tuple[str, str]]:
    """What is wrong with a fixture, (bound of confidence, sentence), with all exemptions but one."""
    path = FIXTURES / fixture
    data = path.read_bytes()
    exemptions = load_exemptions().without(without) if without is not None else None
    unit, before = units(fixture)
    report = analyse_unit(unit, asked(path.parent.name), exemptions=exemptions, before=before)
    found = [finding for finding in report.findings if finding.allowed is None]
    return frozenset(
        (bound, fault) for bound in ("low", "medium") for fault in marks.judge(data, found, bound)
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_its_fixture_fails_without_it(row: Exemption) -> None:
    assert faults(row.fixture, row.id) - faults(row.fixture), f"{row.fixture} holds without {row.id}"


def test_every_row_reads_well() -> None:
    for row in ROWS:
        assert row.id == row.id.lower().strip("-"), row.id
        assert set(row.id) <= set("abcdefghijklmnopqrstuvwxyz-"), row.id
        assert not row.reason.endswith("."), row.id
        assert not row.source.endswith("."), row.id
        assert len(row.reason) <= 140, row.id
        assert (FIXTURES / row.fixture).is_file(), row.id
        assert row.events, row.id
        doc = predicates()[row.predicate].__doc__ or ""
        assert doc.split("\n")[0].endswith("."), f"{row.predicate} says in a sentence when it holds"


def test_no_two_rows_do_the_same() -> None:
    told = [(row.predicate, event) for row in ROWS for event in row.events]
    assert len(told) == len(set(told))


def test_every_predicate_is_used() -> None:
    assert {row.predicate for row in ROWS} == set(predicates())


def test_every_row_is_of_an_event_that_a_check_emits() -> None:
    emitted = {event for family in ("suppressions", "gate") for event in events()[family]}
    assert not [row.id for row in ROWS if row.events & emitted]


# -- the word lists that rows and checks name --------------------------------------------------------


def lists_by_function(file: Path) -> dict[str, set[str]]:
    """The word lists that each function of a module reads, by itself or through others of the module."""
    tree = ast.parse(file.read_bytes())
    read: dict[str, set[str]] = {}
    calls: dict[str, set[str]] = {}
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        inside = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        calls[function.name] = {node.func.id for node in inside if isinstance(node.func, ast.Name)}
        read[function.name] = {
            argument.value
            for node in inside
            if isinstance(node.func, ast.Name) and node.func.id == "word_list"
            for argument in node.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        }
    for _ in read:
        for name, called in calls.items():
            read[name] |= set().union(*(read.get(other, set()) for other in called))
    return read


def test_rows_name_the_word_lists_that_their_predicates_read() -> None:
    read: dict[str, set[str]] = {}
    for file in sorted(Path(module.__file__).parent.glob("predicates/*.py")):
        read.update(lists_by_function(file))
    assert {one.id: set(one.words) for one in ROWS} == {one.id: read[one.predicate] for one in ROWS}


def test_lists_name_the_events_of_the_checks_that_read_them() -> None:
    folder = Path(registry.__file__).parent
    read = {
        file: {name for names in lists_by_function(file).values() for name in names}
        for file in folder.rglob("*.py")
    }
    lists = {one.name: one.events for one in word_lists()}
    assert {name for name, of in lists.items() if of} == set().union(*read.values())
    known = {name for family in events().values() for name in family}
    assert set().union(*lists.values()) <= known
    for check in registry.checks():
        emitted = {one.name for one in check.events}
        for name in read[Path(inspect.getfile(check.run))]:
            assert emitted & lists[name], (check.name, name)


# -- what a row does ------------------------------------------------------------------------------


def row(ident: str, effect: str = DROP, event: str = "stale-error") -> Exemption:
    return Exemption(ident, frozenset((event,)), ident, effect, "r", "s", "f")


def applied(rows: list[Exemption], certainty: str = "high") -> tuple[str | None, list[str]]:
    """The certainty that is left (None: dropped) of a stale error, and the rows that changed it."""

    def holds(_: AnalysedFunction, observation: Observation) -> bool:
        return True

    def never(_: AnalysedFunction, observation: Observation) -> bool:
        return False

    every = {one.predicate: never if one.id.startswith("never") else holds for one in rows}
    seen = Observation("stale-error", "f", Span("a.c", 0, 1), "k", certainty=certainty)
    # No predicate of this test looks at the function.
    kept, changed = Exemptions(rows, every).apply(None, seen)  # type: ignore[arg-type]
    return kept.certainty if kept is not None else None, [one.id for one in changed]


def test_a_row_drops_or_lowers() -> None:
    assert applied([row("a")]) == (None, ["a"])
    assert applied([row("a", "medium")]) == ("medium", ["a"])
    assert applied([row("a", "low")]) == ("low", ["a"])
    assert applied([row("never")]) == ("high", [])
    assert applied([row("other", event="leaked-error")]) == ("high", [])


def test_a_row_raises_no_certainty() -> None:
    assert applied([row("a", "medium")], "low") == ("low", [])
    assert applied([row("a", "medium")], "medium") == ("medium", [])


def test_the_first_row_that_drops_decides_and_the_lowest_bound_counts() -> None:
    assert applied([row("a", "medium"), row("b", "low"), row("c", "medium")]) == ("low", ["a", "b"])
    assert applied([row("a", "low"), row("b"), row("c")]) == (None, ["b"])


def test_without_leaves_one_out() -> None:
    less = load_exemptions().without(ROWS[0].id)
    assert [one.id for one in less.rows] == [one.id for one in ROWS[1:]]
    event = min(ROWS[0].events)
    assert ROWS[0] in load_exemptions().of(event)
    assert ROWS[0] not in less.of(event)


# -- the file ---------------------------------------------------------------------------------------

GOOD = """
[[exemption]]
id = "undeclared-callee"
events = ["stale-error"]
predicate = "callee_is_undeclared"
effect = "drop"
reason = "r"
source = "s"
fixture = "stale-error/undeclared.c"
"""


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder that the rows are read from."""
    monkeypatch.setattr(rows_module, "rules_folder", lambda: tmp_path)
    exemption_rows.cache_clear()
    yield tmp_path
    exemption_rows.cache_clear()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('events = ["stale-error"]', 'events = ["stale"]', r"\(undeclared-callee\): unknown event 'stale'"),
        ("callee_is_undeclared", "callee_is", r"unknown predicate 'callee_is'"),
        ('"drop"', '"high"', r"effect 'high' is not one of drop, low, medium"),
        ('reason = "r"', 'reason = " "', r"'reason' is empty"),
        ('reason = "r"', "reason = 3", r"'reason' is empty"),
        ('source = "s"\n', "", r"exemption 1: needs exactly the keys"),
        ('source = "s"', 'source = "s"\nsauce = "s"', r"exemption 1: needs exactly the keys"),
        ("[[exemption]]", "[[exemption", r"not valid TOML"),
        ('source = "s"', 'source = "s"\nwords = ["x"]', r"unknown word list 'x'"),
        (GOOD, GOOD + GOOD, r"two exemptions have the id 'undeclared-callee'"),
    ],
)
def test_a_bad_file_is_refused_with_one_line(old: str, new: str, message: str, bundled: Path) -> None:
    (bundled / "exemptions.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(UsageError, match=message) as caught:
        load_exemptions.__wrapped__()
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("bundled")
def test_a_missing_file_is_refused_with_one_line() -> None:
    with pytest.raises(UsageError, match=r"exemptions cannot be read"):
        load_exemptions.__wrapped__()


# -- what was taken away is listed -------------------------------------------------------------------

TAKEN = b"""
typedef struct QuillState {
    int ink;
} QuillState;

int quill_fill(QuillState *s, Error **errp);

static int quill_refill(QuillState *s, Error **errp)
{
    if (s->ink < 0) {
        return -EINVAL; /* harmless */
    }
    if (s->ink > 8) {
        return -EAGAIN;
    }
    return quill_fill(s, errp);
}

static int quill_stub(QuillState *s, Error **errp)
{
    return -ENOSYS;
}
"""


def test_the_report_lists_what_was_taken_away() -> None:
    report = report_of("quill.c", TAKEN)
    rule = "failure-without-error"
    assert [(e.exemption, e.effect, e.rules, e.function) for e in report.exempted] == [
        ("commented-failure", "drop", (rule,), "quill_refill"),
        ("answer-code", "drop", (rule,), "quill_refill"),
        ("stub", "low", (rule,), "quill_stub"),
    ]
    assert [(finding.rule, finding.confidence) for finding in report.findings] == [(rule, "low")]
    only = load_rules().select(["leaked-error"])
    assert all(not e.rules for e in report_of("quill.c", TAKEN, only).exempted)


GROUP = b"""
int quill_fill(void *s, int ink, Error **errp);

static int quill_refill(void *s, int ink, Error **errp)
{
    int ret;

    if (ink > 8) {
        ret = -EAGAIN;
        goto out;
    }
    if (ink < 0) {
        ret = -EINVAL;
        goto out;
    }
    ret = quill_fill(s, ink, errp);
out:
    return ret;
}
"""


def test_of_a_group_that_is_reported_nothing_counts_as_taken_away() -> None:
    report = report_of("quill.c", GROUP)
    assert [finding.rule for finding in report.findings] == ["failure-without-error"]
    assert report.exempted == ()
    again = report_of("quill.c", GROUP.replace(b"-EINVAL", b"-EINTR"))
    assert again.findings == ()
    assert [e.exemption for e in again.exempted] == ["answer-code"]
