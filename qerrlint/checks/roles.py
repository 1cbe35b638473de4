# SPDX-License-Identifier: GPL-2.0-or-later
"""roles: callbacks of notifiers, and the failures inside them that reach nobody or come at the wrong time.

Which functions are such callbacks callbacks.py tells, what they do at which event notifierevents.py, and
whether they fit what registers them notifierlists.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.c.declarations.types import result_kind
from qerrlint.checks.check import Check, event
from qerrlint.checks.comments import excused
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.notifierevents import outside_setup
from qerrlint.checks.notifierlists import wrong_lists
from qerrlint.domain.result import FunctionResult
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import ZERO, Addr, Call, Value, Var
from qerrlint.model.summary import Summary
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.notifier_callbacks import is_fallible_callback

_EVENT_TEST = re.compile(
    rb"\btype\s*==\s*(?:MIG_EVENT_)?\w+|\bcase\s+MIG_EVENT_\w+|\bMIG_EVENT_\w+"
    # Before QEMU 9.0 a notifier was handed the state and asked it.
    rb"|\bmigration_(?:in_setup|has_failed|has_finished)\b"
)
# Callees whose result is no failure: tracing, lists, memory, locks, reporting.
_HARMLESS = re.compile(
    r"trace_|g_|f?printf|error_|warn_|info_|qemu_mutex|qemu_bh|timer_|notifier_|assert|mem(?:cpy|set|move)|str|qatomic_|"
    r"object_(?:ref|unref)|container_of|[A-Z0-9_]+$"
)


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The observations of one function."""
    unit, piece = analysed.unit, analysed.piece
    yield from wrong_lists(unit, piece)
    if not is_fallible_callback(unit, piece.name):
        return
    yield from outside_setup(unit, piece)
    result = unit.result(piece.name)
    if result is not None:
        yield from _drops(unit, result)


def _drops(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    assert result.signature is not None
    errp = result.signature.params[result.signature.errp].name if result.signature.errp is not None else None
    if errp is not None:
        speaks = any(_mentions(arg, errp) for call in result.function.calls for arg in call.args)
    else:
        speaks = any(leaving.signs != ZERO for leaving in result.returns)
    for call in result.function.calls:
        if not call.direct or (errp is not None and any(_mentions(arg, errp) for arg in call.args)):
            continue
        if unit.effect(call).noreturn or excused(unit, call.span) or _after_failure(unit, result, call):
            continue
        summary = unit.summary(call.name)
        signature = unit.signature(call.name)
        if summary is not None and summary.swallows and (signature is None or signature.errp is None):
            yield _observation(unit, result, call, "prints", summary)
            continue
        if call.used or _HARMLESS.match(call.name):
            continue
        if signature is None:
            # Nothing in the tree declares it: an earlier patch of the series that is not at hand will.
            if unit.program.partial and not speaks and errp is not None and not unit.is_macro(call.name):
                yield _observation(unit, result, call, "unknown", None)
            continue
        kind = result_kind(signature, unit.typedefs)
        fallible = summary is not None and summary.fails and kind in ("int", "bool")
        if (signature.errp is not None and call.passes_null(signature.errp)) or (
            fallible and signature.errp is None
        ):
            yield _observation(unit, result, call, "discards", summary)
        elif summary is None and kind == "int" and not speaks and errp is not None and signature.errp is None:
            yield _observation(unit, result, call, "unknown", None)


def _after_failure(unit: TranslationUnit, result: FunctionResult, call: Call) -> bool:
    """Whether the call, or the swallowing place in its callee, belongs to the event FAILED, where a notifier
    may not report (the caller asserts it)."""
    if _last_event(unit.data[result.function.body : call.span.start]) == "FAILED":
        return True
    summary = unit.summary(call.name)
    piece = unit.functions.get(call.name)
    if summary is None or piece is None or not summary.swallows:
        return False
    return all(
        _last_event(unit.data[piece.body : swallow.printer_span.start]) == "FAILED"
        for swallow in summary.swallows
    )


def _last_event(text: bytes) -> str:
    """The last word of the migration event that the text tests last, "" where it tests none."""
    tests = _EVENT_TEST.findall(text)
    return tests[-1].rpartition(b"_")[2].decode().upper() if tests else ""


def _mentions(value: Value, name: str) -> bool:
    return isinstance(value, (Var, Addr)) and value.path in (name, "*" + name)


def _observation(
    unit: TranslationUnit, result: FunctionResult, call: Call, strength: str, summary: Summary | None
) -> Observation:
    steps: list[Step] = []
    printer = ""
    remedy = ""
    if strength == "prints" and summary is not None:
        swallow = summary.swallows[0]
        printer = swallow.printer
        verb = {"report": "prints", "free": "frees"}.get(swallow.how, "keeps")
        steps.append(
            Step(swallow.setter_span, f"{call.name}() receives an Error from {swallow.setter}() here")
        )
        steps.append(Step(swallow.printer_span, f"and {verb} it here, with {swallow.printer}()"))
        variant = f"{call.name}_err"
        if unit.signature(variant) is not None:
            remedy = f"{variant}() takes an errp"
        elif len(unit.callers_of(call.name)) == 1:
            remedy = f"{call.name}() is used only here"
    return Observation(
        event="notifier-drops-error",
        function=result.function.name,
        primary=call.span,
        key=call.text,
        slots={
            "callee": call.name,
            "printer": printer,
            "remedy": remedy,
            "strength": strength,
            "outlet": "the result"
            if result.signature is None or result.signature.errp is None
            else "the errp",
        },
        trail=tuple(steps),
        certainty="high" if strength == "prints" else "medium",
    )


CHECKS = (
    Check(
        "notifiers",
        "notifiers",
        (  # callee: what can fail; printer: who prints the error inside callee (or "");
            # remedy: a sentence, empty or about an existing variant that takes errp.
            # outlet: how the notifier could tell of it ("the errp", "the result").
            event(
                "notifier-drops-error",
                "callee",
                "printer",
                "remedy",
                "outlet",
                strength="prints discards unknown",
            ),
            # events: the constants; value: what is returned; cause: a half sentence.
            event("notifier-error-outside-setup", "events", "value", "cause", how="returns sets"),
            # first, second: the two lists, or the two members.
            event("notifier-list-mismatch", "first", "second", "callee", form="list member"),
        ),
        run,
    ),
)
