# SPDX-License-Identifier: GPL-2.0-or-later
"""What a command is pointed at: several paths, commits and ranges limited to paths, message-ids by b4."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from commandline import DEMO, TREE, Ran, git, review_of_demo, run, scratch_repository

from qerrlint.patch.mail.message_ids import message_id

pytestmark = pytest.mark.usefixtures("kept_results")

PULSEHUB = "hw/intc/pulsehub.c"
VIREO = "hw/arm/vireo.c"
IDENT = "20261103083000.4711-0-tomas.brandt@example.org"


@pytest.mark.parametrize(
    ("paths", "skipped"),
    [
        (("hw/arm", "VERSION"), {"VERSION": "no C file there"}),
        (
            ("nowhere", "hw/arm", "VERSION"),
            {"nowhere": "no such file or folder", "VERSION": "no C file there"},
        ),
    ],
)
def test_a_path_without_c_files_does_not_end_a_check(paths: tuple[str, ...], skipped: dict[str, str]) -> None:
    ran = run("check", "--tree", TREE, "--format", "json", "--fail-on", "never", *paths)
    assert ran.code == 3
    assert {item["path"]: item["reason"] for item in ran.document["coverage"]["skipped"]} == skipped
    assert {item["path"] for item in ran.findings} == {VIREO}
    assert run("check", "--tree", TREE, *paths).code == 1, "findings come first"


def test_paths_of_which_none_has_a_c_file_are_an_error() -> None:
    ran = run("check", "--tree", TREE, "VERSION", "nowhere")
    assert (ran.code, ran.out, ran.err) == (3, "", "qerrlint: VERSION: no C file there\n")
    ran = run("modes", "--tree", TREE, "hw/intc", "nowhere")
    assert (ran.code, ran.err) == (3, "qerrlint: nowhere: no such file or folder\n")
    assert "migrate_add_blocker" in ran.out


def test_files_outside_of_a_tree_of_which_one_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int a;\n")
    ran = run("check", tmp_path / "a.c", tmp_path / "b.c")
    assert ran.code == 3
    assert f"files skipped: {tmp_path}/b.c (no such file or folder)" in ran.out


@pytest.fixture
def topic(tmp_path: Path) -> Path:
    """A repository whose last commit spoils two files."""
    top = scratch_repository(tmp_path / "qemu")
    for path, old in ((PULSEHUB, "        return;\n"), (VIREO, "        goto undo_hub;\n")):
        text = (top / path).read_text()
        assert old in text
        (top / path).write_text(text.replace(old, "        ;\n", 1))
    git(top, "commit", "-q", "-a", "-m", "spoil")
    return top


def places(ran: Ran) -> list[str]:
    return [found["path"] for found in ran.findings]


def review(top: Path, *arguments: str) -> Ran:
    return run("diff", "--tree", top, "--format", "json", "--select", "error-set-twice", *arguments)


def test_a_commit_by_itself(topic: Path) -> None:
    assert places(review(topic, "HEAD^!")) == places(review(topic, "HEAD^..HEAD")) == [VIREO, PULSEHUB]
    assert review(topic, "HEAD^!").document["tree"]["revision"] == git(topic, "rev-parse", "HEAD^").strip()
    root = review(topic, "HEAD^^!")
    assert (root.code, root.out) == (3, "")
    assert root.err.endswith("HEAD^^!: the commit has no parent to compare it with\n")
    assert review(topic, "--staged", "HEAD^!").code == 2


def test_a_merge_by_itself_has_what_none_of_its_parents_has(topic: Path) -> None:
    git(topic, "checkout", "-q", "-b", "side", "HEAD^")
    git(topic, "commit", "-q", "--allow-empty", "-m", "side")
    git(topic, "merge", "-q", "--no-ff", "-m", "merge", "main")
    assert places(review(topic, "HEAD^..HEAD")) == [VIREO, PULSEHUB]
    assert places(review(topic, "HEAD^!")) == []


def test_a_range_limited_to_paths(topic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, wanted in (
        (("HEAD^..HEAD", "--", "hw/arm"), [VIREO]),
        (("HEAD^..HEAD", "--", PULSEHUB, "include"), [PULSEHUB]),
        (("HEAD^!", "--", "hw/timer"), []),
        (("HEAD^", "--", "hw"), [VIREO, PULSEHUB]),
        (("--staged", "HEAD^", "--", "hw/arm"), [VIREO]),
    ):
        assert places(review(topic, *arguments)) == wanted, arguments
    monkeypatch.chdir(topic / "hw" / "intc")
    ran = run("diff", "HEAD^!", "--select", "error-set-twice", "--format", "json", "--", "../arm")
    assert places(ran) == [VIREO]
    missing = review(topic, "HEAD^!", "--", "nowhere")
    assert (missing.code, missing.out) == (3, "")
    assert missing.err == "qerrlint: nowhere: no such file or folder before or after the change\n"


def test_a_caller_that_the_change_does_not_touch_is_in_a_limited_review(tmp_path: Path) -> None:
    top = scratch_repository(tmp_path / "qemu")
    text = (top / "hw/timer/quartz.c").read_text()
    says = '        error_setg(errp, "%u Hz is too slow", hz);\n        return -EDOM;\n'
    (top / "hw/timer/quartz.c").write_text(text.replace("        return -EDOM;\n", says, 1))
    git(top, "update-index", "-q", "--refresh")
    for path in (VIREO, PULSEHUB):
        # Touched and not changed: git names them as what may differ.
        os.utime(top / path, (1, 1))
    assert VIREO in places(review(top, "--", "hw/timer"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (IDENT, IDENT),
        (f"<{IDENT}>", IDENT),
        (f"id:{IDENT}", IDENT),
        (f"https://lore.kernel.org/qemu-devel/{IDENT}/", IDENT),
        (f"https://lore.kernel.org/qemu-devel/{IDENT.replace('@', '%40')}/T/#t", IDENT),
        (f"https://lore.kernel.org/r/{IDENT}", IDENT),
        (f"http://lore.kernel.org/all/{IDENT}/raw", IDENT),
        (f"https://patchew.org/QEMU/{IDENT}/", IDENT),
        ("https://lore.kernel.org/qemu-devel/", None),
        ("series.mbox", None),
        ("out/a@b/series", None),
    ],
)
def test_message_ids(text: str, wanted: str | None) -> None:
    assert message_id(text) == wanted


@pytest.fixture
def b4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for b4 that knows one thread, first in PATH; what it is called with goes to a file."""
    program = tmp_path / "bin" / "b4"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        f"pathlib.Path({os.fspath(tmp_path / 'called')!r}).write_text(' '.join(sys.argv[1:]))\n"
        f"if sys.argv[-1] != {IDENT!r}:\n"
        "    sys.exit('Could not retrieve thread: not found')\n"
        f"sys.stdout.buffer.write(pathlib.Path({os.fspath(DEMO)!r}).read_bytes())\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "called"


