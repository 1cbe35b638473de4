# SPDX-License-Identifier: GPL-2.0-or-later
"""The diffs that a Result carries: those made of two texts, and those taken from a patch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from qerrlint.patch.diffparser import parse_diff
from qerrlint.result import DiffFile
from qerrlint.review import linediff
from qerrlint.review.difftext import CONTEXT, diff_between, diff_of_patch
from qerrlint.review.linediff import line_map_between

TEXTS = st.lists(st.sampled_from([b"a", b"b", b"c", b"{", b"}", b""]), max_size=40).map(
    lambda lines: b"".join(line + b"\n" for line in lines)
)


def between(old: bytes, new: bytes) -> DiffFile:
    return diff_between("a.c", "a.c", old, new, line_map_between(old, new))


def applied(old: Sequence[str], diff: DiffFile) -> list[str]:
    """The text after the diff; each line has to stand where the diff says."""
    out: list[str] = []
    at = 1
    for hunk in diff.hunks:
        for line in hunk.lines:
            if line.old is not None:
                assert line.old >= at
                out += old[at - 1 : line.old - 1]
                at = line.old + 1
                assert line.text == old[line.old - 1]
            if line.new is not None:
                if line.old is None and not any(one.old is not None for one in hunk.lines):
                    skip = line.new - 1 - len(out)
                    out += old[at - 1 : at - 1 + skip]
                    at += skip
                out.append(line.text)
                assert len(out) == line.new
    return out + list(old[at - 1 :])


@given(TEXTS, TEXTS)
def test_a_diff_leads_from_the_one_text_to_the_other(old: bytes, new: bytes) -> None:
    diff = between(old, new)
    assert applied(old.decode().split("\n")[:-1], diff) == new.decode().split("\n")[:-1]


@given(TEXTS, TEXTS)
def test_a_diff_shows_a_little_of_what_is_equal(old: bytes, new: bytes) -> None:
    for hunk in between(old, new).hunks:
        signs = "".join(line.sign for line in hunk.lines)
        assert signs.strip(), "a hunk without any change"
        assert len(signs) - len(signs.lstrip()) <= CONTEXT
        assert len(signs) - len(signs.rstrip()) <= CONTEXT
        assert " " * (2 * CONTEXT + 1) not in signs


LINES = st.lists(st.sampled_from(b"a b c d e f g h { }".split()), max_size=30)


@given(LINES, LINES)
def test_texts_that_are_cut_at_lines_that_each_has_once(old: list[bytes], new: list[bytes]) -> None:
    """Long texts with many equal lines are compared in pieces."""
    with mock.patch.object(linediff, "_MOST_PAIRS", -1):
        blocks = linediff._equal_blocks(old, new)
    assert all(size and old[a : a + size] == new[b : b + size] for a, b, size in blocks)
    for (a, b, size), (next_a, next_b, _) in pairwise(blocks):
        assert a + size <= next_a
        assert b + size <= next_b
        assert (a + size, b + size) != (next_a, next_b), "one stretch is told as two"


def test_the_most_lines_that_each_has_once_stay_in_order() -> None:
    old, new = b"a b c d e f".split(), b"f b a c e x d".split()
    with mock.patch.object(linediff, "_MOST_PAIRS", -1):
        blocks = linediff._equal_blocks(old, new)
    assert sum(size for _, _, size in blocks) == 3


def test_hundreds_of_functions_of_one_form() -> None:
    """Only the lines that differ are told, however often the others occur."""
    one = b"int f%d(int a)\n{\n    if (a) {\n        return %d;\n    }\n    return 0;\n}\n"
    old = b"".join(one % (n, n) for n in range(500))
    lines = line_map_between(old, old.replace(b"f", b"g").replace(b"ig", b"if"))
    assert lines.added == lines.removed == {7 * n + 1 for n in range(500)}


def test_files_that_come_and_go() -> None:
    new = diff_between(None, "a.c", b"", b"x\n", line_map_between(b"", b"x\n"))
    gone = diff_between("a.c", None, b"x\n", b"", line_map_between(b"x\n", b""))
    assert (new.status, [line.sign for line in new.hunks[0].lines]) == ("A", ["+"])
    assert (gone.status, [line.sign for line in gone.hunks[0].lines]) == ("D", ["-"])
    moved = diff_between("a.c", "b.c", b"x\n", b"x\n", line_map_between(b"x\n", b"x\n"))
    assert (moved.status, moved.hunks) == ("R", ())


POSTED = b"""\
From: someone

diff --git a/hw/x.c b/hw/x.c
--- a/hw/x.c
+++ b/hw/x.c
@@ -4,3 +4,3 @@ int f(void)
 one
-two
+2\xff
 three
\\ No newline at end of file
"""


def test_a_posted_diff_keeps_its_lines() -> None:
    (file,) = diff_of_patch(parse_diff(POSTED).changes)
    (hunk,) = file.hunks
    assert (file.old_path, file.new_path, file.status, file.binary) == ("hw/x.c", "hw/x.c", "M", False)
    assert hunk.section.strip() == "int f(void)"
    assert [(line.sign, line.text, line.old, line.new, line.place) for line in hunk.lines] == [
        (" ", "one", 4, 4, 7),
        ("-", "two", 5, None, 8),
        ("+", "2\udcff", None, 5, 9),
        (" ", "three", 6, 6, 10),
        ("\\", " No newline at end of file", None, None, None),
    ]
