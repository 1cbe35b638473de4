# SPDX-License-Identifier: GPL-2.0-or-later
"""The event errp-signature: how a function with an `Error **errp` is declared, by the rules of qapi/error.h.

The parameter is the last one, and the function tells of a failure by its result as well. No body is read.
"""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.c.lexis import occurrences
from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.findings import Observation
from qerrlint.source.span import Span


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """An errp that is not the last parameter, or a function with errp that returns void."""
    signature, name = analysed.signature, analysed.name
    if signature is None or signature.errp is None or signature.errp < 0 or not name.isidentifier():
        return
    if signature.errp != len(signature.params) - 1:
        # The rule excepts functions with variable arguments, as error_setg() is one.
        form = "not-last" if not signature.variadic else None
    else:
        form = "void" if signature.returns == "void" else None
    piece, unit = analysed.piece, analysed.unit
    if form is None:
        return
    start = piece.span.start
    at = next(occurrences(unit.data[start : piece.body], name.encode()), None)
    if at is None:
        return
    yield Observation(
        event="errp-signature",
        function=name,
        primary=Span(unit.path, start + at, start + at + len(name.encode())),
        key=form,
        slots={"form": form, "errp": signature.params[signature.errp].name},
        # Another file may store a function that it can see, and so prescribe its type.
        certainty="high" if unit.is_static(name) else "medium",
        subject=signature,
    )


CHECKS = (Check("errp-signature", "text", (event("errp-signature", "errp", form="not-last void"),), run),)