def test_a_thread_by_b4(b4: Path) -> None:
    known = review_of_demo()
    for name in (IDENT, f"https://lore.kernel.org/qemu-devel/{IDENT}/T/#u"):
        ran = run("patch", name, "--tree", TREE)
        assert (ran.code, ran.out, ran.err) == (known.code, known.out, "")
        assert b4.read_text() == f"mbox --outdir - {IDENT}"
    unknown = run("patch", "none@example.org", "--tree", TREE)
    assert (unknown.code, unknown.out) == (3, "")
    assert unknown.err == (
        "qerrlint: none@example.org: b4 got no thread: Could not retrieve thread: not found\n"
    )


def test_a_file_comes_before_a_message_id(b4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / IDENT).write_bytes(DEMO.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert run("patch", IDENT, "--tree", TREE).code == 1
    assert not b4.exists()


def test_without_b4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    ran = run("patch", IDENT)
    assert (ran.code, ran.err) == (
        3,
        f"qerrlint: {IDENT}: no such file, and b4, which gets the thread of a message-id, is not installed\n",
    )
    ran = run("patch", "https://lore.kernel.org/qemu-devel/")
    assert (ran.code, ran.err) == (
        3,
        "qerrlint: https://lore.kernel.org/qemu-devel/: no message-id in this address\n",
    )


def test_one_patch_of_a_series_as_b4_passes_it(tmp_path: Path) -> None:
    """b4 takes a line on standard output for a finding, and one on standard error for a failure."""
    mails = DEMO.read_bytes().split(b"\nFrom ")
    second = next(mail for mail in mails if b"[PATCH 2/3]" in mail and b"\ndiff --git" in mail)
    mail = b"From " + second if not second.startswith(b"From ") else second
    plain = run("patch", "--tree", TREE, "--format", "checkpatch", stdin=mail)
    assert "was not applied" in plain.out
    assert "[not-analysed]" in plain.out
    assert plain.err == ""
    partial = run("patch", "--partial", "--tree", TREE, "--format", "checkpatch", stdin=mail)
    assert partial.out.splitlines() == [
        line for line in plain.out.splitlines() if "[not-analysed]" not in line
    ]
    assert "notifier-drops-error" in partial.out
    assert partial.err == ""
    assert run("patch", "--tree", TREE, "--fail-on", "never", stdin=mail).code == 3
    silent = run("patch", "--partial", "--tree", TREE, "--fail-on", "never", stdin=mail)
    assert silent.code == 0
    assert "was not applied" not in silent.err
    assert "not applied" in silent.out, "text names it all the same"
    # A series of which nothing is missing is none of which something is missing on purpose.
    whole = DEMO.read_bytes().replace(b" if (", b" if  (")
    for arguments in ((), ("--partial",)):
        assert run("patch", "--tree", TREE, "--fail-on", "never", *arguments, stdin=whole).code == 3


def test_a_prototype_may_come_with_a_patch_that_is_missing(tmp_path: Path) -> None:
    top = scratch_repository(tmp_path / "qemu")
    path = top / "hw/timer/quartz.c"
    for old, new, title in (
        ("unsigned hz, Error **errp)", "unsigned hz, bool fine, Error **errp)", "quartz: fine rates"),
        ("(s, hz, errp) < 0", "(s, hz, true, errp) < 0", "quartz: use them"),
    ):
        assert old in path.read_text()
        for file in (path, top / "include/hw/timer/quartz.h"):
            file.write_text(file.read_text().replace(old, new))
        git(top, "commit", "-q", "-a", "-m", title)
    git(top, "format-patch", "-q", "-2")
    git(top, "checkout", "-q", "HEAD~2")
    second = (top / "0002-quartz-use-them.patch").read_text()
    select = ("--tree", top, "--base", "HEAD", "--select", "wrong-errp-argument", "--format", "checkpatch")
    assert run("patch", *select, stdin=second.encode()).out == ""
    unsure = run("patch", *select, "--min-confidence", "low", stdin=second.encode())
    assert "wrong-errp-argument" in unsure.out
    alone = second.replace("[PATCH 2/2]", "[PATCH]").encode()
    assert "wrong-errp-argument" in run("patch", *select, stdin=alone).out
