# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers that the messages of a file format as error numbers, and which calls have given them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from qerrlint.absint.reachability import incoming_edges, place_of
from qerrlint.c.cut import Piece
from qerrlint.checks.errors.message_arguments.wrong_errno import WRONG_ERRNO
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.subject import Subject
from qerrlint.domain.conventions import ERRNO_ARGUMENT
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import POS, Addr, Assign, Call, Edge, Event, Function, Result, Value, Var, text_of
from qerrlint.records import record


@record(frozen=True, slots=True)
class GivenNumber:
    """The argument of a message that it formats as an error number; `call` is the message, in `function`."""

    piece: Piece
    function: Function
    call: Call
    number: Value

    def observation(self, form: str, source: Call, what: str) -> Observation:
        """The observation that the number is a wrong one: `what` says what its source returns."""
        return Observation(
            WRONG_ERRNO.name,
            self.function.name,
            self.call.span,
            self.call.text,
            {"callee": self.call.name, "value": text_of(self.number), "form": form},
            (Step(source.span, f"{source.name}() {what}"),),
            subject=Subject((source,)),
            group=self.call.span,
        )


def given_numbers(file: AnalysedFile, wanted: re.Pattern[bytes]) -> Iterator[GivenNumber]:
    """The numbers in messages of the functions whose text has a match of a pattern."""
    unit = file.unit
    if b"strerror" not in unit.data and b"error_setg_" not in unit.data:
        return
    for piece in file.asked.matching(wanted):
        function = unit.with_definition(piece).lowering.function(piece)
        for call in function.calls if function is not None else ():
            place = ERRNO_ARGUMENT.get(call.name)
            if function is not None and place is not None and place < len(call.args):
                yield GivenNumber(piece, function, call, call.args[place])


def sources_of(function: Function, call: Call, name: str, is_source: Callable[[Call], bool]) -> list[Call]:
    """The calls of which a local variable holds the result at a call; none where it may hold anything else
    than the result of such calls, or is tested to be positive. Walks the blocks backwards to the assignments.
    """
    place = place_of(function, call.index)
    if place is None or name not in function.locals:
        return []
    found: dict[int, Call] = {}
    before = incoming_edges(function)
    seen: set[int] = set()
    todo = [place]
    while todo:
        number, end = todo.pop()
        events = function.blocks[number].events[:end]
        if any(_may_write(event, name) for event in events):
            return []
        given = next((one for one in reversed(events) if _gives(one, name)), None)
        if isinstance(given, Assign):
            source = function.calls[given.value.call] if isinstance(given.value, Result) else None
            if source is None or not is_source(source):
                return []
            found[source.index] = source
            continue
        if number == 0:
            return []
        for earlier, edge in before.get(number, ()):
            if _is_positive(edge, name):
                return []
            if earlier not in seen:
                seen.add(earlier)
                todo.append((earlier, len(function.blocks[earlier].events)))
    return list(found.values())


def _gives(event: Event, name: str) -> bool:
    return isinstance(event, Assign) and event.target == name


def _may_write(event: Event, name: str) -> bool:
    """Whether a callee is handed the address of a variable."""
    return isinstance(event, Call) and any(isinstance(one, Addr) and one.path == name for one in event.args)


def _is_positive(edge: Edge, name: str) -> bool:
    return any(test.subject == Var(name) and test.allow == POS for test in edge.tests)
