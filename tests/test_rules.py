# SPDX-License-Identifier: GPL-2.0-or-later
"""The bundled rules, and how a RuleSet words and selects; bad rule files are in test_rules_files."""

from __future__ import annotations

import json
import pickle
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from qerrlint.checks.registry import events
from qerrlint.cli.commands.explain import command as explain
from qerrlint.cli.commands.rules import command as list_rules
from qerrlint.errors import UsageError
from qerrlint.findings import Observation, fingerprint
from qerrlint.rules import loader
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import HEADINGS, Rule, RuleSet
from qerrlint.rules.rule_file import parse_rule
from qerrlint.source.bundled import rules_folder
from qerrlint.source.span import Span

FIRST = {
    "notifier-drops-error": ("warning", "notifiers", "notifier-drops-error"),
    "cpr-mode-without-notifier": ("warning", "modes", "cpr-mode-without-notifier"),
    "cpr-notifier-for-blocked-mode": ("warning", "modes", "cpr-notifier-for-blocked-mode"),
    "wrong-errp-argument": ("error", "arguments", "wrong-errp-argument"),
    "unterminated-mode-list": ("error", "modes", "unterminated-mode-list"),
    "mode-not-a-bit": ("error", "modes", "mode-not-a-bit"),
    "duplicate-mode": ("error", "modes", "duplicate-mode"),
    "unguarded-errp-dereference": ("error", "errors", "unguarded-errp-dereference"),
    "unguarded-error-prepend": ("warning", "errors", "unguarded-error-prepend"),
    "int-as-bool": ("error", "arguments", "int-as-bool"),
    "error-set-twice": ("error", "errors", "error-set-twice"),
}
BUNDLED = load_rules()


def seen(event: str, certainty: str = "high", /, **slots: str) -> Observation:
    return Observation(
        event, "quartz_realize", Span("hw/timer/quartz.c", 10, 20), "f(errp);", slots, (), certainty
    )


def set_again(how: str, certainty: str = "high") -> Observation:
    return seen("error-set-twice", certainty, error="errp", callee="error_setg", first="quartz_open", how=how)


@pytest.mark.parametrize("rule_id", FIRST)
def test_the_first_rules_are_as_the_domain_says(rule_id: str) -> None:
    rule = BUNDLED.get(rule_id)
    assert (rule.severity, rule.analysis, rule.event) == FIRST[rule_id]
    assert rule.enabled


@pytest.mark.parametrize("rule", BUNDLED, ids=lambda rule: rule.id)
def test_every_bundled_rule_is_complete_and_readable(rule: Rule) -> None:
    assert tuple(rule.sections) == HEADINGS
    assert rule.examples["bad"]
    assert rule.examples["good"]
    for text in (*rule.examples["bad"], *rule.examples["good"]):
        if rule.analysis != "gate":
            assert "\n}\n" in text, "an example is complete C functions"
        assert "\t" not in text
        assert all(len(line) <= 80 for line in text.split("\n"))
    assert len(rule.title) <= 72
    assert not rule.title.endswith(".")
    assert max(len(line) for line in rule.page.split("\n")) <= 100
    # Slots are filled in messages only.
    assert not any("{" in advice for advice in (rule.advice, *(case.advice or "" for case in rule.cases)))


@pytest.mark.parametrize("rule", BUNDLED, ids=lambda rule: rule.id)
def test_messages_stay_short_for_names_of_common_length(rule: Rule) -> None:
    emission = events()[rule.analysis][rule.event]
    sample = {
        "callee": "migrate_add_blocker_modes",
        "printer": "error_report_err",
        "prototype": "bool quartz_load(QuartzState *s, Error **errp)",
        "object": "PulseHubState",
    }
    slots = dict.fromkeys(emission.slots, "MIG_MODE_NORMAL") | {"remedy": ""}
    slots |= {name: value for name, value in sample.items() if name in emission.slots}
    if rule.pairs:
        slots["pair"] = rule.pairs[0].name
    for case in (None, *rule.cases):
        where = dict(rule.where) | dict(case.where if case is not None else ())
        (finding,) = RuleSet([rule]).everything().finding(seen(rule.event, **(slots | where)))
        assert len(finding.message) <= 165, finding.message
        assert finding.message[-1] not in " .,;:"
        assert "{" not in finding.message


