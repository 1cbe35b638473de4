# SPDX-License-Identifier: GPL-2.0-or-later
"""use-after-free, returned: a variable that frees what it holds is returned, which its end frees."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.check import FileCheck
from qerrlint.checks.devices.use_after_free import USE_AFTER_FREE
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import ZERO, Addr, Assign, Call, Const, Declare, Edge, Event, Function, Return, Var
from qerrlint.lazy_patterns import lazy_re

_DECLARED = lazy_re(
    rb"\bg_auto(?:free|ptr[ \t]{0,9}\(\w{1,80}\))(?=[ \t\n])[^;={}]{0,160}\b(\w{1,80})[ \t]{0,9}[=;]"
)


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    if b"g_auto" not in unit.data:
        return
    seen: set[int] = set()
    for found in file.asked.matches(_DECLARED):
        piece = unit.definitions.around(found.start())
        if piece is None or piece.span.start in seen:
            continue
        if not re.compile(rb"\breturn[ \t\n]{1,9}%s[ \t]{0,9};" % found[1]).search(
            unit.data, found.end(), piece.span.end
        ):
            continue
        seen.add(piece.span.start)
        function = unit.with_definition(piece).lowering.function(piece)
        if function is not None:
            yield from _in_function(file, function)


def _in_function(file: AnalysedFile, function: Function) -> Iterator[Observation]:
    owned = [
        event for event in function.events() if isinstance(event, Declare) and event.auto and not event.static
    ]
    for declared in owned:
        name = declared.path
        for leaving in _holding(function, declared):
            yield Observation(
                event="use-after-free",
                function=function.name,
                primary=leaving.span,
                key=f"{name} {file.unit.text.on_one_line(leaving.span)}",
                slots={"place": name, "free": "", "callee": "", "how": "scope"},
                trail=(
                    Step(
                        declared.span,
                        f"{name} is declared here, and the end of its scope frees what it holds",
                    ),
                ),
                group=("use-after-free", function.name, name, leaving.span),
            )


def _holding(function: Function, declared: Declare) -> list[Return]:
    """The returns of a variable on paths on which it may hold something by then.

    Another scope may declare a variable of the same name: that is not this one.
    """
    name = declared.path
    out: list[Return] = []
    seen: set[tuple[int, bool, bool]] = set()
    todo = [(0, False, False)]
    while todo:
        number, here, holds = todo.pop()
        if (number, here, holds) in seen:
            continue
        seen.add((number, here, holds))
        block = function.blocks[number]
        for event in block.events:
            if isinstance(event, Declare) and event.path == name:
                here, holds = event == declared, False
            elif holds and isinstance(event, Return) and event.value == Var(name) and event not in out:
                out.append(event)
            holds = here and _after(event, name, holds)
        todo += [(edge.target, here, holds and not _is_null(edge, name)) for edge in block.edges]
    return sorted(out, key=lambda leaving: leaving.span)


def _after(event: Event, name: str, holds: bool) -> bool:
    """Whether the variable may hold something after an event."""
    if isinstance(event, Assign) and event.target == name:
        return not (isinstance(event.value, Const) and event.value.signs == ZERO)
    if isinstance(event, Call) and Addr(name) in event.args:
        return event.name not in ("g_steal_pointer", "g_clear_pointer")
    return holds


def _is_null(edge: Edge, name: str) -> bool:
    """Whether the variable is NULL on paths through an edge."""
    return any(test.subject == Var(name) and test.allow == ZERO for test in edge.tests)


CHECKS = (FileCheck("returned-auto", "devices", (USE_AFTER_FREE,), _run),)
