# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of a source the front end could parse: counts and the list of what it could not; it knows no rule.

The analyses skip damaged functions, so these figures say how far their silence can be trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from qerrlint.syntax.cut import FUNCTION, cut
from qerrlint.syntax.parse import parse_piece

# A function that has to do with Error objects.
ERRORISH = re.compile(
    rb"\bError\b|\berrp\b|\blocal_err\b|\berror_(?:set|prop|report|free|abort|fatal|prepend|append|copy)"
)
# Beside the emulator proper: firmware, imported projects, tests, samples.
_NOT_CORE = ("roms/", "subprojects/", "tests/", "contrib/", "docs/", "scripts/")


@dataclass(frozen=True, slots=True)
class DamagedFunction:
    """A function that could not be parsed; line: of its head, from 1; reason: as in parse.Parsed.damage."""

    path: str
    line: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """Counts over functions: all, damaged, those that mention an Error, damaged ones among these."""

    functions: int = 0
    damaged: int = 0
    errorish: int = 0
    errorish_damaged: int = 0
    damaged_functions: tuple[DamagedFunction, ...] = ()

    def __add__(self, other: Health) -> Health:
        return Health(
            self.functions + other.functions,
            self.damaged + other.damaged,
            self.errorish + other.errorish,
            self.errorish_damaged + other.errorish_damaged,
            self.damaged_functions + other.damaged_functions,
        )


def is_core(path: str) -> bool:
    """Whether a path relative to the root of a QEMU tree is C code of the emulator proper."""
    return path.endswith((".c", ".c.inc")) and not path.startswith(_NOT_CORE)


def health_of_file(path: str, data: bytes) -> Health:
    """The health of one file's functions."""
    functions = errorish = errorish_damaged = 0
    damaged: list[DamagedFunction] = []
    for piece in cut(path, data):
        if piece.kind != FUNCTION:
            continue
        functions += 1
        concerned = ERRORISH.search(data, piece.span.start, piece.span.end) is not None
        errorish += concerned
        damage = parse_piece(piece, data).damage
        if damage is not None:
            errorish_damaged += concerned
            line = data.count(b"\n", 0, piece.span.start) + 1
            damaged.append(DamagedFunction(path, line, piece.name, damage))
    return Health(functions, len(damaged), errorish, errorish_damaged, tuple(damaged))


def health(files: Iterable[tuple[str, bytes]]) -> Health:
    """The health of a whole source, given as (path, bytes) of each file; damaged functions in input order."""
    parts = [health_of_file(path, data) for path, data in files]
    return Health(
        sum(part.functions for part in parts),
        sum(part.damaged for part in parts),
        sum(part.errorish for part in parts),
        sum(part.errorish_damaged for part in parts),
        tuple(one for part in parts for one in part.damaged_functions),
    )
