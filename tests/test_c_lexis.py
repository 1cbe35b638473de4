# SPDX-License-Identifier: GPL-2.0-or-later
"""Brackets and commas of bare text."""

from __future__ import annotations

import pytest

from qerrlint.c.lexis import closing_paren, occurrences, split_at_commas


@pytest.mark.parametrize(
    ("text", "start", "parts"),
    [
        ("a,f(b,c)[d,e],g", 0, ["a", "f(b,c)[d,e]", "g"]),
        ("f( a , {b, c} ), d", 2, ["a", "{b, c}"]),
        ("f()", 2, [""]),
        ("a, b)", 0, ["a", "b"]),
        ("a,", 0, ["a", ""]),
        ("", 0, [""]),
        ("(a, b", 0, ["(a, b"]),
    ],
)
def test_commas_outside_of_brackets(text: str, start: int, parts: list[str]) -> None:
    assert split_at_commas(text, start) == parts


@pytest.mark.parametrize(
    ("text", "most", "end"),
    [
        (b"f(a)(b)", 100, 4),
        (b"f((a), b) c", 100, 9),
        (b"f((a)", 100, -1),
        (b"f(abc)", 4, -1),
        (b"f(abc)", 5, 6),
    ],
)
def test_the_parenthesis_that_closes(text: bytes, most: int, end: int) -> None:
    assert closing_paren(text, 1, most) == end


@pytest.mark.parametrize(
    ("word", "places"),
    [(b"ab", [0, 8]), (b"abc", [3]), (b"b", []), (b"", [])],
    ids=["twice", "once", "part", "empty"],
)
def test_where_a_word_stands(word: bytes, places: list[int]) -> None:
    assert list(occurrences(b"ab abc (ab", word)) == places


def test_where_a_word_stands_in_a_part_of_a_text() -> None:
    text = b"ab ab abc ab"
    assert list(occurrences(text, b"ab", 1)) == [3, 10]
    assert list(occurrences(text, b"ab", 1, 5)) == [3]
    assert list(occurrences(text, b"ab", 0, 4)) == [0]
