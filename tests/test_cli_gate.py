# SPDX-License-Identifier: GPL-2.0-or-later
"""Suppressions, baseline, configuration by path: what counts, what is told, what the base decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commandline import TREE, Ran, everything_below, git, run, scratch_repository, spawned

pytestmark = pytest.mark.usefixtures("kept_results")

BELL = "chardev/bell.c"
RULE = "unguarded-errp-dereference"
COMMENT = f"    /* qerrlint: allow {RULE} every caller has an Error */\n"
DEREFERENCE = "    if (*errp) {\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return scratch_repository(tmp_path / "qemu")


def edit(top: Path, path: str, old: str, new: str) -> None:
    text = (top / path).read_text()
    assert old in text
    (top / path).write_text(text.replace(old, new, 1))


def allowed(top: Path) -> None:
    """The bell's standing defect allowed, and that committed."""
    edit(top, BELL, DEREFERENCE, COMMENT + DEREFERENCE)
    git(top, "commit", "-q", "-a", "-m", "allow")


def found(ran: Ran) -> set[tuple[str, str]]:
    return {(finding["rule"], finding["path"]) for finding in ran.findings}


def check(top: Path, *arguments: str | Path) -> Ran:
    return run("check", "--tree", top, "--format", "json", *arguments)


def diff(top: Path, *arguments: str | Path) -> Ran:
    return run("diff", "--tree", top, "--format", "json", *arguments)


def of_rule(ran: Ran, rule: str) -> list[dict[str, Any]]:
    return [finding for finding in ran.findings if finding["rule"] == rule]


def test_what_a_comment_allows_is_counted_and_shown_on_request(repository: Path) -> None:
    before = check(repository, BELL)
    assert (before.code, found(before)) == (1, {(RULE, BELL)})
    allowed(repository)
    ran = check(repository, BELL)
    assert (ran.code, ran.findings, ran.document["summary"]["suppressed"]) == (0, [], 1)
    shown = check(repository, BELL, "--show-suppressed")
    assert shown.code == 0, "what is suppressed fails nothing, shown or not"
    (finding,) = shown.findings
    assert finding["suppressed"] == {"reason": "every caller has an Error"}
    assert finding["fingerprint"] == before.findings[0]["fingerprint"]
    text = run("check", "--tree", repository, BELL, "--show-suppressed").out
    assert f"suppressed: {BELL}:" in text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (DEREFERENCE, DEREFERENCE.replace("\n", " " + COMMENT.lstrip())),
        ("Error **errp)\n{\n    bell_ring(", f"Error **errp)\n{COMMENT}{{\n    bell_ring("),
        ("/* Standing defect: errp may be NULL. */\n", COMMENT + "\n/* Standing defect. */\n"),
    ],
    ids=["beside the code", "in the head", "above the function"],
)
def test_where_a_comment_may_stand(repository: Path, old: str, new: str) -> None:
    edit(repository, BELL, old, new)
    ran = check(repository, BELL)
    assert (ran.code, ran.document["summary"]["suppressed"]) == (0, 1)
    git(repository, "add", "-A")
    ran = diff(repository, "--staged", "--status", "introduced,persisting", "--select", "added-suppression")
    assert found(ran) == {("added-suppression", BELL)}


def test_a_patch_cannot_allow_its_own_defect(repository: Path) -> None:
    edit(repository, BELL, DEREFERENCE, "    if (chr->tone < 0) {\n")
    git(repository, "commit", "-q", "-a", "-m", "repair")
    assert check(repository, BELL).code == 0
    edit(repository, BELL, "    if (chr->tone < 0) {\n", COMMENT + DEREFERENCE)
    ran = diff(repository)
    assert ran.code == 1
    assert found(ran) == {(RULE, BELL), ("added-suppression", BELL)}
    assert all(finding["suppressed"] is None for finding in ran.findings)
    git(repository, "add", "-A")
    assert found(diff(repository, "--staged")) == found(ran)
    alone = diff(repository, "--ignore", "added-suppression")
    assert found(alone) == {(RULE, BELL)}, "the comment allows nothing, whether it is told or not"


def test_what_the_base_allows_stays_allowed(repository: Path) -> None:
    allowed(repository)
    edit(
        repository,
        BELL,
        COMMENT,
        "    chr->muted = false;\n" + COMMENT.replace("every caller", "each caller"),
    )
    ran = diff(repository, "--status", "introduced,persisting", "--show-suppressed")
    assert ran.code == 0
    (finding,) = ran.findings
    assert (finding["status"], finding["suppressed"]["reason"]) == ("persisting", "each caller has an Error")


