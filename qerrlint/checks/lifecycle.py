# SPDX-License-Identifier: GPL-2.0-or-later
"""The result of single Error objects judged: used unset, after free, twice; wrong tests of what tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.checks import idle, leaks, unlooked
from qerrlint.checks.comments import excused
from qerrlint.checks.trace_steps import folded, path_steps, shown
from qerrlint.domain.result import FunctionResult, Occurrence
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, Var
from qerrlint.model.translation_unit import TranslationUnit

_ONCE = frozenset({"tolerated", "stale", "uninit", "gone-used", "null-reported"})
_ASSERTED = re.compile(rb"assert\w*\s*\([\s!(]*\Z")


def observe(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """The observations on single Error objects of one function."""
    told: set[tuple[str, str, int]] = set()
    for occurrence in result.occurrences:
        own = occurrence.kind == "null-reported" and _hands_out(unit, result, occurrence)
        if (
            not _is_local(result, occurrence.cell)
            and not own
            and occurrence.kind in ("stale", "uninit", "gone-used", "null-reported")
        ):
            continue
        judge = _JUDGES.get(occurrence.kind)
        ident = (occurrence.kind, occurrence.cell, occurrence.first.origin)
        if occurrence.kind == "null-reported":
            ident = (occurrence.kind, occurrence.cell, occurrence.call)
        if judge is None or (occurrence.kind in _ONCE and ident in told):
            continue
        told.add(ident)
        observation = judge(unit, result, occurrence)
        if observation is not None:
            yield observation
    yield from leaks.observe(unit, result)
    yield from idle.observe(unit, result)
    yield from unlooked.observe(unit, result)


def _is_local(result: FunctionResult, cell: str) -> bool:
    return cell in result.function.locals


def _hands_out(unit: TranslationUnit, result: FunctionResult, occurrence: Occurrence) -> bool:
    """Whether a cell is what the function's own errp points to, and the function has it set by some call:
    one that only extends errp is a helper for Errors that are there already."""
    errp = result.errp
    if errp is None or occurrence.cell != "*" + errp:
        return False
    for call in result.function.calls:
        position = unit.effect(call).errp
        if position is not None and position < len(call.args) and call.args[position] == Var(errp):
            return True
    return False


def _call(result: FunctionResult, number: int) -> Call | None:
    return result.function.calls[number] if number >= 0 else None


def _made(
    unit: TranslationUnit,
    result: FunctionResult,
    occurrence: Occurrence,
    kind: str,
    slots: dict[str, str],
    certainty: str = "high",
    before: str = "",
) -> Observation:
    first = _call(result, occurrence.first.origin)
    steps = path_steps(unit, occurrence.trail, occurrence.cell, None)[-3:]
    if first is not None and before:
        steps = (Step(first.span, f"{shown(occurrence.cell)} {before} here, by {first.name}()"), *steps)
    return Observation(
        kind,
        result.function.name,
        occurrence.span,
        f"{occurrence.cell} {folded(unit, occurrence.span)}",
        slots,
        steps,
        certainty,
        whole=not is_joined(occurrence.trail),
    )


def _stale(unit: TranslationUnit, result: FunctionResult, occurrence: Occurrence) -> Observation | None:
    call, first = _call(result, occurrence.call), _call(result, occurrence.first.origin)
    if call is None or unit.effect(call).evidence == "guess":
        return None
    slots = {"error": occurrence.cell, "callee": call.name, "by": first.name if first is not None else ""}
    return _made(unit, result, occurrence, "stale-error", slots, before="is gone")


def _uninitialized(
    unit: TranslationUnit, result: FunctionResult, occurrence: Occurrence
) -> Observation | None:
    call = _call(result, occurrence.call)
    if call is not None and unit.effect(call).evidence == "guess":
        return None
    use = "tested" if call is None else "consumed" if unit.effect(call).consumes is not None else "passed"
    slots = {"error": occurrence.cell, "callee": call.name if call is not None else "", "use": use}
    return _made(unit, result, occurrence, "uninitialized-error", slots)


def _gone(unit: TranslationUnit, result: FunctionResult, occurrence: Occurrence) -> Observation | None:
    call, first = _call(result, occurrence.call), _call(result, occurrence.first.origin)
    if call is None:
        return None
    by = first.name if first is not None else ""
    slots = {"error": occurrence.cell, "callee": call.name, "by": by, "how": "again"}
    return _made(unit, result, occurrence, "error-use-after-free", slots, before="is freed or handed on")


def _null(unit: TranslationUnit, result: FunctionResult, occurrence: Occurrence) -> Observation | None:
    call = _call(result, occurrence.call)
    if call is None:
        return None
    return _made(
        unit,
        result,
        occurrence,
        "null-error-reported",
        {"error": shown(occurrence.cell), "callee": call.name},
    )


def _freed(unit: TranslationUnit, result: FunctionResult, occurrence: Occurrence) -> Observation | None:
    call = _call(result, occurrence.call)
    if call is None:
        return None
    freeing = [c for c in result.function.calls if c.name in ("g_free", "free", "qemu_vfree")]
    by = next((c for c in freeing if occurrence.cell in c.text), None)
    slots = {"callee": call.name, "argument": occurrence.cell, "by": by.name if by is not None else "g_free"}
    return _made(unit, result, occurrence, "freed-message-argument", slots)


def _errno(unit: TranslationUnit, result: FunctionResult, occurrence: Occurrence) -> Observation | None:
    call = _call(result, occurrence.call)
    if call is None:
        return None
    form = "negative-constant" if occurrence.cell.startswith("-E") else "negative-result"
    slots = {"callee": call.name, "value": occurrence.cell, "form": form}
    return _made(unit, result, occurrence, "wrong-errno", slots)


def _errp_itself(unit: TranslationUnit, result: FunctionResult, occurrence: Occurrence) -> Observation | None:
    setter = _call(result, occurrence.first.origin)
    if setter is None or setter.used or unit.effect(setter).evidence == "guess":
        return None
    line, _ = unit.lines.position(occurrence.span.start)
    if b"*" + occurrence.cell.encode() in unit.lines.text(line):
        return None  # what it points to is looked at as well: the dereference is the matter
    slots = {"subject": occurrence.cell, "callee": setter.name, "form": "errp-itself"}
    return _made(unit, result, occurrence, "wrong-error-test", slots, "medium")


def _sign(unit: TranslationUnit, result: FunctionResult, occurrence: Occurrence) -> Observation | None:
    call = _call(result, occurrence.call)
    if call is None:
        return None
    slots = {
        "subject": folded(unit, occurrence.span),
        "callee": call.name,
        "form": f"sign-of-{occurrence.cell}",
    }
    return _made(unit, result, occurrence, "wrong-error-test", slots)


def _tolerated(unit: TranslationUnit, result: FunctionResult, occurrence: Occurrence) -> Observation | None:
    """The callee puts up with an Error that is there already, so the caller's neglect stays without harm."""
    first = _call(result, occurrence.first.origin)
    if first is None or first.used or unit.effect(first).evidence == "guess" or excused(unit, first.span):
        return None
    slots = {
        "function": result.function.name,
        "callee": first.name,
        "errp": shown(occurrence.cell),
        "kept": "",
    }
    step = Step(occurrence.span, f"{shown(occurrence.cell)} is handed on here, perhaps set")
    return Observation(
        "unchecked-call", result.function.name, first.span, first.text, slots, (step,), "medium"
    )


_JUDGES = {
    "tolerated": _tolerated,
    "stale": _stale,
    "uninit": _uninitialized,
    "gone-used": _gone,
    "null-reported": _null,
    "freed-argument": _freed,
    "negative-errno": _errno,
    "errp-tested": _errp_itself,
    "sign-tested": _sign,
}
