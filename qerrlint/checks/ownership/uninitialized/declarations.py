# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a function declares its local variables."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.ir.code import Declare, Function
from qerrlint.records import record


@record(frozen=True, slots=True)
class Declaration:
    """A declaration of a local variable, and its place: number of the block, position in it."""

    declared: Declare
    block: int
    position: int


def declarations(function: Function) -> Iterator[Declaration]:
    """The declarations of a function, block by block."""
    for number, block in enumerate(function.blocks):
        for position, event in enumerate(block.events):
            if isinstance(event, Declare):
                yield Declaration(event, number, position)
