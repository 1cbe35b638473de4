# SPDX-License-Identifier: GPL-2.0-or-later
"""uninitialized-auto: a variable that is freed at the end of its scope has no value there."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.absint.reachability import first_ahead
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.uninitialized.declarations import Declaration, declarations
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Assign, Call, Edge, Event, Function, Return
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.span import Span

# A declaration with a variable that is followed by a comma or the end, not by a value.
_BARE = lazy_re(rb"g_auto(?:free\b|(?:ptr|list)[ \t]{0,9}\([^()\n]{1,80}\))[^;{}()]{0,200}?\w[ \t]{0,9}[,;]")


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The declarations of g_autofree and g_autoptr variables without a value."""
    unit = file.unit
    seen: set[int] = set()
    for found in file.asked.matches(_BARE) if b"g_auto" in unit.data else ():
        piece = unit.definitions.around(found.start())
        if piece is None or found.start() < piece.body or piece.span.start in seen:
            continue
        seen.add(piece.span.start)
        function = unit.with_definition(piece).lowering.function(piece)
        for place in _bare(function) if function is not None else ():
            assert function is not None
            left, declared = _left_without_value(function, place), place.declared
            yield Observation(
                "uninitialized-auto",
                function.name,
                declared.span,
                f"{declared.path} {unit.text.on_one_line(declared.span)}",
                {"variable": declared.path, "how": "left" if left is not None else "bare"},
                (Step(left, f"the scope of {declared.path} ends here, before it has got a value"),)
                if left is not None
                else (),
            )


def _bare(function: Function) -> Iterator[Declaration]:
    """The declarations of variables that free themselves which give no value."""
    for place in declarations(function):
        one = place.declared
        if not one.auto or one.path not in function.autos:
            continue
        behind = function.blocks[place.block].events[place.position + 1 :]
        given = (event for event in behind if isinstance(event, Assign) and event.span == one.span)
        if not any(assigned.target == one.path for assigned in given):
            yield place


def _left_without_value(function: Function, place: Declaration) -> Span | None:
    """The first place where the function returns, or begins the next turn of a loop, on a way from the
    declaration on that gives the variable no value."""

    def leaves(one: Event | Edge) -> bool:
        return isinstance(one, Return) or one is place.declared

    def gives(one: Event | Edge) -> bool:
        return _gives(one, place.declared.path)

    return first_ahead(function, place.block, place.position + 1, leaves, gives)


def _gives(one: Event | Edge, path: str) -> bool:
    """Whether an event gives a variable a value, or may do so: its address is handed on."""
    if isinstance(one, Call):
        return Addr(path) in one.args
    return isinstance(one, Assign) and (one.target == path or one.value == Addr(path))


CHECKS = (
    FileCheck(
        "uninitialized-auto",
        "ownership",
        # variable: its name; how: its scope may end before it has a value, or it only has none at first.
        (event("uninitialized-auto", "variable", how="left bare"),),
        run,
    ),
)
