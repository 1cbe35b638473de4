# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad input of every kind ends in one clear line that names the file, and in the documented exit code."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import DEMO, FIXTURES, PATCHES, TREE, Ran, git, run, scratch_repository, spawned, tree_of

NOT_QEMU = r"not a QEMU tree \(no include/qapi/error\.h and VERSION in it\)"


def refused(ran: Ran, code: int, line: str) -> None:
    """Exactly one line on standard error, nothing on standard output."""
    assert (ran.code, ran.out) == (code, ""), ran.err
    assert ran.err.count("\n") == 1, ran.err
    assert re.fullmatch(f"qerrlint: {line}\n", ran.err), ran.err


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scratch_repository(tmp_path_factory.mktemp("scratch") / "qemu")


@pytest.fixture(scope="module")
def bare(repository: Path) -> Path:
    made = repository.parent / "bare.git"
    git(repository, "clone", "-q", "--bare", ".", os.fspath(made))
    return made


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, far from any repository, so that messages show relative names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- patches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line"),
    [
        pytest.param(b"", "x.mbox: empty", id="empty"),
        pytest.param(b" \n\t\n", "x.mbox: empty", id="blank"),
        pytest.param(b"Meeting on Tuesday.\n", "x.mbox: neither a mail nor a diff", id="prose"),
        pytest.param(bytes(range(256)) * 20, "x.mbox: neither a mail nor a diff", id="binary"),
        pytest.param(b"\x7fELF\0\0\0\0" * 64, "x.mbox: neither a mail nor a diff", id="elf"),
        pytest.param(b"\x1f\x8b\x08\0junk", r"x\.mbox: .*gzip.*", id="broken-gzip"),
        pytest.param(
            b"From: a@example.org\nSubject: hello\nMessage-ID: <1@example.org>\n\nNo diff here.\n",
            "x.mbox: no patch in it",
            id="mail-without-patch",
        ),
    ],
)
def test_input_that_is_no_patch(here: Path, data: bytes, line: str) -> None:
    (here / "x.mbox").write_bytes(data)
    refused(run("patch", "x.mbox", "--tree", TREE), 3, line)


def test_no_such_patch_file(here: Path) -> None:
    refused(
        run("patch", "gone.mbox", "--tree", TREE), 3, "gone.mbox: cannot be read: No such file or directory"
    )


