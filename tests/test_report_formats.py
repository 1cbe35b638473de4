# SPDX-License-Identifier: GPL-2.0-or-later
"""The renderings for other programs: what their schema or their reader says of them, and of hostile text.

Samples are those of test_report; what a whole run gives to each format is in test_cli_formats.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import pytest
from consumers import (
    annotation,
    b4_reads_check,
    b4_reads_lines,
    check_gitlab,
    check_rdjson,
    check_sarif,
    junit_cases,
)
from test_report import CHECKED, CLEAN, DROPPED, HUB, SERIES, TWICE, rendered

from qerrlint.report.github import LIMIT
from qerrlint.result import (
    Coverage,
    Damaged,
    Place,
    Reported,
    ReportedEdit,
    ReportedFix,
    ReportedStep,
    Result,
    RuleInfo,
    Skipped,
)

ODD = "ä€ \"q\" 's' <b>&amp; ]]> %0A 100% ::error:: ##[error]x a,b=c {0} [l](2) \\n"
ODD_PATH = f"hw/{ODD}\n\x1b.c"
ODD_PLACE = Place(ODD_PATH, 3, 9, 3, 12, "    /*ä*/f(errp);", "    /*ä*/f(errp);")
HOSTILE = replace(
    SERIES,
    findings=(
        replace(
            DROPPED,
            place=ODD_PLACE,
            message=f"{ODD}\n::error::second line",
            advice=ODD,
            steps=(ReportedStep(ODD_PLACE, f"{ODD}\nstep"),),
        ),
    ),
    patches=(replace(SERIES.patches[0], subject=f"[PATCH v2 1/3] {ODD}"), *SERIES.patches[1:]),
    coverage=Coverage(1, 1, 1, skipped=(Skipped(ODD_PATH, f"{ODD}\nreason"),)),
    notices=(f"{ODD}\n::error::notice",),
)
FIX = ReportedFix("take the newline out", (ReportedEdit(Place(HUB, 142, 9, 142, 12), ""),))
ALL = {"series": SERIES, "check": CHECKED, "clean": CLEAN, "hostile": HOSTILE}


def document(result: Result, form: str) -> Any:
    return json.loads(rendered(result, form))


def moved(found: Reported, by: int) -> Reported:
    return replace(found, place=replace(found.place, line=found.place.line + by))


# SARIF


@pytest.mark.parametrize("name", ALL)
def test_sarif_fits_its_schema(name: str) -> None:
    check_sarif(document(ALL[name], "sarif"))


def sarif_results(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document(result, "sarif")["runs"][0]["results"]
    return found


def test_sarif_says_what_the_change_did() -> None:
    results = sarif_results(SERIES)
    assert [one["baselineState"] for one in results] == ["new", "new", "absent", "unchanged"]
    assert [one.get("suppressions") for one in results] == [
        None,
        None,
        None,
        [{"kind": "inSource", "justification": "checked by hand"}],
    ]
    assert results[0]["partialFingerprints"] == {"qerrlint/v1": DROPPED.fingerprint}
    assert results[1]["properties"]["transient"] is True
    assert "baselineState" not in sarif_results(CHECKED)[0]


def test_sarif_leads_to_the_finding_by_its_steps() -> None:
    (flow,) = sarif_results(SERIES)[0]["codeFlows"]
    (thread,) = flow["threadFlows"]
    steps = [one["location"] for one in thread["locations"]]
    lines = [one["physicalLocation"]["region"]["startLine"] for one in steps]
    assert lines == [97, 1021, 142]
    assert steps[0]["message"]["text"] == "pulse_hub_flush() prints it"
    assert "codeFlows" not in sarif_results(SERIES)[1]


def test_sarif_counts_columns_in_characters() -> None:
    region = sarif_results(HOSTILE)[0]["locations"][0]["physicalLocation"]["region"]
    assert (region["startColumn"], region["endColumn"]) == (8, 11)
    place = replace(ODD_PLACE, end_line=4, end_column=4, end_source="ä x")
    several = replace(HOSTILE, findings=(replace(DROPPED, place=place),))
    region = sarif_results(several)[0]["locations"][0]["physicalLocation"]["region"]
    assert (region["startColumn"], region["endColumn"]) == (8, 3)


def test_sarif_names_files_relative_to_the_tree() -> None:
    run = document(HOSTILE, "sarif")["runs"][0]
    artifact = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert unquote_to_bytes(artifact["uri"]).decode() == ODD_PATH
    assert re.fullmatch(r"[\w/.~%-]+", artifact["uri"], re.ASCII)
    assert artifact["uriBaseId"] in run["originalUriBaseIds"]


def test_sarif_holds_no_link_that_the_message_did_not_mean() -> None:
    text = sarif_results(HOSTILE)[0]["message"]["text"]
    assert r"\[l](2)" in text
    assert not re.search(r"(?<!\\)\[[^][]*\]\(", text)


def test_sarif_has_the_fixes() -> None:
    fixed = replace(CHECKED, findings=(replace(CHECKED.findings[0], fixes=(FIX,)),))
    log = document(fixed, "sarif")
    (fix,) = log["runs"][0]["results"][0]["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"]["uri"] == HUB
    assert change["replacements"][0]["deletedRegion"]["startColumn"] == 9
    assert change["replacements"][0]["insertedContent"]["text"] == ""
    check_sarif(log)


def test_sarif_lists_the_rules_with_help() -> None:
    page = "## What it flags\n\nA lost error.\n\n## What to do\n\nPass it on.\n"
    rules = tuple(
        RuleInfo(name, f"About {name}", "warning", "medium", "advice", page, selected)
        for name, selected in (("a-rule", False), ("error-set-twice", True), ("notifier-drops-error", True))
    )
    log = document(replace(SERIES, rules=rules, findings=SERIES.findings[:2]), "sarif")
    run = log["runs"][0]
    listed = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in listed] == ["error-set-twice", "notifier-drops-error"], "those that spoke"
    assert [rule["defaultConfiguration"]["enabled"] for rule in listed] == [True, True]
    assert listed[0]["help"] == {"text": "A lost error.\n\nPass it on.", "markdown": page.strip()}
    assert [listed[one["ruleIndex"]]["id"] for one in run["results"]] == [
        "notifier-drops-error",
        "error-set-twice",
    ]
    check_sarif(log)


def test_sarif_tells_what_was_not_analysed() -> None:
    (invocation,) = document(SERIES, "sarif")["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    told = [(one["descriptor"]["id"], one["level"]) for one in invocation["toolExecutionNotifications"]]
    assert told == [
        ("patch", "error"),
        ("file", "error"),
        *[("function", "error")] * 7,
        ("part", "note"),
        ("notice", "note"),
    ]
    whole = replace(CHECKED, coverage=Coverage(1, 1, 1, damaged=(Damaged(HUB, 10, "hub", "why"),)))
    (invocation,) = document(whole, "sarif")["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is True
    (note,) = invocation["toolExecutionNotifications"]
    assert note["level"] == "warning"
    assert note["locations"][0]["physicalLocation"]["region"] == {"startLine": 10}


# GitLab


@pytest.mark.parametrize(
    ("fail_on", "severities"),
    [
        ("note", ["major", "critical"]),
        ("warning", ["major", "critical"]),
        ("error", ["info", "critical"]),
        ("never", ["info", "info"]),
    ],
)
def test_gitlab_and_junit_follow_what_fails_the_run(fail_on: str, severities: list[str]) -> None:
    result = replace(SERIES, fail_on=fail_on)
    found = [one for one in document(result, "gitlab") if one["check_name"] != "not-analysed"]
    assert [one["severity"] for one in found] == severities
    cases = junit_cases(rendered(result, "junit"))
    kinds = [type(part).__name__ for case in cases for part in case.result]
    assert kinds[:2] == ["Skipped" if severity == "info" else "Failure" for severity in severities]
    suite = ElementTree.fromstring(rendered(result, "junit")).find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("skipped")) == (
        str(kinds.count("Failure")),
        str(kinds.count("Skipped")),
    )


@pytest.mark.parametrize("name", ALL)
def test_gitlab_issues_have_the_fields_that_gitlab_wants(name: str) -> None:
    check_gitlab(document(ALL[name], "gitlab"))


def test_gitlab_gets_what_stands_after_the_change() -> None:
    issues = document(SERIES, "gitlab")
    assert [one["check_name"] for one in issues[:2]] == ["notifier-drops-error", "error-set-twice"]
    assert {one["check_name"] for one in issues[2:]} == {"not-analysed"}
    assert document(HOSTILE, "gitlab")[0]["location"]["path"] == ODD_PATH
    assert document(CLEAN, "gitlab") == []


def test_gitlab_fingerprints_are_unique_and_know_no_line() -> None:
    elsewhere = replace(TWICE, place=replace(TWICE.place, path="hw/other.c"))
    result = replace(CHECKED, findings=(TWICE, elsewhere, moved(TWICE, 5)))
    prints = [one["fingerprint"] for one in document(result, "gitlab")]
    assert len(set(prints)) == 3
    later = replace(result, findings=tuple(moved(found, 100) for found in result.findings))
    assert [one["fingerprint"] for one in document(later, "gitlab")] == prints
    # What another file has is nothing to it.
    alone = replace(result, findings=(elsewhere,))
    assert [one["fingerprint"] for one in document(alone, "gitlab")] == prints[1:2]


# GitHub


def test_github_annotations_are_read_back_as_they_were() -> None:
    first, *_ = rendered(HOSTILE, "github").splitlines()
    kind, properties, text = annotation(first)
    assert kind == "warning"
    assert properties["file"] == ODD_PATH.replace("\x1b", r"\x1b")
    assert (properties["line"], properties["col"], properties["endColumn"]) == ("3", "8", "11")
    assert properties["title"] == "qerrlint: notifier-drops-error"
    assert text.splitlines()[0] == " ".join(f"{ODD} ::error::second line".split())


def test_github_takes_columns_only_within_a_line() -> None:
    _, properties, _ = annotation(rendered(SERIES, "github").splitlines()[0])
    assert properties["file"] == TWICE.place.path
    assert "col" not in properties
    assert (properties["line"], properties["endLine"]) == ("88", "90")


def test_github_gets_no_more_than_it_shows_and_is_told_how_many_more_there_are() -> None:
    errors = [moved(TWICE, n) for n in range(LIMIT + 2)]
    warnings = [moved(DROPPED, n) for n in range(LIMIT)]
    notes = [moved(replace(DROPPED, severity="note", message=ODD), n) for n in range(LIMIT)]
    shown = rendered(replace(CHECKED, findings=(*errors, *warnings, *notes)), "github").splitlines()
    commands = [annotation(line) for line in shown if line.startswith("::")]
    kinds = [kind for kind, _, _ in commands]
    assert {kind: kinds.count(kind) for kind in kinds} == {"error": 10, "warning": 10, "notice": 10}
    assert commands[-1][2].startswith("2 errors, 1 notice more than GitHub shows")
    plain = shown[len(commands) :]
    assert len(plain) == 3
    assert all(line.startswith("not annotated: ") and "##[" not in line for line in plain)
    fits = rendered(replace(CHECKED, findings=tuple(errors[:LIMIT])), "github").splitlines()
    assert len(fits) == LIMIT


def test_github_warns_of_what_was_not_analysed() -> None:
    lines = rendered(replace(SERIES, findings=()), "github").splitlines()
    kinds = {annotation(line)[0] for line in lines}
    assert kinds == {"warning"}
    assert any("pulse.bin was not analysed: binary" in line for line in lines)


# JUnit


@pytest.mark.parametrize("name", ALL)
def test_junit_is_read_by_junitparser(name: str) -> None:
    cases = junit_cases(rendered(ALL[name], "junit"))
    assert len({(case.classname, case.name) for case in cases}) == len(cases) > 0


def test_junit_says_what_failed_what_was_not_analysed_and_what_passed() -> None:
    cases = junit_cases(rendered(SERIES, "junit"))
    kinds = [[type(part).__name__ for part in case.result] for case in cases]
    assert kinds == [["Failure"], ["Failure"], *[["Error"]] * 9]
    assert [(case.classname, case.name) for case in cases[:1]] == [
        (HUB, f"notifier-drops-error in pulse_hub_notify() {DROPPED.fingerprint}")
    ]
    (only,) = junit_cases(rendered(CLEAN, "junit"))
    assert only.result == []


def test_junit_tells_equal_findings_apart() -> None:
    cases = junit_cases(rendered(replace(CHECKED, findings=(TWICE, moved(TWICE, 5))), "junit"))
    first, second = (case.name for case in cases)
    assert second == f"{first} (2)"


def test_junit_survives_any_text() -> None:
    root = ElementTree.fromstring(rendered(HOSTILE, "junit"))
    (failure,) = root.iter("failure")
    assert " ".join(ODD.split()) in (failure.text or "")
    odd = replace(HOSTILE, notices=("\x00\x0b\ufffe\uffff\ud800\x85",))
    told = ElementTree.fromstring(rendered(odd, "junit")).find("testsuite/system-out")
    assert told is not None
    assert r"\x00 \ufffe\uffff\ud800" in (told.text or "")


def test_junit_names_keep_while_code_moves() -> None:
    def names(result: Result) -> list[str]:
        return [case.name for case in junit_cases(rendered(result, "junit"))]

    later = replace(SERIES, findings=tuple(moved(found, 9) for found in SERIES.findings))
    assert names(later) == names(SERIES)


# rdjson


@pytest.mark.parametrize("name", ALL)
def test_rdjson_has_only_what_reviewdog_knows(name: str) -> None:
    check_rdjson(document(ALL[name], "rdjson"))


def test_rdjson_suggests_a_fix_of_one_edit() -> None:
    two = replace(FIX, edits=FIX.edits * 2)
    result = replace(CHECKED, findings=(replace(CHECKED.findings[0], fixes=(FIX, two)),))
    whole = document(result, "rdjson")
    check_rdjson(whole)
    (suggestion,) = whole["diagnostics"][0]["suggestions"]
    assert suggestion["text"] == ""
    assert suggestion["range"]["end"] == {"line": 142, "column": 12}


# checkpatch

TERSE = re.compile(r"(?P<path>.+):(?P<line>[0-9]+): (?P<level>ERROR|WARNING): (?P<text>.+) \[[a-z-]+\]")


@pytest.mark.parametrize("name", ALL)
def test_checkpatch_lines_have_its_shape(name: str) -> None:
    for line in rendered(ALL[name], "checkpatch").splitlines():
        assert TERSE.fullmatch(line), line


def test_checkpatch_says_each_finding_in_a_line_and_nothing_else() -> None:
    shown = rendered(replace(SERIES, coverage=Coverage(), patches=SERIES.patches[:2]), "checkpatch")
    found = [TERSE.fullmatch(line) for line in shown.splitlines()]
    assert [(m["path"], m["line"], m["level"]) for m in found if m] == [
        (HUB, "142", "WARNING"),
        ("hw/timer/quartz.c", "88", "ERROR"),
    ]
    assert rendered(CLEAN, "checkpatch") == rendered(CLEAN, "checkpatch-emacs") == ""


def test_checkpatch_for_emacs_shows_the_code() -> None:
    shown = rendered(replace(CHECKED, findings=(replace(DROPPED, patch=None),)), "checkpatch-emacs")
    head, *rest = shown.split("\n")
    assert TERSE.fullmatch(head)
    assert rest == [
        f"#142: FILE: {HUB}:142:",
        "+        pulse_hub_flush(hub);",
        f"#97: FILE: {HUB}:97: pulse_hub_flush() prints it",
        "+        error_report_err(err);",
        "#1021: FILE: accel/ember/ember-all.c:1021: it is set here",
        "+\tember_access(fd, &err)",
        "",
        "",
    ]


def test_b4_am_takes_the_levels_from_the_lines() -> None:
    assert b4_reads_lines(rendered(SERIES, "checkpatch"))[:2] == ["warning", "fail"]
    assert b4_reads_lines(rendered(CLEAN, "checkpatch")) == []


# b4


@pytest.mark.parametrize("name", ALL)
def test_b4_reads_the_checks(name: str) -> None:
    assert len(b4_reads_check(rendered(ALL[name], "b4"))) == 1


def test_b4_gets_the_worst_of_what_was_found() -> None:
    def status(result: Result) -> str:
        (check,) = b4_reads_check(rendered(result, "b4"))
        return check["status"]

    assert status(SERIES) == "fail"
    assert status(CHECKED) == "warn"
    assert status(CLEAN) == "pass"
    assert status(replace(CLEAN, coverage=Coverage(1, 1, 1, skipped=(Skipped("a.c", "binary"),)))) == "warn"
    allowed = replace(CHECKED, findings=(replace(DROPPED, suppressed="why"), replace(TWICE, status="fixed")))
    assert status(allowed) == "pass"
    assert b4_reads_check(rendered(replace(CLEAN, coverage=Coverage()), "b4")) == []


def test_b4_is_told_the_details() -> None:
    (check,) = b4_reads_check(rendered(SERIES, "b4"))
    assert check["summary"] == "1 error, 1 warning; not all of it was analysed"
    assert "  1. hw/intc/pulse_hub.c:97:9: pulse_hub_flush() prints it" in check["details"].split("\n")
    assert "patch 4 of the cover letter's list is missing" in check["details"]


# What was not analysed

MAIL = replace(SERIES.patches[0], files=(), applied=False, problems=("no diff in this message",))
NO_DIFF = replace(CLEAN, patches=(MAIL,), coverage=Coverage(skipped=(Skipped("/mail/1", "no change"),)))
UNFIT = replace(
    CLEAN,
    patches=(
        replace(SERIES.patches[0], files=(HUB,), applied=False, problems=(f"{HUB}: no fit; not applied",)),
    ),
    coverage=Coverage(skipped=(Skipped(HUB, "no fit"), Skipped("hw/b.c", "binary"))),
)


def test_a_patch_that_does_not_apply_is_said_once() -> None:
    said = 'patch 1/3 "hw/timer: let start fail" was not applied'
    assert rendered(UNFIT, "checkpatch").splitlines() == [
        f"{HUB}:1: WARNING: {said}: {HUB}: no fit; not applied [not-analysed]",
        "hw/b.c:1: WARNING: hw/b.c was not analysed: binary [not-analysed]",
    ]


def test_a_mail_without_a_diff_is_no_file_of_the_tree() -> None:
    (line,) = rendered(NO_DIFF, "checkpatch").splitlines()
    assert line.startswith("-:1: WARNING: patch 1/3")
    assert b4_reads_lines(line) == ["warning"]
    assert document(NO_DIFF, "gitlab") == document(NO_DIFF, "rdjson")["diagnostics"] == []
    (case,) = junit_cases(rendered(NO_DIFF, "junit"))
    assert case.classname == "qerrlint"
    assert annotation(rendered(NO_DIFF, "github").strip())[1] == {"title": "qerrlint: not analysed"}
    (invocation,) = document(NO_DIFF, "sarif")["runs"][0]["invocations"]
    assert [one.get("locations") for one in invocation["toolExecutionNotifications"]] == [None]
    (check,) = b4_reads_check(rendered(NO_DIFF, "b4"))
    assert check["status"] == "warn"
