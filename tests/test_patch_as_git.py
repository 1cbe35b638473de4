# SPDX-License-Identifier: GPL-2.0-or-later
"""Where hunks are placed, and what is refused: as git does it, checked against git itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import FIXTURES, TREE, git, run, scratch_repository

from qerrlint.patch.apply import AlreadyApplied, HunkMismatch, apply_change
from qerrlint.patch.diff import FileChange
from qerrlint.patch.diffparser import parse_diff
from qerrlint.patch.hunk_places import Image, Wanted

SCRIPT = FIXTURES.parent / "bench" / "apply_against_git.py"


@pytest.mark.parametrize("seed", [1, 2])
def test_generated_files_come_out_as_from_git(seed: int) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--count", "350", "--seed", str(seed)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"same bytes" in done.stdout


def change_of(hunks: str, head: str = "--- a/f\n+++ b/f\n") -> FileChange:
    (change,) = parse_diff(f"diff --git a/f b/f\n{head}{hunks}".encode()).changes
    return change


def after(hunks: str, old: str, head: str = "--- a/f\n+++ b/f\n") -> str:
    data = apply_change(change_of(hunks, head), old.encode()).data
    assert data is not None
    return data.decode()


def refusal(hunks: str, old: str, head: str = "--- a/f\n+++ b/f\n") -> str:
    with pytest.raises(HunkMismatch) as caught:
        apply_change(change_of(hunks, head), old.encode())
    return caught.value.why


def git_takes(tmp_path: Path, hunks: str, old: str, *options: str) -> str | None:
    """What `git apply` makes of the file; None where it refuses."""
    (tmp_path / "f").write_text(old)
    done = subprocess.run(
        ["git", "apply", *options],
        cwd=tmp_path,
        input=f"diff --git a/f b/f\n--- a/f\n+++ b/f\n{hunks}".encode(),
        capture_output=True,
        check=False,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": os.fspath(tmp_path.parent)},
    )
    return (tmp_path / "f").read_text() if done.returncode == 0 else None


BLOCK = "{\na\n}\n"
CASES = {
    "two places equally near: the lower one": ("@@ -4,3 +4,3 @@\n {\n-a\n+b\n }\n", BLOCK + "x\n" + BLOCK),
    "the nearer one": ("@@ -3,3 +3,3 @@\n {\n-a\n+b\n }\n", "x\n" + BLOCK + "y\nz\nz\n" + BLOCK),
    "not where the hunk before was found, but where it is stated": (
        "@@ -2,3 +2,3 @@\n 1\n-2\n+two\n 3\n@@ -6,3 +6,3 @@\n {\n-a\n+b\n }\n",
        "0\nx\nx\nx\nx\n1\n2\n3\n" + BLOCK + "x\nx\n" + BLOCK,
    ),
    "hunks in any order": (
        "@@ -6,3 +6,3 @@\n 5\n-6\n+six\n 7\n@@ -2,3 +2,3 @@\n 1\n-2\n+two\n 3\n",
        "0\n1\n2\n3\n4\n5\n6\n7\n8\n",
    ),
    "a hunk above the one before it": (
        "@@ -4,3 +4,3 @@\n 5\n-6\n+six\n 7\n@@ -7,3 +7,3 @@\n 1\n-2\n+two\n 3\n",
        "0\n1\n2\n3\n4\n5\n6\n7\n8\n",
    ),
    "no line belongs to two hunks": (
        "@@ -2,3 +2,3 @@\n 1\n-2\n+two\n 3\n@@ -4,3 +4,3 @@\n 3\n-4\n+four\n 5\n",
        "0\n1\n2\n3\n4\n5\n6\n",
    ),
    "made for the first lines": ("@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", "new\na\nb\nc\nd\n"),
    "made for the last lines": ("@@ -3,3 +3,3 @@\n a\n b\n-c\n+C\n", "x\ny\na\nb\nc\nmore\n"),
    "the last lines, elsewhere": ("@@ -3,3 +3,3 @@\n a\n b\n-c\n+C\n", "a\nb\nc\nx\nx\nx\nx\na\nb\nc\n"),
    "nothing changed": ("@@ -2,2 +2,2 @@\n a\n b\n", "x\na\nb\nc\n"),
    "counts that are wrong": ("@@ -2,2 +2,4 @@\n a\n+b\n c\n", "x\na\nc\nd\n"),
    "an empty line for an empty context line": ("@@ -2,3 +2,4 @@\n a\n\n+b\n c\n", "x\na\n\nc\nd\n"),
    "no newline at the end": (
        "@@ -2,2 +2,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n",
        "x\na\nb",
    ),
    "a newline where there is none": ("@@ -2,2 +2,2 @@\n a\n-b\n+c\n", "x\na\nb"),
}


@pytest.mark.parametrize("name", CASES)
def test_as_git(name: str, tmp_path: Path) -> None:
    hunks, old = CASES[name]
    expected = git_takes(tmp_path, hunks, old)
    if expected is not None:
        assert after(hunks, old) == expected
        return
    try:
        applied = apply_change(change_of(hunks), old.encode())
    except HunkMismatch:
        return
    assert applied.notes, "git refuses it"


def test_a_hunk_for_the_first_lines_is_not_moved() -> None:
    why = refusal(*CASES["made for the first lines"])
    assert why == "it was made for the beginning of a file, and its lines stand elsewhere in this one"
    why = refusal(*CASES["made for the last lines"])
    assert why == "it was made for the end of a file, and its lines stand elsewhere in this one"
    assert refusal(*CASES["nothing changed"]) == "it changes no line"


def test_hunks_without_context_stay_where_they_are_stated_and_it_is_said(tmp_path: Path) -> None:
    old = "".join(f"{n}\n" for n in range(1, 9))
    hunks = "@@ -2 +2 @@\n-2\n+two\n@@ -5,0 +6 @@\n+5.5\n@@ -8 +8,0 @@\n-8\n"
    applied = apply_change(change_of(hunks), old.encode())
    assert applied.data is not None
    assert applied.data.decode() == git_takes(tmp_path, hunks, old, "--unidiff-zero")
    said = "has no context: taken at its stated line, which git apply does with --unidiff-zero only"
    assert applied.notes == (f"f: hunk 1 {said}", f"f: hunk 2 {said}")
    assert git_takes(tmp_path, hunks, old) is None
    assert refusal("@@ -3 +3 @@\n-2\n+two\n", old).startswith("it was made for the end of a file")


def test_a_file_without_newline_at_its_end_is_not_joined_with_what_comes(tmp_path: Path) -> None:
    applied = apply_change(change_of("@@ -2,0 +3 @@\n+c\n"), b"a\nb")
    assert applied.data == b"a\nb\nc\n"
    assert "where git apply would join two lines" in applied.notes[0]
    assert git_takes(tmp_path, "@@ -2,0 +3 @@\n+c\n", "a\nb") == "a\nbc\n"


def test_what_a_mailer_did_to_context_is_undone_and_said() -> None:
    hunks = "@@ -1,4 +1,5 @@\nint f(void)\n+{\n     a;\n"
    applied = apply_change(change_of(hunks), b"int f(void)\n    a;\n\n\nint g;\n")
    assert applied.data == b"int f(void)\n{\n    a;\n\n\nint g;\n"
    done = "context lines had lost the blank in front of them and blank context lines at its end were missing"
    assert applied.notes == (f"f: hunk 1: {done}; git apply refuses it so",)
    assert refusal(hunks, "int f(void)\n    a;\n\nb\n") == f"{done}; put right, it does not fit"


def test_a_file_that_is_there_is_not_added_again() -> None:
    head = "new file mode 100644\n--- /dev/null\n+++ b/f\n"
    assert refusal("@@ -0,0 +1 @@\n+a\n", "", head) == "the file to add is there already"
    assert refusal("@@ -0,0 +1 @@\n+a\n", "b\n", head) == "the file to add is there already"
    with pytest.raises(AlreadyApplied):
        apply_change(change_of("@@ -0,0 +1 @@\n+a\n", head), b"a\n")
    twice = change_of("@@ -0,0 +1 @@\n+a\n@@ -0,0 +1 @@\n+b\n", head)
    with pytest.raises(HunkMismatch, match="would have lines already"):
        apply_change(twice, None)


def test_a_deletion_that_shows_no_lines_is_said() -> None:
    change = change_of("", "deleted file mode 100644\nindex 1234567..0000000\n")
    applied = apply_change(change, b"a\n")
    assert applied.data is None
    assert applied.notes == (
        "f: the patch deletes the file without showing its lines, which git apply refuses",
    )
    assert apply_change(change, b"").notes == ()


def test_a_place_is_taken_once() -> None:
    image = Image([b"a", b"b", b"a", b"b"])
    wanted = Wanted((b"a", b"b"), 2, 0, at_start=False, at_end=False)
    assert image.place(wanted) == (0, 0)
    assert image.place(wanted) == (2, 2)
    assert image.place(wanted) is None
    assert image.holds((b"b",)) is False


# -- whole patches: other files, names, links --------------------------------------------------------


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    top = scratch_repository(tmp_path / "repo")
    (top / "lib").mkdir()
    (top / "lib/one.c").write_text("int one;\n" * 90)
    (top / "lib/two.c").write_text("int two;\n" * 90)
    os.symlink("lib", top / "link")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "files and a link")
    return top


def reviewed(repo: Path, diff: str, *options: str) -> dict[str, object]:
    ran = run(
        "patch", "-", "--tree", repo, "--base", "HEAD", "--format", "json", *options, stdin=diff.encode()
    )
    assert ran.out, ran.err
    patch = ran.document["patches"][0]
    return {"code": ran.code, "applied": patch["applied"], "problems": patch["problems"]}


def test_two_files_change_places(repo: Path) -> None:
    for old, new in (("one", "x"), ("two", "one"), ("x", "two")):
        git(repo, "mv", f"lib/{old}.c", f"lib/{new}.c")
    diff = git(repo, "diff", "--cached", "-B", "-M")
    assert diff.count("rename from") == 2
    git(repo, "reset", "-q", "--hard")
    assert reviewed(repo, diff) == {"code": 0, "applied": True, "problems": []}


@pytest.mark.parametrize(
    ("head", "path", "why"),
    [
        ("new file mode 100644\n--- /dev/null\n", "lib/one.c", "the file to add is there already"),
        ("rename from lib/two.c\nrename to lib/one.c\n", "lib/one.c", "there is such a file already"),
        ("copy from lib/two.c\ncopy to lib/one.c\n", "lib/one.c", "there is such a file already"),
        ("new file mode 100644\n--- /dev/null\n", "link/new.c", "it lies beyond the symbolic link link"),
        ("--- a/link/one.c\n", "link/one.c", "it lies beyond the symbolic link link"),
    ],
)
def test_what_git_refuses_to_write(repo: Path, head: str, path: str, why: str) -> None:
    hunk = (
        "@@ -0,0 +1 @@\n+x\n" if "null" in head else "@@ -1,3 +1,3 @@\n-int one;\n+x\n int one;\n int one;\n"
    )
    body = "" if "from" in head else f"+++ b/{path}\n{hunk}"
    found = reviewed(repo, f"diff --git a/{path} b/{path}\n{head}{body}")
    assert found == {"code": 3, "applied": False, "problems": [f"{path}: {why}; not applied"]}


def test_a_link_that_the_series_makes_is_not_followed(repo: Path) -> None:
    def diff(path: str, mode: str, text: str, sign: str = "+") -> str:
        head, name = (
            ("new", f"--- /dev/null\n+++ b/{path}")
            if sign == "+"
            else ("deleted", f"--- a/{path}\n+++ /dev/null")
        )
        count = "-0,0 +1" if sign == "+" else "-1 +0,0"
        return f"diff --git a/{path} b/{path}\n{head} file mode {mode}\n{name}\n@@ {count} @@\n{sign}{text}\n"

    found = reviewed(repo, diff("new", "120000", "/etc") + diff("new/x.c", "100644", "x"))
    assert found["problems"] == ["new/x.c: it lies beyond the symbolic link new; not applied"]
    gone = diff("link", "120000", "lib", "-")
    assert reviewed(repo, gone + diff("link/x.c", "100644", "x"))["problems"] == []


@pytest.mark.parametrize("tree", ["directory", "git"])
def test_links_are_known_in_every_kind_of_tree(repo: Path, tree: str) -> None:
    from qerrlint.source.git_tree import GitSource, StagedSource
    from qerrlint.source.open_tree import open_tree
    from qerrlint.source.overlay import OverlaySource

    sources = [open_tree(repo)] if tree == "directory" else [GitSource(repo), StagedSource(repo)]
    for source in sources:
        with source:
            assert source.link_above("link/a/b.c") == "link"
            assert source.link_above("lib/a/b.c") is None
            assert source.link_above("link") is None
            removed = OverlaySource(source, {}, {"link": False, "lib/x": True})
            assert removed.link_above("link/a.c") is None
            assert removed.link_above("lib/x/a.c") == "lib/x"


@pytest.mark.parametrize(
    "path", [".git/hooks/pre-commit", "a/.GIT/config", "a/git~1/config", ".git /x", ".git./x", "lib/.git"]
)
def test_git_directories_are_refused_with_a_word(path: str) -> None:
    diff = f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
    ran = run("patch", "-", "--tree", TREE, "--format", "json", stdin=diff.encode())
    assert ran.code == 3
    assert ran.document["patches"][0]["problems"] == [
        f"'{path}': the path is refused: it is in a git directory"
    ]
    assert parse_diff(b"--- a/.gitignore\n+++ b/.gitignore\n@@ -1 +1 @@\n-a\n+b\n").problems == ()


def test_a_binary_change_of_a_c_file_is_named() -> None:
    diff = b"diff --git a/hw/x.c b/hw/x.c\nindex 11aa..22bb\nBinary files a/hw/x.c and b/hw/x.c differ\n"
    ran = run("patch", "-", "--tree", TREE, stdin=diff)
    assert ran.code == 3
    assert "hw/x.c: a binary change cannot be applied" in ran.out
    picture = diff.replace(b"x.c", b"x.png")
    assert run("patch", "-", "--tree", TREE, stdin=picture).code == 0


def test_a_path_of_a_thousand_parts_is_no_error_of_the_program(tmp_path: Path) -> None:
    from qerrlint.source.directory import DirectorySource

    path = "x/" * 1000 + "y.c"
    diff = f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n".encode()
    ran = run("patch", "-", "--tree", TREE, stdin=diff)
    assert (ran.code, ran.err) == (3, "")
    longer = diff.replace(b"x/", b"xxx/" * 2)
    assert (
        "the path is refused: it is longer than 4096 characters"
        in run("patch", "-", "--tree", TREE, stdin=longer).out
    )
    assert DirectorySource(tmp_path).read("a/" * 3_000 + "b") is None
