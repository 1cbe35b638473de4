# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the functions of a reset is told to leave something: the one that does most of the work."""

from __future__ import annotations

from collections.abc import Mapping

from qerrlint.checks.file import AnalysedFile
from qerrlint.qemu.device_state import members_named, members_only_read
from qerrlint.qemu.function_text import FunctionText

FEWEST_NAMED = 3
"""So many members of a struct a reset sets at least where it leaves others, ..."""
TIMES = 2
"""... and so many times as many as those."""


def main_reset(file: AnalysedFile, own: list[FunctionText], members: frozenset[str]) -> FunctionText:
    """Of the functions of the file that which sets most members, of those that by their names reset something
    unless another one sets more than twice as many.

    One that the others do not call comes first unless another one sets twice as many.
    """
    here = [text for text in own if text.path == file.unit.path]

    def count(text: FunctionText) -> int:
        return len((members_named(text.code) - members_only_read(text.code)) & members)

    most = max(here, key=count)
    by_name = [text for text in here if "reset" in text.name.lower()]
    named = max(by_name, key=count) if by_name else most
    called = {name for text in here for name in text.called()}
    roots = [text for text in by_name if text.name not in called and TIMES * count(text) >= count(named)]
    named = max(roots, key=count) if roots and count(named) else named
    return most if count(most) >= max(FEWEST_NAMED, TIMES * count(named) + 1) else named


def named_reset(file: AnalysedFile, main: FunctionText, texts: Mapping[str, FunctionText]) -> FunctionText:
    """The function that is called a reset and hands all to one whose name does not say so, else that one."""
    if "reset" in main.name.lower():
        return main
    calling = [
        text
        for text in texts.values()
        if text.path == file.unit.path and "reset" in text.name.lower() and main.name in text.called()
    ]
    alone = [text for text in calling if not members_named(text.code)]
    return alone[0] if alone else main