def test_a_comment_moved_to_another_line_is_a_new_one(repository: Path) -> None:
    allowed(repository)
    text = (repository / BELL).read_text()
    (repository / BELL).write_text(text.replace(COMMENT, "").replace(DEREFERENCE, DEREFERENCE + COMMENT, 1))
    assert ("added-suppression", BELL) in found(diff(repository))


def test_what_one_file_is_allowed_another_is_not(repository: Path) -> None:
    allowed(repository)
    text = (repository / BELL).read_text()
    edit(repository, BELL, "bell_ring(chr, errp);\n", "chr->muted = false;\n    bell_ring(chr, errp);\n")
    (repository / "chardev/gong.c").write_text(text)
    git(repository, "add", "-A")
    ran = diff(repository, "--staged")
    assert (RULE, "chardev/gong.c") in found(ran)
    assert (RULE, BELL) not in found(ran)
    assert all(finding["suppressed"] is None for finding in ran.findings)


def test_a_repair_that_leaves_the_comment_behind(repository: Path) -> None:
    allowed(repository)
    edit(repository, BELL, DEREFERENCE, "    if (0) {\n")
    ran = diff(repository, "--status", "introduced,fixed", "--show-suppressed")
    assert ran.code == 1
    assert {(f["rule"], f["status"]) for f in ran.findings} >= {
        ("unused-suppression", "introduced"),
        (RULE, "fixed"),
    }
    assert found(check(repository, BELL)) == {("unused-suppression", BELL)}
    assert check(repository, BELL, "--select", "int-as-bool").code == 0, "nobody asked for that rule"


def test_the_baseline_is_written_read_and_updated(repository: Path) -> None:
    before = check(repository)
    assert before.code == 1
    assert run("baseline", "write", "--tree", repository).code == 0
    file = repository / ".qerrlint-baseline"
    entries = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    # Each place has an entry of its own, also those that are told as one.
    told = [
        (f["path"], [s["path"] for s in f["steps"] if s["message"] == "the same applies here"])
        for f in before.findings
    ]
    paths = sorted(place for path, others in told for place in (path, *others))
    assert [line.split(" ", 3)[3] for line in entries] == paths
    ran = check(repository)
    assert (ran.code, ran.findings) == (0, [])
    assert ran.document["summary"]["suppressed"] == len(entries)
    assert ran.document["notices"] == []
    again = file.read_bytes()
    for command in (("write",), ("update",), ("update", "--add")):
        assert run("baseline", *command, "--tree", repository).code == 0
        assert file.read_bytes() == again, command

    # A repaired one is named; update drops it, and adds what is new only when asked.
    edit(repository, BELL, DEREFERENCE, "    if (0) {\n")
    (notice,) = check(repository).document["notices"]
    assert f"one entry without a finding: {RULE} in bell_open() of {BELL}" in notice
    assert check(repository, "hw").document["notices"] == [], "the bell was not looked at"
    (repository / "hw/intc/new.c").write_text(
        '#include "qapi/error.h"\nvoid f(int a, Error **errp)\n{\n    if (a) {\n'
        '        error_setg(errp, "a");\n    }\n    error_setg(errp, "b");\n}\n'
    )
    updated = run("baseline", "update", "--tree", repository)
    assert "gone: " in updated.err
    assert BELL in updated.err
    assert file.read_text() == again.decode().replace(
        next(line + "\n" for line in entries if BELL in line), ""
    )
    assert found(check(repository)) == {("error-set-twice", "hw/intc/new.c")}
    run("baseline", "update", "--add", "--tree", repository)
    assert check(repository).code == 0


def test_the_baseline_follows_a_rename_and_counts(repository: Path) -> None:
    run("baseline", "write", "--tree", repository)
    (repository / BELL).rename(repository / "chardev/gong.c")
    assert check(repository).code == 0
    run("baseline", "update", "--tree", repository)
    text = (repository / ".qerrlint-baseline").read_text()
    assert "chardev/gong.c" in text
    assert BELL not in text
    # A copy is one more finding than was accepted.
    (repository / BELL).write_text((repository / "chardev/gong.c").read_text())
    assert found(check(repository)) == {(RULE, BELL)}


