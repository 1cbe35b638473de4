# SPDX-License-Identifier: GPL-2.0-or-later
"""Renderings of sample Results: snapshots, the JSON schema, and text that is hostile to terminals.

Run with QERRLINT_UPDATE_SNAPSHOTS=1 to write tests/snapshots/ anew, then read the difference.
"""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import qerrlint
from qerrlint.errors import UsageError
from qerrlint.report import FORMATS, render
from qerrlint.report.text import lines
from qerrlint.report.wording import by_reason
from qerrlint.result import (
    Coverage,
    Damaged,
    PatchInfo,
    Place,
    RaisedBy,
    Reported,
    ReportedExemption,
    ReportedStep,
    Result,
    Skipped,
    TreeInfo,
)

SNAPSHOTS = Path(__file__).parent / "snapshots"
SCHEMA = json.loads(
    (Path(qerrlint.__file__).parent / "report" / "schema" / "qerrlint-1.schema.json").read_text("utf-8")
)
REVISION = "0123456789abcdef0123456789abcdef01234567"
HUB = "hw/intc/pulse_hub.c"

DROPPED = Reported(
    rule="notifier-drops-error",
    severity="warning",
    confidence="high",
    place=Place(HUB, 142, 9, 142, 29, "        pulse_hub_flush(hub);"),
    function="pulse_hub_notify",
    message="the error of pulse_hub_flush() ends in error_report_err()",
    advice="pass errp on and return the failure",
    fingerprint="00112233445566ff",
    steps=(
        ReportedStep(
            Place(HUB, 97, 9, 97, 30, "        error_report_err(err);"), "pulse_hub_flush() prints it"
        ),
        ReportedStep(
            Place("accel/ember/ember-all.c", 1021, 1, 1023, 2, "\tember_access(fd, &err)"), "it is set here"
        ),
    ),
    status="introduced",
    relation="added-line",
    patch=2,
    diff_line=31,
    raised_by=RaisedBy("Vera Example <vera@example.org>", "reply-1@example.org"),
)
TWICE = Reported(
    rule="error-set-twice",
    severity="error",
    confidence="medium",
    place=Place("hw/timer/quartz.c", 88, 5, 90, 30, "    error_setg(errp,"),
    function="quartz_realize",
    message="error_setg() may set errp a second time",
    advice="return right after the first failure",
    fingerprint="8899aabbccddeeff",
    status="introduced",
    relation="affected-caller",
    patch=1,
    transient=True,
    repaired_by=3,
)
PATCHES = (
    PatchInfo(1, 3, 2, "[PATCH v2 1/3] hw/timer: let start fail", "p1@example.org", True, ("hw/timer/q.c",)),
    PatchInfo(2, 3, 2, "[PATCH v2 2/3] hw/intc: a notifier", "p2@example.org", True, (HUB,)),
    PatchInfo(3, 3, 2, "hw/timer: return", None, False, ("hw/timer/quartz.c",), ("hunk 2 does not fit.",)),
)
SERIES = Result(
    command="patch",
    tree=TreeInfo("/src/qemu", REVISION, "base-commit", "tree"),
    findings=(
        DROPPED,
        TWICE,
        replace(TWICE, status="fixed", relation=None, patch=3, transient=False),
        replace(TWICE, rule="int-as-bool", status="persisting", patch=None, suppressed="checked by hand"),
    ),
    coverage=Coverage(
        3,
        120,
        37,
        damaged=tuple(Damaged(HUB, 10 * n, f"hub_{n}", "syntax error at line 4") for n in range(1, 8)),
        incomplete=(Damaged(HUB, 300, "hub_big", "more than 32 states"),),
        skipped=(Skipped("hw/intc/pulse.bin", "binary"),),
    ),
    patches=PATCHES,
    summary={"introduced": 2, "fixed": 1, "persisting": 1, "suppressed": 1},
    notices=("patch 4 of the cover letter's list is missing",),
    exempted=(
        ReportedExemption(
            "stub", "low", "failure-without-error", HUB, 17, "hub_stub", "the function does nothing"
        ),
        ReportedExemption("answer-code", "drop", "dropped-error", HUB, 90, "hub_read", "come again"),
        ReportedExemption("answer-code", "drop", "failure-without-error", HUB, 91, "hub_write", "come again"),
    ),
)
CHECKED = Result(
    command="check",
    tree=TreeInfo("/src/qemu", None, "directory", "headers"),
    findings=(
        replace(
            DROPPED,
            steps=(),
            status=None,
            relation=None,
            patch=None,
            diff_line=None,
            raised_by=None,
            confidence="low",
        ),
    ),
    coverage=Coverage(1, 1, 1),
)
CLEAN = Result("diff", TreeInfo(None, None, "none", "patch"), (), Coverage(2, 9, 0))
SAMPLES = {"series": SERIES, "check": CHECKED, "clean": CLEAN}


