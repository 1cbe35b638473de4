# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of a file, and patterns that are looked for by their words first."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qerrlint.model.file_text import FileText, calls_of, words_in

NAMES = ("abort", "exit", "log_", "x1")
TEXTS = st.lists(
    st.sampled_from(
        [*NAMES, "log_more", "my_exit", "exit2", "(", " (", ")", ";", "->", "\n", "/* exit */", "x"]
    ),
    max_size=12,
).map(lambda parts: "".join(parts).encode())


def test_words_are_runs_of_letters_digits_and_underscores() -> None:
    assert words_in(b"a->b_1 = 2 * c; /* d */") == {b"a", b"b_1", b"2", b"c", b"d"}


@given(TEXTS)
def test_a_call_is_found_where_the_pattern_alone_finds_it(data: bytes) -> None:
    calls = calls_of({"abort", "exit", r"log_\w*"}, (b"log_",))
    plain = re.compile(rb"\b(?:abort|exit|log_\w*)\s*\(")
    assert calls.is_in(FileText("a.c", data)) == (plain.search(data) is not None)
    half = len(data) // 2
    for start, end in ((0, half), (half, len(data)), (0, len(data))):
        found = calls.is_between(data, start, end, words_in(data[start:end]))
        assert found == (plain.search(data, start, end) is not None)


@pytest.mark.parametrize("data", [b"int x;", b"exits(1);", b"/* aborted (early) */"])
def test_a_file_without_the_words_is_not_searched(data: bytes) -> None:
    assert not calls_of(("exit", "abort")).may_be_in(FileText("a.c", data))