def test_the_baseline_of_a_patch_is_that_of_its_base(repository: Path) -> None:
    edit(repository, "hw/intc/pulsehub.c", "        return;\n", "        ;\n")
    assert of_rule(diff(repository), "error-set-twice")
    run("baseline", "write", "--tree", repository)
    git(repository, "add", "-A")
    ran = diff(repository, "--staged")
    assert ran.code == 1
    assert {f["rule"] for f in ran.findings} == {"error-set-twice", "extended-baseline"}
    git(repository, "reset", "-q")
    given = diff(repository, "--baseline", repository / ".qerrlint-baseline")
    assert (given.code, given.findings) == (0, []), "whoever runs the gate may say so"


def test_a_bad_baseline_is_one_line(repository: Path) -> None:
    (repository / ".qerrlint-baseline").write_text("# x\nno entry\n")
    for command in ("check", "config"):
        ran = run(command, "--tree", repository)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == "qerrlint: .qerrlint-baseline: line 2: not `fingerprint rule function path`\n"
    missing = run("check", "--tree", repository, "--baseline", "none.txt")
    assert missing.code == 2
    assert missing.err.startswith("qerrlint: none.txt: the baseline cannot be read: ")


def test_git_objects_are_not_written(repository: Path) -> None:
    ran = run("baseline", "write", "--tree", repository, "--rev", "HEAD")
    assert (ran.code, ran.out) == (2, "")
    assert "--output" in ran.err
    before = everything_below(repository)
    printed = run("baseline", "write", "--tree", repository, "--rev", "HEAD", "--output", "-")
    assert printed.code == 0
    assert BELL in printed.out
    assert everything_below(repository) == before