def rendered(result: Result, form: str = "text") -> str:
    stream = io.StringIO()
    render(result, form, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "form"),
    [(name, form) for name in SAMPLES for form in ("text", "json")]
    + [("series", form) for form in FORMATS if form not in ("text", "json", "html")],
)
def test_renderings_are_as_their_snapshots(name: str, form: str) -> None:
    got = rendered(SAMPLES[name], form).replace(f'"{qerrlint.__version__}"', '"VERSION"')
    file = SNAPSHOTS / f"{name}.{'txt' if form == 'text' else form}"
    if os.environ.get("QERRLINT_UPDATE_SNAPSHOTS"):
        file.write_text(got, "utf-8")
    assert got == file.read_text("utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_json_fits_its_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    document = json.loads(rendered(SAMPLES[name], "json"))
    Draft202012Validator(SCHEMA).validate(document)


def test_the_schema_is_strict() -> None:
    document = json.loads(rendered(SERIES, "json"))
    validator = Draft202012Validator(SCHEMA)

    def refuses(change: dict[str, Any]) -> bool:
        changed = json.loads(json.dumps(document))
        changed["findings"][0] |= change
        return not validator.is_valid(changed)

    assert not refuses({})
    assert refuses({"colour": "red"})
    assert refuses({"severity": "fatal"})
    assert refuses({"line": 0})
    assert refuses({"fingerprint": "xyz"})
    assert refuses({"status": "new"})
    assert refuses({"raised_by": {"from": "Vera"}})
    assert not validator.is_valid({key: value for key, value in document.items() if key != "summary"})


def test_json_has_the_fields_of_the_interface_and_null_where_none_applies() -> None:
    found = json.loads(rendered(CHECKED, "json"))["findings"][0]
    assert [key for key, value in found.items() if value is None] == [
        "status",
        "relation",
        "patch",
        "repaired_by",
        "diff_line",
        "raised_by",
        "suppressed",
        "series",
        "against",
    ]
    whole = json.loads(rendered(SERIES, "json"))
    assert whole["findings"][0]["raised_by"] == {
        "from": "Vera Example <vera@example.org>",
        "message_id": "reply-1@example.org",
        "version": None,
    }
    assert whole["findings"][3]["suppressed"] == {"reason": "checked by hand"}
    assert len(whole["coverage"]["damaged"]) == 7
    assert json.loads(rendered(CLEAN, "json"))["summary"] == dict.fromkeys(
        ("introduced", "fixed", "persisting", "suppressed"), 0
    )


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^unknown format 'yaml' \(known: text, json, .*\)$"):
        rendered(CLEAN, "yaml")


def odd(path: str = HUB, source: str = "x = 1;", message: str = "m") -> Result:
    place = Place(path, 7, 1, 7, 6, source)
    return replace(CHECKED, findings=(replace(DROPPED, place=place, message=message, steps=()),))


NOT_UTF8 = b"hw/caf\xe9.c".decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("form", FORMATS)
def test_bytes_that_are_not_utf8_crash_no_rendering(form: str, encoding: str) -> None:
    source = b'    error_setg(errp, "gr\xfc\xdfe \xe2\x82\xac");'.decode("utf-8", "surrogateescape")
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding, newline="")
    render(odd(NOT_UTF8, source, "größe \udcff \ud800"), form, stream)
    stream.flush()
    text = buffer.getvalue().decode(encoding)
    if form == "json":
        document = json.loads(text)
        Draft202012Validator(SCHEMA).validate(document)
        assert document["findings"][0]["path"] == r"hw/caf\xe9.c"
        assert document["findings"][0]["message"] == r"größe \xff \ud800"
    elif form == "sarif":
        result = json.loads(text)["runs"][0]["results"][0]
        location = result["locations"][0]["physicalLocation"]
        assert location["artifactLocation"]["uri"] == "hw/caf%E9.c"
        assert result["message"]["text"] == r"größe \xff \ud800"
    elif form != "text":
        assert r"hw/caf\xe9.c" in text.replace("\\\\", "\\")
        assert r"\xff" in text
    else:
        assert text.startswith(r"hw/caf\xe9.c:7:1: warning[notifier-drops-error]: ")
        assert r"gr\xfc\xdfe" in text


