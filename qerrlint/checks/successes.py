# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways of returning success with an Error set, of going on behind one, and of leaving by exit()."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.comments import excused
from qerrlint.checks.returned import Returned
from qerrlint.checks.steps import folded, path_steps
from qerrlint.domain.error import ErrorState
from qerrlint.domain.result import ReturnState
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import FALSE, TRUE
from qerrlint.source.span import Span

# Void functions that bring something about; others may well end their work after an Error.
_WORKS = re.compile(
    r"realize|plug|apply|register|(?:^|_)init|alloc|setup|complete|open|start|create|attach|load|configure"
)
_JUMP = re.compile(rb"\b(?:return|goto|break|continue)\b")
_EXITS = frozenset({"exit", "hw_error"})
_GOOD_EXIT = re.compile(r"\(\s*(?:0|EXIT_SUCCESS)\s*\)$")


class Successes(Returned):
    """The successful returns of one function, judged, and the places where it should have returned."""

    def succeeding(self, leaving: ReturnState) -> Iterator[Observation]:
        """A success: no Error may be set."""
        error = leaving.error
        if error.state is not ErrorState.SET or error.origin < 0:
            return
        if leaving.origin == error.origin:
            return  # the result is passed on as it is: whatever is wrong is wrong in the callee
        unit, setter = self._unit, self._life.function.calls[error.origin]
        effect = unit.effect(setter)
        if effect.evidence == "guess" or excused(unit, setter.span):
            return
        if self._kind == "int" and self._passes_bool(leaving):
            return  # the type of the result is the matter, and int-as-bool says so
        text = folded(unit, leaving.span).removeprefix("return").strip(" ;")
        steps = path_steps(unit, leaving.trail, "*" + self._errp, setter)
        name = self._life.function.name
        if error.sure:
            slots = {"function": name, "value": text, "callee": setter.name, "kind": self._kind}
            yield from self._make(
                "success-with-error", leaving.span, f"{text} {setter.text}", slots, steps, leaving=leaving
            )
        else:
            slots = {"function": name, "callee": setter.name, "kept": ""}
            leave = Step(leaving.span, "the function returns success here")
            yield from self._make(
                "unchecked-call", setter.span, setter.text, slots, (leave,), "medium", leaving
            )

    def _passes_bool(self, leaving: ReturnState) -> bool:
        if leaving.value in (TRUE, FALSE):
            return True
        return (
            leaving.origin >= 0
            and self._unit.effect(self._life.function.calls[leaving.origin]).kind == "bool"
        )

    def going_on(self) -> Iterator[Observation]:
        """A void function that sets errp and then goes on with its work: a return is missing."""
        calls = self._life.function.calls
        if not _WORKS.search(self._life.function.name):
            return
        for occurrence in self._life.occurrences:
            if occurrence.kind != "goes-on":
                continue
            setter, following = calls[occurrence.first.origin], calls[occurrence.call]
            if following.span < setter.span or _JUMP.search(self._branch_rest(setter.span)):
                continue
            slots = {
                "function": self._life.function.name,
                "value": "",
                "callee": setter.name,
                "kind": "void",
            }
            step = Step(following.span, f"the function goes on here with {following.name}()")
            yield from self._make("success-with-error", setter.span, setter.text, slots, (step,), "medium")

    def _branch_rest(self, span: Span) -> bytes:
        """The text from a place to the end of the block that it stands in."""
        data, depth = self._unit.data, 0
        for at in range(span.end, min(span.end + 2000, len(data))):
            if data[at] == 0x7B:
                depth += 1
            elif data[at] == 0x7D:
                depth -= 1
                if depth < 0:
                    return data[span.end : at]
        return data[span.end : span.end + 2000]

    def exiting(self) -> Iterator[Observation]:
        """exit() in a function that could report."""
        for occurrence in self._life.occurrences:
            if occurrence.first.state is ErrorState.SET:
                continue  # the last resort after a failure that is already worded
            if occurrence.kind != "exits" or occurrence.cell not in _EXITS:
                continue
            text = folded(self._unit, occurrence.span)
            if _GOOD_EXIT.search(text) or excused(self._unit, occurrence.span, in_block=True):
                continue
            slots = {"function": self._life.function.name, "printer": occurrence.cell, "form": "exit"}
            yield from self._make("error-printed-not-set", occurrence.span, text, slots, (), "medium")
