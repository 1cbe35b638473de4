# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways of returning a failure that lack an Error: dropped, printed, or never there."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.absint.trace import places
from qerrlint.checks.blameless import (
    answered,
    assigned_from,
    bare,
    documented,
    helped,
    impossible,
    own_returns,
    told_apart,
)
from qerrlint.checks.returned import Returned
from qerrlint.checks.steps import folded, path_steps
from qerrlint.domain.conventions import fails_by
from qerrlint.domain.error import ErrorState
from qerrlint.domain.result import ReturnState
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import ANY, NEG, ZERO, Call, Const, Result, Var, identifiers, text_of

# How deep the statements of a function's own block are indented (docs/devel/style.rst of QEMU).
_INDENT = 4


def _leave(leaving: ReturnState) -> Step:
    return Step(leaving.span, "the function fails here without an Error")


class Failures(Returned):
    """The failing returns of one function, judged."""

    def forwards(self, leaving: ReturnState) -> bool:
        """Whether the result is that of a callee without errp, untested, and its body shows that it fails."""
        if self._kind != "int" or leaving.signs != ANY or leaving.soft or leaving.constant:
            return False
        call = self._last_source(leaving)
        if call is None:
            return False
        # Whoever returns what another function returned may fail; here one return of that is a plain failure.
        return any(fails_by("int", e.signs) for e in own_returns(self._unit, call))

    def failing(self, leaving: ReturnState) -> Iterator[Observation]:
        """A failure: the Error must be set."""
        if leaving.error.state is not ErrorState.NULL or leaving.handed:
            return
        if documented(self._unit, self._life, leaving) or helped(self._unit, leaving):
            return
        members = self._unit.slots_of(self._life.function.name)
        if any(self._unit.environment.api.tolerates_unset(member) for member in members):
            return
        unit, calls = self._unit, self._life.function.calls
        for number in leaving.printed:
            call = calls[number]
            effect = unit.effect(call)
            if self._kind == "int" and leaving.signs != NEG:
                continue
            if self._kind == "void" and b"}" in unit.data[call.span.end : leaving.span.start]:
                continue  # a return that others share
            if self._null_errp(call):
                yield from self._dropped(call, call.name, "null", leaving)
            elif effect.consumes is None:
                slots = {"function": self._life.function.name, "printer": call.name, "form": "report"}
                leave = (_leave(leaving),)
                yield from self._make(
                    "error-printed-not-set", call.span, call.text, slots, leave, leaving=leaving
                )
            else:
                how = "report" if effect.how == "report" else "free"
                yield from self._dropped(call, self._setter(number), how, leaving)
        if leaving.printed or self._kind == "void":
            return
        if leaving.signs != ANY and (
            answered(unit, self._life, leaving, self._errp)
            or impossible(unit, self._life, leaving)
            or told_apart(unit, self._life, leaving)
        ):
            return
        origin = calls[leaving.origin] if leaving.origin >= 0 else None
        text = folded(unit, leaving.span).removeprefix("return").strip(" ;")
        if origin is not None and self._null_errp(origin):
            yield from self._dropped(origin, origin.name, "null", leaving)
            return
        slots = {
            "function": self._life.function.name,
            "value": text,
            "origin": origin.name if origin is not None else self._source(leaving),
            "kind": self._kind,
        }
        steps = path_steps(unit, leaving.trail, "", None)
        certainty = "high" if isinstance(leaving.value, Const) or leaving.origin >= 0 else "medium"
        if self._kind != "int":
            certainty = "medium" if self._exceptional(leaving) else "low"
        if bare(self._life):
            certainty = "low"
        yield from self._make(
            "failure-without-error",
            leaving.span,
            text_of(leaving.value or Const("", 0)),
            slots,
            steps,
            certainty,
            leaving,
        )

    def _dropped(self, call: Call, setter: str, how: str, leaving: ReturnState) -> Iterator[Observation]:
        """The Error of `setter` ends in `call`; `how` is null where it was never asked for (no more than
        likely a mistake), report or free where it is consumed."""
        slots = {
            "function": self._life.function.name,
            "printer": call.name,
            "setter": setter,
            "how": how,
        }
        certainty = "medium" if how == "null" else "high"
        yield from self._make(
            "dropped-error", call.span, call.text, slots, (_leave(leaving),), certainty, leaving
        )

    def _exceptional(self, leaving: ReturnState) -> bool:
        """Whether false or NULL without an Error is the odd one out: others leave by the same return with an
        Error, or more returns have one than have none. At a tie it is where it stands in the body of an `if`;
        elsewhere it may mean "no" or "none"."""
        with_error = {
            e.span for e in self._life.returns if e.signs == ZERO and e.error.state is not ErrorState.NULL
        }
        without = {e.span for e in self._life.returns if e.signs == ZERO and e.error.state is ErrorState.NULL}
        if leaving.span in with_error or len(without) < len(with_error):
            return True
        return len(without) == len(with_error) and self._is_conditional(leaving)

    def _is_conditional(self, leaving: ReturnState) -> bool:
        """Whether the return stands deeper than the function's own block."""
        _, column = self._unit.lines.position(leaving.span.start)
        return column > _INDENT + 1

    def _setter(self, consumer: int) -> str:
        """Who had set the Error that a consumer took, "" where that is not known."""
        for occurrence in self._life.occurrences:
            if occurrence.kind == "consumed" and occurrence.call == consumer and occurrence.first.origin >= 0:
                return self._life.function.calls[occurrence.first.origin].name
        return ""

    def _source(self, leaving: ReturnState) -> str:
        """Whose status is returned, by name."""
        call = None if leaving.constant else self._last_source(leaving)
        return call.name if call is not None else ""

    def _null_errp(self, call: Call) -> bool:
        return call.passes_null(self._unit.effect(call).errp)

    def _last_source(self, leaving: ReturnState) -> Call | None:
        """The call whose status is returned; of a variable the one that its last test on the path saw."""
        value = leaving.value
        if isinstance(value, Result):
            return self._life.function.calls[value.call]
        if not isinstance(value, Var):
            return None
        tests = [p.span for p in places(leaving.trail) if p.kind == "branch"]
        seen = [t for t in tests if value.path in identifiers(self._unit.on_one_line(t))]
        by_test = assigned_from(self._life, value.path, seen[-1]) if seen and leaving.signs != ANY else None
        return by_test or assigned_from(self._life, value.path, leaving.span)