def test_a_folder_without_patches(here: Path) -> None:
    (here / "folder").mkdir()
    refused(run("patch", "folder", "--tree", TREE), 3, "folder: no mail or patch in this directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_unreadable_patch_file(here: Path) -> None:
    (here / "x.mbox").write_text("x")
    (here / "x.mbox").chmod(0)
    refused(run("patch", "x.mbox", "--tree", TREE), 3, "x.mbox: cannot be read: Permission denied")


@pytest.mark.parametrize("arguments", [("patch",), ("patch", "-")])
def test_nothing_on_standard_input(arguments: tuple[str, ...]) -> None:
    refused(run(*arguments, "--tree", TREE), 3, "standard input: empty")


def test_a_name_with_control_characters_is_shown_on_one_line(here: Path) -> None:
    ran = run("patch", "two\nlines\x1b[31m", "--tree", TREE)
    assert (ran.code, ran.err.count("\n")) == (3, 1)


def test_junk_is_refused_without_a_traceback_in_a_process_of_its_own(here: Path) -> None:
    refused(
        spawned("patch", "-", "--tree", TREE, cwd=here, stdin=bytes(range(256)) * 20),
        3,
        "standard input: neither a mail nor a diff",
    )


# -- patches that do not fit: what can be read is, and the rest is named -------------------------------


def not_applied(ran: Ran, reason: str) -> None:
    """The reason is said once, in the text; other formats have it on standard error as well."""
    assert (ran.code, ran.err) == (3, "")
    assert len(re.findall(reason, ran.out)) == 1, ran.out
    assert re.search(f"warning: patch 1[^\n]*: not applied: {reason}", ran.out), ran.out
    assert "files skipped: 1 named above" in ran.out


ESCAPES = "a\x1b]0;t\x07\x1b[31m\u202e\x9b2J\u3164b"
SHOWN = r"a\x1b]0;t\x07\x1b[31m\u202e\x9b2J\u3164b"


def test_nothing_on_standard_error_steers_a_terminal(here: Path) -> None:
    refused(
        run("patch", ESCAPES, "--tree", TREE),
        3,
        re.escape(f"{SHOWN}: cannot be read: No such file or directory"),
    )
    name = "".join(f"\\{byte:03o}" for byte in ESCAPES.encode())
    diff = f'--- "a/{name}.c"\n+++ "b/{name}.c"\n@@ -1 +1 @@\n-{ESCAPES}\n+b\n'
    (here / "x.diff").write_text(diff)
    ran = run("patch", "x.diff", "--tree", TREE, "--format", "json")
    assert ran.code == 3
    assert ran.err == f"qerrlint: patch 1: {SHOWN}.c: there is no {SHOWN}.c in the base; not applied\n"
    assert ran.out.isascii()
    assert ran.document["coverage"]["skipped"][0]["path"] == f"{ESCAPES}.c"
    both = run("patch", "x.diff", ESCAPES)
    assert both.code == 3
    assert both.out.isascii()
    assert f'"{SHOWN}": not applied: {SHOWN}: cannot be read: No such file or directory' in both.out
    refused(run("--" + ESCAPES), 2, rf"No such option:? '?--{re.escape(SHOWN)}'? .*")


def test_standard_error_of_any_encoding_takes_any_name(here: Path) -> None:
    ran = spawned("patch", "\u0142\xe9.mbox", cwd=here, PYTHONIOENCODING="ascii:strict")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == r"qerrlint: \u0142\xe9.mbox: cannot be read: No such file or directory" + "\n"


def test_what_does_not_fit_is_said_once_and_its_hunks_are_analysed(repository: Path, here: Path) -> None:
    hunk = "@@ -30,4 +30,5 @@ static void lamp_realize(Lamp *s, Error **errp)\n     int a;\n     int b;\n"
    hunk += '+    error_prepend(errp, "x: ");\n     int c;\n     return;\n'
    names = ("hw/timer/quartz.c", "hw/misc/no_such_lamp.c")
    (here / "x.diff").write_text("".join(f"--- a/{name}\n+++ b/{name}\n{hunk}" for name in names))
    ran = run("patch", "x.diff", "--tree", repository, "--format", "json", "--format", "text:text")
    assert ran.code == 1
    assert [(found["path"], found["rule"]) for found in ran.findings] == [
        (name, "unguarded-error-prepend") for name in sorted(names)
    ]
    assert [found["status"] for found in ran.findings] == ["introduced"] * 2
    text = (here / "text").read_text()
    for reason in ("its context is nowhere in the file", "there is no hw/misc/no_such_lamp.c in the base"):
        assert text.count(reason) == 1
    head = git(repository, "rev-parse", "HEAD")[:12]
    assert ran.document["notices"] == [
        f"the changes of 2 files do not fit the base {head} (taken from HEAD): their hunks were analysed as "
        "without a tree; name the commit that the series was made for with --base, or what it builds on with "
        "--onto"
    ]
    assert not ran.document["patches"][0]["applied"]
    assert [item["path"] for item in ran.document["coverage"]["skipped"]] == list(names)


def test_missing_patches_are_named_by_ranges(here: Path) -> None:
    diff = "--- a/VERSION\n+++ b/VERSION\n@@ -0,0 +1 @@\n+x\n"
    (here / "x.mbox").write_text(f"From: Ada <a@x>\nSubject: [PATCH 058/058] x\n\n---\n{diff}")
    assert "note: patches 1-57 of 58 are missing\n" in run("patch", "x.mbox", "--tree", TREE).out


def test_a_cover_letter_without_its_patches_is_named_beside_others(here: Path) -> None:
    cover = b"From a Mon Mar  3 12:00:00 2025\nFrom: Bo <b@x>\nSubject: [PATCH 0/5] lamps\n\nFive.\n\n"
    (here / "x.mbox").write_bytes(cover + DEMO.read_bytes())
    ran = run("patch", "x.mbox", "--tree", TREE, "--format", "json")
    assert '"lamps": patches 1-5 of 5 are missing' in ran.document["notices"]


def test_a_patch_for_another_project() -> None:
    case = PATCHES / "another-project"
    ran = run("patch", case / "series.mbox", "--tree", tree_of(case))
    not_applied(ran, r"src/net/kettle\.c: there is no src/net/kettle\.c in the base")


def test_a_truncated_diff(here: Path) -> None:
    text = DEMO.read_bytes()
    end = text.index(b"-- \n", text.index(b"\n@@ "))
    (here / "cut.mbox").write_bytes(text[: end - 200])
    ran = run("patch", "cut.mbox", "--tree", TREE)
    not_applied(
        ran,
        r"hw/timer/quartz_kvm\.c: hunk \d: it is cut short: it has fewer lines than its header says",
    )
    assert (
        'patches 2 ("hw/timer/quartz_kvm: keep the ticks across cpr"), '
        '3 ("hw/timer/quartz: say why a rate is refused") of 3 are missing'
    ) in ran.out


def test_a_truncated_diff_and_no_tree(here: Path) -> None:
    (here / "cut.diff").write_bytes(
        b"--- a/hw/misc/lamp.c\n+++ b/hw/misc/lamp.c\n@@ -1,5 +1,5 @@\n a\n-b\n+c\n"
    )
    not_applied(
        run("patch", "cut.diff"),
        r"hw/misc/lamp\.c: hunk 1: it is cut short: it has fewer lines than its header says",
    )


def test_a_hunk_that_does_not_fit() -> None:
    case = PATCHES / "hunk-that-does-not-fit"
    ran = run("patch", case / "series.mbox", "--tree", tree_of(case))
    not_applied(ran, r"hw/misc/latch\.c: hunk 1: its context is nowhere in the file")


def test_a_hunk_that_does_not_fit_in_json() -> None:
    case = PATCHES / "hunk-that-does-not-fit"
    ran = run("patch", case / "series.mbox", "--tree", tree_of(case), "--format", "json")
    assert ran.code == 3
    assert [patch["applied"] for patch in ran.document["patches"]] == [False]
    assert [skipped["path"] for skipped in ran.document["coverage"]["skipped"]] == ["hw/misc/latch.c"]


# -- trees and revisions ---------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("check",), ("patch", os.fspath(DEMO))], ids=lambda c: str(c[0]))
def test_a_tree_that_is_not_qemu(here: Path, command: tuple[str, ...]) -> None:
    (here / "plain").mkdir()
    (here / "plain" / "a.c").write_text("int a;\n")
    refused(run(*command, "--tree", "plain"), 3, f".*plain: {NOT_QEMU}")


def test_a_repository_that_is_not_qemu(here: Path) -> None:
    (here / "other").mkdir()
    git(here / "other", "init", "-q")
    git(here / "other", "commit", "-q", "--allow-empty", "-m", "one")
    refused(run("diff", "--tree", "other"), 3, f"other: {NOT_QEMU}")
    refused(run("patch", DEMO, "--tree", "other"), 3, f"other: {NOT_QEMU}")


@pytest.mark.parametrize(
    "command", [("check",), ("diff",), ("patch", os.fspath(DEMO))], ids=lambda c: str(c[0])
)
def test_a_tree_that_is_not_there(here: Path, command: tuple[str, ...]) -> None:
    refused(run(*command, "--tree", "gone"), 3, "gone: (no such|not a) directory")
    (here / "file").write_text("x")
    refused(run(*command, "--tree", "file"), 3, "file: not a directory")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (("check",), r"no QEMU tree around the current directory \(name one with --tree\)"),
        (("diff",), r"no git repository around the current directory \(name one with --tree\)"),
        (("patch", os.fspath(DEMO), "--base", "HEAD"), r"--base needs a tree, .*\(name one with --tree\)"),
    ],
    ids=["check", "diff", "patch"],
)
def test_no_tree_around(here: Path, command: tuple[str, ...], line: str) -> None:
    refused(run(*command), 3, line)


