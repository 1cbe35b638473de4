# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of single Error objects judged: used unset, after free, twice, never freed; wrong tests."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.analyses.excuses import excused
from qerrlint.analyses.steps import folded, path_steps, shown
from qerrlint.facts.errorstate import ErrorState
from qerrlint.facts.sightings import Life, Sighting
from qerrlint.facts.unit import Unit
from qerrlint.findings import Observation, Step
from qerrlint.source.span import Span
from qerrlint.syntax.ir import Call, Var

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
    yield from _leaks(unit, life)
    yield from _owned(unit, life)
    yield from _never_set(unit, life)
    yield from _dismissed(unit, life)
    yield from _conditions(unit, life)


def _is_local(life: Life, cell: str) -> bool:
    return cell in life.function.locals


def _hands_out(unit: Unit, life: Life, sighting: Sighting) -> bool:
    """Whether a cell is what the function's own errp points to, and the function has it set by some call:
    one that only extends errp is a helper for Errors that are there already."""
    signature = life.signature
    if signature is None or signature.errp is None or signature.errp < 0:
        return False
    errp = signature.params[signature.errp].name
    if sighting.cell != "*" + errp:
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


def _leaks(unit: Unit, life: Life) -> Iterator[Observation]:
    """Locals that still hold an Error where the function returns; one finding for each setter."""
    left = [s for s in life.sightings if s.kind == "left-set" and s.first.origin >= 0]
    told: set[tuple[str, int]] = set()
    for sighting in sorted(left, key=lambda s: (not s.first.sure, s.span)):
        setter = life.function.calls[sighting.first.origin]
        effect = unit.effect(setter)
        if (sighting.cell, setter.index) in told or effect.evidence == "guess":
            continue
        told.add((sighting.cell, setter.index))
        yield Observation(
            "errorflow",
            "leaked",
            life.function.name,
            setter.span,
            f"{sighting.cell} {setter.text}",
            {
                "error": sighting.cell,
                "callee": setter.name,
                "how": "definite" if sighting.first.sure else "possible",
            },
            (
                *path_steps(unit, sighting.trail, sighting.cell, setter),
                Step(sighting.span, "the function returns here"),
            ),
            "high" if sighting.first.sure else "medium",
        )


def _owned(unit: Unit, life: Life) -> Iterator[Observation]:
    """An `Error *` parameter that the function consumes on one path and forgets on another."""
    consumed: dict[str, Sighting] = {}
    for sighting in life.sightings:
        if sighting.kind == "consumed" and sighting.first.origin in (-1, -2):
            consumed.setdefault(sighting.cell, sighting)
    for sighting in life.sightings:
        if sighting.kind != "left-owned" or sighting.cell not in consumed or not life.complete:
            continue
        consumer = consumed.pop(sighting.cell)
        call = life.function.calls[consumer.call]
        yield Observation(
            "errorflow",
            "leaked",
            life.function.name,
            sighting.span,
            f"{sighting.cell} {folded(unit, sighting.span)}",
            {"error": sighting.cell, "callee": "the caller", "how": "possible"},
            (
                Step(call.span, f"{call.name}() takes {sighting.cell} on another path"),
                *path_steps(unit, sighting.trail, sighting.cell, None),
            ),
            "medium",
        )


def _addressed(life: Life, cell: str) -> bool:
    """Whether the address of a local stands in any call."""
    word = re.compile(rf"&{re.escape(cell)}\b")
    return any(word.search(call.text) for call in life.function.calls)


