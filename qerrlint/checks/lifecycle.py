# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of single Error objects judged: used unset, after free, twice; wrong tests of what tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.checks import idle, leaks, unlooked
from qerrlint.checks.comments import excused
from qerrlint.checks.steps import folded, path_steps, shown
from qerrlint.domain.result import Life, Sighting
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, Var
from qerrlint.model.translation_unit import Unit

_ONCE = frozenset({"tolerated", "stale", "uninit", "gone-used", "null-reported"})
_ASSERTED = re.compile(rb"assert\w*\s*\([\s!(]*\Z")


def observe(unit: Unit, life: Life) -> Iterator[Observation]:
    """The observations on single Error objects of one function."""
    told: set[tuple[str, str, int]] = set()
    for sighting in life.sightings:
        own = sighting.kind == "null-reported" and _hands_out(unit, life, sighting)
        if (
            not _is_local(life, sighting.cell)
            and not own
            and sighting.kind in ("stale", "uninit", "gone-used", "null-reported")
        ):
            continue
        judge = _JUDGES.get(sighting.kind)
        ident = (sighting.kind, sighting.cell, sighting.first.origin)
        if sighting.kind == "null-reported":
            ident = (sighting.kind, sighting.cell, sighting.call)
        if judge is None or (sighting.kind in _ONCE and ident in told):
            continue
        told.add(ident)
        observation = judge(unit, life, sighting)
        if observation is not None:
            yield observation
    yield from leaks.observe(unit, life)
    yield from idle.observe(unit, life)
    yield from unlooked.observe(unit, life)


def _is_local(life: Life, cell: str) -> bool:
    return cell in life.function.locals


def _hands_out(unit: Unit, life: Life, sighting: Sighting) -> bool:
    """Whether a cell is what the function's own errp points to, and the function has it set by some call:
    one that only extends errp is a helper for Errors that are there already."""
    errp = life.errp
    if errp is None or sighting.cell != "*" + errp:
        return False
    for call in life.function.calls:
        position = unit.effect(call).errp
        if position is not None and position < len(call.args) and call.args[position] == Var(errp):
            return True
    return False


def _call(life: Life, number: int) -> Call | None:
    return life.function.calls[number] if number >= 0 else None


def _made(
    unit: Unit,
    life: Life,
    sighting: Sighting,
    kind: str,
    slots: dict[str, str],
    certainty: str = "high",
    before: str = "",
) -> Observation:
    first = _call(life, sighting.first.origin)
    steps = path_steps(unit, sighting.trail, sighting.cell, None)[-3:]
    if first is not None and before:
        steps = (Step(first.span, f"{shown(sighting.cell)} {before} here, by {first.name}()"), *steps)
    return Observation(
        "errorflow",
        kind,
        life.function.name,
        sighting.span,
        f"{sighting.cell} {folded(unit, sighting.span)}",
        slots,
        steps,
        certainty,
        whole=not is_joined(sighting.trail),
    )


def _stale(unit: Unit, life: Life, sighting: Sighting) -> Observation | None:
    call, first = _call(life, sighting.call), _call(life, sighting.first.origin)
    if call is None or unit.effect(call).evidence == "guess":
        return None
    slots = {"error": sighting.cell, "callee": call.name, "by": first.name if first is not None else ""}
    return _made(unit, life, sighting, "stale-pass", slots, before="is gone")


def _uninitialized(unit: Unit, life: Life, sighting: Sighting) -> Observation | None:
    call = _call(life, sighting.call)
    if call is not None and unit.effect(call).evidence == "guess":
        return None
    use = "tested" if call is None else "consumed" if unit.effect(call).consumes is not None else "passed"
    slots = {"error": sighting.cell, "callee": call.name if call is not None else "", "use": use}
    return _made(unit, life, sighting, "uninitialized", slots)


def _gone(unit: Unit, life: Life, sighting: Sighting) -> Observation | None:
    call, first = _call(life, sighting.call), _call(life, sighting.first.origin)
    if call is None:
        return None
    by = first.name if first is not None else ""
    slots = {"error": sighting.cell, "callee": call.name, "by": by, "how": "again"}
    return _made(unit, life, sighting, "gone-used", slots, before="is freed or handed on")


def _null(unit: Unit, life: Life, sighting: Sighting) -> Observation | None:
    call = _call(life, sighting.call)
    if call is None:
        return None
    return _made(unit, life, sighting, "null-reported", {"error": shown(sighting.cell), "callee": call.name})


def _freed(unit: Unit, life: Life, sighting: Sighting) -> Observation | None:
    call = _call(life, sighting.call)
    if call is None:
        return None
    freeing = [c for c in life.function.calls if c.name in ("g_free", "free", "qemu_vfree")]
    by = next((c for c in freeing if sighting.cell in c.text), None)
    slots = {"callee": call.name, "argument": sighting.cell, "by": by.name if by is not None else "g_free"}
    return _made(unit, life, sighting, "freed-argument", slots)


def _errno(unit: Unit, life: Life, sighting: Sighting) -> Observation | None:
    call = _call(life, sighting.call)
    if call is None:
        return None
    form = "negative-constant" if sighting.cell.startswith("-E") else "negative-result"
    slots = {"callee": call.name, "value": sighting.cell, "form": form}
    return _made(unit, life, sighting, "wrong-errno", slots)


def _errp_itself(unit: Unit, life: Life, sighting: Sighting) -> Observation | None:
    setter = _call(life, sighting.first.origin)
    if setter is None or setter.used or unit.effect(setter).evidence == "guess":
        return None
    line, _ = unit.lines.position(sighting.span.start)
    if b"*" + sighting.cell.encode() in unit.lines.text(line):
        return None  # what it points to is looked at as well: the dereference is the matter
    slots = {"subject": sighting.cell, "callee": setter.name, "form": "errp-itself"}
    return _made(unit, life, sighting, "wrong-test", slots, "medium")


def _sign(unit: Unit, life: Life, sighting: Sighting) -> Observation | None:
    call = _call(life, sighting.call)
    if call is None:
        return None
    slots = {"subject": folded(unit, sighting.span), "callee": call.name, "form": f"sign-of-{sighting.cell}"}
    return _made(unit, life, sighting, "wrong-test", slots)


def _tolerated(unit: Unit, life: Life, sighting: Sighting) -> Observation | None:
    """The callee puts up with an Error that is there already, so the caller's neglect stays without harm."""
    first = _call(life, sighting.first.origin)
    if first is None or first.used or unit.effect(first).evidence == "guess" or excused(unit, first.span):
        return None
    slots = {"function": life.function.name, "callee": first.name, "errp": shown(sighting.cell), "kept": ""}
    step = Step(sighting.span, f"{shown(sighting.cell)} is handed on here, perhaps set")
    return Observation(
        "errorflow", "unchecked", life.function.name, first.span, first.text, slots, (step,), "medium"
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
