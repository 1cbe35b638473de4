# SPDX-License-Identifier: GPL-2.0-or-later
"""Integer expressions of C, and what becomes of the arguments of a registration."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qerrlint.c.arithmetic import NotUnderstoodError, Numbers, evaluate
from qerrlint.model.program import Program
from qerrlint.qemu.mode_values import Evaluator, bits_of
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource


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


CODE = """\
#define BOTH (BIT(MIG_MODE_CPR_TRANSFER) | BIT(MIG_MODE_CPR_EXEC))
#define WITH(m) (BOTH | BIT(m))
static unsigned every(void)
{
    return -1u;
}
static void add(HubState *s, unsigned modes)
{
    use(s, modes);
}
static void first(HubState *s)
{
    add(s, BOTH);
}
static void second(HubState *s, bool more)
{
    unsigned modes = 0;
    if (more) {
        modes |= WITH(MIG_MODE_NORMAL);
    } else {
        modes = 1u << MIG_MODE_NORMAL;
    }
    modes &= ~BIT(MIG_MODE_CPR_EXEC);
    use(s, modes);
    use(s, every());
    use(s, BIT(MIG_MODE__MAX) - 1);
    use(s, s->modes);
    for (modes = 1; modes < 64; modes <<= 1) {
        use(s, modes);
    }
}
void outer(HubState *s, unsigned modes)
{
    use(s, modes);
}
"""


def choices(function: str, number: int = 0) -> list[str]:
    """What use() number `number` of a function of CODE is handed: a letter for each mode of a choice."""
    program = Program(OverlaySource(EmptySource(), {"a.c": CODE.encode()}), reach="patch")
    unit = program.unit("a.c")
    assert unit is not None
    lowered = unit.lowered(function)
    assert lowered is not None
    call = [call for call in lowered.calls if call.name == "use"][number]
    modes = unit.mig_modes()
    numbers = Evaluator(unit).argument(lowered, call, 1)
    return sorted(
        "".join(name.split("_")[-1][0] for name, _ in modes if name in bits_of(n, modes)) for n in numbers
    )


def test_locals_are_followed_on_each_path() -> None:
    assert choices("second") == ["N", "NT"]


def test_functions_and_the_count_of_modes() -> None:
    assert choices("second", 1) == ["NRTE"]
    assert choices("second", 2) == ["NRTE"]


def test_a_parameter_is_what_callers_hand_over() -> None:
    assert choices("add") == ["TE"]


def test_macros_that_grow_come_to_an_end() -> None:
    lines = [f"#define M{n}(x) (M{n + 1}(x) | M{n + 1}(x) | M{n + 1}(x x))" for n in range(40)]
    lines += [f"#define N{n} N{n + 1} | N{n + 1} | N{n + 1} | N{n + 1}" for n in range(40)]
    lines += ["#define LOOP LOOP | 1", "void f(HubState *s)\n{"]
    lines += ["    use(s, M0(1));", "    use(s, N0);", "    use(s, LOOP);", "    use(s, M39(2));\n}"]
    program = Program(OverlaySource(EmptySource(), {"a.c": "\n".join(lines).encode()}), reach="patch")
    unit = program.unit("a.c")
    assert unit is not None
    function = unit.lowered("f")
    assert function is not None
    for call in (call for call in function.calls if call.name == "use"):
        with pytest.raises(NotUnderstoodError):
            Evaluator(unit).argument(function, call, 1)


@pytest.mark.parametrize(
    ("function", "number", "reason"),
    [
        ("second", 3, "the value of s->modes is known at run time only"),
        ("outer", 0, "no caller that passes modes to outer() is in reach"),
    ],
)
def test_what_is_not_known(function: str, number: int, reason: str) -> None:
    with pytest.raises(NotUnderstoodError, match=reason.replace("(", r"\(").replace(")", r"\)")):
        choices(function, number)
