# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the functions of a reset is told to leave something: the one that does most of the work."""

from __future__ import annotations

from collections.abc import Mapping

from qerrlint.c.expressions.int_types import is_int_type
from qerrlint.checks.file import AnalysedFile
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_state import members_named, members_only_read
from qerrlint.qemu.function_text import FunctionText

_INDEX = lazy_re(r"\[([^\[\]]*)\]")
_SET = lazy_re(r"(?<![\w.>])(\w+)\s*=(?!=)([^;]*);")
_WORD = lazy_re(r"[A-Za-z_]\w*")
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
    here = [text for text in here if not _is_of_one_part(file, text)] or here

    def count(text: FunctionText) -> int:
        return len((members_named(text.code) - members_only_read(text.code)) & members)

    most = max(here, key=count)
    by_name = [text for text in here if "reset" in text.name.lower()]
    named = max(by_name, key=count) if by_name else most
    called = {name for text in here for name in text.called()}
    roots = [text for text in by_name if text.name not in called and TIMES * count(text) >= count(named)]
    named = max(roots, key=count) if roots and count(named) else named
    return most if count(most) >= max(FEWEST_NAMED, TIMES * count(named) + 1) else named


def _is_of_one_part(file: AnalysedFile, text: FunctionText) -> bool:
    """Whether a function resets one of several parts (a queue, a port, a virtual function), by a number that
    it gets and that, as it is or in a variable, indexes what it sets."""
    signature = file.unit.signature(text.name)
    numbers = {
        param.name
        for param in (signature.params[1:] if signature is not None else ())
        if is_int_type(param.type, file.unit.scope.typedefs)
    }
    if not numbers:
        return False
    for found in _SET.finditer(text.code):
        if numbers & set(_WORD.findall(found[2])):
            numbers.add(found[1])
    return any(numbers & set(_WORD.findall(index)) for index in _INDEX.findall(text.code))


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
