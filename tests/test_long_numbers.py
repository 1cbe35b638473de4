# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers of thousands of digits, which Python refuses to convert, are no numbers of C."""

from __future__ import annotations

import pytest

from qerrlint.model.program import Program
from qerrlint.qemu.vmstate.wire import WireItem
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        ("12", 12),
        ("-0x10", -16),
        ("(7U)", 7),
        ("1" * 6000, None),
        ("0x" + "f" * 70_000, None),
        ("-" + "9" * 65, None),
    ],
)
def test_a_macro_that_is_a_number(number: str, wanted: int | None) -> None:
    text = f"#define WIDE {number}\nint f(void)\n{{\n    return g(WIDE);\n}}\n"
    unit = Program(OverlaySource(EmptySource(), {"a.c": text.encode()}), reach="patch").unit("a.c")
    assert unit is not None
    assert unit.scope.constant("WIDE") == wanted


@pytest.mark.parametrize(
    ("count", "wanted"), [("", 1), ("3", 3), ("n", None), ("1" * 6000, None), ("\N{SUPERSCRIPT TWO}", None)]
)
def test_a_count_of_elements(count: str, wanted: int | None) -> None:
    assert WireItem("bytes", count).size() == wanted
