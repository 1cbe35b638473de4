# SPDX-License-Identifier: GPL-2.0-or-later
"""The trail of a path told as Steps: where the Error was set, and the branches taken since."""

from __future__ import annotations

from qerrlint.absint.trace import Trail, places
from qerrlint.findings import Step
from qerrlint.ir.code import Call
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

_MOST_BRANCHES = 4
_LONGEST_CONDITION = 60


def shown(cell: str) -> str:
    """An Error pointer as a reader names it: the out-parameter itself for `*errp`."""
    return cell[1:] if cell.startswith("*") else cell


def folded(unit: TranslationUnit, span: Span) -> str:
    """Source text on one line, shortened."""
    text = unit.on_one_line(span)
    return text if len(text) <= _LONGEST_CONDITION else text[: _LONGEST_CONDITION - 3] + "..."


def path_steps(
    unit: TranslationUnit, trail: Trail | None, cell: str, setter: Call | None
) -> tuple[Step, ...]:
    """The set of `cell` by `setter`, then the last branches of the path."""
    steps: list[Step] = []
    # In the order in which they were last taken; told are only the last ones.
    branches: dict[tuple[Span, bool | None], None] = {}
    started = setter is None
    for place in places(trail):
        if setter is not None and place.kind == "set" and place.span == setter.span:
            started = True
            branches.clear()
        elif place.kind == "branch" and started:
            branches.pop((place.span, place.taken), None)
            branches[place.span, place.taken] = None
    if setter is not None:
        steps.append(Step(setter.span, f"{shown(cell)} is set here, by {setter.name}()"))
    last = list(branches)[-_MOST_BRANCHES:]
    told = (Step(span, f"`{folded(unit, span)}` is {'true' if taken else 'false'}") for span, taken in last)
    return (*steps, *told)