def test_a_case_changes_message_confidence_and_advice() -> None:
    definite = BUNDLED.remarks(set_again("definite"))
    possible = BUNDLED.remarks(set_again("possible"))
    assert [remark.finding.confidence for remark in definite + possible] == ["high", "medium"]
    assert definite[0].finding.message.startswith("error_setg() sets errp a second time: quartz_open() ")
    assert possible[0].finding.message.startswith("quartz_open() may have set errp, which is not checked")
    assert definite[0].advice != possible[0].advice


def test_the_certainty_bounds_the_confidence_from_above_only() -> None:
    assert BUNDLED.finding(set_again("definite", "low"))[0].confidence == "low"
    assert BUNDLED.finding(set_again("possible", "high"))[0].confidence == "medium"


def test_a_finding_carries_place_function_and_fingerprint() -> None:
    observation = set_again("definite")
    (finding,) = BUNDLED.finding(observation)
    assert (finding.rule, finding.span, finding.function) == (
        "error-set-twice",
        observation.primary,
        "quartz_realize",
    )
    assert finding.fingerprint == fingerprint("error-set-twice", "quartz_realize", "f(errp);")
    assert finding.severity == "error"


def test_an_empty_last_slot_leaves_no_trace_and_a_long_value_is_cut() -> None:
    slots = {
        "callee": "pulse_hub_flush",
        "printer": "error_report_err",
        "strength": "prints",
        "outlet": "the errp",
    }
    (bare,) = BUNDLED.finding(seen("notifier-drops-error", **slots, remedy=""))
    (more,) = BUNDLED.finding(seen("notifier-drops-error", **slots, remedy="call pulse_hub_save() instead"))
    assert more.message == f"{bare.message}; call pulse_hub_save() instead"
    (cut,) = BUNDLED.finding(seen("duplicate-mode", callee="x" * 500, mode="MIG_MODE_\n  NORMAL"))
    assert "x" * 117 + "..." in cut.message
    assert "MIG_MODE_ NORMAL" in cut.message


def test_a_slot_that_is_left_out_is_a_fault_of_the_check() -> None:
    with pytest.raises(LookupError, match=r"duplicate-mode: without the slot 'callee'"):
        BUNDLED.finding(seen("duplicate-mode", mode="MIG_MODE_NORMAL"))


def test_an_event_nobody_listens_to_gives_nothing() -> None:
    assert BUNDLED.finding(seen("no-such-event")) == ()


def rule_text(rule_id: str, extra: str = "", page: str | None = None) -> bytes:
    body = "".join(
        f"## {heading}\n\n" + ("```c\nvoid f(void)\n{\n}\n```\n\n" if heading in ("Bad", "Good") else "x\n\n")
        for heading in HEADINGS
    )
    head = f"""+++
id = "{rule_id}"
title = "t"
since = "0.1.0"
analysis = "modes"
event = "mode-not-a-bit"
severity = "note"
confidence = "high"
message = "{{mode}} m"
advice = "a"
{extra}
+++

"""
    return (head + (body if page is None else page)).encode()


def test_several_rules_may_listen_to_one_event_each_with_its_where(tmp_path: Path) -> None:
    for name, form in (("first-form", "bare-mode"), ("second-form", "bit-in-list")):
        (tmp_path / f"{name}.md").write_bytes(rule_text(name, f'where = {{ form = "{form}" }}'))
    rules = load_rules([tmp_path])
    slots = {"callee": "f", "mode": "M", "meaning": "x"}
    found = rules.finding(seen("mode-not-a-bit", **slots, form="bit-in-list"))
    assert [finding.rule for finding in found] == ["mode-not-a-bit", "second-form"]