@pytest.mark.parametrize(
    "command",
    [
        ("check", "--rev", "no-such-rev"),
        ("patch", os.fspath(DEMO), "--base", "no-such-rev"),
        ("diff", "no-such-rev"),
        ("diff", "no-such-rev..HEAD"),
        ("diff", "HEAD..no-such-rev"),
        ("diff", "HEAD...no-such-rev"),
        ("diff", "--staged", "no-such-rev"),
    ],
    ids=" ".join,
)
def test_an_unknown_revision(repository: Path, command: tuple[str, ...]) -> None:
    where = re.escape(os.path.realpath(repository))
    refused(run(*command, "--tree", repository), 3, f"{where}: unknown revision: no-such-rev")


def test_a_revision_that_looks_like_an_option(repository: Path) -> None:
    refused(run("patch", DEMO, "--tree", repository, "--base=--all"), 3, ".*: not a revision: '--all'")


def test_a_repository_without_a_commit(here: Path) -> None:
    shutil.copytree(TREE, here / "new")
    git(here / "new", "init", "-q")
    refused(run("diff", "--tree", "new"), 3, ".*new: unknown revision: HEAD")


def test_revisions_want_a_repository(tmp_path: Path) -> None:
    shutil.copytree(TREE, tmp_path / "plain")
    plain = tmp_path / "plain"
    refused(run("check", "--tree", plain, "--rev", "HEAD"), 3, ".*plain: not a git repository")
    refused(
        run("patch", DEMO, "--tree", plain, "--base", "HEAD"), 3, ".*plain: --base needs a git repository"
    )
    refused(run("diff", "--tree", plain), 3, ".*plain: not a git repository")


