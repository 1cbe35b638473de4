# SPDX-License-Identifier: GPL-2.0-or-later
"""Uses of errp without the guard that are safe, or done by the Error API itself, and errp that is taken."""

from __future__ import annotations

import re

from qerrlint.absint.reachability import guards, place_of
from qerrlint.checks.failing_edges import failed_call
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import subject_of
from qerrlint.findings import Observation
from qerrlint.ir.code import Var

# The file that defines this function implements the Error API.
_API_FUNCTION = "error_propagate"


def file_is_the_error_api(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the file defines error_propagate()."""
    return _API_FUNCTION in analysed.unit.functions


def line_asserts_errp(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the line of the dereference asserts that the parameter is NULL, or is not."""
    lines, name = analysed.unit.text.lines, re.escape(observation.slots["errp"].encode())
    line, _ = lines.position(observation.primary.start)
    return re.search(rb"assert\(\s*!?\s*%s\s*(?:&&|\|\|)" % name, lines.text(line)) is not None


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
