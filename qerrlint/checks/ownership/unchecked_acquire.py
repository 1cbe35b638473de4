# SPDX-License-Identifier: GPL-2.0-or-later
"""The event unchecked-acquire: an attempt to acquire may fail, nothing tests it, and the function goes on."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.absint.reachability import after
from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.objects import objects_of
from qerrlint.domain.error import FATAL
from qerrlint.domain.ownership import RESULT, place_of_object
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Addr, Assign, Call, Event, Var


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The unchecked attempts of one function; with NULL for errp the event unchecked-call is about them."""
    objects = analysed.once(objects_of)
    for call, handling in objects.calls("acquire") if objects is not None else ():
        if handling.move.fails == "never" or handling.move.object == RESULT or call.used:
            continue
        effect = analysed.unit.effect(call)
        declared = analysed.unit.signature(call.name)
        if declared is not None and declared.returns == "void" and declared.errp is None:
            # It cannot fail: migrate_add_blocker() until 2.8.
            continue
        target = call.args[effect.errp] if effect.errp is not None and effect.errp < len(call.args) else None
        if call.passes_null(effect.errp) or (isinstance(target, Addr) and target.path in FATAL):
            continue
        if _is_tested(analysed, call, place_of_object(target)) or not after(
            analysed.function, call.index, _is_work
        ):
            continue
        yield Observation(
            event="unchecked-acquire",
            function=analysed.name,
            primary=call.span,
            key=call.text,
            slots={"pair": handling.pair.name, "object": handling.object, "acquire": call.name},
            subject=call,
        )


def _is_tested(analysed: AnalysedFunction, call: Call, error: str) -> bool:
    """Whether the Error that the call sets is tested later, or a local one handed to another call."""
    if not error:
        return False
    if any(
        condition.cell.removeprefix("*") == error and condition.span.start > call.span.start
        for condition in analysed.result.conditions
    ):
        return True
    return error in analysed.function.locals and any(
        other.span.start > call.span.start and isinstance(arg, Var) and arg.path == error
        for other in analysed.function.calls
        for arg in other.args
    )


def _is_work(event: Event) -> bool:
    """Whether an event does more than to leave the function: locks may still be released."""
    if isinstance(event, Call):
        return not word_list("no-work").matches(event.name)
    return isinstance(event, Assign) and event.stated


CHECKS = (
    # acquire: the call.
    Check(
        "unchecked-acquire",
        "ownership",
        (event("unchecked-acquire", "pair", "object", "acquire"),),
        run,
    ),
)
