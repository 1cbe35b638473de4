# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of the mode arguments of a registration."""

from __future__ import annotations

import pytest
from single import unit_of

from qerrlint.c.expressions.arithmetic import NotUnderstoodError
from qerrlint.model.program import Program
from qerrlint.qemu.mode_values import Evaluator, bits_of
from qerrlint.qemu.registered_modes import modes_named
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

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
    modes = unit.scope.mig_modes()
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


def test_the_modes_that_a_file_names() -> None:
    assert modes_named(unit_of("a.c", CODE.encode())) == {
        "MIG_MODE_CPR_TRANSFER",
        "MIG_MODE_CPR_EXEC",
        "MIG_MODE_NORMAL",
        "MIG_MODE__MAX",
    }
    assert modes_named(unit_of("a.c", b"int mode;\n")) == frozenset()
