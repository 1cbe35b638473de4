# SPDX-License-Identifier: GPL-2.0-or-later
"""VariableLimits: the loops, tests and assignments of one function that limit how great a variable gets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from qerrlint.c.lexis import body_end
from qerrlint.lazy_patterns import lazy_re

# The head of a loop that counts a variable up, with the comparison and the end.
_COUNTS = lazy_re(
    r"\bfor\s*\((?:[^;()]*[\s*])?([A-Za-z_]\w*)\s*=[^;]*;\s*\1\s*(<=?)\s*([^;&|]+);"
    r"\s*(?:\1\s*\+\+|\+\+\s*\1)\s*\)"
)
_ASSERTS = lazy_re(r"\b(?:g_)?assert\s*\(\s*([A-Za-z_]\w*)\s*(<=?)\s*([^;&|<>]+)\)\s*;")
_EXCEEDS = lazy_re(
    r"\bif\s*\(\s*([A-Za-z_]\w*)\s*(>=?)\s*"
    r"((?:[^;&|<>{}()]|\((?:[^;&|<>{}()]|\([^;&|<>{}()]*\))*\))+)\)\s*(?=[{\w])"
)
# The value is not a part of the match: in a row of assignments each variable is given it.
_GIVEN = lazy_re(r"(?<![\w.>*])([A-Za-z_]\w*)\s*=(?!=)(?=([^;]+);)")
# What gives a variable another value, and what may: its address is taken.
_CHANGES = (
    r"(?<![\w.>]){name}\s*(?:(?:[-+*/%&|^]|<<|>>)?=(?!=)|\+\+|--)|(?:\+\+|--)\s*{name}\b"
    r"|(?<!&)&\s*{name}\b(?!\s*[\[.]|->)"
)
# What may let only smaller numbers pass: a comparison, a choice by the number, a copy that is tested.
_NARROWS = (
    r"(?<![\w.>]){name}\b\s*(?:[<>](?![<>])|[!=]=)|(?:(?<![<>-])[<>]=?|[!=]=)\s*{name}\b"
    r"|(?<![=!<>])=\s*{name}\s*;|\bswitch\s*\(\s*{name}\s*\)|\b(?:MIN|MAX)\s*\([^;]*\b{name}\b"
)
_LEAVES = lazy_re(r"\b(?:return|goto|continue|break|abort|exit|g_assert_not_reached)\b")


class _Fact(NamedTuple):
    """What the code between two offsets says of a variable: that it is compared with an end, which it still
    gets where `inclusive`, or that it is given a value. `text` is the end or the value."""

    start: int
    end: int
    text: str
    inclusive: bool = True


class VariableLimits:
    """What the text of a function tells of its variables.

    `code`: its body, comments and literals blanked. `number` gives the number that the text of a constant
    expression stands for, None for any other text.
    """

    def __init__(self, code: str, number: Callable[[str], int | None]) -> None:
        self._code = code
        self._number = number

    def is_tested(self, name: str) -> bool:
        """Whether there are loops or tests that may limit a variable."""
        return any(name in of for of in (self._loops, self._asserted, self._exceeding))

    def only_given(self, name: str) -> str:
        """The text of the value that a variable is given, where it is given one only; else ""."""
        values = self._values.get(name, ())
        return values[0].text if len(values) == 1 else ""

    def greatest(self, name: str, at: int) -> int | None:
        """The greatest number that a loop or a test before an offset lets a variable be there."""
        loop = self._end_of_loop(name, at)
        return loop if loop is not None else self._limit_of_test(name, at)

    def only_value(self, name: str, at: int) -> tuple[str, int] | None:
        """The text of the value that the function gives a variable once, before an offset, and where it is
        given; None where a test may narrow it, or another value may be given."""
        given = next((one for one in self._values.get(name, ()) if one.end <= at), None)
        if given is None or len(re.findall(_CHANGES.format(name=name), self._code)) != 1:
            return None
        return None if self._may_be_narrowed(name, 0, len(self._code)) else (given.text, given.start)

    def _end_of_loop(self, name: str, at: int) -> int | None:
        """The last number that a `for` loop around a place counts a variable to; None where a test in the
        loop may narrow it."""
        around = [one for one in self._loops.get(name, ()) if one.end <= at < body_end(self._code, one.end)]
        end = self._number(around[-1].text.strip()) if around else None
        if end is None or self._may_be_narrowed(name, around[-1].end, at):
            return None
        return end if around[-1].inclusive else end - 1

    def _limit_of_test(self, name: str, at: int) -> int | None:
        """The greatest number that a test before a place lets pass, of a variable that does not change."""
        tests = [one for one in self._asserted.get(name, ()) if one.end <= at]
        tests += [
            one
            for one in self._exceeding.get(name, ())
            if one.end < at
            and (end := body_end(self._code, one.end)) <= at
            and _LEAVES.search(self._code, one.end, end)
        ]
        if not tests or re.search(_CHANGES.format(name=name), self._code):
            return None
        numbers = [(self._number(one.text), one.inclusive) for one in tests]
        known = [number - (not inclusive) for number, inclusive in numbers if number is not None]
        return min(known) if len(known) == len(numbers) else None

    def _may_be_narrowed(self, name: str, start: int, end: int) -> bool:
        return re.search(_NARROWS.format(name=name), self._code[start:end]) is not None

    @cached_property
    def _loops(self) -> Mapping[str, Sequence[_Fact]]:
        return _by_name(self._compared(_COUNTS, "<=") if "for" in self._code else ())

    @cached_property
    def _asserted(self) -> Mapping[str, Sequence[_Fact]]:
        return _by_name(self._compared(_ASSERTS, "<=") if "assert" in self._code else ())

    @cached_property
    def _exceeding(self) -> Mapping[str, Sequence[_Fact]]:
        return _by_name(self._compared(_EXCEEDS, ">"))

    @cached_property
    def _values(self) -> Mapping[str, Sequence[_Fact]]:
        found = _GIVEN.finditer(self._code)
        return _by_name((one[1], _Fact(one.start(), one.end(2) + 1, one[2])) for one in found)

    def _compared(self, pattern: re.Pattern[str], inclusive: str) -> Iterator[tuple[str, _Fact]]:
        for one in pattern.finditer(self._code):
            yield one[1], _Fact(one.start(), one.end(), one[3], one[2] == inclusive)


def _by_name(rows: Iterable[tuple[str, _Fact]]) -> Mapping[str, Sequence[_Fact]]:
    out: dict[str, list[_Fact]] = {}
    for name, fact in rows:
        out.setdefault(name, []).append(fact)
    return out
