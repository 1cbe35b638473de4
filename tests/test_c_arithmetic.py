# SPDX-License-Identifier: GPL-2.0-or-later
"""Integer expressions of C: their values are those of a compiler, and none costs the stack or an hour."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qerrlint.c.expressions.arithmetic import NotUnderstoodError, Numbers, evaluate


class Table:
    """Names with given values; BIT() and nothing else can be called."""

    def __init__(self, **values: int) -> None:
        self._values = values

    def value(self, path: str) -> Numbers:
        if path not in self._values:
            raise NotUnderstoodError(f"{path} is not known")
        return frozenset({self._values[path]})

    def result(self, name: str, args: Sequence[str]) -> Numbers:
        if name != "BIT":
            raise NotUnderstoodError(f"{name}() is not known")
        return evaluate(f"1 << ({args[0]})", self)


NAMES = Table(A=2, B=5, ZERO=0)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0x1f", {31}),
        ("017", {15}),
        ("1UL << 3", {8}),
        ("-1u", {-1}),
        ("~BIT(A)", {~4}),
        ("BIT(A) | BIT(B)", {36}),
        ("BIT(A + 1) & ~0", {8}),
        ("(unsigned)BIT(A) - 1", {3}),
        ("(unsigned int)-1", {-1}),
        ("1 + 2 * 3 << 1", {14}),
        ("A == 2 ? 7 : B", {7}),
        ("ZERO ? 7 : B", {5}),
        ("unknown ? 7 : B", {7, 5}),
        ("s->ready && A ? 1 : BIT(3)", {1, 8}),
        ("!A | !ZERO", {1}),
        ("A < B && B >= 5", {1}),
    ],
)
def test_values(text: str, numbers: set[int]) -> None:
    assert evaluate(text, NAMES) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A B",
        "(A",
        "s->modes",
        "f(A)",
        '"x"',
        "A ? 1",
        "1 << 64",
        "1 << -1",
        "BIT(",
        "A->",
        "[1]",
        "1 | 08",
    ],
)
def test_what_is_no_plain_expression(text: str) -> None:
    with pytest.raises(NotUnderstoodError):
        evaluate(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 18 + "unknown" + ")" * 18,
        "(" * 5000 + "1" + ")" * 5000,
        "~" * 1900 + "1",
        "A ? " * 400 + "1",
        "1 ? 1 : " * 240 + "1",
        "BIT(" * 400 + "1",
    ],
)
def test_what_nobody_writes_by_hand_ends(text: str) -> None:
    with suppress(NotUnderstoodError):
        assert len(evaluate(text, NAMES)) == 1


def _join(parts: tuple[str, str, str]) -> str:
    left, operator, right = parts
    return f"({right}) {operator} {left}" if operator in ("-", "|") else f"{left} {operator} ({right})"


EXPRESSIONS = st.recursive(
    st.integers(0, 40).map(str) | st.sampled_from(["BIT(3)", "A", "B"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["|", "&", "^", "+", "-", "==", "<"]), inner).map(_join)
        | inner.map(lambda one: f"~({one})")
        | inner.map(lambda one: f"-({one})")
    ),
    max_leaves=8,
)


@pytest.mark.skipif(which("cc") is None, reason="no C compiler")
def test_values_are_those_of_a_compiler(tmp_path: Path) -> None:
    texts: list[str] = []

    @settings(max_examples=200, database=None, derandomize=True)
    @given(EXPRESSIONS)
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    lines = "\n".join(f'    printf("%lld\\n", (long long)({text}));' for text in texts)
    source = tmp_path / "a.c"
    source.write_text(
        "#include <stdio.h>\n#define BIT(n) (1LL << (n))\n#define A 2LL\n#define B 5LL\n"
        f"int main(void)\n{{\n{lines}\n    return 0;\n}}\n"
    )
    subprocess.run(["cc", "-w", "-o", str(tmp_path / "a"), str(source)], check=True)
    ran = subprocess.run([str(tmp_path / "a")], check=True, capture_output=True, text=True)
    assert [evaluate(text, NAMES) for text in texts] == [frozenset({int(n)}) for n in ran.stdout.split()]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("(MigMode)A", {2}),
        ("(MigMode)f(A) ? 7 : B", {7, 5}),
        ("s->ops->ready(s) ? 7 : B", {7, 5}),
        ("'a' + 1", {98}),
        ("0b101", {5}),
    ],
)
def test_casts_characters_and_conditions_that_cannot_be_read(text: str, numbers: set[int]) -> None:
    assert evaluate(text, NAMES) == numbers
