# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways of returning judged against the convention: failure with an Error, success without one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.analyses.excuses import excused
from qerrlint.analyses.steps import folded, path_steps
from qerrlint.facts.errorstate import ErrorState
from qerrlint.facts.sightings import Exit, Life
from qerrlint.facts.unit import Unit
from qerrlint.findings import Observation, Step
from qerrlint.flow.trail import places
from qerrlint.source.span import Span
from qerrlint.syntax.ir import (
    FALSE,
    NEG,
    NULL,
    POS,
    TRUE,
    ZERO,
    Addr,
    Assign,
    Call,
    Const,
    Result,
    Var,
    root,
    text_of,
)
from qerrlint.syntax.types import result_kind

# Functions that answer a question or look something up: false and NULL are answers there.
_ASKS = re.compile(
    r"(?:^|_)(?:is|has|have|can|should|needs?|find|lookup|look|get|next|first|peek|search|match|probe|check|"
    r"supported|supports|enabled|blocked|exists|contains|try|maybe)(?:_|$)"
)
_CONTRACT = re.compile(
    rb"without\s+(?:an?\s+|setting\s+|any\s+)*@?err|help|no\s+error|not\s+an\s+error|(?:errp|error)\s+(?:is\s+)?(?:not\s+|un)set|"
    rb"does\s+not\s+set\s+|end.of.file|\bEOF\b",
    re.IGNORECASE,
)
# Void functions that bring something about; others may well end their work after an Error.
_WORKS = re.compile(
    r"realize|plug|apply|register|(?:^|_)init|alloc|setup|complete|open|start|create|attach|load|configure"
)
_STATUS = re.compile(r"(?:ret|rc|r|res|err|error|status|rv|retval)\d*$")
_JUMP = re.compile(rb"\b(?:return|goto|break|continue)\b")
_EXITS = frozenset({"exit", "hw_error"})
_GOOD_EXIT = re.compile(r"\(\s*(?:0|EXIT_SUCCESS)\s*\)$")


def observe(unit: Unit, life: Life) -> Iterator[Observation]:
    """The observations on how one function with errp returns."""
    signature = life.signature
    if signature is None or signature.errp is None or signature.errp < 0:
        return
    kind = result_kind(signature, unit.typedefs)
    judged = _Judged(unit, life, kind, signature.params[signature.errp].name)
    for leaving in sorted(life.exits, key=lambda e: (e.span, e.signs, e.printed)):
        if judged.fails(leaving):
            yield from judged.failing(leaving)
        elif judged.succeeds(leaving):
            yield from judged.succeeding(leaving)
    yield from judged.exiting()
    if kind == "void":
        yield from judged.going_on()


