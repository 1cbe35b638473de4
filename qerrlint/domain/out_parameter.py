# SPDX-License-Identifier: GPL-2.0-or-later
"""The out-error of a function: a parameter of type `Error **`, or a local that an untyped one is copied to.

A callback of an iterator has its caller's errp by way of its untyped argument (`Error **errp = opaque;`).
What include/qapi/error.h says of the parameter holds for that local: it may be NULL or &error_fatal, and what
it points to is NULL at entry.
"""

from __future__ import annotations

from qerrlint.c.declarations.types import STORE_NAME, Signature
from qerrlint.domain.error import ERRP
from qerrlint.ir.code import Function, Var
from qerrlint.records import record

_UNTYPED = frozenset({"void *", "gpointer"})


@record(frozen=True, slots=True)
class OutParameter:
    """`name` is what the body calls the pointer, `parameter` the parameter that holds it at entry."""

    name: str
    parameter: str


def out_parameter(function: Function, signature: Signature | None) -> OutParameter | None:
    """The out-error of a function; None where it has none, or where several locals could be it."""
    if signature is None:
        return None
    if signature.errp is not None:
        name = signature.out_error
        return OutParameter(name, name) if name is not None else None
    untyped = {param.name for param in signature.params if param.type in _UNTYPED}
    candidates = {
        name for name, type_ in function.locals.items() if type_ == ERRP and not STORE_NAME.match(name)
    }
    if not untyped or len(candidates) != 1:
        return None
    (name,) = candidates
    values = [event.value for event in function.assignments(name)]
    if len(values) == 1 and isinstance(values[0], Var) and values[0].path in untyped:
        return OutParameter(name, values[0].path)
    return None
