# SPDX-License-Identifier: GPL-2.0-or-later
"""The event notifier-drops-error: a notifier calls what can fail, and the failure reaches neither errp nor
the result.

qemu.notifier_callbacks tells which functions are callbacks of notifiers.
"""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import ZERO, Addr, Call, Value, Var
from qerrlint.model.summary import Summary
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.notifier_callbacks import is_fallible_callback


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The calls of a notifier's callback whose failure is neither returned nor set in errp."""
    unit, errp = analysed.unit, analysed.errp
    if not is_fallible_callback(unit, analysed.name):
        return
    reports = _reports_failures(analysed)
    for call in analysed.function.calls:
        if not call.direct or (errp is not None and any(_mentions(arg, errp) for arg in call.args)):
            continue
        if unit.effect(call).noreturn:
            continue
        strength = _strength(unit, call, errp, reports)
        if strength:
            yield _observation(analysed, call, strength)


def _reports_failures(analysed: AnalysedFunction) -> bool:
    """Whether the callback reports any failure: it hands errp to a call, or without errp can fail."""
    errp = analysed.errp
    if errp is None:
        return any(leaving.signs != ZERO for leaving in analysed.result.returns)
    return any(_mentions(arg, errp) for call in analysed.function.calls for arg in call.args)


def _strength(unit: TranslationUnit, call: Call, errp: str | None, reports: bool) -> str:
    """How the failure of a call is lost; "" where it is not.

    "prints": the callee receives an Error and prints or frees it; "discards": it is known to fail, and its
    result or Error is discarded; "unknown": its body is not known, its result is discarded, and the callback
    reports no failure at all.
    """
    summary, signature = unit.interpretation.summary(call.name), unit.signature(call.name)
    if summary is not None and summary.swallows and (signature is None or signature.errp is None):
        return "prints"
    if call.used:
        return ""
    if signature is None:
        # Nothing in the tree declares it: an earlier patch of the series that is not at hand will.
        undeclared = unit.program.partial and not unit.scope.is_macro(call.name)
        return "unknown" if undeclared and not reports and errp is not None else ""
    kind = unit.scope.result_kind(signature)
    if signature.errp is not None:
        return "discards" if call.passes_null(signature.errp) else ""
    if summary is not None:
        return "discards" if summary.fails and kind in ("int", "bool") else ""
    return "unknown" if kind == "int" and not reports and errp is not None else ""


def _mentions(value: Value, name: str) -> bool:
    return isinstance(value, (Var, Addr)) and value.path in (name, "*" + name)


def _observation(analysed: AnalysedFunction, call: Call, strength: str) -> Observation:
    steps: tuple[Step, ...] = ()
    printer = remedy = ""
    summary = analysed.unit.interpretation.summary(call.name)
    if strength == "prints" and summary is not None:
        printer = summary.swallows[0].printer
        steps = _steps(call, summary)
        remedy = _remedy(analysed.unit, call)
    return Observation(
        event="notifier-drops-error",
        function=analysed.name,
        primary=call.span,
        key=call.text,
        slots={
            "callee": call.name,
            "printer": printer,
            "remedy": remedy,
            "strength": strength,
            "outlet": "the result" if analysed.errp is None else "the errp",
        },
        trail=steps,
        certainty="high" if strength == "prints" else "medium",
        subject=call,
    )


def _steps(call: Call, summary: Summary) -> tuple[Step, ...]:
    """Where the callee receives the Error, and where it prints, frees or keeps it."""
    swallow = summary.swallows[0]
    verb = {"report": "prints", "free": "frees"}.get(swallow.how, "keeps")
    return (
        Step(swallow.setter_span, f"{call.name}() receives an Error from {swallow.setter}() here"),
        Step(swallow.printer_span, f"and {verb} it here, with {swallow.printer}()"),
    )


def _remedy(unit: TranslationUnit, call: Call) -> str:
    """What makes the callee pass its Error on easy to change, as a half sentence; "" for nothing."""
    variant = f"{call.name}_err"
    if unit.signature(variant) is not None:
        return f"{variant}() takes an errp"
    return f"{call.name}() is used only here" if len(unit.uses.callers_of(call.name)) == 1 else ""


CHECKS = (
    Check(
        "notifier-drops-error",
        "notifiers",
        (  # callee: what can fail; printer: who prints the error inside callee (or "");
            # remedy: a half sentence, empty or about an existing variant that takes errp;
            # outlet: how the notifier could tell of it ("the errp", "the result").
            event(
                "notifier-drops-error",
                "callee",
                "printer",
                "remedy",
                "outlet",
                strength="prints discards unknown",
            ),
        ),
        run,
    ),
)
