# SPDX-License-Identifier: GPL-2.0-or-later
"""How a function with an `Error **errp` is declared: the parameter's place, the result; it reads no body."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.cut import Piece
from qerrlint.findings import Observation
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# Names that say that somebody else (QAPI, QOM, HMP) prescribes the signature.
_PRESCRIBED = re.compile(
    r"^(?:qmp_|hmp_|do_qmp_|visit_)|_(?:un)?realize(?:fn)?(?:_\w+)?$|_(?:cb|callback|fn|hook|notify|notifier)$"
    r"|^(?:prop_)?(?:get|set)_|_(?:get|set)_"
)
_CALLBACK_PARAMS = frozenset({"Visitor *", "void *", "gpointer"})


def errp_shape(unit: TranslationUnit, piece: Piece) -> Iterator[Observation]:
    """An errp that is not last, a void function with errp; callbacks have no choice and are left alone."""
    signature = unit.signature(piece.name)
    if signature is None or signature.errp is None or signature.errp < 0 or not piece.name.isidentifier():
        return
    params = signature.params
    if _PRESCRIBED.search(piece.name) or any(param.type in _CALLBACK_PARAMS for param in params):
        return
    form = None
    if signature.errp != len(params) - 1:
        # A variadic function keeps errp next to the format, as error_setg() does.
        form = "not-last" if not signature.variadic else None
    elif signature.returns == "void":
        form = "void"
    if form is None or unit.is_handed_over(piece.name):
        return
    word = re.compile(rb"\b%s\b" % piece.name.encode()).search(unit.data, piece.span.start, piece.body)
    if word is None:
        return
    yield Observation(
        event="errp-signature",
        function=piece.name,
        primary=Span(unit.path, word.start(), word.end()),
        key=form,
        slots={"form": form, "errp": params[signature.errp].name},
        # A function that other files see may be a callback there.
        certainty="high" if unit.is_static(piece.name) else "medium",
    )