def test_a_patch_cannot_steer_the_terminal() -> None:
    hostile = "a\x1b[2Jb\rc\x9bd\u202ee\u2066f\x07"
    result = odd(f"hw/{hostile}.c", f"{hostile}\t;", f"m {hostile}\nfindings: none")
    result = replace(result, notices=(hostile,), patches=(replace(PATCHES[0], subject=f"[PATCH] {hostile}"),))
    for text in (rendered(result), "".join(line.text for line in lines(result))):
        assert not set(text) & set("\x1b\r\x9b\u202e\u2066\x07")
    assert r"a\x1b[2Jb\x0dc\x9bd\u202ee\u2066f\x07" in rendered(result)
    assert not any(line.startswith("findings: none") for line in rendered(result).splitlines())


def test_a_plain_run_does_not_import_rich() -> None:
    import subprocess

    code = (
        "import sys, io\n"
        "from qerrlint.report import render\n"
        "from qerrlint.result import Coverage, Result, TreeInfo\n"
        "clean = Result('diff', TreeInfo(None, None, 'none', 'patch'), (), Coverage())\n"
        "render(clean, 'text', io.StringIO())\n"
        "print('rich' in sys.modules)\n"
    )
    root = Path(qerrlint.__file__).parent.parent
    got = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert got.stdout == "False\n"


def test_a_transient_finding_names_the_patch_that_repairs_it_if_it_is_known() -> None:
    assert 'repaired by patch 3/3 "hw/timer: return"' in rendered(SERIES)
    alone = replace(SERIES, findings=(replace(TWICE, repaired_by=None),))
    assert "repaired by a later patch of the series" in rendered(alone)


def test_relations_are_said_in_words() -> None:
    for relation, words in (
        ("added-line", 'introduced by patch 1/3 "hw/timer: let start fail", on a line that it adds'),
        ("changed-function", "in a function that it changes"),
        ("affected-caller", "in a caller that it does not touch"),
    ):
        assert words in rendered(replace(SERIES, findings=(replace(TWICE, relation=relation),)))
    one = replace(SERIES, patches=(replace(PATCHES[0], index=1, total=1),), findings=(TWICE,))
    assert 'introduced by the patch "hw/timer: let start fail"' in rendered(one)
    loose = replace(
        SERIES, command="diff", patches=(), findings=(replace(TWICE, patch=None, transient=False),)
    )
    assert "introduced by the change, in a caller" in rendered(loose)


def test_a_table_is_no_function() -> None:
    table = replace(TWICE, function="vmstate_timer", of_variable=True)
    for relation, words in (
        ("added-line", "in vmstate_timer, introduced by"),
        ("affected-caller", "in a table that it does not touch"),
    ):
        text = rendered(replace(SERIES, findings=(replace(table, relation=relation),)))
        assert words in text
        assert "vmstate_timer()" not in text


def test_files_that_have_the_same_problem_are_named_together() -> None:
    problems = [
        "a.c: the tree has it",
        "b.c: hunk 1: no place",
        "c.c: the tree has it",
        "no diff in this mail.",
    ]
    assert by_reason(problems) == [
        "a.c, c.c: the tree has it",
        "b.c: hunk 1: no place",
        "no diff in this mail",
    ]
