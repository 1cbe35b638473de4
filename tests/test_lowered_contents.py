# SPDX-License-Identifier: GPL-2.0-or-later
"""What the programs of a review share of a file that is the same in them: its lowered functions, and results
where all that these depend on is the same."""

from __future__ import annotations

from collections.abc import Mapping

from qerrlint.model.lowering import LoweredContents
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

PEG = """
#include "peg.h"
bool peg_run(Error **errp)
{
    if (!peg_first(errp)) {
        return false;
    }
    if (peg_code() == PEG_BAD) {
        return false;
    }
    return true;
}
"""
HEADER = "#define PEG_BAD (-1)\nbool peg_first(Error **errp);\nint peg_code(void);\n"


def units(*trees: Mapping[str, str], shared: bool = True) -> list[TranslationUnit]:
    """hw/peg.c of each tree, whose programs share what they lower."""
    lowered = LoweredContents() if shared else None
    found = []
    for tree in trees:
        files = {"hw/peg.c": PEG, "hw/peg.h": HEADER, **tree}
        source = OverlaySource(EmptySource(), {path: text.encode() for path, text in files.items()})
        unit = Program(source, "headers", tuple(files), lowered=lowered).unit("hw/peg.c")
        assert unit is not None
        found.append(unit)
    return found


def returns(unit: TranslationUnit) -> list[str]:
    result = unit.result("peg_run")
    assert result is not None
    return [f"{at.span.start} {at.signs} {at.error} {at.constant}" for at in result.returns]


def test_a_function_of_a_file_that_is_the_same_is_lowered_and_interpreted_once() -> None:
    one, other = units({}, {"hw/other.c": "int other;\n"})
    assert one.lowered("peg_run") is other.lowered("peg_run") is not None
    assert one.result("peg_run") is other.result("peg_run") is not None


def test_what_is_not_shared_is_equal() -> None:
    one, other = units({}, {}, shared=False)
    assert one.lowered("peg_run") is not other.lowered("peg_run")
    assert returns(one) == returns(other)


def test_another_text_is_lowered_anew() -> None:
    one, other = units({}, {"hw/peg.c": PEG.replace("return true", "return 1 == 1")})
    assert one.lowered("peg_run") is not other.lowered("peg_run")


def test_another_number_of_a_constant_is_lowered_anew() -> None:
    one, other, third = units({}, {"hw/peg.h": HEADER.replace("-1", "-2")}, {})
    assert one.lowered("peg_run") is not other.lowered("peg_run")
    assert other.lowered("peg_run") is not third.lowered("peg_run")
    assert returns(one) == returns(third)


def test_another_effect_of_a_callee_is_interpreted_anew() -> None:
    fails = '#include "peg.h"\nbool peg_first(Error **errp)\n{\n    return false;\n}\n'
    sets = fails.replace("return", 'error_setg(errp, "no");\n    return')
    apart = [unit for tree in ({}, {"hw/first.c": fails}, {"hw/first.c": sets}) for unit in units(tree)]
    together = units({}, {"hw/first.c": fails}, {"hw/first.c": sets})
    assert len({id(unit.lowered("peg_run")) for unit in together}) == 1
    assert len({id(unit.result("peg_run")) for unit in together}) == 3
    assert [returns(unit) for unit in together] == [returns(unit) for unit in apart]
