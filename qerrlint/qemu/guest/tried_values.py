# SPDX-License-Identifier: GPL-2.0-or-later
"""Tried values: what a guest is taken to write, and which values of an unknown decide an expression."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from qerrlint.c.expressions.parser import Node, paths
from qerrlint.c.expressions.typed import Column
from qerrlint.ir.code import Function
from qerrlint.qemu.guest.sample_scope import FileNames, SampleScope

_MOST_VALUES = 220
# Of a command register: so many of its high single bits are tried together with each number below this.
_MOST_FLAGS = 4
_COMMANDS = 16
_LOW_BYTE = 0xFF
_ALTERNATING = 0xAAAAAAAA
_TRIED = tuple(
    sorted(
        {
            *range(66),
            *(1 << bit for bit in range(6, 32)),
            *(((1 << bit) - 1) for bit in range(6, 33)),
            0xFE,
            0x80000001,
        }
    )
)


def feasible(
    names: FileNames,
    function: Function,
    columns: Mapping[str, Column],
    node: Node | None,
    wanted: Callable[[int], bool],
) -> bool:
    """Whether an expression can have a wanted value, as far as trying values of the one unknown in it tells.

    True where the expression cannot be evaluated, or reads several unknowns.
    """
    if node is None:
        return True
    reads = paths(node)
    scope = SampleScope(names, function, columns)
    unknown = [path for path in reads if scope.value(path).numbers is None]
    if len(unknown) != 1:
        return True
    declared = names.int_type_of(function, unknown[0])
    tried = tuple(dict.fromkeys(declared.wrap(n) for n in _TRIED)) if declared is not None else _TRIED
    column = Column(tried, declared) if declared is not None else Column(tried)
    others = {path: value for path, value in columns.items() if path not in reads}
    result = SampleScope(names, function, {**others, unknown[0]: column}).evaluated(node)
    if not isinstance(result.numbers, tuple):
        return True
    return any(value is None or wanted(value) for value in result.numbers)


def constants_of(names: FileNames, functions: Collection[Function]) -> frozenset[int]:
    """The constants that functions compare with: the numbers of their cases and conditions."""
    return frozenset().union(*(names.compared(function) for function in functions))


def values(near: frozenset[int]) -> tuple[int, ...]:
    """The values that are tried: small ones, single bits, all ones, those beside constants of the code, small
    ones beside a high bit that the code asks for."""
    found = dict.fromkeys(range(33))
    found.update(dict.fromkeys((0xFF, 0xFFFF, 0xFFFFFFFF, (1 << 64) - 1)))
    found.update(dict.fromkeys(1 << bit for bit in range(5, 33)))
    for constant in sorted(near):
        found.update(dict.fromkeys((max(constant - 1, 0), constant, constant + 1)))
    flags = [number for number in sorted(near) if number > _LOW_BYTE and not number & (number - 1)]
    for flag in flags[-_MOST_FLAGS:]:
        found.update(dict.fromkeys(flag | number for number in range(1, _COMMANDS)))
    for constant in keys(near):
        low = (constant & -constant) - 1
        found.update(dict.fromkeys((constant | low, constant | (low & _ALTERNATING))))
    return tuple(found)[:_MOST_VALUES]


def keys(near: frozenset[int]) -> tuple[int, ...]:
    """The constants that may be a key: several bits above eight or more that are 0, which a write holds
    beside its number."""
    found = (number for number in sorted(near) if number > _LOW_BYTE and not number & _LOW_BYTE)
    return tuple(number for number in found if number & (number - 1) and number < 1 << 32)[-_MOST_FLAGS:]