class _Judged:
    """One function's returns; remembers what it has said."""

    def __init__(self, unit: Unit, life: Life, kind: str, errp: str) -> None:
        self._unit = unit
        self._life = life
        self._kind = kind
        self._errp = errp
        self._told: set[tuple[str, Span]] = set()
        self._contract: bool | None = None
        # false and NULL are failures where the function itself sets an Error with them.
        self._zero_fails = any(
            e.signs == ZERO and e.error.state is ErrorState.SET and e.error.sure for e in life.exits
        ) and not _ASKS.search(life.function.name)

    def fails(self, leaving: Exit) -> bool:
        """Whether the result is a failure by the convention."""
        if leaving.soft:
            return False
        if self._kind == "int":
            # `if (ret) { return ret; }` passes a failure on as well.
            passed = isinstance(leaving.value, Var) and bool(_STATUS.match(leaving.value.path))
            return leaving.signs == NEG or (leaving.signs == NEG | POS and passed)
        if self._kind in ("bool", "pointer") and leaving.printed and leaving.signs == ZERO:
            return isinstance(leaving.value, Const) and not _ASKS.search(self._life.function.name)
        if self._kind == "pointer":
            # A variable that is NULL may be an empty list; only NULL as it is written counts.
            return isinstance(leaving.value, Const) and leaving.signs == ZERO and self._zero_fails
        if self._kind == "bool":
            return leaving.signs == ZERO and self._zero_fails
        if self._kind == "void":
            return bool(leaving.printed) and not leaving.implicit
        return False

    def succeeds(self, leaving: Exit) -> bool:
        """Whether the result is a success by the convention."""
        if self._kind == "int":
            return leaving.signs == ZERO and self._negative_fails
        return self._kind in ("bool", "pointer") and leaving.signs == POS and self._zero_fails

    @property
    def _negative_fails(self) -> bool:
        """Whether an int is a status: the function itself returns a negative value with an Error. A result
        that is a value (a slot's number), or that nobody looks at (a QMP command's), is none."""
        if self._life.function.name.startswith("qmp_"):
            return False
        if all(e.signs in (ZERO, ZERO | POS) for e in self._life.exits):
            return True
        return any(
            not e.signs & ZERO and e.signs & NEG and e.error.state is ErrorState.SET for e in self._life.exits
        )

    def _make(
        self,
        event: str,
        span: Span,
        key: str,
        slots: dict[str, str],
        steps: tuple[Step, ...],
        certainty: str = "high",
    ) -> Iterator[Observation]:
        if (event, span) in self._told or excused(self._unit, span):
            return
        self._told.add((event, span))
        yield Observation(
            "errorflow",
            event,
            self._life.function.name,
            span,
            key,
            {**slots, "errp": self._errp},
            steps,
            certainty,
        )

    def failing(self, leaving: Exit) -> Iterator[Observation]:
        """A failure: the Error must be set."""
        if leaving.error.state is not ErrorState.NULL or leaving.handed or self._documented():
            return
        members = self._unit.slots_of(self._life.function.name)
        if any(self._unit.world.api.tolerates_unset(member) for member in members):
            return
        unit, calls = self._unit, self._life.function.calls
        leave = Step(leaving.span, "the function fails here without an Error")
        for number in leaving.printed:
            call = calls[number]
            effect = unit.effect(call)
            if self._kind == "int" and leaving.signs != NEG:
                continue
            if self._kind == "void" and b"}" in unit.data[call.span.end : leaving.span.start]:
                continue  # a return that others share
            if self._null_errp(call):
                yield from self._dropped(call, call.name, "null", leave)
            elif effect.consumes is None:
                slots = {"function": self._life.function.name, "printer": call.name, "form": "report"}
                yield from self._make("printed-not-set", call.span, call.text, slots, (leave,))
            else:
                how = "report" if effect.how == "report" else "free"
                yield from self._dropped(call, self._setter(number), how, leave)
        if leaving.printed or self._kind == "void":
            return
        if self._answered(leaving):
            return
        origin = calls[leaving.origin] if leaving.origin >= 0 else None
        text = folded(unit, leaving.span).removeprefix("return").strip(" ;")
        if origin is not None and self._null_errp(origin):
            yield from self._dropped(origin, origin.name, "null", leave)
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
        yield from self._make(
            "failure-unset", leaving.span, text_of(leaving.value or Const("", 0)), slots, steps, certainty
        )

    def _dropped(self, call: Call, setter: str, how: str, leave: Step) -> Iterator[Observation]:
        """The Error of `setter` ends in `call`; `how` is null where it was never asked for (no more than
        likely a mistake), report or free where it is consumed."""
        slots = {
            "function": self._life.function.name,
            "printer": call.name,
            "setter": setter,
            "how": how,
        }
        certainty = "medium" if how == "null" else "high"
        yield from self._make("dropped", call.span, call.text, slots, (leave,), certainty)

    def _exceptional(self, leaving: Exit) -> bool:
        """Whether false or NULL without an Error is the odd one out: others leave by the same return with an
        Error, or more returns have one than have none. Elsewhere it may mean "no" or "none"."""
        with_error = {
            e.span for e in self._life.exits if e.signs == ZERO and e.error.state is not ErrorState.NULL
        }
        without = {e.span for e in self._life.exits if e.signs == ZERO and e.error.state is ErrorState.NULL}
        return leaving.span in with_error or len(without) < len(with_error)

    def _answered(self, leaving: Exit) -> bool:
        """Whether the last test before the return looks at what a call that was handed errp gave back, or
        wrote: then that call has set the Error, however it tells. What it wrote says nothing where the path
        has shown by the result that the call did not fail; but for a pointer, which callees leave NULL only
        where they fail, unless their body shows a NULL being stored."""
        branches = [place for place in places(leaving.trail) if place.kind == "branch"]
        if not branches:
            return False
        test = branches[-1].span
        text = self._unit.on_one_line(test).replace(" ", "")
        asked = [
            call
            for call in self._life.function.calls
            if call.span.start < test.end
            and any(isinstance(a, Var) and a.path == self._errp for a in call.args)
        ]
        if not asked:
            return False
        last = max(asked, key=lambda call: call.span)
        if test.start <= last.span.start and last.span.end <= test.end:
            return True
        filled = [(position, root(a.path)) for position, a in enumerate(last.args) if isinstance(a, Addr)]
        if leaving.error.sure and leaving.error.origin == last.index:
            types = self._life.function.locals
            filled = [
                (position, path)
                for position, path in filled
                if types.get(path, "").endswith("*") and not self._stores_null(last, position)
            ]
        written = {path for _, path in filled}
        for block in self._life.function.blocks:
            for event in block.events:
                if isinstance(event, Assign) and event.value == Result(last.index):
                    written.add(event.target)
        written |= {a.path for a in last.args if isinstance(a, Var) and "*" + a.path in text}
        return any(re.search(rf"(?<![\w.>]){re.escape(w)}(?!\w|->|\.|\[)", text) for w in written)

    def _stores_null(self, call: Call, position: int) -> bool:
        """Whether the callee, a function of this file, stores a NULL where this argument points to."""
        if not call.direct or call.name not in self._unit.functions:
            return False
        callee, signature = self._unit.lowered(call.name), self._unit.signature(call.name)
        if callee is None or signature is None or position >= len(signature.params):
            return False
        target = "*" + signature.params[position].name
        return any(
            isinstance(event, Assign) and event.target == target and event.value == NULL
            for block in callee.blocks
            for event in block.events
        )

    def _setter(self, consumer: int) -> str:
        """Who had set the Error that a consumer took, "" where that is not known."""
        for sighting in self._life.sightings:
            if sighting.kind == "consumed" and sighting.call == consumer and sighting.first.origin >= 0:
                return self._life.function.calls[sighting.first.origin].name
        return ""

    def _source(self, leaving: Exit) -> str:
        """Whose status is returned: the call that was last assigned to the variable, by the text."""
        value = leaving.value
        if leaving.constant:
            return ""
        if isinstance(value, Result):
            return self._life.function.calls[value.call].name
        if not isinstance(value, Var):
            return ""
        found: tuple[Span, str] | None = None
        for block in self._life.function.blocks:
            for event in block.events:
                if not isinstance(event, Assign) or event.target != value.path or event.span > leaving.span:
                    continue
                if found is None or event.span > found[0]:
                    call = event.value.call if isinstance(event.value, Result) else -1
                    found = (event.span, self._life.function.calls[call].name if call >= 0 else "")
        return found[1] if found is not None else ""

    def _documented(self) -> bool:
        """Whether the comment above the function says that it may fail without an Error."""
        if self._contract is None:
            data, start = self._unit.data, self._life.function.span.start
            comment = data[max(0, start - 2000) : start].rstrip()
            opening = comment.rfind(b"/*")
            text = comment[opening:] if comment.endswith(b"*/") and opening >= 0 else b""
            self._contract = bool(_CONTRACT.search(text))
        return self._contract

    def _null_errp(self, call: Call) -> bool:
        return call.passes_null(self._unit.effect(call).errp)

    def succeeding(self, leaving: Exit) -> Iterator[Observation]:
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
            yield from self._make("success-set", leaving.span, f"{text} {setter.text}", slots, steps)
        else:
            slots = {"function": name, "callee": setter.name}
            leave = Step(leaving.span, "the function returns success here")
            yield from self._make("unchecked", setter.span, setter.text, slots, (leave,), "medium")

    def _passes_bool(self, leaving: Exit) -> bool:
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
        for sighting in self._life.sightings:
            if sighting.kind != "goes-on":
                continue
            setter, following = calls[sighting.first.origin], calls[sighting.call]
            if following.span < setter.span or _JUMP.search(self._branch_rest(setter.span)):
                continue
            slots = {
                "function": self._life.function.name,
                "value": "",
                "callee": setter.name,
                "kind": "void",
            }
            step = Step(following.span, f"the function goes on here with {following.name}()")
            yield from self._make("success-set", setter.span, setter.text, slots, (step,), "medium")

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
        for sighting in self._life.sightings:
            if sighting.first.state is ErrorState.SET:
                continue  # the last resort after a failure that is already worded
            text = folded(self._unit, sighting.span)
            if sighting.kind == "exits" and sighting.cell in _EXITS and not _GOOD_EXIT.search(text):
                slots = {"function": self._life.function.name, "printer": sighting.cell, "form": "exit"}
                yield from self._make(
                    "printed-not-set", sighting.span, folded(self._unit, sighting.span), slots, (), "medium"
                )
