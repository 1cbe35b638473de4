# SPDX-License-Identifier: GPL-2.0-or-later
"""errno in a message where it is not promised: behind a call whose result is the error number."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.domain.result import FunctionResult
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, Var
from qerrlint.model.translation_unit import TranslationUnit

_TAKES_ERRNO = frozenset({"error_setg_errno", "error_setg_file_open"})
# Calls that nobody would take errno from.
_QUIET = re.compile(r"trace_|g_|error_|[A-Z0-9_]+$")


def observe(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """Messages of one function with an errno that the call before them does not set for its callers."""
    for call in result.function.calls:
        if call.name not in _TAKES_ERRNO or len(call.args) < 2 or call.args[1] != Var("errno"):
            continue
        failed = _before(result, call)
        if failed is None or not unit.environment.api.returns_errno(failed.name):
            continue
        yield Observation(
            "wrong-errno",
            result.function.name,
            call.span,
            call.text,
            {"callee": call.name, "value": failed.name, "form": "result-is-errno"},
            (Step(failed.span, f"what {failed.name}() returns is the error, or is made of it"),),
            "medium",
            whole=True,
        )


def _before(result: FunctionResult, call: Call) -> Call | None:
    """The call that the message is about: the last one before it in the text."""
    earlier = [
        c
        for c in result.function.calls
        if c.direct and c.span.end <= call.span.start and not _QUIET.match(c.name)
    ]
    return max(earlier, key=lambda c: c.span) if earlier else None
