# SPDX-License-Identifier: GPL-2.0-or-later
"""Uses of errp without the guard that are safe, or done by the Error API itself."""

from __future__ import annotations

import re

from qerrlint.checks.function import AnalysedFunction
from qerrlint.findings import Observation

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
