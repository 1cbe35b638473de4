# SPDX-License-Identifier: GPL-2.0-or-later
"""Every fixture and every example of a rule's page against all rules, judged both ways."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import marks
import pytest

from qerrlint.findings import Finding
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import RuleSet
from qerrlint.source.span import Span

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
NOT_RULES = frozenset({"fuzz", "mail", "macros", "patches", "tree"})
FILES = sorted(path for path in FIXTURES.glob("*/*.c") if path.parent.name not in NOT_RULES)
# A function's head, or that of an initialised variable.
_HEAD = re.compile(
    r"^(?!typedef|return|else)[A-Za-z_]"
    r"(?:[^;={}#/]*?\b(\w+)\((?!\d)[^;{}]*\)\n\{|[\w *]*?\b(\w+)(?:\[\])? = \{$)",
    re.MULTILINE,
)


@cache
def rules() -> RuleSet:
    return load_rules()


@cache
def asked(rule: str, every: RuleSet | None = None) -> RuleSet:
    """The enabled rules and `rule` (which may be off by default), of all rules or of `every`.

    Rules that speak of a change alone are asked by their own fixtures only.
    """
    every = every if every is not None else rules()
    return every.select([one.id for one in every if one.id == rule or (one.enabled and not one.change_only)])


def found_in(path: str, data: bytes, rule: str, every: RuleSet | None = None) -> list[Finding]:
    """What those rules find and no comment allows."""
    from single import report_of

    before, after = marks.versions(data)
    found = report_of(path, after, asked(rule, every), before).findings
    return [finding for finding in found if finding.allowed is None]


def of_marked_rules(data: bytes, found: list[Finding], every: RuleSet) -> list[Finding]:
    """The findings less those that another rule makes of an observation that a rule of the marks words.

    So a second rule may listen to an event without a mark in the fixtures of the first.
    """
    parsed = marks.parse(data)
    marked = {mark.rule for mark in (*parsed.wants, *parsed.misses, *parsed.false_alarms)}
    event = {rule.id: rule.event for rule in every}
    worded = {(event[finding.rule], finding.span) for finding in found if finding.rule in marked}
    return [f for f in found if f.rule in marked or (event[f.rule], f.span) not in worded]


def faults_of_fixture(path: Path, every: RuleSet | None = None) -> list[str]:
    every = every if every is not None else rules()
    data = path.read_bytes()
    found = found_in(path.name, marks.blank(data), path.parent.name, every=every)
    return marks.judge(data, of_marked_rules(data, found, every))


def faults_of_example(rule: str, sort: str, text: str, every: RuleSet | None = None) -> set[str]:
    """The rules that speak though they should not, and the one that should and does not.

    Of a bad example the rule speaks, and others only if they listen to its event; of a good one none does.
    """
    every = every if every is not None else rules()
    found = found_in(f"{rule}.c", text.encode(), rule, every=every)
    seen = {finding.rule for finding in found if finding.confidence != "low"}
    if sort == "good":
        return seen
    same = {one.id for one in every if one.event == every.get(rule).event}
    return (seen - same) | ({rule} - seen)


def functions(text: str) -> dict[str, tuple[int, int]]:
    """First and last line of each function and table of a fixture, whose last braces stand in column 0."""
    out = {}
    for head in _HEAD.finditer(text):
        end = text.index("\n}", head.end())
        out[head[1] or head[2]] = (text.count("\n", 0, head.start()) + 1, text.count("\n", 0, end) + 2)
    return out


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_fixture(path: Path) -> None:
    assert faults_of_fixture(path) == []


def faults_of_names(text: str) -> list[str]:
    """Marks outside of functions whose name ends in _bad, and such functions without a mark."""
    found = marks.parse(text.encode())
    wanted = (*found.wants, *found.misses)
    bodies = functions(text)
    faults = [] if bodies else ["no function"]
    for want in wanted:
        owner = [name for name, (first, last) in bodies.items() if first <= want.line <= last]
        if [name[-4:] for name in owner] != ["_bad"]:
            faults.append(f"line {want.line}: {want.rule} in {owner}")
    for name, (first, last) in bodies.items():
        if name.endswith("_bad") and not any(first <= want.line <= last for want in wanted):
            faults.append(f"{name} has no mark")
    return faults


def test_names_agree_with_marks() -> None:
    faults = {str(path.relative_to(FIXTURES)): faults_of_names(path.read_text()) for path in FILES}
    assert {path: found for path, found in faults.items() if found} == {}


def test_a_name_that_does_not_agree_is_a_fault() -> None:
    assert faults_of_names('void f_ok(void)\n{\n    a(); /* want one-rule "m" */\n}\n') == [
        "line 3: one-rule in ['f_ok']"
    ]
    assert faults_of_names("void f_bad(void)\n{\n    a();\n}\n") == ["f_bad has no mark"]
    assert faults_of_names("int a;\n") == ["no function"]


def test_of_some_functions_alone_the_same_is_said() -> None:
    """The checks of files, which look at functions by themselves, in some fixtures of each."""
    from single import unit_of

    from qerrlint.engine.analyse_file import analyse_unit

    asked_of = 0
    for path in FILES:
        data = path.read_bytes()
        before, after = marks.versions(marks.blank(data))
        if rules().get(path.parent.name).analysis in ("suppressions", "text", "modes", "notifiers"):
            continue
        if before is not None or len(data) > 3000:
            continue
        enabled = asked(path.parent.name)
        whole = analyse_unit(unit_of(path.name, after), enabled).findings
        named = sorted({finding.function for finding in whole})
        if named:
            one = named[len(named) // 2]
            alone = analyse_unit(unit_of(path.name, after), enabled, only={one}).findings
            wanted = [(found.rule, found.span) for found in whole if found.function == one]
            assert [(found.rule, found.span) for found in alone] == wanted, path
            asked_of += 1
    assert asked_of > 100


def test_every_rule_has_fixtures_of_both_sorts() -> None:
    for rule in rules():
        if rule.analysis == "gate":
            continue  # not about C: see fixtures/patches
        texts = [path.read_text() for path in FILES if path.parent.name == rule.id]
        assert any(f"/* want {rule.id} " in text for text in texts), f"{rule.id}: nothing wanted"
        assert any("_ok(" in text for text in texts), f"{rule.id}: nothing that is fine"


def test_every_folder_is_a_rule() -> None:
    folders = {path.name for path in FIXTURES.iterdir() if path.is_dir()} - NOT_RULES
    assert folders <= {rule.id for rule in rules()}


def test_every_mark_names_a_rule() -> None:
    known = {rule.id for rule in rules()}
    for path in FILES:
        found = marks.parse(path.read_bytes())
        named = {want.rule for want in (*found.wants, *found.misses, *found.false_alarms)}
        assert named <= known, path


def test_rules_about_other_files_have_a_case_among_the_patches() -> None:
    expectations = [path.read_text() for path in FIXTURES.glob("patches/*/expect.toml")]
    for rule in rules():
        if rule.analysis == "gate":
            assert any(f'"{rule.id}"' in text for text in expectations), rule.id


EXAMPLES = [
    pytest.param(rule.id, sort, text, id=f"{rule.id}-{sort}-{number}")
    for rule in load_rules()
    if rule.analysis != "gate"
    for sort in ("bad", "good")
    for number, text in enumerate(rule.examples[sort], 1)
]


@pytest.mark.parametrize(("rule", "sort", "text"), EXAMPLES)
def test_example_of_a_page(rule: str, sort: str, text: str) -> None:
    assert faults_of_example(rule, sort, text) == set()


@pytest.mark.parametrize("rule", ["error-use-after-free", "notifier-left-registered", "error-message-form"])
def test_a_second_rule_may_listen_to_an_event(rule: str) -> None:
    """It costs its page and its fixture: the pages and fixtures of the first stay as they are."""
    first = rules().get(rule)
    every = RuleSet([*rules(), replace(first, id=f"{rule}-again")])
    for sort in ("bad", "good"):
        for text in first.examples[sort]:
            assert faults_of_example(rule, sort, text, every) == set()
            assert faults_of_example(f"{rule}-again", sort, text, every) == set()
    for path in FILES:
        if path.parent.name == rule:
            assert faults_of_fixture(path, every) == []


def test_another_rule_in_an_example_is_a_fault() -> None:
    bad = rules().get("error-set-twice").examples["bad"][0]
    assert faults_of_example("leaked-error", "bad", bad) == {"error-set-twice", "leaked-error"}
    assert faults_of_example("leaked-error", "good", bad) == {"error-set-twice"}


def test_a_second_rule_elsewhere_in_a_fixture_is_a_fault() -> None:
    first = rules().get("error-set-twice")
    every = RuleSet([*rules(), replace(first, id="error-set-again")])
    data = b'a(); /* want error-set-twice "m" */\nb();\n'
    found = [
        finding("error-set-twice", data, b"a()"),
        finding("error-set-again", data, b"a()"),
        finding("error-set-again", data, b"b()"),
    ]
    assert of_marked_rules(data, found, every) == [found[0], found[2]]


GATE_EXAMPLES = [
    pytest.param(rule.id, sort, text, id=f"{rule.id}-{sort}-{number}")
    for rule in load_rules()
    if rule.analysis == "gate"
    for sort in ("bad", "good")
    for number, text in enumerate(rule.examples[sort], 1)
]


@pytest.mark.parametrize(("rule", "sort", "text"), GATE_EXAMPLES)
def test_example_of_a_page_about_the_gate(rule: str, sort: str, text: str) -> None:
    """The text as the file that the rule is about, new in a tree that has none."""
    from qerrlint.model.program import Program
    from qerrlint.review.relaxations import gate_changes
    from qerrlint.review.scope import FilePair
    from qerrlint.source.empty import EmptySource
    from qerrlint.source.overlay import OverlaySource

    path = ".qerrlint-baseline" if rule == "extended-baseline" else ".qerrlint.toml"
    after = Program(OverlaySource(EmptySource(), {path: text.encode()}))
    seen = gate_changes(EmptySource(), after, [FilePair(None, path)], rules())
    assert {item.finding.rule for item in seen} == ({rule} if sort == "bad" else set())


def finding(rule: str, data: bytes, text: bytes, message: str = "m", confidence: str = "high") -> Finding:
    at = data.index(text)
    return Finding(rule, Span("a.c", at, at + len(text)), "f", message, "error", confidence, "0" * 16)


def test_marks_are_parsed_and_blanked() -> None:
    data = (
        b'a(); /* want one-rule "x|y" */\n/* want+1 two-rule "" */\nb();\n'
        b"c(); /* miss a-b */ /* false c-d */\n"
    )
    found = marks.parse(data)
    assert found.wants == (marks.Want("one-rule", "x|y", 1), marks.Want("two-rule", "", 3))
    assert found.misses == (marks.Want("a-b", "", 4),)
    assert found.false_alarms == (marks.Want("c-d", "", 4),)
    blanked = marks.blank(data)
    assert len(blanked) == len(data)
    assert blanked.split() == [b"a();", b"b();", b"c();"]
    assert blanked.count(b"\n") == data.count(b"\n")


@pytest.mark.parametrize(
    "text",
    [
        b"/* want one-rule */\n",
        b'/* want one-rule "x */\n',
        b'/* miss one-rule "x" */\n',
        b'/* want-1 one-rule "" */\n',
        b'/* want one-rule "x" and more */\n',
    ],
)
def test_a_bad_mark_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"line|mark"):
        marks.parse(text)


def test_ordinary_comments_are_no_marks() -> None:
    assert marks.parse(b"/* want of air */\n/* false hopes */\n/* miss it */\n") == marks.Marks((), (), ())


def test_judge_sees_what_is_missing_and_what_is_too_much() -> None:
    data = b'a(); /* want one-rule "first" */\nb();\n'
    assert marks.judge(data, [finding("one-rule", data, b"a()", "the first")]) == []
    assert marks.judge(data, []) == ["line 1: one-rule wanted"]
    assert "differs" in marks.judge(data, [finding("one-rule", data, b"a()", "second")])[0]
    both = [finding("one-rule", data, b"a()", "first"), finding("one-rule", data, b"b()")]
    assert [fault[:16] for fault in marks.judge(data, both)] == ["line 2: unwanted"]
    unsure = [both[0], finding("one-rule", data, b"b()", confidence="low")]
    assert marks.judge(data, unsure) == []


def test_judge_fails_when_a_limit_is_lifted() -> None:
    data = b"a(); /* miss one-rule */\nb(); /* false two-rule */\n"
    alarm = finding("two-rule", data, b"b()")
    assert marks.judge(data, [alarm]) == []
    assert "found now" in marks.judge(data, [alarm, finding("one-rule", data, b"a()")])[0]
    assert "no longer" in marks.judge(data, [])[0]