def test_a_rule_that_is_off_speaks_only_when_named(tmp_path: Path) -> None:
    (tmp_path / "quiet-one.md").write_bytes(rule_text("quiet-one", "enabled = false"))
    rules = load_rules([tmp_path])
    observation = seen("mode-not-a-bit", callee="f", mode="M", meaning="x", form="bare-mode")
    assert [found.rule for found in rules.finding(observation)] == ["mode-not-a-bit"]
    assert "quiet-one" not in rules.select()
    assert "quiet-one" not in rules.select(["q*"])
    assert [found.rule for found in rules.select(["quiet-one"]).finding(observation)] == ["quiet-one"]


def test_select_takes_ids_and_patterns_and_ignore_wins() -> None:
    chosen = BUNDLED.select(["unguarded-*", "int-as-bool"], ["*-prepend"])
    assert [rule.id for rule in chosen] == ["int-as-bool", "unguarded-errp-dereference"]
    assert {rule.id for rule in BUNDLED.select()} == {rule.id for rule in BUNDLED if rule.enabled}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("int-as-bol", "unknown rule 'int-as-bol'; did you mean 'int-as-bool'?"),
        ("zzz", "unknown rule 'zzz' (see `qerrlint rules`)"),
        ("zzz-*", "no rule matches 'zzz-*' (see `qerrlint rules`)"),
    ],
)
def test_an_unknown_rule_is_refused_with_a_hint(name: str, message: str) -> None:
    for chosen, ignored in (([name], []), ([], [name])):
        with pytest.raises(UsageError) as caught:
            BUNDLED.select(chosen, ignored)
        assert str(caught.value) == message


def test_rules_travel_between_processes() -> None:
    rule = BUNDLED.get("int-as-bool")
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert hash(rule) == hash(parse_rule((rules_folder() / "int-as-bool.md").read_bytes(), "int-as-bool.md"))


def test_loading_is_quick() -> None:
    """Of CPU time at most 1 ms a rule; a quarter of that is usual, and a busy machine stretches it."""
    best = min(_timed() for _ in range(5))
    assert best < 0.001 * len(BUNDLED)


def _timed() -> float:
    """The time that the files take once they have been parsed: each is parsed once in a process."""
    for kept in (loader.bundled_rules, loader._bundled):
        kept.cache_clear()
    begin = time.process_time()
    load_rules()
    return time.process_time() - begin


def test_the_rules_command_lists_all() -> None:
    text = CliRunner().invoke(list_rules, [])
    assert text.exit_code == 0
    lines = text.output.splitlines()
    listed_there = {line.split()[0] for line in lines if line}
    assert listed_there >= {rule.id for rule in BUNDLED}
    assert "Errors, statuses, pointers and numbers" in lines
    assert lines[0].split() == ["rule", "severity", "confidence", "title"]
    listed = json.loads(CliRunner().invoke(list_rules, ["--format", "json"]).output)
    assert [rule["id"] for rule in listed["rules"]] == [rule.id for rule in BUNDLED]


def test_the_explain_command_shows_the_page_in_each_form(tmp_path: Path) -> None:
    plain = CliRunner().invoke(explain, ["int-as-bool"]).output
    assert plain.startswith("int-as-bool: ")
    assert all(f"\n{heading}\n" in plain for heading in HEADINGS)
    assert "```" not in plain
    assert "\n    bool relay_close(RelayState *s, Error **errp)\n" in plain
    markdown = CliRunner().invoke(explain, ["int-as-bool", "--format", "markdown"]).output
    assert markdown.startswith("# int-as-bool: ")
    assert "```c\n" in markdown
    document = json.loads(CliRunner().invoke(explain, ["int-as-bool", "--format", "json"]).output)
    assert tuple(document["sections"]) == HEADINGS
    assert document["examples"]["bad"] == list(BUNDLED.get("int-as-bool").examples["bad"])
    (tmp_path / "own-rule.md").write_bytes(rule_text("own-rule"))
    own = CliRunner().invoke(explain, ["own-rule", "--rules", str(tmp_path)])
    assert own.output.startswith("own-rule: t\n")
    wrong = CliRunner().invoke(explain, ["int-as-bol"])
    assert isinstance(wrong.exception, UsageError)
