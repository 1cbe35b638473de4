# SPDX-License-Identifier: GPL-2.0-or-later
"""The members of structs that paths in a function name, such as `s->regs[R_X]`."""

from __future__ import annotations

from qerrlint.c.declarations.types import untagged
from qerrlint.ir.code import Addr, Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.guest.sample_scope import FileNames
from qerrlint.records import record

_INDEX = lazy_re(r"\[([^\[\]]*)\]\Z")


@record(frozen=True, slots=True)
class Member:
    """A member of a struct, by the name of both; `index` is the text of the element of an array that counts,
    "" for the member itself, or any element."""

    struct: str
    name: str
    index: str = ""


def member_of(names: FileNames, function: Function, path: str) -> Member | None:
    """The member that a path such as `s->regs[R_X]` names; None where its struct is not known."""
    text = path.replace("(", "").replace(")", "") if "(" in path else path
    found = _INDEX.search(text)
    index = found[1] if found is not None else ""
    while found is not None:
        text = text[: found.start()]
        found = _INDEX.search(text)
    at = max(text.rfind("->"), text.rfind("."))
    if at <= 0:
        return None
    head, member = text[:at], text[at:].lstrip("->.")
    struct = untagged(names.type_of(function, head).removeprefix("const ")).rstrip(" *")
    return Member(struct, member, index) if struct and member.isidentifier() else None


def aliased(function: Function, target: str) -> str:
    """The place that a target `*p` is, where the function sets p to one address only; else the target."""
    name = target[1:]
    if not target.startswith("*") or name not in function.locals:
        return target
    assigned = list(function.assignments(name))
    only = assigned[0].value if len(assigned) == 1 else None
    return only.path if isinstance(only, Addr) else target
