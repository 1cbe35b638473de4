# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of those functions of a file that a run asks about."""

from __future__ import annotations

import re

from single import unit_of

from qerrlint.checks.asked_text import AskedText

TEXT = b"""static int peg_count; /* tray_open(1) */

int tray_open(int n)
{
    return peg_take(n);
}

void tray_shut(int n)
{
    peg_put(n);
    peg_take(n + 1);
}

void tray_turn(int n)
{
    tray_open(n);
}
"""
PEG = re.compile(rb"peg_(\w+)")


def asked(*names: str) -> AskedText:
    return AskedText(unit_of("a.c", TEXT), names or None)


def names(text: AskedText) -> list[str]:
    return [piece.name for piece in text.pieces]


def test_all_of_a_file() -> None:
    text = asked()
    assert names(text) == ["tray_open", "tray_shut", "tray_turn"]
    assert b"peg_count" in text.words
    assert b"peg_count" in text.vocabulary.split(b"\n")
    assert [found[1] for found in text.matches(PEG)] == [b"count", b"take", b"put", b"take"]
    assert [piece.name for piece in text.matching(PEG)] == ["tray_open", "tray_shut"]
    assert [piece.name for _, piece in text.naming(b"peg_take")] == ["tray_open", "tray_shut"]
    # The names at the heads of functions, and what stands between functions, are in no body.
    assert [piece.name for _, piece in text.naming(b"tray_open")] == ["tray_turn"]


def test_some_functions() -> None:
    text = asked("tray_shut", "tray_turn", "elsewhere")
    assert names(text) == ["tray_shut", "tray_turn"]
    assert text.words == {b"peg_put", b"n", b"peg_take", b"1", b"tray_open"}
    assert text.vocabulary.split(b"\n") == sorted(text.words)
    assert [found[1] for found in text.matches(PEG)] == [b"put", b"take"]
    assert [piece.name for piece in text.matching(PEG)] == ["tray_shut"]
    (place,) = text.naming(b"peg_take")
    assert place[0] == TEXT.index(b"peg_take(n + 1)")
    assert place[1].name == "tray_shut"
    assert list(text.naming(b"peg_count")) == []


def test_no_function() -> None:
    text = asked("elsewhere")
    assert names(text) == []
    assert text.words == frozenset()
    assert text.vocabulary == b""
    assert list(text.matches(PEG)) == []
    assert list(text.naming(b"peg_take")) == []


def test_each_arm_of_a_condition_is_a_definition() -> None:
    twice = b"#ifdef A\nint f(void)\n{\n    return g();\n}\n#else\nint f(void)\n{\n    g();\n}\n#endif\n"
    text = AskedText(unit_of("a.c", twice), {"f"})
    assert [at for at, _ in text.naming(b"g")] == [found.start() for found in re.finditer(rb"g\(", twice)]
