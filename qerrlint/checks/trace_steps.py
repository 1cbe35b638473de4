# SPDX-License-Identifier: GPL-2.0-or-later
"""The trail of a path told as Steps: where the Error was set, and the branches taken since."""

from __future__ import annotations

from typing import TypeAlias

from qerrlint.absint.trace import Trail
from qerrlint.findings import Step
from qerrlint.ir.code import Call
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

_MOST_BRANCHES = 4
_LONGEST_CONDITION = 60
# How far after a condition the end of its statement is looked for, in bytes.
_FARTHEST = 2000
_END_OF_CONDITION = lazy_re(rb"\s*\)+\s*(?=[\w{])")
# A jump that a statement ends with, and one right after a call.
_GOTO = lazy_re(rb"\bgoto\s+(\w+)\s*;\s*\Z")
_JUMP = lazy_re(rb"\s*;\s*goto\s+(\w+)\s*;")
# g_assert_cmpint(rc, <, 0)
_OPERATOR = lazy_re(r"\s*,\s*([=!]=|[<>]=?)\s*,\s*")
_GOES_TO = ", and the path goes to "
_NEXT_ITERATION = "in the next iteration of the loop"
# How far before a condition the word "switch" may end, in bytes.
_SWITCH_BEFORE = 40

_Branch: TypeAlias = tuple[Span, "bool | None", "Span | None"]
"""A condition, whether it holds, and the place of the value of the case that a switch goes to."""


def shown(cell: str) -> str:
    """An Error pointer as a reader names it: the out-parameter itself for `*errp`."""
    return cell[1:] if cell.startswith("*") else cell


def folded(unit: TranslationUnit, span: Span) -> str:
    """Source text on one line, shortened; a comparison whose operator is an argument, as it is read."""
    text = _OPERATOR.sub(r" \1 ", unit.text.on_one_line(span), count=1)
    return text if len(text) <= _LONGEST_CONDITION else text[: _LONGEST_CONDITION - 3] + "..."


def path_steps(
    unit: TranslationUnit, trail: Trail | None, cell: str, setter: Call | None, end: Span | None = None
) -> tuple[Step, ...]:
    """The set of `cell` by `setter`, then the last branches of the path, up to `end` where that is given.

    A step says where the path goes on where the order of the text does not show it: at a label, or in the
    next iteration of a loop.
    """
    steps: list[Step] = []
    # A path may come by more branches; told are the last ones.
    last, at = _last_branches(trail, setter)
    # What the arguments of the last call depend on decides nothing.
    inside = [before for (span, _, _), before in last if end is not None and end.start < span.start < end.end]
    if inside:
        last, at = last[: -len(inside)], inside[0]
    if setter is not None:
        jump = _JUMP.match(unit.data, setter.span.end)
        label = jump.group(1).decode() if jump is not None else ""
        text = f"{setter.name}() sets {shown(cell)} here{_goes_to(label)}"
        steps.append(Step(setter.span, text))
    label = again = ""
    previous: Span | None = None
    for (span, taken, case), before in last:
        # A loop whose body decides nothing comes to its own condition next.
        repeated = span == previous and before == span.start
        again = f"{_NEXT_ITERATION} " if not label and (before > span.start or repeated) else ""
        label = _label_after(unit, span, taken)
        steps.append(Step(span, f"{again}{decided(unit, span, taken is True, case)}{_goes_to(label)}"))
        previous = span
    if end is not None and end.start <= at and not label and not again:
        jumped = any(_GOES_TO in step.message for step in steps)
        text = "the path comes here again" if jumped else f"{_NEXT_ITERATION} the path comes here"
        steps.append(Step(end, text))
    return tuple(steps)


def decided(unit: TranslationUnit, condition: Span, taken: bool, case: Span | None) -> str:
    """Which way a path takes at a condition; `case`: the value of the case that it goes to in a `switch`."""
    text = folded(unit, condition)
    if case is None and not is_of_switch(unit, condition):
        return f"`{text}` is {'true' if taken else 'false'}"
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return f"`{text}` {'matches no other case' if case is None else f'is {folded(unit, case)}'}"


def is_of_switch(unit: TranslationUnit, condition: Span) -> bool:
    """Whether a condition is what a `switch` compares: it has more than two answers."""
    before = unit.data[max(condition.start - _SWITCH_BEFORE, 0) : condition.start]
    return before.rstrip(b" \t\n(").endswith(b"switch")


def _last_branches(trail: Trail | None, setter: Call | None) -> tuple[list[tuple[_Branch, int]], int]:
    """The last branches of a path, since the call that set the Error where one is given, in the order in
    which they were last taken, each with where the path came from; and where the last one stands.

    The trail is read from its end and no further than needed: many paths have a long beginning in common.
    """
    branches: dict[_Branch, int] = {}
    next_one: _Branch | None = None
    at: int | None = None
    place = trail
    while place is not None:
        is_set = setter is not None and place.kind == "set" and place.span == setter.span
        if is_set or place.kind == "branch":
            start = place.span.start
            at = start if at is None else at
            if next_one is not None:
                branches[next_one], next_one = start, None
            if is_set or (setter is None and len(branches) == _MOST_BRANCHES):
                break
            if len(branches) < _MOST_BRANCHES:
                branch = (place.span, place.taken, place.case)
                if branch not in branches:
                    branches[branch], next_one = 0, branch
        place = place.before
    if place is None and setter is not None:
        return [], 0  # the path does not come by the setter
    return [*reversed(branches.items())], at or 0


def _label_after(unit: TranslationUnit, condition: Span, taken: bool | None) -> str:
    """The label that the statement after a condition jumps to, where the path takes that statement."""
    data = unit.data
    negated = data[max(condition.start - 1, 0) : condition.start] == b"!"
    # Of `a && b` the last one leads to the statement.
    behind = _END_OF_CONDITION.match(data, condition.end)
    if behind is None or taken is negated:
        return ""
    end = _end_of_statement(data, behind.end())
    found = _GOTO.search(data[behind.end() : end])
    return found.group(1).decode() if found is not None else ""


def _goes_to(label: str) -> str:
    return f"{_GOES_TO}{label}" if label else ""


def _end_of_statement(data: bytes, start: int) -> int:
    """Where the statement that begins there ends: at its semicolon, or at its closing brace."""
    if data[start : start + 1] != b"{":
        return data.find(b";", start) + 1
    depth = 0
    for at in range(start, min(start + _FARTHEST, len(data))):
        depth += {0x7B: 1, 0x7D: -1}.get(data[at], 0)
        if not depth:
            return at
    return start