def test_a_folder_inside_a_repository_is_not_its_top(repository: Path) -> None:
    top = re.escape(os.path.realpath(repository))
    line = rf".*/hw: not the top of a git repository \(that is {top}\)"
    refused(run("diff", "--tree", repository / "hw"), 3, line)


def test_a_bare_repository_has_neither_work_tree_nor_index(bare: Path) -> None:
    for plain in ((), ("HEAD",)):
        line = r".*bare\.git: a bare repository has no work tree: give a range A\.\.B"
        refused(run("diff", *plain, "--tree", bare), 3, line)
    refused(run("diff", "--staged", "--tree", bare), 3, r".*bare\.git: a bare repository has no index")


def test_staged_wants_no_range(repository: Path) -> None:
    refused(
        run("diff", "--staged", "HEAD..HEAD", "--tree", repository),
        2,
        "--staged takes one revision, not a range",
    )


@pytest.mark.parametrize(
    ("path", "reason"), [("hw/gone.c", "no such file or folder"), ("VERSION", "no C file there")]
)
def test_a_path_without_c_files(path: str, reason: str) -> None:
    refused(run("check", path, "--tree", TREE), 3, f"{re.escape(path)}: {reason}")


def test_a_path_that_the_configuration_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('exclude = ["hw/arm"]\n')
    own = os.fspath(tmp_path / "own.toml")
    line = f"hw/arm/vireo.c: left out by the `exclude` of {re.escape(own)}"
    refused(run("check", "hw/arm/vireo.c", "--tree", TREE, "--config", own), 3, line)


