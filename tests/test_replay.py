# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay of labels over small histories made here."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from qerrlint.cli.main import cli
from qerrlint.errors import InputError, UsageError
from qerrlint.replay.labels import Label, answering, label_of, load_labels, of_classes
from qerrlint.replay.outcomes import FoundItem, Journal, Outcome
from qerrlint.replay.run import replay
from qerrlint.replay.scores import rows, score
from qerrlint.rules.loader import load_rules

ENV = {
    **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
    "GIT_AUTHOR_NAME": "Ada Fenwick",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada Fenwick",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}

ERROR_H = """\
typedef struct Error Error;
void error_setg(Error **errp, const char *fmt, ...);
void error_prepend(Error **errp, const char *fmt, ...);
bool part_connect(int port, Error **errp);
#define ERRP_GUARD() g_auto(ErrpShelter) shelter = { errp }
"""
PLAIN = """\
#include "qapi/error.h"

static void part_start(int port, Error **errp)
{
    part_connect(port, errp);
}
"""
TWICE = """\
#include "qapi/error.h"

static void part_start(int port, Error **errp)
{
    if (!part_connect(port, errp)) {
        error_setg(errp, "no connection");
    }
}

static void part_stop(int port, Error **errp)
{
    if (!part_connect(port, errp)) {
        error_prepend(errp, "stop: ");
    }
}
"""
MENDED = TWICE.replace('        error_setg(errp, "no connection");\n', "        return;\n")


class History:
    """A repository whose commits this test makes one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self._git("init", "-q", "-b", "master")

    def commit(self, files: dict[str, str | None]) -> str:
        for name, text in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                target.unlink()
            else:
                target.write_text(text)
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", "change")
        return self._git("rev-parse", "HEAD")

    def _git(self, *words: str) -> str:
        done = subprocess.run(
            ("git", "-C", str(self.path), *words), env=ENV, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()


def entry(fix: str, **given: Any) -> dict[str, Any]:
    made = {
        "fix": fix,
        "file": "hw/part.c",
        "function": "part_start",
        "line": 6,
        "class": "double-set",
        "also": [],
        "scope": "intra",
        "introduced": None,
        "confidence": "high",
        "why": "error_setg() after a callee that has set errp",
    }
    return {**made, **given}


def label(fix: str = "0" * 40, **given: Any) -> Label:
    return label_of(entry(fix, **given), "test")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """The repository and its commits by name."""
    made = History(tmp_path_factory.mktemp("history") / "tree")
    common: dict[str, str | None] = {"include/qapi/error.h": ERROR_H, "VERSION": "9.2.0\n"}
    commits = {
        "root": made.commit({**common, "hw/part.c": PLAIN}),
        "bad": made.commit({"hw/part.c": TWICE}),
        "fix": made.commit({"hw/part.c": MENDED}),
        "other": made.commit({"hw/part.c": MENDED + "\n"}),
        "again": made.commit({"hw/part.c": TWICE}),
        "moved": made.commit({"hw/part.c": None, "hw/piece.c": MENDED}),
        "not-mended": made.commit({"hw/piece.c": "\n" + MENDED}),
    }
    # The function had another name when the defect came in.
    renamed = TWICE.replace("part_start", "piece_begin").replace("part_stop", "piece_end")
    commits["old-name"] = made.commit({"hw/piece.c": renamed})
    commits["new-name"] = made.commit({"hw/piece.c": TWICE})
    commits["late-fix"] = made.commit({"hw/piece.c": MENDED})
    return str(made.path), commits


def outcome_of(wanted: Label, root: str, submission: bool = True) -> Outcome:
    ((index, outcome),) = replay([wanted], root, "headers", 1, submission)
    assert index == 0
    return outcome


def test_a_defect_is_found_near_quiet_and_at_submission(history: tuple[str, dict[str, str]]) -> None:
    root, commits = history
    outcome = outcome_of(label(commits["fix"], introduced=commits["bad"]), root)
    assert [said.rule for said in outcome.answers] == ["error-set-twice"]
    assert (outcome.found, outcome.near, outcome.quiet, outcome.submitted) == (True, True, True, True)
    assert outcome.unfit is None
    assert outcome.crashed is None
    assert outcome.at_submission[0].status == "introduced"


def test_other_functions_and_other_classes_do_not_answer(history: tuple[str, dict[str, str]]) -> None:
    root, commits = history
    elsewhere = outcome_of(label(commits["fix"], function="part_stop", line=13), root)
    assert not elsewhere.found
    assert not elsewhere.quiet
    assert [said.rule for said in elsewhere.others] == ["unguarded-error-prepend"]
    assert elsewhere.submitted is None
    other = outcome_of(label(commits["fix"], **{"class": "leak"}), root)
    assert not other.found
    assert [said.rule for said in other.others] == ["error-set-twice"]
    also = outcome_of(label(commits["fix"], **{"class": "leak", "also": ["double-set"]}), root)
    assert also.found


def test_what_the_fix_leaves_is_not_quiet(history: tuple[str, dict[str, str]]) -> None:
    root, commits = history
    kept = label(commits["fix"], function="part_stop", line=13, **{"class": "guard-prepend"})
    outcome = outcome_of(kept, root)
    assert (outcome.found, outcome.near, outcome.quiet) == (True, True, False)


def test_near_counts_lines(history: tuple[str, dict[str, str]]) -> None:
    root, commits = history
    guard = {"function": "part_stop", "class": "guard-prepend"}
    at = {line: outcome_of(label(commits["fix"], line=line, **guard), root).near for line in (4, 5, 21, 22)}
    # error_prepend() stands in line 13; its finding has no steps.
    assert at == {4: False, 5: True, 21: True, 22: False}


def test_a_change_that_did_not_bring_it_in(history: tuple[str, dict[str, str]]) -> None:
    root, commits = history
    outcome = outcome_of(label(commits["fix"], introduced=commits["other"]), root)
    assert outcome.found
    assert outcome.submitted is False
    assert (
        outcome_of(label(commits["fix"], introduced=commits["bad"]), root, submission=False).submitted is None
    )


def test_a_fix_that_also_renames_the_file(history: tuple[str, dict[str, str]]) -> None:
    root, commits = history
    outcome = outcome_of(label(commits["moved"]), root)
    assert (outcome.found, outcome.quiet) == (True, True)
    kept = label(commits["moved"], function="part_stop", line=13, **{"class": "guard-prepend"})
    assert outcome_of(kept, root).quiet is False


def test_a_function_that_had_another_name_at_submission(history: tuple[str, dict[str, str]]) -> None:
    root, commits = history
    outcome = outcome_of(label(commits["late-fix"], file="hw/piece.c", introduced=commits["old-name"]), root)
    assert outcome.found
    assert outcome.submitted is True


def test_labels_that_do_not_apply_are_told_apart(history: tuple[str, dict[str, str]]) -> None:
    root, commits = history
    assert outcome_of(label(commits["root"]), root).unfit == "the fix has no parent"
    gone = outcome_of(label(commits["fix"], file="hw/none.c"), root)
    assert gone.unfit == "the file is not there before the fix"
    assert "unknown revision" in (outcome_of(label("f" * 40), root).unfit or "")
    lost = outcome_of(label(commits["fix"], introduced="e" * 40), root)
    assert lost.found
    assert lost.submitted is None
    assert "unknown revision" in (lost.unfit_change or "")
    first = outcome_of(label(commits["fix"], introduced=commits["root"]), root)
    assert first.unfit_change == "the introducing commit has no parent"
    nobody = outcome_of(label(commits["fix"], function="part_none"), root)
    assert nobody.unfit is None
    assert nobody.unanalysed == "no function and no table of that name is found in the file"


def test_an_internal_error_costs_one_label(
    history: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from qerrlint.replay import run as module

    root, commits = history

    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr(module, "review_change", breaks)
    outcome = outcome_of(label(commits["fix"], introduced=commits["bad"]), root)
    assert outcome.found
    assert outcome.crashed == "ZeroDivisionError: no luck"


def test_processes_give_what_one_process_gives(history: tuple[str, dict[str, str]]) -> None:
    root, commits = history
    labels = [
        label(commits["fix"], introduced=commits["bad"]),
        label(commits["fix"], function="part_stop", line=13, **{"class": "guard-prepend"}),
        label(commits["moved"], introduced=commits["again"]),
        label("f" * 40),
    ]
    one = dict(replay(labels, root, "headers", 1))
    two = dict(replay(labels, root, "headers", 2))
    assert one == two
    assert sorted(one) == [0, 1, 2, 3]


def test_a_changed_tool_has_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from qerrlint.replay import outcomes
    from qerrlint.source import bundled

    package = tmp_path / "qerrlint"
    (package / "review").mkdir(parents=True)
    (tmp_path / "rules").mkdir()
    rule = tmp_path / "rules" / "one.md"
    rule.write_text("one\n")
    monkeypatch.setattr(bundled, "_PACKAGE", package)
    first = outcomes.build()
    assert outcomes.build() == first
    rule.write_text("two\n")
    assert outcomes.build() != first


def test_which_rules_answer() -> None:
    rules = load_rules()
    assert "error-set-twice" in answering(label(), rules)
    assert "unguarded-errp-dereference" in answering(label(**{"class": "deref-unguarded"}), rules)
    assert answering(label(**{"class": "other"}), rules) == frozenset()
    assert answering(label(**{"class": "blocker"}), rules) == answering(label(**{"class": "notifier"}), rules)
    assert "int-as-bool" in answering(label(**{"class": "set-success"}), rules)
    assert "error-set-twice" in answering(label(**{"class": "unchecked-call"}), rules)
    assert "error-set-twice" not in answering(label(**{"class": "leak"}), rules)


def test_scores() -> None:
    said = FoundItem("error-set-twice", 6, "high", "said", "0123", 3)
    far = FoundItem("error-set-twice", 60, "high", "said", "0123", 54)
    outcomes = [
        Outcome(label(line=1), answers=(said,), quiet=True, submitted=True),
        Outcome(label(line=2), answers=(far,), quiet=False, submitted=False),
        Outcome(label(line=3), unfit_change="lost"),
        Outcome(label(line=4), unfit="no parent"),
        Outcome(label(line=5, **{"class": "message"})),
        Outcome(label(line=6, scope="semantic"), answers=(said,)),
    ]
    single, totals = rows(outcomes)
    assert [(row.name, row.scope) for row in single] == [
        ("double-set", "intra"),
        ("double-set", "semantic"),
        ("message", "intra"),
    ]
    intra = single[0].score
    assert (intra.labels, intra.found, intra.near, intra.quiet) == (3, 2, 1, 1)
    assert (intra.submitted, intra.changes, intra.unfit) == (1, 2, 1)
    assert [(row.name, row.score.labels) for row in totals] == [
        ("intra core", 3),
        ("all but other, message, redundant", 4),
        ("all", 5),
    ]
    assert score([]).labels == 0


def test_the_journal_takes_up_what_is_done(tmp_path: Path) -> None:
    file = tmp_path / "journal"
    journal = Journal(str(file), "headers", True)
    assert journal.done() == {}
    said = FoundItem("error-set-twice", 6, "high", "said", "0123", 3)
    done = Outcome(label(line=1), answers=(said,), quiet=True, submitted=False, at_submission=(said,))
    journal.append(done)
    journal.append(Outcome(label(line=2), crashed="ZeroDivisionError: "))
    with file.open("ab") as stream:
        stream.write(b'{"run": {"bu')
    again = Journal(str(file), "headers", True)
    assert again.done() == {label(line=1): done}
    again.append(Outcome(label(line=3)))
    assert set(Journal(str(file), "headers", True).done()) == {label(line=1), label(line=3)}
    assert Journal(str(file), "tree", True).done() == {}
    assert Journal(str(file), "headers", False).done() == {}
    file.write_text("nonsense\n")
    with pytest.raises(InputError, match=r"journal:1: not an outcome of a replay"):
        Journal(str(file), "headers", True).done()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no labels in this file"),
        ("{", ":1: not a JSON object"),
        ("[]", ":1: not a JSON object"),
        ("\n{}", ":2: 'line': must be a number from 1"),
        (json.dumps(entry("0" * 40, line=True)), "'line': must be a number from 1"),
        (json.dumps(entry("--all")), "'fix': must be a commit id"),
        (json.dumps(entry("0" * 40, introduced=7)), "'introduced': must be a commit id"),
        (json.dumps(entry("0" * 40, also="leak")), "'also': must be a list of texts"),
        (json.dumps(entry("0" * 40, scope="")), "'scope': must be a text"),
    ],
)
def test_bad_labels_are_one_clear_line(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(text)
    with pytest.raises(InputError, match=complaint) as caught:
        load_labels(str(file))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the labels cannot be read"):
        load_labels(str(tmp_path / "none"))
    (tmp_path / "odd").write_bytes(b"\xff\n")
    with pytest.raises(InputError, match="UTF-8"):
        load_labels(str(tmp_path / "odd"))
    assert of_classes([label()], ()) == (label(),)
    with pytest.raises(UsageError, match=r"class 'leek' \(known: double-set\)"):
        of_classes([label()], ["leek"])


@pytest.fixture
def labels_file(history: tuple[str, dict[str, str]], tmp_path: Path) -> str:
    _, commits = history
    entries = [
        entry(commits["fix"], introduced=commits["bad"]),
        entry(commits["fix"], function="part_stop", line=13, **{"class": "leak"}),
        entry(commits["root"], **{"class": "message"}),
    ]
    file = tmp_path / "labels.jsonl"
    file.write_text("\n".join(json.dumps(item) for item in entries) + "\n")
    return str(file)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["replay", "--jobs", "1", *words])


def test_the_command_prints_table_and_misses(
    history: tuple[str, dict[str, str]], labels_file: str, tmp_path: Path
) -> None:
    root, commits = history
    out = tmp_path / "out.json"
    result = run(labels_file, "--tree", root, "--output", str(out))
    assert result.exit_code == 0, result.output
    table = [line.split() for line in result.output.splitlines()]
    assert ["class", "scope", "labels", "found", "near", "quiet", "submitted"] in table
    assert ["double-set", "intra", "1", "1", "1", "1", "1/1"] in table
    assert ["leak", "intra", "1", "0", "0", "0", "-"] in table
    assert ["message", "intra", "0", "0", "0", "0", "-"] in table
    assert "intra core                                       2   1 (50 %)" in result.output
    assert f"hw/part.c:6 part_start() before {commits['root'][:10]}: the fix has no parent" in result.output
    assert "1 missed:" in result.output
    assert "[unguarded-error-prepend, " in result.output
    document = json.loads(out.read_text())
    assert document["schema"] == "qerrlint-replay/1"
    assert [item["found"] for item in document["outcomes"]] == [True, False, False]
    assert document["totals"][2]["unfit"] == 1
    assert document["outcomes"][0]["label"]["class"] == "double-set"


def test_the_command_resumes(
    history: tuple[str, dict[str, str]], labels_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qerrlint.replay import outcomes
    from qerrlint.replay import run as module

    monkeypatch.setattr(outcomes, "build", lambda: "0123456789ab")
    root, _ = history
    journal = tmp_path / "journal.jsonl"
    first = run(labels_file, "--tree", root, "--resume", str(journal), "--class", "leak")
    assert first.exit_code == 0, first.output
    assert len(journal.read_text().splitlines()) == 1
    second = run(labels_file, "--tree", root, "--resume", str(journal))
    assert len(journal.read_text().splitlines()) == 3

    def never(*_: object) -> None:
        raise AssertionError("analysed again")

    monkeypatch.setattr(module, "_perform", never)
    third = run(labels_file, "--tree", root, "--resume", str(journal))
    assert third.exit_code == 0
    assert third.output == second.output


def test_the_command_refuses_in_one_line(
    history: tuple[str, dict[str, str]], labels_file: str, tmp_path: Path
) -> None:
    root, _ = history
    for words, code, complaint in (
        ((labels_file, "--tree", str(tmp_path)), 3, "not a git repository"),
        ((labels_file + "x", "--tree", root), 3, "cannot be read"),
        ((labels_file, "--tree", root, "--class", "leek"), 2, "no label is of the class 'leek'"),
        ((labels_file, "--tree", root, "--output", str(tmp_path / "no" / "file")), 3, "cannot be written"),
    ):
        result = run(*words)
        assert result.exit_code == code, result.output
        assert complaint in result.output
        assert "Traceback" not in result.output
