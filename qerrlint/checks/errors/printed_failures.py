# SPDX-License-Identifier: GPL-2.0-or-later
"""Failures that the user is told of, not the caller: by a callee, or by a function that then goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from qerrlint.absint.reachability import place_of, straight_back
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.conventions import fails_by, succeeds_by
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import ZERO, Assign, Call, Const, Function, Return, Var
from qerrlint.transfer.sites import traits


@dataclass(slots=True)
class _After:
    """What may happen after a call: the returns, the first work, whether the path comes to the call again."""

    returns: list[Return] = field(default_factory=list)
    work: Call | None = None
    again: bool = False


def reported_and_passed_over(analysed: AnalysedFunction) -> Iterator[tuple[Call, Call]]:
    """The calls that report an Error and after which the function only succeeds, with the work that follows.

    A warning is about what the function can do without. A void function succeeds where it ends without a
    return of its own, and only one that sets something up has anything to lose; a loop goes on with the next
    object.
    """
    if analysed.errp is None or analysed.kind not in ("void", "int", "bool"):
        return
    if analysed.kind == "void" and not word_list("work-that-fails").matches(analysed.name):
        return
    for call in analysed.function.calls:
        effect = analysed.unit.effect(call)
        if effect.how != "report" or effect.consumes is None or call.name.startswith("warn"):
            continue
        later = _what_follows(analysed, call)
        succeeds = later.returns and all(_is_success(analysed, leaving) for leaving in later.returns)
        if succeeds and later.work is not None and not later.again:
            yield call, later.work


def _is_success(analysed: AnalysedFunction, leaving: Return) -> bool:
    if analysed.kind == "void":
        return leaving.implicit
    value = leaving.value
    return isinstance(value, Const) and succeeds_by(analysed.kind, value.signs)


def _what_follows(analysed: AnalysedFunction, call: Call) -> _After:
    """What may happen after a call, by the control-flow graph alone."""
    later, blocks = _After(), analysed.function.blocks
    start = place_of(analysed.function, call.index)
    if start is None:
        return later
    waiting, seen = [(start[0], start[1] + 1)], set[int]()
    while waiting:
        number, position = waiting.pop()
        ended = False
        for at in blocks[number].events[position:]:
            if isinstance(at, Return):
                later.returns.append(at)
                ended = True
                break
            if isinstance(at, Call):
                effect = analysed.unit.effect(at)
                if effect.noreturn:
                    ended = True
                    break
                known = traits(at.name)
                if not known.harmless and not known.prints and effect.consumes is None:
                    later.work = later.work or at
        for edge in blocks[number].edges if not ended else ():
            later.again |= edge.target == start[0]
            if edge.target not in seen:
                seen.add(edge.target)
                waiting.append((edge.target, 0))
    return later


def prints_failures(analysed: AnalysedFunction, call: Call, zero: bool = False) -> Call | None:
    """The call in a callee's body that prints why it fails; None unless all failures are printed.

    The callee is a function of the same file without errp. A failure is a constant, as it stands in a return
    or in what stores the variable that is returned; its message stands right before it. A warning counts as
    well. `zero`: 0 is the failure, of a number.
    """
    unit = analysed.unit
    signature = unit.signature(call.name) if call.direct and call.name in unit.functions else None
    callee = unit.lowered(call.name) if signature is not None and signature.errp is None else None
    if signature is None or callee is None:
        return None
    kind = unit.scope.result_kind(signature)
    printers: list[Call] = []
    results = _results(callee)
    for number, block in enumerate(callee.blocks):
        for position, event in enumerate(block.events):
            value = event.value if isinstance(event, Return) else None
            if isinstance(event, Assign) and event.target in results:
                value = event.value
            if isinstance(value, Const) and (value.signs == ZERO if zero else fails_by(kind, value.signs)):
                before, _ = straight_back(callee, number, position)
                told = next((e for e in before if isinstance(e, Call) and _prints(e)), None)
                if told is None:
                    return None
                printers.append(told)
    return printers[0] if printers else None


def _results(function: Function) -> set[str]:
    """The variables that a function returns."""
    values = [e.value for e in function.returns()]
    return {value.path for value in values if isinstance(value, Var) and value.path in function.locals}


def _prints(call: Call) -> bool:
    return word_list("user-messages").matches(call.name) or word_list("warnings").matches(call.name)
