# SPDX-License-Identifier: GPL-2.0-or-later
"""The diff parser on well-formed, odd and damaged diffs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qerrlint.patch.diff import FileChange, has_diff, reverse
from qerrlint.patch.diffparser import parse_diff
from qerrlint.patch.fragments import fragments

MAIL = Path(__file__).parent.parent / "fixtures" / "mail"


def only(data: bytes) -> FileChange:
    diff = parse_diff(data)
    assert diff.problems == ()
    (change,) = diff.changes
    return change


HUNK = b"@@ -1,2 +1,2 @@ int f(void)\n one\n-two\n+TWO\n"


def test_git_diff_with_text_around_it() -> None:
    change = only(
        b"A mail.\n---\n a.c | 2 +-\n\ndiff --git a/d/a.c b/d/a.c\nindex 0123abc..4567def 100644\n"
        b"--- a/d/a.c\n+++ b/d/a.c\n" + HUNK + b"-- \n2.45.0\n"
    )
    assert (change.old_path, change.new_path, change.status) == ("d/a.c", "d/a.c", "M")
    assert (change.old_blob, change.new_blob, change.new_mode) == ("0123abc", "4567def", "100644")
    (hunk,) = change.hunks
    assert (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count) == (1, 2, 1, 2)
    assert hunk.section == "int f(void)"
    assert hunk.lines == ((" ", b"one\n"), ("-", b"two\n"), ("+", b"TWO\n"))
    assert (hunk.text_line, hunk.text_lines) == (9, (10, 11, 12))


def test_signature_that_looks_like_a_removal_is_none() -> None:
    assert parse_diff(b"diff --git a/a b/a\n--- a/a\n+++ b/a\n" + HUNK + b"--\n2.1\n").problems == ()


@pytest.mark.parametrize(
    ("head", "old", "new", "status"),
    [
        (b"--- a/x.c\n+++ b/x.c\n", "x.c", "x.c", "M"),
        (b"--- x.c\n+++ x.c\n", "x.c", "x.c", "M"),
        (b"--- x.c.orig\t2025-03-03 10:00:00.0 +0100\n+++ x.c\t2025-03-03 11:00:00.0 +0100\n",
         "x.c", "x.c", "M"),
        (b"--- qemu.old/hw/x.c 2025-03-03 10:00:00\n+++ qemu/hw/x.c 2025-03-03 11:00:00\n",
         "hw/x.c", "hw/x.c", "M"),
        (b"--- /dev/null\n+++ b/x.c\n", None, "x.c", "A"),
        (b"--- a/x.c\n+++ /dev/null\n", "x.c", None, "D"),
        (b"diff --git i/x.c w/x.c\n--- i/x.c\n+++ w/x.c\n", "x.c", "x.c", "M"),
        (b"diff --git x.c x.c\nindex 11aa..22bb\n--- x.c\n+++ x.c\n", "x.c", "x.c", "M"),
        (b'diff --git "a/caf\\303\\251 \\"q\\".c" "b/caf\\303\\251 \\"q\\".c"\n'
         b'--- "a/caf\\303\\251 \\"q\\".c"\n+++ "b/caf\\303\\251 \\"q\\".c"\n',
         'café "q".c', 'café "q".c', "M"),
        (b"diff --git a/two words.c b/two words.c\n--- a/two words.c\t\n+++ b/two words.c\t\n",
         "two words.c", "two words.c", "M"),
        (b"diff --git a/o.c b/n.c\nsimilarity index 90%\nrename from o.c\nrename to n.c\n"
         b"--- a/o.c\n+++ b/n.c\n", "o.c", "n.c", "R"),
    ],
)  # fmt: skip
def test_names(head: bytes, old: str | None, new: str | None, status: str) -> None:
    change = only(head + HUNK)
    assert (change.old_path, change.new_path, change.status) == (old, new, status)
    assert len(change.hunks) == 1


@pytest.mark.parametrize(
    ("text", "status", "paths"),
    [
        (b"diff --git a/o b/n\nsimilarity index 100%\nrename from o\nrename to n\n", "R", ("o", "n")),
        (b"diff --git a/o b/n\nsimilarity index 100%\ncopy from o\ncopy to n\n", "C", ("o", "n")),
        (b"diff --git a/s b/s\nold mode 100644\nnew mode 100755\n", "M", ("s", "s")),
        (b"diff --git a/e b/e\nnew file mode 100644\nindex 0000000..e69de29\n", "A", (None, "e")),
        (b"diff --git a/e b/e\ndeleted file mode 100644\nindex e69de29..0000000\n", "D", ("e", None)),
    ],
)
def test_changes_without_hunks(text: bytes, status: str, paths: tuple[str | None, str | None]) -> None:
    change = only(text)
    assert (change.status, (change.old_path, change.new_path), change.hunks) == (status, paths, ())


def test_binary_changes_are_skipped_whole() -> None:
    literal = b"GIT binary patch\nliteral 3\nKcmZQ%00\n\nliteral 0\nHcmV?d00001\n\n"
    diff = parse_diff(
        b"diff --git a/p.png b/p.png\nindex 11aa..22bb 100644\n" + literal
        + b"diff --git a/q.png b/q.png\nindex 11aa..22bb 100644\nBinary files a/q.png and b/q.png differ\n"
        + b"diff --git a/x.c b/x.c\n--- a/x.c\n+++ b/x.c\n" + HUNK
    )  # fmt: skip
    assert [(change.path, change.binary) for change in diff.changes] == [
        ("p.png", True),
        ("q.png", True),
        ("x.c", False),
    ]
    assert diff.problems == ()


def test_links_and_submodules_are_not_regular() -> None:
    change = only(
        b"diff --git a/sub b/sub\nindex 11aa..22bb 160000\n--- a/sub\n+++ b/sub\n"
        b"@@ -1 +1 @@\n-Subproject commit 11aa\n+Subproject commit 22bb\n"
    )
    assert not change.regular


def test_no_newline_at_the_end() -> None:
    change = only(
        b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n\\ No newline at end of file\n"
        b"+new\n\\ No newline at end of file\n"
    )
    assert change.hunks[0].lines == (("-", b"old"), ("+", b"new"))


def test_empty_context_lines_without_their_blank() -> None:
    whole = parse_diff((MAIL / "thread.mbox").read_bytes().split(b"PATCH 1/2", 1)[1].split(b"\nFrom ")[0])
    stripped = parse_diff((MAIL / "stripped-blanks.diff").read_bytes())
    assert stripped.problems == ()
    assert [hunk.lines for hunk in stripped.changes[0].hunks] == [
        hunk.lines for hunk in whole.changes[0].hunks
    ]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("cut-short.diff", "hw/misc/lamp.c: hunk 2: it is cut short"),
        ("wrapped.diff", "hw/misc/lamp.c: hunk 1: line 9 is neither context nor change"),
        ("wrong-counts.diff", "hw/misc/lamp.c: hunk 2: it has more lines than its header says"),
    ],
)
def test_damaged_hunks_name_file_and_hunk(name: str, problem: str) -> None:
    diff = parse_diff((MAIL / name).read_bytes())
    assert len(diff.problems) == 1
    assert diff.problems[0].startswith(problem)
    (change,) = diff.changes
    assert len(change.hunks) == 2, "the hunks behind a damaged one are still seen"
    assert change.problems == diff.problems


MENDED = b"--- a/x.c\n+++ b/x.c\n@@ -1,5 +1,6 @@\n int f(void)\n {\n+    g();\n     h();\n }\n"


@pytest.mark.parametrize(
    "end", [b"", b"-- \n2.45.0\n", b"diff --git a/y b/y\nold mode 100644\nnew mode 100755\n"]
)
def test_blank_context_that_is_missing_at_the_end_is_supplied_and_said(end: bytes) -> None:
    change = parse_diff(MENDED + end).changes[0]
    (hunk,) = change.hunks
    assert (hunk.damage, hunk.mended) == (None, "blank context lines at its end were missing")
    assert hunk.lines[-1] == (" ", b"\n")
    assert len(hunk.text_lines) == len(hunk.lines)
    cut = MENDED[: MENDED.index(b"     h()")] + end
    assert parse_diff(cut).changes[0].hunks[0].damage is not None, "nothing shows that it was not cut"


def test_context_without_the_blank_in_front_is_put_up_with_where_all_of_it_is_so() -> None:
    whole = MENDED + b" \n"
    bare = whole.replace(b"\n int", b"\nint").replace(b"\n {", b"\n{").replace(b"\n }", b"\n}")
    (hunk,) = parse_diff(bare).changes[0].hunks
    assert (hunk.damage, hunk.mended) == (None, "context lines had lost the blank in front of them")
    assert hunk.lines == parse_diff(whole).changes[0].hunks[0].lines
    wrapped = whole.replace(b"\n int f(void)", b"\n int\nf(void)").replace(b"-1,5 +1,6", b"-1,6 +1,7")
    assert parse_diff(wrapped).changes[0].hunks[0].damage is not None


@pytest.mark.parametrize("path", ["../x.c", "a/../../x.c", "/etc/x.c", "x//y.c", "C:/x.c"])
def test_paths_that_leave_the_tree_are_refused(path: str) -> None:
    name = path.encode()
    diff = parse_diff(b"--- " + name + b"\n+++ " + name + b"\n" + HUNK)
    assert diff.changes == ()
    assert "the path is refused" in diff.problems[0]
    git = b"diff --git a/" + name + b" b/" + name + b"\n--- a/" + name + b"\n+++ b/" + name + b"\n" + HUNK
    assert parse_diff(git).changes == () or path == "C:/x.c"


def test_quoted_diffs_are_no_patches() -> None:
    quoted = b"".join(b"> " + line + b"\n" for line in (b"--- a/x\n+++ b/x\n" + HUNK).splitlines())
    assert parse_diff(quoted).changes == ()
    assert not has_diff(quoted)


def test_merges_are_a_problem() -> None:
    diff = parse_diff(
        b"diff --cc hw/x.c\nindex 1,2..3\n--- a/hw/x.c\n+++ b/hw/x.c\n@@@ -1,1 -1,1 +1,1 @@@\n--a\n"
    )
    assert diff.changes == ()
    assert diff.problems == ("hw/x.c: a merge's combined diff cannot be applied",)


def test_reverse_is_its_own_inverse() -> None:
    for change in parse_diff((MAIL / "bare.diff").read_bytes()).changes:
        assert reverse(reverse(change)) == change


def test_fragments() -> None:
    change = parse_diff((MAIL / "bare.diff").read_bytes()).changes[0]
    first, *_ = parts = fragments(change)
    assert first.section == "static void lamp_reset(LampState *s)"
    assert b"int level, Error **errp" in first.after
    assert b"Error **errp" not in first.before
    for part, hunk in zip(parts, change.hunks, strict=True):
        assert (part.old_start, part.new_start) == (hunk.old_start, hunk.new_start)
        after = part.after.splitlines()
        for line in part.line_map.added:
            place = part.line_map.to_diff(line)
            assert place is not None
            assert b"+" + after[line - 1] == (MAIL / "bare.diff").read_bytes().split(b"\n")[place - 1]


def test_touching_hunks_are_one_fragment() -> None:
    change = only(
        b"--- a/x\n+++ b/x\n@@ -1,1 +1,1 @@\n-a\n+A\n@@ -2,1 +2,1 @@\n-b\n+B\n@@ -9,1 +9,1 @@\n-c\n+C\n"
    )
    assert [(part.before, part.after) for part in fragments(change)] == [
        (b"a\nb\n", b"A\nB\n"),
        (b"c\n", b"C\n"),
    ]


LINES = st.sampled_from([
    b"diff --git a/x b/x", b"--- a/x", b"+++ b/x", b"@@ -1,3 +1,4 @@", b"@@ -0,0 +1 @@",
    b"@@ -9,99999999999 +1 @@",
    b" c", b"+a", b"-r", b"", b"\\ No newline", b"-- ", b"GIT binary patch", b"literal 5", b"rename from x",
    b"index 1234..5678 100644", b"new file mode 100644", b"\r", b"text", b'diff --git "a/x b',
    b"--- /dev/null",
])  # fmt: skip


@settings(deadline=None)
@given(st.lists(LINES, max_size=30))
def test_any_lines_parse_without_an_exception(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    for change in parse_diff(data).changes:
        for hunk in change.hunks:
            assert len(hunk.lines) == len(hunk.text_lines)
            if hunk.damage is None:
                assert (len(hunk.before), len(hunk.after)) == (hunk.old_count, hunk.new_count)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_parse_without_an_exception(data: bytes) -> None:
    parse_diff(b"diff --git " + data + b"\n--- " + data + b"\n+++ b/x\n@@ -1 +1 @@\n" + data)
