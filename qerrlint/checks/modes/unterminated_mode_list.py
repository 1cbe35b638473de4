# SPDX-License-Identifier: GPL-2.0-or-later
"""The event unterminated-mode-list: neither -1 nor MIG_MODE_ALL ends a variadic list of migration modes."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.modes.mode_arguments import mode_calls
from qerrlint.findings import Observation

# Both end a list (include/migration/blocker.h, QEMU 8.2 to 10.1).
_ENDS = ("-1", "MIG_MODE_ALL")


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The lists of one function without an end."""
    for one in analysed.once(mode_calls):
        last = one.arguments[-1] if one.arguments else None
        if one.variadic and (last is None or last.text not in _ENDS):
            span, text = (last.span, last.text) if last is not None else (one.call.span, "")
            yield one.seen(analysed, "unterminated-mode-list", span, "end", last=text)


CHECKS = (
    Check("unterminated-mode-list", "modes", (event("unterminated-mode-list", "callee", "last"),), run),
)
