# SPDX-License-Identifier: GPL-2.0-or-later
"""uninitialized-release: a jump leads past what gives a variable its value, to a label that frees it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.reachability import paths_ahead
from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.uninitialized.declarations import Declaration, declarations
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import (
    Addr,
    Assign,
    Call,
    Deref,
    Edge,
    Event,
    Function,
    Return,
    identifiers,
    text_of,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.span import Span

# A call in no inner block, which no condition guards, of something that is, or is behind, a variable. What
# clears or sets up the description of a release gives it its value.
_RELEASED = lazy_re(
    rb"\n(?:    |\t)(?!\w{1,120}_(?:clear|init)[ \t]?\()"
    rb"(\w{0,60}(?:free|unref|destroy|cleanup|uninit|fini|release)\w{0,60})"
    rb"[ \t]?\(&?(\w{1,60})\);"
)
_LABEL = lazy_re(rb"\n ?(?!default\b)\w{1,60}:\n")
_GOTO = lazy_re(rb"\bgoto\b")


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The calls behind a label that free a variable which a jump to the label leaves without a value."""
    unit = file.unit
    for found in file.asked.matches(_RELEASED) if b"goto" in file.asked.words else ():
        at, name = found.start(1), found[2].decode()
        piece = unit.definitions.around(at)
        if piece is None or not _is_jumped_over(unit.data, piece, at, found[2]):
            continue
        function = unit.with_definition(piece).lowering.function(piece)
        place = _declaration(function, name) if function is not None else None
        if function is not None and place is not None and _is_untouched(function, place, at):
            release = found[1].decode()
            yield Observation(
                "uninitialized-release",
                function.name,
                Span(unit.path, at, found.end() - 1),
                f"{release} {name}",
                {"variable": name, "release": release},
                (Step(place.declared.span, f"{name} has no value yet; a jump leads past its first use"),),
            )


def _is_jumped_over(data: bytes, piece: Piece, at: int, name: bytes) -> bool:
    """Whether a call stands behind a label, and a jump between a variable's declaration and first use."""
    label = max((one.start() for one in _LABEL.finditer(data, piece.body, at)), default=-1)
    uses = re.compile(rb"(?<![\w.>])%s\b" % re.escape(name)).finditer(data, piece.body, at + len(name) + 99)
    declared, first = next(uses, None), next(uses, None)
    if label < 0 or declared is None or first is None:
        return False
    return _GOTO.search(data, declared.end(), min(first.start(), label)) is not None


def _declaration(function: Function, name: str) -> Declaration | None:
    """Where a local variable that does not free itself is declared; None where that is not one place."""
    found = [place for place in declarations(function) if place.declared.path == name]
    return found[0] if len(found) == 1 and name not in function.autos else None


def _is_untouched(function: Function, place: Declaration, at: int) -> bool:
    """Whether a path from the declaration leads to the call at an offset and does not name the variable."""

    declared = place.declared

    def ends(one: Event | Edge) -> bool:
        return isinstance(one, Return) or _names(one, declared.path)

    for one in paths_ahead(function, place.block, place.position + 1, ends):
        if isinstance(one, Call) and one.span.start == at:
            return (one.args[0] == Addr(declared.path)) != declared.type.endswith("*")
    return False


def _names(one: Event | Edge, path: str) -> bool:
    """Whether an event, or a test at an edge, names a variable."""
    if isinstance(one, Edge):
        return any(path in identifiers(text_of(test.subject)) for test in one.tests)
    if isinstance(one, Call):
        return path in identifiers(one.text)
    if isinstance(one, Assign):
        return path in identifiers(one.target) or path in identifiers(text_of(one.value))
    return isinstance(one, Deref) and path in identifiers(one.path)


CHECKS = (
    FileCheck(
        "uninitialized-release",
        "ownership",
        # variable: its name; release: the call that frees it.
        (event("uninitialized-release", "variable", "release"),),
        run,
    ),
)