# -- usage and configuration -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--select", "no-such-rule"), r".*unknown rule 'no-such-rule' \(see `qerrlint rules`\)"),
        (("--select", "error-set-twic"), ".*unknown rule 'error-set-twic'; did you mean 'error-set-twice'.*"),
        (("--select", "zz*"), r".*no rule matches 'zz\*' .*"),
        (("--ignore", "no-such-rule"), ".*unknown rule 'no-such-rule' .*"),
        (("--format", "yaml"), r"--format: unknown format 'yaml' \(known: text, json.*\)"),
        (("--format", "json:"), "--format: no file name after the colon of 'json:'"),
        (("--format", "text", "--format", "json"), "--format: two formats for standard output"),
        (("--format", "text", "--format", "json", "--output", "x"), "--format: two formats for x"),
        (("--output", "gone/x"), "gone/x: cannot be written: there is no such directory"),
        (("--format", "json:gone/x"), "gone/x: cannot be written: there is no such directory"),
        (("--output", "."), r"\.: cannot be written: it is a directory"),
        (("--min-severity", "bad"), ".*'--min-severity': 'bad' is not one of .*"),
        (("--min-confidence", "bad"), ".*'--min-confidence': 'bad' is not one of .*"),
        (("--fail-on", "bad"), r".*'--fail-on': 'bad' is not one of .* \(see `qerrlint check --help`\)"),
        (("--reach", "bad"), ".*'--reach': 'bad' is not one of .*"),
        (("--jobs", "-1"), ".*'--jobs' / '-j': -1 is not in the range.*"),
        (("--no-such-option",), r"No such option '?--no-such-option'?.*"),
        (("--tree", ""), ".*'--tree': it is empty.*"),
        (("--rev", ""), ".*'--rev': it is empty.*"),
        (("--config", ""), ".*'--config': it is empty.*"),
        (("",), ".*it is empty.*"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage(here: Path, arguments: tuple[str, ...], line: str) -> None:
    refused(run("check", "--tree", TREE, *arguments), 2, line)
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("no-such-command",), r"No such command 'no-such-command' \(see `qerrlint --help`\)"),
        (("explain",), r"Missing argument 'RULE' \(see `qerrlint explain --help`\)"),
        (("explain", "no-such-rule"), r"unknown rule 'no-such-rule' \(see `qerrlint rules`\)"),
        (("rules", "--format", "yaml"), ".*'--format': 'yaml' is not one of .*"),
        (("patch", "x", "--status", "new"), "--status: 'new' is not one of introduced, fixed, persisting"),
        (("diff", "--status", "new"), "--status: 'new' is not one of introduced, fixed, persisting"),
        (("diff", "--status", ","), "--status: name at least one of introduced, fixed, persisting"),
        (("diff", ""), ".*it is empty.*"),
        (("patch", ""), ".*it is empty.*"),
        (("patch", "x", "--base", ""), ".*'--base': it is empty.*"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_of_other_commands(arguments: tuple[str, ...], line: str) -> None:
    refused(run(*arguments), 2, line)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("contract", ".*nothing in .* declares a function of that name"),
        ("device", "no type 'no_such_name' in this tree"),
        ("vmstate", "no_such_name: no VMStateDescription of this variable or name"),
    ],
)
def test_a_name_that_the_tree_does_not_have(command: str, line: str) -> None:
    refused(run(command, "no_such_name", "--tree", TREE), 2, line)


def test_no_command_shows_the_help() -> None:
    ran = run()
    assert "Usage: qerrlint" in ran.out + ran.err
    assert "explain" in ran.out + ran.err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk(here: Path) -> None:
    line = "/dev/full: cannot be written: No space left on device"
    refused(run("check", "--tree", TREE, "--output", "/dev/full"), 2, line)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_an_output_that_may_not_be_written(here: Path) -> None:
    here.chmod(0o500)
    refused(run("check", "--tree", TREE, "--output", "x"), 2, "x: cannot be written: Permission denied")


