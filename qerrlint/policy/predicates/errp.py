# SPDX-License-Identifier: GPL-2.0-or-later
"""Uses of errp without the guard that are safe, or done by the Error API itself."""

from __future__ import annotations

import re

from qerrlint.checks.errors.errp_guard import errp_of_callers
from qerrlint.checks.function import AnalysedFunction
from qerrlint.findings import Observation

# The file that defines this function implements the Error API.
_API_FUNCTION = "error_propagate"


def file_is_the_error_api(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the file defines error_propagate()."""
    return _API_FUNCTION in analysed.unit.functions


def line_covers_null(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the line of the dereference asks for NULL itself.

    In an assertion, or as a test whether the callee has set an Error that the function wants to set then.
    """
    lines, name = analysed.unit.lines, observation.slots["errp"].encode()
    line, _ = lines.position(observation.primary.start)
    text = lines.text(line)
    return (
        re.search(rb"assert\(\s*!?\s*%s\s*(?:&&|\|\|)" % name, text) is not None
        or re.search(rb"\b%s\s*&&\s*!\s*\*\s*%s\b" % (name, name), text) is not None
    )


def callers_pass_local_errors(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether all callers of a static function pass the address of an Error pointer of their own."""
    return analysed.once(errp_of_callers) == "local"