def _never_set(unit: Unit, life: Life) -> Iterator[Observation]:
    """A local Error that is handed on although nobody is given its address: the callee got errp instead."""
    signature = life.signature
    if signature is None or signature.errp is None or signature.errp < 0:
        return
    errp = signature.params[signature.errp].name
    calls = life.function.calls
    if not any(isinstance(a, Var) and a.path == errp for c in calls for a in c.args):
        return
    states: dict[tuple[str, int], set[ErrorState]] = {}
    places: dict[tuple[str, int], Span] = {}
    for sighting in life.sightings:
        if sighting.kind == "consumed" and sighting.cell in life.function.locals:
            states.setdefault((sighting.cell, sighting.call), set()).add(sighting.first.state)
            places[sighting.cell, sighting.call] = sighting.span
    empty = {(s.cell, s.call) for s in life.sightings if s.kind == "empty-handed"}
    # An exit that the good way shares is no place for this one failure.
    empty -= {(s.cell, s.call) for s in life.sightings if s.kind == "nothing-handed"}
    for (cell, number), seen in states.items():
        if seen != {ErrorState.NULL} or not life.complete:
            continue
        # Nobody has its address, or an Error is there and the callee that set it was given errp.
        if (_addressed(life, cell) and (cell, number) not in empty) or unit.effect(
            calls[number]
        ).how == "free":
            continue
        yield Observation(
            "calls",
            "wrong-argument",
            life.function.name,
            places[cell, number],
            f"{cell} {calls[number].text}",
            {
                "callee": calls[number].name,
                "argument": cell,
                "position": "",
                "count": "",
                "wanted": "",
                "prototype": errp,
                "problem": "never-set",
            },
        )


# What a program cannot go on without: images, memory, devices, blockers.
_NEEDED = re.compile(r"(?:^|_)(?:load|realize|open|create|attach|blocker|init_ram|init_rom)(?:_|$)")


def _dismissed(unit: Unit, life: Life) -> Iterator[Observation]:
    """errp is NULL and the result is dropped: the failure of something that is needed goes unseen."""
    for call in life.function.calls:
        effect = unit.effect(call)
        if call.used or not call.passes_null(effect.errp) or not _NEEDED.search(call.name):
            continue
        if effect.kind not in ("int", "bool", "pointer") or excused(unit, call.span):
            continue
        slots = {"function": life.function.name, "callee": call.name, "errp": "NULL", "kept": ""}
        yield Observation(
            "errorflow", "unchecked", life.function.name, call.span, call.text, slots, certainty="medium"
        )


def _conditions(unit: Unit, life: Life) -> Iterator[Observation]:
    """Tests that only ever see NULL, and tests that a fatal Error has decided before."""
    # Paths that a second set has ended would have come here with an Error.
    ended = {s.cell for s in life.sightings if s.kind == "set-again"}
    by_span: dict[Span, set[ErrorState]] = {}
    cells: dict[Span, str] = {}
    for condition in life.conditions:
        if condition.cell in life.function.locals and condition.cell not in ended:
            by_span.setdefault(condition.span, set()).update(condition.states)
            cells[condition.span] = condition.cell
    for span, states in sorted(by_span.items()):
        if states != {ErrorState.NULL} or not life.complete:
            continue
        if _ASSERTED.search(unit.data, max(0, span.start - 40), span.start):
            continue  # an assertion says just that
        cell = cells[span]
        if _addressed(life, cell):
            continue  # what is handed over may be set one day, even if the callee cannot fail now
        yield Observation(
            "errorflow",
            "wrong-test",
            life.function.name,
            span,
            f"{cell} {folded(unit, span)}",
            {"subject": cell, "callee": "", "form": "error-never-set"},
            (),
            "high",
        )
    for way in life.one_way:
        call = life.function.calls[way.call]
        if _ASSERTED.search(unit.data, max(0, way.span.start - 40), way.span.start):
            continue
        if unit.effect(call).kind not in ("int", "bool"):
            continue  # NULL may be an empty list
        fatal = "error_abort" if "&error_abort" in call.text else "error_fatal"
        yield Observation(
            "errorflow",
            "dead-branch",
            life.function.name,
            way.span,
            folded(unit, way.span),
            {"condition": folded(unit, way.span), "callee": call.name, "fatal": fatal},
            (Step(call.span, f"{call.name}() with &{fatal} does not come back with a failure"),),
            "high",
        )
