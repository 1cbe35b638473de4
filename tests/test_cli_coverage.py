# SPDX-License-Identifier: GPL-2.0-or-later
"""Never clean without having looked: what was not analysed is named, and ends a review of it with code 3."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path

import pytest
from commandline import TREE, git, run

QUIET = '#include "qapi/error.h"\n\nint gong_level(void)\n{\n    return 3;\n}\n'
SETTER = (
    'bool gong_set(Gong *g, int level, Error **errp)\n{\n    error_setg(errp, "no");\n    return false;\n}\n'
)
OLD_STYLE = "int gong_old(g, errp)\n    Gong *g;\n    Error **errp;\n{\n    return g ? 0 : -1;\n}\n"
MAKER = (
    "#define GONG_SETTER(name) \\\n    static void gong_##name(Gong *g, Error **errp) \\\n    { \\\n"
    '        error_setg(errp, "no " #name); \\\n    }\n'
)
UNCLOSED = QUIET + "/* not closed\n" + SETTER
SHAPES = {
    "utf-16": (SETTER.encode("utf-16"), "", "text in UTF-16"),
    "elf": (b"\x7fELF" + bytes(9) + QUIET.encode(), "", "binary data"),
    "zeros": (bytes(512), "", "text in UTF-16"),
    "old-style": ((QUIET + OLD_STYLE).encode(), "gong_old", "parameters declared behind the parentheses"),
    "macro": ((QUIET + MAKER).encode(), "GONG_SETTER", "a macro that defines a function"),
    "comment": (UNCLOSED.encode(), "", "a comment that is not closed"),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(TREE, tmp_path / "qemu")
    return tmp_path / "qemu"


@pytest.fixture
def repository(tree: Path) -> Path:
    (tree / "chardev/gong.c").write_text(QUIET)
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "base")
    return tree


def named(document: dict[str, object]) -> list[tuple[str, str, str]]:
    """Path, function and reason of what the coverage names as not analysed."""
    coverage = document["coverage"]
    assert isinstance(coverage, dict)
    return [(item["path"], item["function"], item["reason"]) for item in coverage["damaged"]]


@pytest.mark.parametrize("shape", SHAPES)
def test_text_that_no_function_covers(repository: Path, shape: str) -> None:
    data, function, reason = SHAPES[shape]
    expected = [("chardev/gong.c", function, reason)]
    (repository / "chardev/gong.c").write_bytes(data)
    checked = run("check", "--tree", repository, "chardev/gong.c", "--format", "json", "--no-cache")
    assert (checked.code, named(checked.document)) == (0, expected)
    changed = run("diff", "--tree", repository, "--format", "json")
    assert (changed.code, named(changed.document)) == (3, expected)
    git(repository, "add", "-A")
    staged = run("diff", "--tree", repository, "--staged")
    assert staged.code == 3
    assert f"not analysed: {f'{function}()' if function else 'text'} at chardev/gong.c:" in staged.out
    assert reason in run("diff", "--tree", repository, "--staged", "--format", "b4").out


@pytest.mark.parametrize("shape", ["old-style", "macro", "comment"])
def test_a_patch_with_such_text(tree: Path, tmp_path: Path, shape: str) -> None:
    (tree / "chardev/gong.c").write_text(QUIET)
    after = SHAPES[shape][0].decode()
    lines = difflib.unified_diff(
        QUIET.splitlines(True), after.splitlines(True), "a/chardev/gong.c", "b/chardev/gong.c"
    )
    (tmp_path / "gong.diff").write_text("".join(lines))
    ran = run("patch", "--tree", tree, tmp_path / "gong.diff", "--format", "json")
    assert (ran.code, named(ran.document)) == (3, [("chardev/gong.c", *SHAPES[shape][1:])])


def test_a_change_beside_such_text_does_not_reach_it(repository: Path) -> None:
    gong = repository / "chardev/gong.c"
    gong.write_text(MAKER + "GONG_SETTER(level)\n" + OLD_STYLE + QUIET)
    git(repository, "commit", "-q", "-a", "-m", "more")
    gong.write_text(gong.read_text().replace("return 3", "return 4"))
    ran = run("diff", "--tree", repository, "--format", "json")
    assert (ran.code, named(ran.document)) == (0, [])
    # A use of the macro more is a function more that nobody has looked at.
    gong.write_text(gong.read_text().replace("(level)\n", "(level)\nGONG_SETTER(pitch)\n"))
    ran = run("diff", "--tree", repository, "--format", "json")
    assert (ran.code, [function for _, function, _ in named(ran.document)]) == (3, ["GONG_SETTER"])
    # So is a function that such text calls, when it changes.
    gong.write_text(MAKER + OLD_STYLE.replace("g ?", "gong_level() ?") + QUIET)
    git(repository, "commit", "-q", "-a", "-m", "more")
    gong.write_text(gong.read_text().replace("return 3", "return -3"))
    ran = run("diff", "--tree", repository, "--format", "json")
    assert (ran.code, [function for _, function, _ in named(ran.document)]) == (3, ["gong_old"])


def test_text_without_errors_is_no_gap(tree: Path) -> None:
    (tree / "chardev/gong.c").write_text("#define MAKE(f) static int f(void) { return 1; }\nMAKE(gong)\n")
    ran = run("check", "--tree", tree, "chardev/gong.c", "--format", "json", "--no-cache")
    assert (ran.code, named(ran.document)) == (0, [])


def test_what_cannot_be_read_afterwards_is_not_repaired(repository: Path) -> None:
    bell = repository / "chardev/bell.c"
    bell.write_bytes(bell.read_text().encode("utf-16"))
    ran = run("diff", "--tree", repository, "--format", "json", "--status", "fixed,introduced")
    assert (ran.code, ran.findings) == (3, [])
    assert named(ran.document) == [("chardev/bell.c", "", "text in UTF-16")]


def test_exclude_that_leaves_nothing(repository: Path) -> None:
    (repository / ".qerrlint.toml").write_text('exclude = ["*"]\n')
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "exclude")
    checked = run("check", "--tree", repository, "--no-cache")
    assert checked.code == 3
    assert "C files are left out by the `exclude` of .qerrlint.toml" in checked.err
    (repository / "chardev/gong.c").write_text(QUIET + SETTER)
    changed = run("diff", "--tree", repository)
    assert "note: the one changed C file is left out by the `exclude` of .qerrlint.toml" in changed.out
    (repository / ".qerrlint.toml").write_text('exclude = ["block"]\n')
    git(repository, "commit", "-q", "-a", "-m", "exclude less")
    (repository / "chardev/bell.c").write_text(QUIET)
    assert "left out" not in run("diff", "--tree", repository).out


def test_a_tree_from_before_error_h(tmp_path: Path) -> None:
    tree = tmp_path / "qemu-1.2"
    tree.mkdir()
    for name in ("VERSION", "vl.c", "error.h"):
        (tree / name).write_text("\n")
    ran = run("check", "--tree", tree)
    assert (ran.code, ran.out) == (3, "")
    why = "a QEMU tree from before include/qapi/error.h (QEMU 1.4), which is not analysed"
    assert ran.err == f"qerrlint: {tree}: {why}\n"


def test_one_unreadable_patch_file_among_several(tree: Path, tmp_path: Path) -> None:
    patch = tmp_path / "a.diff"
    patch.write_text(
        "--- a/chardev/gong.c\n+++ b/chardev/gong.c\n@@ -1,2 +1,2 @@\n"
        ' #include "qapi/error.h"\n-int a;\n+int b;\n'
    )
    (tree / "chardev/gong.c").write_text('#include "qapi/error.h"\nint a;\n')
    (tmp_path / "rubbish").write_text("no diff\n")
    for other, why in (("missing", "cannot be read: No such file"), ("rubbish", "neither a mail nor a diff")):
        for files in ((patch, tmp_path / other), (tmp_path / other, patch)):
            ran = run("patch", "--tree", tree, *files, "--format", "json")
            assert ran.code == 3
            applied = {one["subject"]: one["applied"] for one in ran.document["patches"]}
            assert applied == {"a.diff": True, other: False}
            assert any(why in problem for one in ran.document["patches"] for problem in one["problems"])
    ran = run("patch", "--tree", tree, tmp_path / "missing", tmp_path / "rubbish")
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
