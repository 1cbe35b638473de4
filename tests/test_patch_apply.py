# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes applied in memory, against difflib and against git itself; line maps."""

from __future__ import annotations

import difflib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from qerrlint.patch.apply import AlreadyApplied, HunkMismatch, apply_change, split_lines
from qerrlint.patch.diff import FileChange, reverse
from qerrlint.patch.diffparser import parse_diff
from qerrlint.patch.linemap import LineMap

TEXT = b"".join(b"line %d\n" % number for number in range(1, 41))


def change_of(old: bytes, new: bytes, context: int = 3) -> FileChange:
    """The change between two texts as difflib writes it."""
    before, after = split_lines(old), split_lines(new)
    lines = difflib.diff_bytes(difflib.unified_diff, before, after, b"a/x.c", b"b/x.c", n=context)
    diff = parse_diff(b"".join(lines))
    assert diff.problems == ()
    return diff.changes[0]


def edit(text: bytes, old: bytes, new: bytes) -> bytes:
    assert text.count(old) == 1
    return text.replace(old, new)


def test_exact() -> None:
    new = edit(TEXT, b"line 20\n", b"line twenty\nand a half\n")
    applied = apply_change(change_of(TEXT, new), TEXT)
    assert applied.data == new
    assert (applied.offsets, applied.notes) == ((0,), ())
    assert applied.line_map.added == {20, 21}
    assert applied.line_map.to_old(22) == 21
    assert applied.line_map.to_old(20) is None
    assert applied.line_map.to_new(20) is None
    assert applied.line_map.to_new(40) == 41


def test_moved_hunk_is_found_and_said() -> None:
    change = change_of(TEXT, edit(TEXT, b"line 20\n", b"LINE 20\n"))
    moved = b"new\n" * 6 + TEXT
    applied = apply_change(change, moved)
    assert applied.data == edit(moved, b"line 20\n", b"LINE 20\n")
    assert applied.offsets == (6,)
    assert applied.notes == ("x.c: hunk 1 found 6 lines below its stated place",)
    assert applied.line_map.added == {26}


def test_of_several_places_the_nearest_wins() -> None:
    block = b"{\n    if (x) {\n        return;\n    }\n}\n"
    old = block * 9
    new = block * 4 + block.replace(b"return", b"break") + block * 4
    change = change_of(old, new)
    applied = apply_change(change, b"\n" + old)
    assert applied.data == b"\n" + new
    assert applied.offsets == (1,)


def test_mismatch_names_file_hunk_and_line() -> None:
    new = edit(edit(TEXT, b"line 5\n", b"LINE 5\n"), b"line 30\n", b"LINE 30\n")
    with pytest.raises(
        HunkMismatch, match=r"x\.c: hunk 2: its context is nowhere in the file .*'line 29'"
    ) as caught:
        apply_change(change_of(TEXT, new), edit(TEXT, b"line 29\n", b"different\n"))
    assert (caught.value.path, caught.value.hunk) == ("x.c", 2)
    with pytest.raises(HunkMismatch, match=r"there is no x\.c in the base"):
        apply_change(change_of(TEXT, new), None)


def test_applied_already() -> None:
    new = edit(edit(TEXT, b"line 5\n", b"LINE 5\n"), b"line 30\n", b"LINE 30\n")
    change = change_of(TEXT, new)
    with pytest.raises(AlreadyApplied):
        apply_change(change, new)
    with pytest.raises(AlreadyApplied):
        apply_change(change, b"above\n" + new)
    half = edit(TEXT, b"line 5\n", b"LINE 5\n")
    with pytest.raises(
        HunkMismatch, match="hunk 1: it is in the file already, other hunks are not"
    ) as caught:
        apply_change(change, half)
    assert not isinstance(caught.value, AlreadyApplied)


def test_applied_already_where_old_lines_stand_elsewhere_too() -> None:
    old = b"a\nb\nc\nd\n" * 5
    new = b"a\nb\nc\nd\n" * 2 + b"a\nb\nnew\nc\nd\n" + b"a\nb\nc\nd\n" * 2
    change = change_of(old, new, context=2)
    assert apply_change(change, old).data == new
    with pytest.raises(AlreadyApplied):
        apply_change(change, new)


def test_a_hunk_at_the_end_stays_at_the_end() -> None:
    old = b"a\nb\nc\n"
    change = parse_diff(b"--- a/x.c\n+++ b/x.c\n@@ -1,3 +1,4 @@\n a\n b\n c\n+d\n").changes[0]
    assert apply_change(change, old).data == b"a\nb\nc\nd\n"
    with pytest.raises(HunkMismatch):
        apply_change(change, old + b"more\n")


def test_created_and_deleted_files() -> None:
    text = b"diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+a\n+b\n"
    create = parse_diff(text).changes[0]
    applied = apply_change(create, None)
    assert applied.data == b"a\nb\n"
    assert applied.line_map.added == {1, 2}
    assert applied.line_map.to_diff(2) == 7
    with pytest.raises(AlreadyApplied):
        apply_change(create, b"a\nb\n")
    with pytest.raises(HunkMismatch, match="there already"):
        apply_change(create, b"else\n")
    delete = reverse(create)
    gone = apply_change(delete, b"a\nb\n")
    assert gone.data is None
    assert gone.line_map.removed == {1, 2}
    with pytest.raises(HunkMismatch, match="n: "):
        apply_change(delete, b"a\nb\nmore\n")


