# SPDX-License-Identifier: GPL-2.0-or-later
"""States of a walk over the samples of what a guest hands a function, and how two of them are merged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from qerrlint.c.expressions.typed import Column, Number
from qerrlint.ir.code import root
from qerrlint.records import record


@record(frozen=True, slots=True)
class State:
    """The samples that can be at a place, and what variables and members hold for them.

    `sure`: those that come there without a test that mixes what is known of them with what is not known.
    `below`: those whose only such tests ask whether something known is below something that is not.
    """

    alive: frozenset[int]
    columns: Mapping[str, Column]
    sure: frozenset[int]
    below: frozenset[int] = frozenset()


def forget(columns: dict[str, Column], target: str) -> None:
    """Drop what is known of a place that is written, and of what is reached through it."""
    name = root(target)
    if name == target:
        columns.pop(target, None)
    for path in [path for path in columns if path != target and root(path) == name]:
        if target in (name, f"*{name}") or path.startswith(target) or "[" in target:
            del columns[path]
    columns.pop(target, None)


def merged(one: State, other: State, samples: int) -> State:
    """What both states say; a sample that only one of them has keeps what that one knows."""
    columns: dict[str, Column] = {}
    both, first, second = one.alive & other.alive, one.alive - other.alive, other.alive - one.alive
    for path in one.columns.keys() & other.columns.keys():
        a, b = one.columns[path], other.columns[path]
        if a.numbers == b.numbers:
            columns[path] = a
            continue
        numbers: list[Number] = [None] * samples
        _take(numbers, a, first)
        _take(numbers, b, second)
        if both:
            x, y = _listed(a, samples), _listed(b, samples)
            for index in both:
                number = x[index]
                if number is not None and number == y[index]:
                    numbers[index] = number
        if numbers.count(None) < samples:
            columns[path] = Column(tuple(numbers), a.type)
    for present, absent, alone in ((one, other, first), (other, one, second)):
        for path in present.columns.keys() - absent.columns.keys() if alone else ():
            numbers = [None] * samples
            _take(numbers, present.columns[path], alone)
            if numbers.count(None) < samples:
                columns[path] = Column(tuple(numbers), present.columns[path].type)
    return State(one.alive | other.alive, columns, one.sure | other.sure, one.below | other.below)


def _listed(column: Column, samples: int) -> Sequence[Number]:
    """The value for each sample."""
    return column.numbers if isinstance(column.numbers, tuple) else (column.numbers,) * samples


def _take(numbers: list[Number], column: Column, samples: Collection[int]) -> None:
    """Record what a column says of some samples."""
    held = column.numbers
    for index in samples if held is not None else ():
        numbers[index] = held[index] if isinstance(held, tuple) else held
