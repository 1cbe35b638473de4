# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways of returning judged against the convention: failure with an Error, success without one."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.c.declarations.types import result_kind
from qerrlint.checks import errorlabels
from qerrlint.checks.failures import Failures
from qerrlint.checks.successes import Successes
from qerrlint.domain.result import FunctionResult
from qerrlint.findings import Observation
from qerrlint.model.translation_unit import TranslationUnit


def observe(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """The observations on how one function with errp returns."""
    signature, errp = result.signature, result.errp
    if signature is None or errp is None:
        return
    kind = result_kind(signature, unit.typedefs)
    failures, successes = Failures(unit, result, kind, errp), Successes(unit, result, kind, errp)
    for leaving in sorted(result.returns, key=lambda e: (e.span, e.signs, e.printed)):
        if failures.fails(leaving) or failures.forwards(leaving):
            yield from failures.failing(leaving)
        elif successes.succeeds(leaving):
            yield from successes.succeeding(leaving)
    yield from successes.exiting()
    if kind == "void":
        yield from successes.going_on()
        yield from errorlabels.observe(unit, result, errp)
