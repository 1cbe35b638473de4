# SPDX-License-Identifier: GPL-2.0-or-later
"""Uses of the caller's errp that need the guard first: dereferences, and text added to its Error."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.trace_steps import folded
from qerrlint.domain.result import FunctionResult, Occurrence
from qerrlint.findings import Observation
from qerrlint.ir.code import Addr, Call, Var
from qerrlint.model.translation_unit import TranslationUnit

_GUARDS = frozenset({"ERRP_GUARD", "ERRP_AUTO_PROPAGATE"})
_PREPENDERS = {"error_prepend": "prepend", "error_vprepend": "prepend", "error_append_hint": "hint"}


def observe(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """Uses of errp that want the guard in front of them."""
    signature, errp, calls = result.signature, result.errp, result.function.calls
    if signature is None or signature.errp is None or errp is None:
        return
    cell = "*" + errp
    guarded_from = min((c.span.start for c in calls if c.name in _GUARDS), default=None)
    guard = unit.environment.has_guard_macro() or "ERRP_GUARD"

    def guarded(place: Occurrence | Call) -> bool:
        return guarded_from is not None and place.span.start > guarded_from

    derefs = sorted(
        (s for s in result.occurrences if s.kind == "deref" and s.cell == cell and not guarded(s)),
        key=lambda s: s.span,
    )
    extended = [call for call in calls if call.args and call.args[0] == Var(errp) and not guarded(call)]
    if not derefs and not any(c.name in _PREPENDERS or c.name == "g_clear_pointer" for c in extended):
        return
    callers = _callers(unit, result, signature.errp)
    certainty = "high" if callers == "any" else "low"
    body = unit.data[result.function.body : result.function.span.end]
    if re.search(rb"assert\(\s*%s\s*&&\s*\*%s\b" % (errp.encode(), errp.encode()), body):
        # Not an out-parameter but an Error handed over: the function insists that it is there.
        return
    for occurrence in derefs:
        text = folded(unit, occurrence.span)
        if _asserted(unit, occurrence, errp):
            continue
        yield Observation(
            event="unguarded-errp-dereference",
            function=result.function.name,
            primary=occurrence.span,
            key=text,
            slots={"errp": errp, "text": text, "guard": guard},
            certainty=certainty,
        )
    for call in extended:
        if call.name in _PREPENDERS:
            own = _set_here(unit, result, call)
            yield Observation(
                event="unguarded-error-prepend",
                function=result.function.name,
                primary=call.span,
                key=call.text,
                slots={
                    "errp": errp,
                    "callee": call.name,
                    "guard": guard,
                    "form": _PREPENDERS[call.name],
                    "setter": "own" if own else "callee",
                    "callers": "guarded" if callers == "guarded" else "any",
                },
                certainty="low" if callers == "local" else "high",
            )
        elif call.name == "g_clear_pointer":
            yield Observation(
                event="unguarded-errp-dereference",
                function=result.function.name,
                primary=call.span,
                key=call.text,
                slots={"errp": errp, "text": folded(unit, call.span), "guard": guard},
                certainty=certainty,
            )


def _callers(unit: TranslationUnit, result: FunctionResult, position: int) -> str:
    """What the callers of a static function hand it for errp: "local" for the address of a local Error and
    nothing else, "guarded" where some hand on their own behind the guard, "any" for anything else."""
    name = result.function.name
    if name not in unit.functions or not unit.is_static(name):
        return "any"
    seen, kind = 0, "local"
    for other in unit.callers_of(name):
        function = unit.lowered(other)
        if function is None:
            return "any"
        for call in function.calls:
            if call.name != name or position >= len(call.args):
                continue
            arg = call.args[position]
            seen += 1
            if isinstance(arg, Var) and any(
                c.name in _GUARDS and c.span.start < call.span.start for c in function.calls
            ):
                kind = "guarded"
            elif not isinstance(arg, Addr) or arg.path in ("error_abort", "error_fatal"):
                return "any"
    return kind if seen > 0 and seen == unit.mentions(name) else "any"


def _asserted(unit: TranslationUnit, occurrence: Occurrence, errp: str) -> bool:
    """Whether the dereference stands in an assertion that covers NULL by itself."""
    line, _ = unit.lines.position(occurrence.span.start)
    text = unit.lines.text(line)
    name = errp.encode()
    return (
        re.search(rb"assert\(\s*!?\s*%s\s*(?:&&|\|\|)" % name, text) is not None
        # An Error of one's own where the callee has set none: nothing is wrong with looking for that.
        or re.search(rb"\b%s\s*&&\s*!\s*\*\s*%s\b" % (name, name), text) is not None
    )


def _set_here(unit: TranslationUnit, result: FunctionResult, call: Call) -> bool:
    """Whether the call before this one in the text is the function's own error_setg."""
    before = [c for c in result.function.calls if c.span.end <= call.span.start]
    return bool(before) and unit.effect(before[-1]).evidence == "setter"