def test_rules_and_severities_by_path(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        'severity = { int-as-bool = "note" }\n'
        '[[per-path]]\npaths = ["chardev"]\nignore = ["unguarded-*"]\n'
        '[[per-path]]\npaths = ["hw/arm/*.c", "block"]\nseverity = { "error-*" = "warning" }\n'
        '[[per-path]]\npaths = ["hw/timer"]\nselect = ["unguarded-error-prepend"]\n'
    )
    plain, ran = check(TREE), check(TREE, "--config", file)
    assert (RULE, BELL) in found(plain) - found(ran)
    severity = {(f["rule"], f["path"]): f["severity"] for f in ran.findings}
    assert severity["int-as-bool", "hw/intc/pulsehub.c"] == "note"
    assert severity["error-set-twice", "hw/arm/vireo.c"] == "warning"
    assert severity["error-set-twice", "block/relay-remote.c"] == "warning"
    assert {rule for rule, path in found(ran) if path.startswith("hw/timer/")} == {"unguarded-error-prepend"}
    assert check(TREE, "--config", file, "--fail-on", "error").code == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('baseline = "/etc/b"\n', "baseline: must be a path below the tree's root"),
        ('severity = "note"\n', "severity: must be a table from rule to severity"),
        ('severity = { int-as-bool = "loud" }\n', "severity: int-as-bool: 'loud' is not one of note, "),
        ('severity = { int-as-boole = "note" }\n', "severity: unknown rule 'int-as-boole'; did you mean"),
        ("per-path = 1\n", "per-path: must be an array of tables ([[per-path]])"),
        ("per-path = [1]\n", "per-path 1: must be a table"),
        ('[[per-path]]\nignore = ["int-as-bool"]\n', "per-path 1: it names no paths"),
        ('[[per-path]]\npaths = ["hw"]\nseverty = {}\n', "per-path 1: unknown key 'severty' (known: "),
        ('[[per-path]]\npaths = ["hw"]\nselect = ["x-*"]\n', "per-path 1: no rule matches 'x-*'"),
        ('select = ["int-as-boole"]\n', "unknown rule 'int-as-boole'; did you mean"),
    ],
)
def test_a_fault_of_the_configuration_is_one_line(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    for command in (("check",), ("config",), ("config", "--check")):
        ran = run(*command, "--tree", TREE, "--config", file)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(f"qerrlint: {file}: {fault}")
        assert ran.err.count("\n") == 1


def test_config_says_where_each_value_comes_from(repository: Path) -> None:
    (repository / ".qerrlint.toml").write_text(
        'fail-on = "error"\nmin-severity = "warning"\n[[per-path]]\npaths = ["hw"]\nignore = ["error-*"]\n'
    )
    run("baseline", "write", "--tree", repository)
    ran = run("config", "--tree", repository, "--fail-on", "note", "--format", "json")
    assert ran.code == 0
    values = {item["key"]: (item["value"], item["from"]) for item in ran.document["values"]}
    assert values["fail-on"] == ("note", "--fail-on")
    assert values["min-severity"] == ("warning", ".qerrlint.toml")
    assert values["min-confidence"] == ("medium", "default")
    assert values["per-path 1"] == ({"paths": ["hw"], "ignore": ["error-*"]}, ".qerrlint.toml")
    assert values["baseline"] == (".qerrlint-baseline", "default")
    assert values["baseline entries"][0] > 0
    assert "int-as-bool" in values["rules"][0]
    text = run("config", "--tree", repository).out
    assert 'fail-on           "error"  (.qerrlint.toml)\n' in text
    silent = run("config", "--check", "--tree", repository)
    assert (silent.code, silent.out, silent.err) == (0, "", "")


LOOSER = [
    ('fail-on = "error"', "fail-on is error instead of warning"),
    ('min-severity = "warning"', "min-severity is warning instead of note"),
    ('min-confidence = "high"', "min-confidence is high instead of medium"),
    ('ignore = ["int-as-bool"]', "int-as-bool no longer speaks"),
    ('select = ["int-as-bool"]', "no longer speak"),
    ('exclude = ["hw/xen"]', "hw/xen is excluded"),
    ('severity = { int-as-bool = "note" }', "int-as-bool is note"),
    ('baseline = "other.txt"', "the baseline is other.txt instead of .qerrlint-baseline"),
    ('[[per-path]]\npaths = ["hw"]\nignore = ["error-*"]', "other rules for hw"),
    ("fail-on = 1", "it cannot be read any more: "),
    ("fail-on = " + "[" * 100_000, "it cannot be read any more: "),
]


@pytest.mark.parametrize(("text", "what"), LOOSER, ids=range(len(LOOSER)))
def test_a_looser_configuration_is_told(repository: Path, text: str, what: str) -> None:
    (repository / ".qerrlint.toml").write_text(text + "\n")
    git(repository, "add", "-A")
    ran = diff(repository, "--staged")
    assert ran.code == 1, "judged by the base, which has no configuration"
    (finding,) = ran.findings
    assert (finding["rule"], finding["path"], finding["line"]) == (
        "loosened-configuration",
        ".qerrlint.toml",
        1,
    )
    assert what in finding["message"]
    git(repository, "commit", "-q", "-m", "looser")
    if "cannot be read" not in what:
        (repository / ".qerrlint.toml").write_text("")
        back = diff(repository, "--status", "introduced", "--fail-on", "note")
        tells = {"the baseline is .qerrlint-baseline instead of other.txt"} if "other.txt" in text else set()
        assert {finding["message"] for finding in back.findings} == tells, "stricter again"


def test_a_configuration_in_pyproject(repository: Path) -> None:
    (repository / "pyproject.toml").write_text('[tool.qerrlint]\nfail-on = "never"\n')
    git(repository, "add", "-A")
    (finding,) = diff(repository, "--staged").findings
    assert (finding["path"], finding["line"]) == ("pyproject.toml", 2)
    for text in ("[[tool.qerrlint.per-path]]\npaths = 1\n", "[tool]\nqerrlint = 1\n"):
        (repository / "pyproject.toml").write_text(text)
        ran = run("check", "--tree", repository)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert ran.err.startswith("qerrlint: pyproject.toml: ")


def test_completion_is_a_script_for_each_shell() -> None:
    for shell in ("bash", "zsh", "fish"):
        ran = run("completion", shell)
        assert ran.code == 0
        assert "_QERRLINT_COMPLETE" in ran.out
    assert run("completion", "tcsh").code == 2


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("qerrlint ba", {"baseline"}),
        ("qerrlint explain error-set", {"error-set-twice"}),
        ("qerrlint baseline u", {"update"}),
        ("qerrlint check --show", {"--show-suppressed", "--show-exempted"}),
    ],
)
def test_a_shell_completes(words: str, offered: set[str]) -> None:
    at = str(len(words.split()) - 1)
    ran = spawned(_QERRLINT_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=at)
    assert (ran.code, ran.err) == (0, "")
    assert {line.partition(",")[2] for line in ran.out.split()} == offered


def test_the_rules_of_the_gate_are_listed_like_any_other() -> None:
    listed = json.loads(run("rules", "--format", "json").out)["rules"]
    assert {rule["id"] for rule in listed if rule["analysis"] in ("gate", "suppressions")} == {
        "added-suppression",
        "extended-baseline",
        "invalid-suppression",
        "loosened-configuration",
        "unused-suppression",
    }