def test_rename_without_hunks_keeps_everything() -> None:
    change = parse_diff(b"diff --git a/o b/n\nsimilarity index 100%\nrename from o\nrename to n\n").changes[0]
    applied = apply_change(change, TEXT)
    assert applied.data == TEXT
    assert applied.line_map.to_old(7) == 7


def test_binary_and_damaged_changes_are_refused() -> None:
    binary = parse_diff(b"diff --git a/p b/p\nindex 11aa..22bb\nBinary files a/p and b/p differ\n").changes[0]
    with pytest.raises(HunkMismatch, match="p: a binary change"):
        apply_change(binary, b"")
    short = parse_diff(b"--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n").changes[0]
    with pytest.raises(HunkMismatch, match="x: hunk 1: it is cut short"):
        apply_change(short, b"a\nb\nc\n")


@pytest.mark.parametrize("mail_strips", [True, False])
def test_line_endings_of_the_file_are_kept(mail_strips: bool) -> None:
    new = edit(TEXT, b"line 20\n", b"line twenty\n")
    crlf_old, crlf_new = TEXT.replace(b"\n", b"\r\n"), new.replace(b"\n", b"\r\n")
    if mail_strips:
        applied = apply_change(change_of(TEXT, new), crlf_old)
        assert applied.data == crlf_new
    else:
        applied = apply_change(change_of(crlf_old, crlf_new), TEXT)
        assert applied.data == new
    assert "line endings" in applied.notes[0]
    assert apply_change(change_of(crlf_old, crlf_new), crlf_old).data == crlf_new


def test_mixed_line_endings_that_fit_are_taken_as_they_are() -> None:
    old = b"a\r\nb\nc\r\nd\ne\nf\ng\nh\n"
    new = old.replace(b"g\n", b"G\n")
    applied = apply_change(change_of(old, new, context=2), old)
    assert applied.data == new
    assert applied.notes == ()


def test_trailing_blanks_that_mail_stripped() -> None:
    old = edit(TEXT, b"line 19\n", b"line 19  \n")
    change = change_of(TEXT, edit(TEXT, b"line 20\n", b"LINE 20\n"))
    applied = apply_change(change, old)
    assert applied.data == edit(old, b"line 20\n", b"LINE 20\n")
    assert "trailing blanks" in applied.notes[0]


def texts() -> st.SearchStrategy[bytes]:
    line = st.sampled_from(
        [b"", b"{", b"}", b"    return;", b"    x = 1;", b"a", b"b", b"-- ", b"--- c", b"+++ d", b"\\ e"]
    )
    return st.lists(line, max_size=40).map(lambda lines: b"".join(part + b"\n" for part in lines))


@settings(deadline=None)
@given(texts(), texts(), st.integers(0, 4))
def test_difflib_round_trip(old: bytes, new: bytes, context: int) -> None:
    assume(old != new)
    change = change_of(old, new, context)
    applied = apply_change(change, old)
    assert applied.data == new
    assert not any(applied.offsets)
    assert apply_change(reverse(change), new).data == old
    check_map(applied.line_map, old, new)
    check_map(applied.line_map.inverted(), new, old)


def check_map(line_map: LineMap, old: bytes, new: bytes) -> None:
    before, after = old.split(b"\n")[:-1], new.split(b"\n")[:-1]
    for line in range(1, len(after) + 1):
        was = line_map.to_old(line)
        assert (was is None) == (line in line_map.added)
        if was is not None:
            assert before[was - 1] == after[line - 1]
            assert line_map.to_new(was) == line
    for line in range(1, len(before) + 1):
        assert (line_map.to_new(line) is None) == (line in line_map.removed)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(texts(), texts(), st.booleans(), st.booleans()), min_size=1, max_size=5),
    st.integers(0, 5),
)
def test_as_git_writes_it(tmp_path: Path, pairs: list[tuple[bytes, bytes, bool, bool]], context: int) -> None:
    for side in ("a", "b"):
        folder = tmp_path / side
        folder.mkdir(exist_ok=True)
        for file in folder.iterdir():
            file.unlink()
    for number, (old, new, cut_old, cut_new) in enumerate(pairs):
        # also files without a newline at their end
        (tmp_path / "a" / f"f {number}").write_bytes(old[:-1] if cut_old else old)
        (tmp_path / "b" / f"f {number}").write_bytes(new[:-1] if cut_new else new)
    command = ("git", "diff", "--no-index", "--no-color", "--no-prefix", "--text", f"-U{context}", "a", "b")
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, env=env).stdout
    diff = parse_diff(out)
    assert diff.problems == ()
    changed = [
        number for number in range(len(pairs)) if read(tmp_path, "a", number) != read(tmp_path, "b", number)
    ]
    assert [change.path for change in diff.changes] == [f"f {number}" for number in changed]
    for number, change in zip(changed, diff.changes, strict=True):
        old, new = read(tmp_path, "a", number), read(tmp_path, "b", number)
        assert apply_change(change, old).data == new
        assert apply_change(reverse(change), new).data == old


def read(root: Path, side: str, number: int) -> bytes:
    return (root / side / f"f {number}").read_bytes()
