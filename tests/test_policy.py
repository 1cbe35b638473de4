# SPDX-License-Identifier: GPL-2.0-or-later
"""Policy by itself: how exemptions are applied, how a baseline is read and matched, what a configuration
says, which comments allow a finding."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from qerrlint.checks.function import AnalysedFunction
from qerrlint.errors import UsageError
from qerrlint.findings import Finding, Observation
from qerrlint.model.program import Program
from qerrlint.policy import baseline
from qerrlint.policy.baseline import Entry, load_baseline
from qerrlint.policy.configuration import KEYS, Configuration, load_configuration
from qerrlint.policy.exemption_rows import Exemption
from qerrlint.policy.exemptions import Exemptions
from qerrlint.policy.suppressions import Judged, allow
from qerrlint.result import Place, Reported
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import RuleSet
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.span import Span

AT = Span("a.c", 0, 1)
NOWHERE = cast(AnalysedFunction, None)


def tree(**files: str) -> OverlaySource:
    names = {
        "own": ".qerrlint.toml",
        "shared": "pyproject.toml",
        "base": ".qerrlint-baseline",
        "other": "known",
    }
    return OverlaySource(EmptySource(), {names[name]: text.encode() for name, text in files.items()})


# -- exemptions -----------------------------------------------------------------------------------------


def row(ident: str, effect: str, predicate: str = "always", event: str = "e") -> Exemption:
    return Exemption(ident, frozenset({event}), predicate, effect, "r", "s", "f")


def applied(certainty: str, *rows: Exemption, event: str = "e") -> tuple[str | None, list[str]]:
    known: dict[str, Callable[[AnalysedFunction, Observation], bool]] = {
        "always": lambda function, observation: True,
        "never": lambda function, observation: False,
    }
    seen = Observation(event, "f", AT, "k", certainty=certainty)
    left, because = Exemptions(rows, known).apply(NOWHERE, seen)
    return left.certainty if left is not None else None, [one.id for one in because]


def test_the_first_row_that_drops_decides() -> None:
    assert applied("high", row("a", "low"), row("b", "drop"), row("c", "drop")) == (None, ["b"])
    assert applied("high", row("a", "drop", "never"), row("b", "drop")) == (None, ["b"])
    assert applied("high", row("a", "drop", event="other")) == ("high", [])
    assert applied("high", row("a", "drop"), event="other") == ("high", [])


def test_rows_lower_a_certainty_to_the_lowest() -> None:
    assert applied("high", row("a", "medium"), row("b", "low")) == ("low", ["a", "b"])
    assert applied("high", row("a", "low"), row("b", "medium")) == ("low", ["a"])
    assert applied("low", row("a", "low"), row("b", "drop")) == (None, ["b"])
    assert applied("medium", row("a", "medium"), row("b", "low")) == ("low", ["b"])
    assert applied("high", row("a", "low", "never")) == ("high", [])


def test_rows_by_event() -> None:
    rows = row("a", "drop"), row("b", "low"), row("c", "low", event="other")
    found = Exemptions(rows, {"always": lambda function, observation: True})
    assert [one.id for one in found.of("e")] == ["a", "b"]
    assert found.of("none") == ()


# -- the baseline -----------------------------------------------------------------------------------------

ONE = Entry("0" * 16, "a-rule", "f", "a.c")
TWO = Entry("1" * 16, "a-rule", "f", "a.c")


def reported(entry: Entry, path: str | None = None, status: str | None = None) -> Reported:
    place = Place(path if path is not None else entry.path, 1, 1, 1, 2)
    return Reported(
        entry.rule, "warning", "high", place, entry.function, "m", "", entry.fingerprint, status=status
    )


def matched(
    found: list[Reported], entries: list[Entry], exists: bool = True
) -> tuple[dict[int, Entry], list[Entry]]:
    result = baseline.match(found, entries, lambda path: exists)
    return result.accepted, list(result.stale)


def test_each_entry_accepts_one_finding() -> None:
    assert matched([reported(ONE)], [ONE]) == ({0: ONE}, [])
    assert matched([reported(ONE), reported(ONE)], [ONE]) == ({0: ONE}, [])
    assert matched([reported(ONE), reported(ONE)], [ONE, ONE]) == ({0: ONE, 1: ONE}, [])
    assert matched([reported(TWO)], [ONE, ONE]) == ({}, [ONE, ONE])
    assert matched([], [TWO, ONE]) == ({}, [ONE, TWO])


def test_what_was_there_before_takes_its_entry_first() -> None:
    found = [reported(ONE, status="introduced"), reported(ONE, status="persisting")]
    assert matched(found, [ONE]) == ({1: ONE}, [])
    assert matched([reported(ONE, status="fixed")], [ONE]) == ({}, [ONE])


def test_an_entry_of_a_file_that_is_gone_accepts_elsewhere() -> None:
    moved = reported(ONE, "b.c")
    assert matched([moved], [ONE], exists=False) == ({0: ONE}, [])
    assert matched([moved], [ONE], exists=True) == ({}, [ONE])
    third = Entry(ONE.fingerprint, "a-rule", "f", "c.c")
    accepted, stale = matched([moved, reported(ONE, "d.c")], [third, ONE], exists=False)
    assert accepted == {0: ONE, 1: third}
    assert stale == []


def test_what_goes_beyond_a_baseline() -> None:
    assert baseline.beyond([ONE, TWO, ONE], [ONE]) == [TWO, ONE]
    assert baseline.beyond([ONE], [ONE, TWO]) == []


def test_a_baseline_is_read_as_it_is_written() -> None:
    last = Entry("2" * 16, "b-rule", "-", "b c.c")
    data = baseline.render([last, TWO, ONE])
    assert data.startswith(b"# ")
    assert list(baseline.parse(data, "n")) == [ONE, TWO, last]
    assert baseline.parse(b"\n  \n# x\r\n" + f"{ONE}\r\n".encode(), "n") == (ONE,)
    for bad in ("x", "0" * 15 + " a-rule f a.c", "0" * 16 + " A f a.c", "0" * 16 + " a-rule f"):
        with pytest.raises(UsageError, match="known: line 2:"):
            baseline.parse(f"\n{bad}\n".encode(), "known")
    spaced = Reported("a-rule", "note", "low", Place("a\nb", 1, 1, 1, 2), "f g", "m", "", "3" * 16)
    assert str(baseline.entry_of(spaced)) == "3333333333333333 a-rule fg a?b"
    assert baseline.entry_of(reported(Entry("0" * 16, "a-rule", "", "a.c"))).function == "-"


def test_which_baseline_is_read(tmp_path: Path) -> None:
    source = tree(base=f"{ONE}\n", other=f"{TWO}\n")
    assert load_baseline(source).entries == (ONE,)
    assert load_baseline(source).origin == ".qerrlint-baseline"
    assert load_baseline(source, configured="known").entries == (TWO,)
    assert load_baseline(source, configured="missing").origin is None
    assert load_baseline(None).entries == ()
    (tmp_path / "b").write_text(f"{TWO}\n")
    assert load_baseline(source, given=str(tmp_path / "b")).entries == (TWO,)


# -- the configuration --------------------------------------------------------------------------------------


def configured(text: str) -> Configuration:
    return load_configuration(tree(own=text))


def test_every_key_is_read() -> None:
    found = configured(
        'select = ["a"]\nignore = ["b"]\nexclude = ["c/*", "d"]\nmin-severity = "note"\n'
        'min-confidence = "low"\nfail-on = "error"\nreach = "tree"\nbaseline = "x/y"\n'
        '[severity]\n"error-*" = "note"\n[[per-path]]\npaths = ["hw"]\nselect = ["s"]\nignore = ["i-*"]\n'
        '[per-path.severity]\n"error-set-twice" = "error"\n'
    )
    assert (found.select, found.ignore, found.exclude) == (("a",), ("b",), ("c/*", "d"))
    assert (found.min_severity, found.min_confidence, found.fail_on) == ("note", "low", "error")
    assert (found.reach, found.baseline, found.origin) == ("tree", "x/y", ".qerrlint.toml")
    assert [found.excludes(path) for path in ("c/a", "d", "d/e", "de", "x/d")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert [found.mutes(rule, "hw/a.c") for rule in ("i-x", "s", "t")] == [True, False, True]
    assert not found.mutes("i-x", "block/a.c")
    assert found.severity_of("error-set-twice", "hw/a.c", "warning") == "error"
    assert found.severity_of("error-set-twice", "a.c", "warning") == "note"
    assert found.severity_of("other", "hw/a.c", "warning") == "warning"
    assert set(KEYS) >= {"select", "reach", "per-path"}
    assert configured('fail-on = "never"\n').fail_on == "never"
    folder = configured('exclude = ["d/"]\n')
    assert [folder.excludes(path) for path in ("d/e", "de", "d")] == [True, False, False]


def test_where_the_configuration_stands(tmp_path: Path) -> None:
    shared = '[tool.qerrlint]\nselect = ["b"]\n'
    assert load_configuration(tree(own='select = ["a"]', shared=shared)).select == ("a",)
    assert load_configuration(tree(shared=shared)).select == ("b",)
    assert load_configuration(tree(shared=shared)).origin == "pyproject.toml"
    assert load_configuration(tree(shared="[tool.qerrlint-x]\n")).origin is None
    assert load_configuration(tree(shared="no toml =")).origin is None
    assert load_configuration(None) == load_configuration(tree()) == Configuration()
    (tmp_path / "c").write_text(shared)
    assert load_configuration(None, str(tmp_path / "c")).select == ("b",)
    (tmp_path / "c").write_text('select = ["c"]\n')
    assert load_configuration(tree(), str(tmp_path / "c")).select == ("c",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "unknown key 'x'"),
        ("select = 1", "select: must be a list of strings"),
        ("select = [1]", "select: must be a list of strings"),
        ('reach = "far"', "reach: 'far' is not one of"),
        ('baseline = "/x"', "baseline: must be a path below"),
        ('baseline = "../x"', "baseline: must be a path below"),
        ('baseline = ""', "baseline: must be a path below"),
        ("baseline = 1", "baseline: must be a path below"),
        ("severity = 1", "severity: must be a table"),
        ('[severity]\na = "bad"', "severity: a: 'bad' is not one of"),
        ("per-path = 1", "per-path: must be an array"),
        ("per-path = [1]", "per-path 1: must be a table"),
        ("[[per-path]]\nselect = []", "per-path 1: it names no paths"),
        ('[[per-path]]\npaths = ["a"]\n[[per-path]]\nx = 1', "per-path 2: unknown key 'x'"),
        ("select = [", "not valid TOML"),
    ],
)
def test_what_a_configuration_must_not_say(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        configured(text)
    assert said in str(refused.value)
    assert str(refused.value).startswith(".qerrlint.toml: ")


@cache
def rules() -> RuleSet:
    return load_rules()


def test_rules_that_a_configuration_names_must_be_there() -> None:
    configured('[severity]\n"error-set-twice" = "note"\n').check_rules(rules())
    for text, where in (
        ('[severity]\nnone-such = "note"', "severity"),
        ('[[per-path]]\npaths = ["a"]\nignore = ["none-such"]', "per-path 1"),
        ('[[per-path]]\npaths = ["a"]\nselect = ["none-such"]', "per-path 1"),
    ):
        with pytest.raises(UsageError, match=f"toml: {where}: "):
            configured(text).check_rules(rules())


# -- comments that allow ---------------------------------------------------------------------------------


def judged(text: str, rule: str = "error-set-twice", at: str = "peg_set", whole: bool = True) -> Judged:
    data = text.encode()
    unit = Program(OverlaySource(EmptySource(), {"a.c": data}), "patch").unit("a.c")
    assert unit is not None
    start = data.index(at.encode())
    finding = Finding(rule, Span("a.c", start, start + 3), "peg", "m", "error", "high", "0" * 16)
    return allow(unit, [finding], rules(), lambda name: whole)


BODY = "static void peg(Error **errp)\n{{\n    peg_set(errp);{}\n    peg_end();\n}}\n"


def said(found: Judged) -> list[str]:
    return [one.event for one in found.observations]


def test_a_comment_allows_what_it_stands_beside() -> None:
    text = BODY.format(" /* qerrlint: allow error-set-twice a reason */")
    found = judged(text)
    assert found.findings[0].allowed is not None
    assert found.findings[0].allowed.reason == "a reason"
    assert found.findings[0].allowed.key in found.keys
    assert said(found) == ["added-suppression"]
    elsewhere = judged(text, at="peg_end")
    assert elsewhere.findings[0].allowed is None
    assert said(elsewhere) == ["added-suppression", "unused-suppression"]
    assert said(judged(text, at="peg_end", whole=False)) == ["added-suppression"]
    assert judged(text, rule="leaked-error").findings[0].allowed is None


@pytest.mark.parametrize(
    ("comment", "fault"),
    [
        ("qerrlint: allow", "it names no rule"),
        ("qerrlint: allow none-such because", "there is no rule none-such"),
        ("qerrlint: allow error-set-twice", "it gives no reason"),
        ("qerrlint: allow unused-suppression because", "unused-suppression cannot be allowed"),
        ("qerrlint: forbid", "it does not say"),
    ],
)
def test_what_is_wrong_with_a_comment(comment: str, fault: str) -> None:
    found = judged(BODY.format(f" /* {comment} */"))
    assert said(found) == ["invalid-suppression"]
    slots: dict[str, Any] = dict(found.observations[0].slots)
    assert slots["fault"].startswith(fault)
    assert found.findings[0].allowed is None


def test_without_comments_nothing_is_said() -> None:
    assert judged(BODY.format("")) == Judged(judged(BODY.format("")).findings, (), frozenset())


def test_keys_do_not_depend_on_lines_or_reasons() -> None:
    one = judged(BODY.format(" /* qerrlint: allow error-set-twice a reason */")).keys
    assert judged("\n\n" + BODY.format(" /* qerrlint: allow error-set-twice other */")).keys == one
    changed = BODY.replace("peg_set(errp)", "peg_set(errp, 1)")
    assert judged(changed.format(" /* qerrlint: allow error-set-twice a reason */")).keys != one
    inside = BODY.replace(
        "peg_set(errp)", "peg_set(errp, /* qerrlint: allow error-set-twice %s */ 1)"
    ).format("")
    assert judged(inside % "a").keys == judged(inside % "b").keys != frozenset()
    line = "    peg_set(errp);{}\n"
    comment = " /* qerrlint: allow error-set-twice a */"
    twice = judged(BODY.replace(line, line + line.replace("{}", comment)).format(comment))
    assert len(twice.keys) == 2
