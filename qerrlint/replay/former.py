# SPDX-License-Identifier: GPL-2.0-or-later
"""Former names: where a function of a later revision stood in an earlier one, and how it was called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit

# A function is taken for another's former self when at least this share of the longer one's lines is common.
_ALIKE = 0.5


def former_place(
    earlier: Program, paths: Iterable[str], path: str, function: str, later: TranslationUnit | None
) -> tuple[str, str] | None:
    """(path, function) in the tree `earlier` of the function, or table, that `later` holds, or None.

    Looked for by its name in `path` and then in the other `paths`, else by its text in these.
    """
    unit = earlier.unit(path)
    if unit is not None and _holds(unit, function):
        return path, function
    units = [unit for unit in map(earlier.unit, paths) if unit is not None]
    for unit in units:
        if _holds(unit, function):
            return unit.path, function
    if later is None or function not in later.functions:
        return None
    wanted = _lines(later, function)
    candidates = [
        (_likeness(wanted, _lines(unit, name)), unit.path, name) for unit in units for name in unit.functions
    ]
    likeness, where, name = max(candidates, default=(0.0, "", ""))
    return (where, name) if likeness >= _ALIKE else None


def _holds(unit: TranslationUnit, name: str) -> bool:
    """Whether a file defines a function or a table of a name."""
    return any(piece.name == name for piece in unit.definitions.pieces)


def _lines(unit: TranslationUnit, function: str) -> Counter[bytes]:
    """The lines of a function's bodies, blanks folded; the head is left out, for a new name changes it."""
    pieces = unit.definitions.by_name[function]
    lines = [line for piece in pieces for line in unit.data[piece.body : piece.span.end].splitlines()]
    return Counter(folded for line in lines if len(folded := b" ".join(line.split())) > 1)


def _likeness(one: Counter[bytes], other: Counter[bytes]) -> float:
    longer = max(sum(one.values()), sum(other.values()))
    return sum((one & other).values()) / longer if longer else 0.0
