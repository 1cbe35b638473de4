# SPDX-License-Identifier: GPL-2.0-or-later
"""Uses of errp without the guard that are safe, or done by the Error API itself, and errp that is taken."""

from __future__ import annotations

import re

from qerrlint.absint.reachability import guards, place_of
from qerrlint.c.lexis import bare
from qerrlint.checks.failing_edges import failed_call
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import subject_of
from qerrlint.findings import Observation
from qerrlint.ir.code import Addr, Str, Var

# The file that defines this function implements the Error API.
_API_FUNCTION = "error_propagate"


def file_is_the_error_api(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the file defines error_propagate()."""
    return _API_FUNCTION in analysed.unit.functions


def errp_is_asserted(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether an assertion says that the parameter is NULL, or is not.

    It stands on the line of the dereference, or above it in the function's own block.
    """
    unit, name = analysed.unit, re.escape(observation.slots["errp"].encode())
    line, _ = unit.text.lines.position(observation.primary.start)
    if re.search(rb"assert\(\s*!?\s*%s\s*(?:&&|\|\|)" % name, unit.text.lines.text(line)) is not None:
        return True
    above = bare(unit.data[analysed.piece.body : observation.primary.start])
    asserted = re.search(rb"\bassert\s*\(\s*%s\s*(?:!=\s*NULL\s*)?\)\s*;" % name, above)
    return (
        asserted is not None
        and above.count(b"{", 0, asserted.start()) == above.count(b"}", 0, asserted.start()) + 1
    )


def errp_comes_set(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the parameter hands in an Error, or NULL.

    The function passes it to no call, asks whether it is NULL, and gives what it points to to a call that
    takes it.
    """
    errp = observation.slots["errp"]
    unit, piece, calls = analysed.unit, analysed.piece, analysed.function.calls
    asked = rb"\bif\s*\(\s*(?:%s)\s*(?:\)|&&)|\b%s\s*\?" % ((re.escape(errp.encode()),) * 2)
    body = bare(unit.data[piece.body : piece.span.end])
    if any(Var(errp) in call.args for call in calls) or re.search(asked, body) is None:
        return False
    taken = Var(f"*{errp}")
    effect = analysed.unit.effect
    return any(taken in call.args and effect(call).consumes is not None for call in calls)


def link_comes_from_outside(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the NULL is that of a link which the file asks for and does not define.

    Who adds such a link gives it a value, and where it is missing the Error is set.
    """
    occurrence = subject_of(observation).occurrence
    cell, at = (occurrence.cell, occurrence.span) if occurrence is not None else ("", observation.primary)
    handed = (Var(cell[1:]),) if cell.startswith("*") else (Addr(cell),)
    before = [call for call in analysed.function.calls if call.span < at and handed[0] in call.args]
    if not before or before[-1].name != "object_property_get_link":
        return False
    names = [argument.text for argument in before[-1].args if isinstance(argument, Str)]
    if len(names) != 1:
        return False
    defined = rb"(?:DEFINE_PROP_LINK|object(?:_class)?_property_add_link)\s*\([^;]{0,80}%s" % re.escape(
        names[0].encode()
    )
    return re.search(defined, analysed.unit.data) is None


def errp_holds_a_failure(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether every way to the call has seen a call fail that was handed errp: what follows undoes things."""
    call = subject_of(observation).calls[0]
    at = place_of(analysed.function, call.index)
    if at is None or analysed.errp is None:
        return False
    taken = {id(edge) for edge in guards(analysed.function, at[0])}
    for number, block in enumerate(analysed.function.blocks):
        for edge in block.edges:
            failed = failed_call(analysed, number, edge) if id(edge) in taken else None
            if failed is not None and Var(analysed.errp) in failed.args:
                return True
    return False


def errp_gets_a_local(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function has pointed errp to an Error of its own, where its caller passes NULL."""
    name = re.escape(observation.slots["errp"].encode())
    given = rb"\bif\s*\(\s*(?:!\s*%s|%s\s*==\s*NULL)\s*\)\s*\{?\s*%s\s*=\s*&\s*\w+\s*;" % ((name,) * 3)
    above = bare(analysed.unit.data[analysed.piece.body : observation.primary.start])
    return re.search(given, above) is not None
