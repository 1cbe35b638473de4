# SPDX-License-Identifier: GPL-2.0-or-later
"""errorflow: what the life of a function's Error objects shows, put as Observations without wording."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.analyses import lifecycle, neighbours, returns, unlooked
from qerrlint.analyses.analysis import Analysis
from qerrlint.analyses.steps import folded, path_steps, shown
from qerrlint.facts.sightings import Life, Sighting
from qerrlint.facts.unit import Unit
from qerrlint.findings import Observation
from qerrlint.source.span import Span
from qerrlint.syntax.cut import Piece
from qerrlint.syntax.ir import Addr, Call, Var

_GUARDS = frozenset({"ERRP_GUARD", "ERRP_AUTO_PROPAGATE"})
_PREPENDERS = {"error_prepend": "prepend", "error_vprepend": "prepend", "error_append_hint": "hint"}
# The file that defines this function implements the Error API and may look inside.
_API_FUNCTION = "error_propagate"


def run(unit: Unit, piece: Piece) -> Iterable[Observation]:
    """The observations of one function."""
    life = unit.life(piece.name)
    if life is None:
        return
    yield from _set_again(unit, life)
    yield from lifecycle.observe(unit, life)
    yield from unlooked.observe(unit, life)
    if _API_FUNCTION not in unit.functions:
        yield from returns.observe(unit, life)
        yield from _unguarded(unit, life)
        yield from neighbours.observe(unit, life)


def _set_again(unit: Unit, life: Life) -> Iterator[Observation]:
    calls = life.function.calls
    again = [s for s in life.sightings if s.kind == "set-again"]
    told: set[tuple[str, int]] = set()
    # One finding for each first set: what follows on the same path is the same mistake.

    def rank(sighting: Sighting) -> tuple[bool, bool, bool, Span]:
        """Certain before possible, plain error_setg() before others, forwards before a back edge."""
        first = sighting.first.origin
        back = first >= 0 and calls[first].span >= sighting.span
        return (
            not sighting.first.sure,
            unit.effect(calls[sighting.call]).evidence != "setter",
            back,
            sighting.span,
        )

    for sighting in sorted(again, key=rank):
        # Chains of unchecked calls are one mistake.
        ident = (sighting.cell, sighting.first.origin if sighting.first.sure else -1)
        if ident in told:
            continue
        told.add(ident)
        call = calls[sighting.call]
        first = calls[sighting.first.origin] if sighting.first.origin >= 0 else None
        effect = unit.effect(call)
        if effect.evidence == "guess" or (first is not None and unit.effect(first).evidence == "guess"):
            continue
        if not sighting.first.sure and first is None:
            continue
        sure = sighting.first.sure
        yield Observation(
            analysis="errorflow",
            kind="set-again",
            function=life.function.name,
            primary=call.span,
            key=f"{shown(sighting.cell)} {call.text} {first.name if first is not None else ''}",
            slots={
                "error": shown(sighting.cell),
                "callee": call.name,
                "first": first.name if first is not None else "",
                "how": "definite" if sure else "possible",
            },
            trail=path_steps(unit, sighting.trail, sighting.cell, first),
            certainty="high" if sure else "medium",
        )


def _unguarded(unit: Unit, life: Life) -> Iterator[Observation]:
    signature = life.signature
    if signature is None or signature.errp is None or signature.errp < 0:
        return
    errp = signature.params[signature.errp].name
    cell = "*" + errp
    calls = life.function.calls
    guarded_from = min((c.span.start for c in calls if c.name in _GUARDS), default=None)
    guard = unit.world.has_guard_macro() or "ERRP_GUARD"

    def guarded(place: Sighting | Call) -> bool:
        return guarded_from is not None and place.span.start > guarded_from

    certainty = "low" if _only_locals(unit, life, signature.errp) else "high"
    body = unit.data[life.function.body : life.function.span.end]
    if re.search(rb"assert\(\s*%s\s*&&\s*\*%s\b" % (errp.encode(), errp.encode()), body):
        # Not an out-parameter but an Error handed over: the function insists that it is there.
        return
    for sighting in sorted((s for s in life.sightings if s.kind == "deref"), key=lambda s: s.span):
        if sighting.cell != cell or guarded(sighting):
            continue
        text = folded(unit, sighting.span)
        if _asserted(unit, sighting, errp):
            continue
        yield Observation(
            analysis="errorflow",
            kind="errp-deref",
            function=life.function.name,
            primary=sighting.span,
            key=text,
            slots={"errp": errp, "text": text, "guard": guard},
            certainty=certainty,
        )
    for call in calls:
        if not call.args or guarded(call):
            continue
        first = call.args[0]
        if not (isinstance(first, Var) and first.path == errp):
            continue
        if call.name in _PREPENDERS:
            own = _set_here(unit, life, call)
            yield Observation(
                analysis="errorflow",
                kind="errp-prepend",
                function=life.function.name,
                primary=call.span,
                key=call.text,
                slots={
                    "errp": errp,
                    "callee": call.name,
                    "guard": guard,
                    "form": _PREPENDERS[call.name],
                    "setter": "own" if own else "callee",
                },
                certainty=certainty,
            )
        elif call.name == "g_clear_pointer":
            yield Observation(
                analysis="errorflow",
                kind="errp-deref",
                function=life.function.name,
                primary=call.span,
                key=call.text,
                slots={"errp": errp, "text": folded(unit, call.span), "guard": guard},
                certainty=certainty,
            )


def _only_locals(unit: Unit, life: Life, position: int) -> bool:
    """Whether a static function is only ever called with the address of a local Error, or with the errp of a
    caller that has the guard: then it is neither NULL nor fatal."""
    name = life.function.name
    if name not in unit.functions or not unit.is_static(name):
        return False
    seen = 0
    for other in unit.callers_of(name):
        function = unit.lowered(other)
        if function is None:
            return False
        for call in function.calls:
            if call.name != name or position >= len(call.args):
                continue
            arg = call.args[position]
            guarded = isinstance(arg, Var) and any(
                c.name in _GUARDS and c.span.start < call.span.start for c in function.calls
            )
            if not guarded and (not isinstance(arg, Addr) or arg.path in ("error_abort", "error_fatal")):
                return False
            seen += 1
    return seen > 0 and seen == unit.mentions(name)


def _asserted(unit: Unit, sighting: Sighting, errp: str) -> bool:
    """Whether the dereference stands in an assertion that covers NULL by itself."""
    line, _ = unit.lines.position(sighting.span.start)
    text = unit.lines.text(line)
    name = errp.encode()
    return (
        re.search(rb"assert\(\s*!?\s*%s\s*(?:&&|\|\|)" % name, text) is not None
        # An Error of one's own where the callee has set none: nothing is wrong with looking for that.
        or re.search(rb"\b%s\s*&&\s*!\s*\*\s*%s\b" % (name, name), text) is not None
    )


def _set_here(unit: Unit, life: Life, call: Call) -> bool:
    """Whether the call before this one in the text is the function's own error_setg."""
    before = [c for c in life.function.calls if c.span.end <= call.span.start]
    return bool(before) and unit.effect(before[-1]).evidence == "setter"


ERRORFLOW = Analysis("errorflow", 1, run)
