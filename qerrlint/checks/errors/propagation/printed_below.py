# SPDX-License-Identifier: GPL-2.0-or-later
"""dropped-error: a callee without errp prints why it fails, and its caller sets an Error without the reason.

The callee is a static function of the file that prints a message on each path to a failure, and that only
functions with an errp call: it could set the Error itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.absint.reachability import branch_events, straight_back
from qerrlint.c.cut import Piece
from qerrlint.c.lexis import occurrences
from qerrlint.checks.check import Check
from qerrlint.checks.errors.propagation.dropped_error import DROPPED_ERROR
from qerrlint.checks.failing_edges import failed_call
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.conventions import FAILURE, fails_by
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import POS, Assign, Call, Const, Function, Result, Return, Value, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit

_CALLED = lazy_re(rb"\s{0,9}\(")


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The calls whose failure is printed below and set anew here."""
    if analysed.errp is None:
        return
    told: set[int] = set()
    for number, block in enumerate(analysed.function.blocks):
        for edge in block.edges:
            call = failed_call(analysed, number, edge) if edge.tests else None
            if call is None or call.index in told or not _is_own(analysed, call):
                continue
            setter = next(
                (one for one in branch_events(analysed.function, edge.target) if _sets(analysed, one)), None
            )
            printer = _printer(analysed.unit, call.name) if setter is not None else None
            if setter is None or printer is None or not _has_callers_with_errp(analysed.unit, call.name):
                continue
            told.add(call.index)
            yield Observation(
                DROPPED_ERROR.name,
                analysed.name,
                call.span,
                call.text,
                {
                    "function": analysed.name,
                    "printer": call.name,
                    "setter": printer.name,
                    "how": "printed-below",
                    "errp": analysed.errp,
                },
                (
                    Step(printer.span, f"{call.name}() prints the reason here"),
                    Step(setter.span, f"and {analysed.name}() sets an Error without it here"),
                ),
                "medium",
                whole=True,
                subject=Subject((call,)),
                group=call.span,
            )


def _is_own(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a callee is a static function of the file without errp."""
    unit = analysed.unit
    if not call.direct or call.name == analysed.name or call.name not in unit.functions:
        return False
    if not unit.is_static(call.name):
        return False
    signature = unit.signature(call.name)
    return signature is not None and signature.errp is None


def _sets(analysed: AnalysedFunction, one: object) -> bool:
    """Whether an event sets an Error with a text of its own."""
    return isinstance(one, Call) and analysed.unit.effect(one).evidence == "setter"


def _printer(unit: TranslationUnit, name: str, deeper: bool = True) -> Call | None:
    """The first message of a function that prints one on each path to a failure, itself or in the callee
    whose failure it returns; None for any other function."""
    signature, function = unit.signature(name), unit.lowered(name)
    if signature is None or function is None:
        return None
    below = _Below(unit, function, unit.scope.result_kind(signature), deeper)
    for number, block in enumerate(function.blocks):
        for position, one in enumerate(block.events):
            if isinstance(one, Return) and not below.is_told(one.value, number, position):
                return None
    return min(below.printers, key=lambda call: call.span, default=None)


class _Below:
    """What the returns of one function say of its messages; collects these."""

    def __init__(self, unit: TranslationUnit, function: Function, kind: str, deeper: bool) -> None:
        self._unit = unit
        self._function = function
        self._kind = kind
        self._deeper = deeper
        self.printers: list[Call] = []

    def is_told(self, value: Value | None, block: int, position: int) -> bool:
        """Whether a value that is returned, or stored for it, is no failure, or its message is printed."""
        if isinstance(value, Const):
            return not fails_by(self._kind, value.signs) or self._printed_before(block, position)
        if self._printed_before(block, position):
            return True
        if isinstance(value, Result):
            return self._result_is_told(value)
        return (
            isinstance(value, Var) and value.path in self._function.locals and self._variable_is_told(value)
        )

    def _printed_before(self, block: int, position: int) -> bool:
        before, _ = straight_back(self._function, block, position)
        told = next((one for one in before if isinstance(one, Call) and _prints(one)), None)
        if told is not None:
            self.printers.append(told)
        return told is not None

    def _variable_is_told(self, variable: Var) -> bool:
        """Whether each value that a variable gets is told, there or after a test for a failure."""
        tested = self._printed_after(variable)
        return all(
            self.is_told(one.value, number, position) or (tested and isinstance(one.value, Result))
            for number, block in enumerate(self._function.blocks)
            for position, one in enumerate(block.events)
            if isinstance(one, Assign) and one.target == variable.path
        )

    def _result_is_told(self, result: Result) -> bool:
        """Whether the callee prints each of its failures, or a message stands after the test for one."""
        call = self._function.calls[result.call]
        own = self._deeper and call.direct and call.name in self._unit.functions
        printer = _printer(self._unit, call.name, deeper=False) if own else None
        if printer is not None:
            self.printers.append(printer)
        return printer is not None or self._printed_after(result)

    def _printed_after(self, subject: Value) -> bool:
        """Whether a message stands after each test that shows the failure of a value."""
        targets = [
            edge.target
            for edge in self._function.edges()
            for test in edge.tests
            if test.subject == subject and not test.allow & ~FAILURE.get(self._kind, 0) & ~POS
        ]
        found = [
            next(
                (one for one in branch_events(self._function, at) if isinstance(one, Call) and _prints(one)),
                None,
            )
            for at in targets
        ]
        self.printers += [call for call in found if call is not None]
        return bool(found) and None not in found


def _prints(call: Call) -> bool:
    return word_list("user-messages").matches(call.name) or call.text.startswith("fprintf(stderr")


def _has_callers_with_errp(unit: TranslationUnit, name: str) -> bool:
    """Whether all functions of the file that name a function have an errp, and nothing else names it."""
    for at in occurrences(unit.data, name.encode()):
        piece: Piece | None = unit.definitions.around(at)
        if piece is None:
            if not _CALLED.match(unit.data, at + len(name)):
                return False  # it stands in a table
            continue
        if piece.name == name:
            continue
        signature = unit.signature(piece.name)
        if signature is None or signature.errp is None:
            return False
    return True


CHECKS = (Check("printed-below", "errors", (DROPPED_ERROR,), run),)
