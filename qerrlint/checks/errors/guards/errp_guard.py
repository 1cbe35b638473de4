# SPDX-License-Identifier: GPL-2.0-or-later
"""The guard macro of errp: from where on a function has it, and what the callers of a static function pass.

ERRP_GUARD() (include/qapi/error.h) makes errp point to an Error pointer of the function's own where the
caller gave NULL or &error_fatal; until then `*errp` must not be read.
"""

from __future__ import annotations

from qerrlint.checks.function import AnalysedFunction
from qerrlint.ir.code import Addr, Call, Var
from qerrlint.source.span import Span

GUARDS = frozenset({"ERRP_GUARD", "ERRP_AUTO_PROPAGATE"})
"""The macro by its names: the second is that of the patches before QEMU 5.1."""


def guard_name(analysed: AnalysedFunction) -> str:
    """The macro's name in the tree at hand; "" in a tree that is older than it."""
    return analysed.unit.environment.has_guard_macro() or ""


def guard_words(analysed: AnalysedFunction) -> str:
    """What the function lacks, in words: the macro, or in an older tree an Error of its own."""
    name = guard_name(analysed)
    return f"{name}()" if name else "a local Error"


def _guarded_from(analysed: AnalysedFunction) -> int | None:
    """The offset from which on the macro is in force; None where it does not stand in the function."""
    return min((call.span.start for call in analysed.function.calls if call.name in GUARDS), default=None)


def is_guarded(analysed: AnalysedFunction, place: Span) -> bool:
    """Whether the macro stands before a place of the function."""
    guarded_from = analysed.once(_guarded_from)
    return guarded_from is not None and place.start > guarded_from


def unguarded_uses(analysed: AnalysedFunction) -> list[Call]:
    """The calls that are handed errp as their first argument before the macro."""
    errp = analysed.errp
    return [
        call
        for call in analysed.function.calls
        if errp is not None
        and call.args
        and call.args[0] == Var(errp)
        and not is_guarded(analysed, call.span)
    ]


def errp_of_callers(analysed: AnalysedFunction) -> str:
    """What the callers of a static function hand it for errp.

    "local": the address of an Error pointer of their own, all of them; "guarded": some pass on their own errp
    after the macro; "any": anything else, or the function is not static or its address is taken.
    """
    unit, name = analysed.unit, analysed.name
    position = analysed.signature.errp if analysed.signature is not None else None
    if position is None or name not in unit.functions or not unit.is_static(name):
        return "any"
    seen, kind = 0, "local"
    for other in unit.uses.callers_of(name):
        function = unit.lowered(other)
        if function is None:
            return "any"
        guards = [call.span.start for call in function.calls if call.name in GUARDS]
        for call in function.calls:
            if call.name != name or position >= len(call.args):
                continue
            arg = call.args[position]
            seen += 1
            if isinstance(arg, Var) and any(start < call.span.start for start in guards):
                kind = "guarded"
            elif not isinstance(arg, Addr) or arg.path in ("error_abort", "error_fatal"):
                return "any"
    return kind if seen > 0 and seen == unit.uses.mentions(name) else "any"
