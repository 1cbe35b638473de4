# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held of memory that a member of a struct holds where the function that made both frees the
struct alone: on the path of a failure, mostly.

The paths from the call that makes the memory to the free of the struct are followed. They end where the
member is freed, gets another value or another name, or where a callee may free it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.reachability import events_before, paths_ahead, place_of
from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.checks.ownership.left_unwound import PAIR as UNWOUND
from qerrlint.checks.ownership.local_uses import LocalUses, is_storing
from qerrlint.checks.ownership.release_sites import may_release
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import (
    ZERO,
    Addr,
    Assign,
    Call,
    Edge,
    Event,
    Function,
    Result,
    Value,
    Var,
    root,
    text_of,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record

PAIR = "memory"
"""The pair of what g_free() frees."""
_FREE = "g_free"
_FREED = lazy_re(rb"\bg_free[ \t]{0,9}\([ \t]{0,9}(\w{1,60})[ \t]{0,9}\)")
# Of these a NULL is no failure, or never comes.
_MAKERS = rb"g_(?:new0?|malloc0?(?:_n)?|strdup(?:_printf)?|strndup|memdup2?)[ \t]{0,9}\("
_MADE = rb"\b%s->\w{1,60}\s{0,20}=\s{0,80}(?:\([\w\s*]{1,60}\)\s{0,20})?" + _MAKERS
_STRUCT = rb"\b%s\s{0,20}=\s{0,80}(?:\([\w\s*]{1,60}\)\s{0,20})?g_(?:new|malloc)0?[ \t]{0,9}\("


@record(frozen=True, slots=True)
class HeldMember:
    """A member that got new memory, by the call `made`, and the call that frees its struct alone. The
    subject of exemptions."""

    place: str
    made: Call
    freed: Call


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The members that functions of one file leave in structs which they free."""
    unit = file.unit
    if b"g_free" not in file.asked.words:
        return
    wanted: dict[int, tuple[Piece, set[str]]] = {}
    for found in file.asked.matches(_FREED):
        piece = unit.definitions.around(found.start())
        if piece is None or found.start() < piece.body:
            continue
        if _makes(unit.data, piece, found[1]):
            wanted.setdefault(piece.span.start, (piece, set()))[1].add(found[1].decode())
    for _, (piece, names) in sorted(wanted.items()):
        view = unit.with_definition(piece)
        function = view.lowering.function(piece)
        if function is not None:
            for name in sorted(names & function.locals.keys()):
                yield from _of_struct(view, function, name)


def _makes(data: bytes, piece: Piece, name: bytes) -> bool:
    """Whether a function makes a struct for a variable, and memory for one of its members, by its text."""
    return (
        re.search(_STRUCT % name, data[piece.body : piece.span.end]) is not None
        and re.search(_MADE % name, data[piece.body : piece.span.end]) is not None
    )


def _of_struct(unit: TranslationUnit, function: Function, name: str) -> Iterator[Observation]:
    told: set[str] = set()
    for number, block in enumerate(function.blocks):
        for position, event in enumerate(block.events):
            place = event.target if isinstance(event, Assign) else ""
            if not place.startswith(f"{name}->") or not isinstance(event, Assign) or place in told:
                continue
            call = function.calls[event.value.call] if isinstance(event.value, Result) else None
            if call is None or not call.direct or not re.match(_MAKERS, f"{call.name}(".encode()):
                continue
            freed = _MemberPaths(unit, function, name, place).free_after(number, position + 1)
            if freed is not None:
                told.add(place)
                yield _observation(function, HeldMember(place, call, freed))


class _MemberPaths:
    """The paths of a function on which a member of a struct holds memory."""

    def __init__(self, unit: TranslationUnit, function: Function, name: str, place: str) -> None:
        self._unit = unit
        self._function = function
        self._name = name
        self._place = place
        self._member = place.rpartition("->")[2].rpartition(".")[2].encode()
        self._uses = LocalUses(unit, function)

    def free_after(self, block: int, position: int) -> Call | None:
        """A call behind a place that frees the struct while the member holds what it has got."""
        ahead = paths_ahead(self._function, block, position, self._ends)
        freeing = (event for event in ahead if isinstance(event, Call) and self._frees_struct(event))
        return next((call for call in freeing if not self._is_freed_before(call)), None)

    def _frees_struct(self, call: Call) -> bool:
        return call.name == _FREE and call.args[:1] == (Var(self._name),)

    def _is_freed_before(self, freed: Call) -> bool:
        """Whether some path to a free of the struct frees the member first.

        A condition may tell there whether it holds anything; left_unwound looks for jumps to a wrong label.
        """
        at = place_of(self._function, freed.index)
        return at is None or any(
            isinstance(event, Call) and Var(self._place) in event.args and may_release(event.name)
            for event in events_before(self._function, freed.index)
        )

    def _ends(self, event: Event | Edge) -> bool:
        """Whether an event may free the memory, or give it another owner; whether a path through an edge has
        no struct, or no memory in its member."""
        if isinstance(event, Edge):
            holders = (Var(self._name), Var(self._place))
            return any(test.allow == ZERO and test.subject in holders for test in event.tests)
        if isinstance(event, Assign):
            if event.target in (self._name, self._place) or self._place.startswith(f"{event.target}."):
                return True
            return self._is_part(event.value)
        if isinstance(event, Call):
            return self._frees_struct(event) or any(
                self._hands(event, position, arg) for position, arg in enumerate(event.args)
            )
        return False

    def _is_part(self, value: Value) -> bool:
        """Whether a value is the struct, or the member, or has one of them in it."""
        text = text_of(value)
        if isinstance(value, (Var, Addr)):
            path = value.path
            return path in (self._name, self._place) or (
                isinstance(value, Addr) and (path == self._name or self._place.startswith(path))
            )
        return re.search(rf"\b{re.escape(self._name)}\b(?!->|\.)|{re.escape(self._place)}", text) is not None

    def _hands(self, call: Call, position: int, arg: Value) -> bool:
        """Whether a call that gets an argument may free the memory, or keep it."""
        if not self._is_part(arg):
            # A part of the struct: what releases one part may release all.
            inside = isinstance(arg, (Var, Addr)) and root(arg.path) == self._name
            return inside and isinstance(arg, Addr) and may_release(call.name) and not call.direct
        if not call.direct or may_release(call.name) or is_storing(call.name) or call.name.isupper():
            return True
        if isinstance(arg, Var) and arg.path == self._place:
            return not self._uses.is_borrowed(call, position)
        piece = self._unit.functions.get(call.name)
        if piece is not None:
            return self._unit.data.find(self._member, piece.body, piece.span.end) >= 0
        return not isinstance(arg, Var)


def _observation(function: Function, subject: HeldMember) -> Observation:
    made, freed = subject.made, subject.freed
    name = root(subject.place)
    steps = (
        Step(made.span, f"{made.name}() allocates what {subject.place} points to"),
        Step(freed.span, f"g_free() frees {name} here, and not what {subject.place} points to"),
    )
    return Observation(
        event="left-held",
        function=function.name,
        primary=made.span,
        key=f"{subject.place} {made.text}",
        slots={
            "pair": PAIR,
            "object": subject.place,
            "acquire": made.name,
            "release": "g_free()",
            "when": "member",
            "elsewhere": "yes",
        },
        trail=steps,
        certainty="medium",
        subject=subject,
        group=(UNWOUND, function.name, made.index),
    )


CHECKS = (FileCheck("freed-before-members", "ownership", (LEFT_HELD,), run),)