Change = Callable[[str], str]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda text: text.removeprefix("+++\n"), r"does not begin with TOML front matter .*"),
        (lambda text: text.replace('title = "', 'title = "a"b'), r"bad TOML in the front matter: .*"),
        (lambda text: re.sub(r"(?m)^title = .*\n", "", text), "no 'title' in the front matter"),
        (lambda text: text.replace('event = "error-set-twice"', 'event = "set-agian"'), ".*'set-agian'.*"),
        (lambda text: text.replace("{callee}", "{caller}", 1), ".*caller.*"),
        (lambda text: text.replace("## Why it matters", "## Why"), ".*Why.*"),
        (lambda text: text.replace('severity = "error"', 'severity = "fatal"'), ".*severity.*"),
    ],
    ids=["front-matter", "toml", "title", "event", "slot", "heading", "severity"],
)
@pytest.mark.parametrize(
    "command", [("rules",), ("check", "--tree", os.fspath(TREE))], ids=lambda c: str(c[0])
)
def test_a_broken_rule_file(here: Path, command: tuple[str, ...], change: Change, line: str) -> None:
    text = (FIXTURES.parent / "rules" / "error-set-twice.md").read_text()
    text = text.replace('id = "error-set-twice"', 'id = "own-rule"')
    (here / "own").mkdir()
    (here / "own" / "own-rule.md").write_text(change(text))
    refused(run(*command, "--rules", "own"), 2, rf"own/own-rule\.md: {line}")


def test_a_rule_folder_that_is_none(here: Path) -> None:
    refused(
        run("rules", "--rules", "gone"), 2, "gone: cannot read the rule folder: No such file or directory"
    )
    (here / "empty").mkdir()
    refused(run("rules", "--rules", "empty"), 2, r"empty: no rule file \(\*\.md\) in this folder")


def test_a_rule_of_the_users_own_does_not_replace_a_bundled_one(here: Path) -> None:
    shutil.copy(FIXTURES.parent / "rules" / "error-set-twice.md", here)
    line = r"\./error-set-twice\.md: the rule error-set-twice is already defined \(error-set-twice\.md\)"
    refused(run("rules", "--rules", "."), 2, line)


CONFIGURATIONS = [
    (b"select = [", "not valid TOML: .*"),
    (b"\xff\xfe", "not valid TOML: .*"),
    (b'selct = ["a"]', "unknown key 'selct' .*"),
    (b'select = "error-set-twice"', "select: must be a list of strings"),
    (b"exclude = [3]", "exclude: must be a list of strings"),
    (b'exclude = ["%s"]' % (b"[" * 300), "exclude: a pattern of 300 characters .*"),
    (b'severity = { "%s" = "error" }' % (b"[" * 300), "severity: a pattern of 300 characters .*"),
    (b'fail-on = "sometimes"', "fail-on: 'sometimes' is not one of note, warning, error, never"),
    (b'min-confidence = ["high"]', r"min-confidence: \['high'\] is not one of low, medium, high"),
    (b'select = ["no-such-rule"]', "unknown rule 'no-such-rule' .*"),
    (b'ignore = ["zz*"]', r"no rule matches 'zz\*' .*"),
]


@pytest.mark.parametrize(("data", "line"), CONFIGURATIONS)
def test_a_broken_configuration_file(here: Path, data: bytes, line: str) -> None:
    (here / "own.toml").write_bytes(data)
    refused(run("check", "--tree", TREE, "--config", "own.toml"), 2, rf"own\.toml: {line}")


@pytest.mark.parametrize(("data", "line"), CONFIGURATIONS)
def test_a_broken_configuration_of_the_tree(tmp_path: Path, data: bytes, line: str) -> None:
    shutil.copytree(TREE, tmp_path / "tree")
    (tmp_path / "tree" / ".qerrlint.toml").write_bytes(data)
    refused(run("check", "--tree", tmp_path / "tree"), 2, rf"\.qerrlint\.toml: {line}")


def test_a_configuration_file_that_is_not_there(here: Path) -> None:
    line = "gone.toml: the configuration cannot be read: No such file or directory"
    refused(run("check", "--tree", TREE, "--config", "gone.toml"), 2, line)
    refused(run("check", "--tree", TREE, "--config", "."), 2, r"\.: the configuration cannot be read: .*")


# -- defects of this program -----------------------------------------------------------------------


def test_a_defect_never_looks_like_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python ends with 1 after an uncaught exception, which a gate would read as "findings"."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("qerrlint.engine.check_files.check_files", broken)
    ran = run("check", "--tree", TREE)
    assert ran.code == 3
    last = ran.err.splitlines()[-1]
    assert last == "qerrlint: internal error (ZeroDivisionError): please report it with the lines above"
