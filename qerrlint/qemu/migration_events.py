# SPDX-License-Identifier: GPL-2.0-or-later
"""What a migration notifier does for one kind of event: its function with the branches that the event takes.

`e->type` may be tested by name, by sign, in a switch, through a local, or in a function of the same file that
gets the event or its type as an argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qerrlint.domain.effects import Effect
from qerrlint.domain.result import FunctionResult
from qerrlint.ir.code import (
    NEG,
    POS,
    ZERO,
    Assign,
    Block,
    Call,
    Const,
    Edge,
    Event,
    Function,
    Opaque,
    Result,
    Return,
    Test,
    Value,
    Var,
)
from qerrlint.model.summary import Summary, sum_up
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record
from qerrlint.transfer.interpretation import interpret

EVENT_POINTER = "MigrationEvent *"
_PREFIX = "MIG_EVENT_"
# Up to 10.2 the names had one word more.
_FORMER = "MIG_EVENT_PRECOPY_"
_DEEPEST = 3
_SIGNS = {NEG: Const("-1", NEG, -1), ZERO: Const("0", ZERO, 0), POS: Const("1", POS, 1)}


@record(frozen=True, slots=True)
class EventResult:
    """The interpretation for one event; not `decided`: a branch depends on the event in an unknown way."""

    event: str
    result: FunctionResult
    decided: bool


def results_by_event(unit: TranslationUnit, name: str) -> list[EventResult]:
    """One interpretation of the function for each event of the tree.

    Empty where the tree has no events, or the function is damaged or gets no MigrationEvent.
    """
    function, signature = unit.lowered(name), unit.signature(name)
    if function is None or signature is None:
        return []
    of = next((p.name for p in signature.params if p.type == EVENT_POINTER), None)
    events = unit.scope.mig_events()
    out = []
    for event, value in events if of is not None else ():
        narrowing = _Narrowing(unit, event, value, [known for known, _ in events])
        result = narrowing.result(function, of or "", f"{of}->type", 0)
        out.append(EventResult(event, result, narrowing.decided))
    return out


class _Narrowing:
    """Functions without the branches that one event (named `event`, of number `value`) does not take."""

    def __init__(self, unit: TranslationUnit, event: str, value: int, known: Sequence[str]) -> None:
        self._unit = unit
        self._event = event
        self._sign = ZERO if value == 0 else POS
        self._known = known
        self._busy: set[str] = set()
        self.decided = True

    def result(self, function: Function, pointer: str, path: str, depth: int) -> FunctionResult:
        """The interpretation of a function in which `path` holds the event's type and `pointer` the event.

        `depth` counts the calls that lead from the notifier to the function.
        """
        paths = {path, *_copies(function, path)}
        summaries: dict[int, Summary] = {}
        for call in function.calls:
            self._summarise(call, pointer, paths, depth, summaries)
        answers: dict[Value, Const] = {}
        for index, summary in summaries.items():
            signs = 0
            for outcome in summary.outcomes:
                signs |= outcome.signs
            if signs in _SIGNS and not self._errp(function.calls[index]):
                answers[Result(index)] = _SIGNS[signs]
        narrowed = self._narrow(function, paths, answers)

        def effect(call: Call) -> Effect:
            usual = self._unit.effect(call)
            summary = summaries.get(call.index)
            if summary is None or usual.errp is None or not summary.complete:
                return usual
            return replace(usual, outcomes=summary.outcomes, evidence="body")

        return interpret(narrowed, self._unit.signature(function.name), effect)

    def _errp(self, call: Call) -> bool:
        signature = self._unit.signature(call.name)
        return signature is not None and signature.errp is not None

    def _summarise(
        self, call: Call, pointer: str, paths: set[str], depth: int, summaries: dict[int, Summary]
    ) -> None:
        """Put into `summaries` that of a callee which gets the event, or its type, narrowed to the event."""
        positions = [
            position
            for position, arg in enumerate(call.args)
            if isinstance(arg, Var) and (arg.path in paths or (pointer and arg.path == pointer))
        ]
        if not positions:
            return
        name = call.name
        callee = self._unit.lowered(name) if call.direct and name in self._unit.functions else None
        signature = self._unit.signature(name) if callee is not None else None
        if callee is None or signature is None or name in self._busy or depth >= _DEEPEST:
            # A callee whose result is not used (a trace point) decides no branch.
            self.decided = self.decided and not call.used
            return
        position = positions[0]
        if position >= len(signature.params):
            return
        param = signature.params[position].name
        arg = call.args[position]
        whole = isinstance(arg, Var) and arg.path == pointer
        self._busy.add(name)
        result = self.result(callee, param if whole else "", f"{param}->type" if whole else param, depth + 1)
        self._busy.discard(name)
        summaries[call.index] = sum_up(result, self._unit.scope.typedefs, self._unit.effect)

    # -- narrowing --------------------------------------------------------------------------------

    def _narrow(self, function: Function, paths: set[str], answers: Mapping[Value, Const]) -> Function:
        """The function without the edges that the event does not take."""
        blocks = []
        for block in function.blocks:
            edges = []
            for edge in block.edges:
                tests = self._tests(edge, paths, answers)
                if tests is not None:
                    edges.append(replace(edge, tests=tests))
            blocks.append(Block([_answered(e, answers) for e in block.events], edges, block.loop))
        return replace(function, blocks=tuple(blocks))

    def _tests(self, edge: Edge, paths: set[str], answers: Mapping[Value, Const]) -> tuple[Test, ...] | None:
        """The tests of an edge that the event does not decide; None where one of the others fails."""
        left = []
        for test in edge.tests:
            signs = answers[test.subject].signs if test.subject in answers else self._known_signs(test, paths)
            if signs is None:
                left.append(test)
            elif not signs & test.allow:
                return None
        return tuple(left)

    def _known_signs(self, test: Test, paths: set[str]) -> int | None:
        """The sign that a test's subject has for the event; None where the event does not decide it."""
        subject = test.subject
        if isinstance(subject, Var):
            return self._sign if subject.path in paths else None
        if not isinstance(subject, Opaque):
            return None
        left, equals, right = subject.text.partition("==")
        if right in paths:
            left, right = right, left
        if not equals or left not in paths:
            self.decided = self.decided and not any(path in subject.text for path in paths)
            return None
        if right not in self._known and right.startswith(_FORMER):
            right = _PREFIX + right.removeprefix(_FORMER)
        elif right not in self._known and right.startswith(_PREFIX):
            right = _FORMER + right.removeprefix(_PREFIX)
        if right not in self._known:
            self.decided = False
            return None
        return POS if right == self._event else ZERO


def _copies(function: Function, path: str) -> set[str]:
    """The locals that hold nothing but what stands at the path."""
    given: dict[str, set[Value]] = {}
    for event in function.events():
        if isinstance(event, Assign):
            given.setdefault(event.target, set()).add(event.value)
    return {local for local, values in given.items() if values == {Var(path)} and local in function.locals}


def _answered(event: Event, answers: Mapping[Value, Const]) -> Event:
    """The event of the flow with a call's result replaced by its value, where `answers` has it."""
    if isinstance(event, (Assign, Return)) and event.value in answers:
        assert event.value is not None
        return replace(event, value=answers[event.value])
    return event
