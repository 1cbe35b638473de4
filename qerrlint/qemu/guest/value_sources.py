# SPDX-License-Identifier: GPL-2.0-or-later
"""Value sources: which member alone decides what an expression comes to, by way of locals and parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from qerrlint.c.expressions.parser import paths
from qerrlint.ir.code import Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.guest.file import GuestFile
from qerrlint.qemu.guest.members import Member, member_of

# How many locals and calls back a name is followed.
_FARTHEST = 3
ADDRESS = lazy_re(rb"[(,]\s*&\s*\w+(?:(?:->|\.)\w+)*?(?:->|\.)(\w+)\s*[,)]")
"""The address of a member as an argument."""
THROUGH = lazy_re(rb"[;{}]\s*\*\s*\w+\s*[-+|&^]?=(?!=)")
"""What a function has in its text that stores through a pointer."""


def source_of(
    guest: GuestFile, function: Function, read: Collection[str], left: int = _FARTHEST
) -> tuple[Function, str] | None:
    """The path of a member, with the function that names it, that alone decides what some paths of a function
    come to; None where that is none, or more than one.

    A local counts that has one value, a parameter that a function of the file hands over.
    """
    names = guest.names
    unknown = [p for p in read if not (p.isidentifier() and names.constant(p) is not None)]
    if len(unknown) != 1:
        return None
    path = unknown[0]
    if not path.isidentifier():
        return function, path
    if not left:
        return None
    if path not in function.locals:
        return next(_handed(guest, function, path, left - 1), None)
    values = [names.stored(event) for event in function.assignments(path)]
    if len(values) != 1 or values[0] is None:
        return None
    return source_of(guest, function, paths(values[0]), left - 1)


def _handed(guest: GuestFile, function: Function, name: str, left: int) -> Iterator[tuple[Function, str]]:
    """What callers in the file hand over as a parameter."""
    unit = guest.unit
    signature = unit.signature(function.name)
    params = [param.name for param in signature.params] if signature is not None else []
    for caller in guest.callers(function.name) if name in params else ():
        position = params.index(name)
        lowered = unit.lowered(caller)
        for call in lowered.calls if lowered is not None else ():
            if lowered is None or call.name != function.name or position >= len(call.arg_spans):
                continue
            node = guest.names.node(call.arg_spans[position])
            found = source_of(guest, lowered, paths(node), left) if node is not None else None
            if found is not None:
                yield found


def pointed_to(guest: GuestFile, function: Function, target: str) -> Iterator[Member]:
    """The members whose addresses functions of the file hand over as the pointer of a target `*p`."""
    unit = guest.unit
    signature = unit.signature(function.name) if target.startswith("*") else None
    params = [param.name for param in signature.params] if signature is not None else []
    for caller in guest.callers(function.name) if target[1:] in params else ():
        position = params.index(target[1:])
        lowered = unit.lowered(caller)
        for call in lowered.calls if lowered is not None else ():
            if lowered is None or call.name != function.name or position >= len(call.arg_spans):
                continue
            text = "".join(unit.text.on_one_line(call.arg_spans[position]).split())
            member = member_of(guest.names, lowered, text[1:]) if text.startswith("&") else None
            if member is not None:
                yield member


def greatest(guest: GuestFile, function: Function, path: str) -> int | None:
    """The greatest number of the type of a path; None where it is no integer of a whole number of bytes."""
    declared = guest.names.int_type_of(function, path)
    if declared is None or declared.bits == 1:
        return None
    return (1 << (declared.bits - declared.signed)) - 1
