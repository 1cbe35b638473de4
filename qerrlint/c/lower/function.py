# SPDX-License-Identifier: GPL-2.0-or-later
"""One parsed function to an ir.Function, which holds no nodes of the tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qerrlint.c.lower.calls import CALLS
from qerrlint.c.lower.conditions import branch
from qerrlint.c.lower.expressions import EXPRESSIONS
from qerrlint.c.lower.lowering import Handlers, Lowering
from qerrlint.c.lower.node_text import NodeText, TextLimitError
from qerrlint.c.lower.statements import STATEMENTS
from qerrlint.ir.code import Function, Return
from qerrlint.source.span import Span

if TYPE_CHECKING:
    from qerrlint.c.parse import Parsed

_HANDLERS = Handlers({**EXPRESSIONS, **CALLS}, STATEMENTS, branch)


def lower(
    parsed: Parsed, data: bytes, constant: Callable[[str], int | None] | None = None
) -> Function | None:
    """The flow of a parsed function; `data` is the whole file. None where there is no function, and for one
    whose expressions or statements nest too deeply to be walked (a few hundred levels).

    `constant` gives the number behind an upper-case name, None where it is not known.
    """
    if parsed.function is None:
        return None
    body = parsed.function.child_by_field_name("body")
    if body is None:
        return None
    span = parsed.piece.span
    source = NodeText(data, span, parsed.normal.data)
    lowering = Lowering(source, parsed.normal.rewrites, constant, _HANDLERS)
    try:
        lowering.statement(body)
    except (RecursionError, TextLimitError):
        return None
    out = lowering.out
    end = span.start + body.end_byte
    out.emit(Return(None, Span(span.path, end - 1, end), implicit=True))
    return Function(
        name=parsed.piece.name,
        span=span,
        body=span.start + body.start_byte,
        blocks=tuple(out.blocks),
        calls=tuple(out.calls),
        locals=out.locals,
        autos=frozenset(out.autos),
    )
