# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory indexes: what a guest keeps in its memory, or sends with a request, that indexes an array of the
device without a bound.

A member of a struct that the file fills from guest memory (a descriptor, a command) is taken to hold the
greatest number of its type, and the first one beyond the array; an access counts that is reached with such an
index by tests that are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.declarations.types import untagged
from qerrlint.c.expressions.parser import paths
from qerrlint.ir.code import Function
from qerrlint.model.file_text import NamedPattern
from qerrlint.qemu.guest.entries import given
from qerrlint.qemu.guest.file import GuestFile
from qerrlint.qemu.guest.indexes.array_accesses import ACCESSES, ArrayAccess, ArrayAccesses
from qerrlint.qemu.guest.indexes.held_indexes import HeldIndex, held_indexes
from qerrlint.qemu.guest.members import Member, member_of
from qerrlint.qemu.guest.memory_structs import READER
from qerrlint.qemu.guest.slots import DATA
from qerrlint.qemu.guest.value_sources import greatest, source_of
from qerrlint.qemu.layouts import layouts_of

# So many structs are looked into, with those that they embed.
_MOST_STRUCTS = 40


class MemoryIndexes:
    """The accesses of one file that data of the guest decides."""

    def __init__(self, guest: GuestFile) -> None:
        self._guest = guest
        self._unit = guest.unit
        self._accesses = ArrayAccesses(guest.names, {})

    def found(self) -> Iterator[HeldIndex]:
        """The accesses, each once, in the order of the text."""
        types = self._types()
        if not types:
            return
        by_member: dict[tuple[Member, int], list[ArrayAccess]] = {}
        for access, member, most in self._wanted(types):
            for number in (most, *((access.most + 1,) if access.most < most else ())):
                by_member.setdefault((member, number), []).append(access)
        yield from held_indexes(self._guest, (*self._guest.entries, *self._guest.indirect), by_member)

    def _types(self) -> frozenset[str]:
        """The structs whose members are what the guest has put there."""
        guest, unit = self._guest, self._unit
        sent: set[str] = set()
        for entry in guest.entries:
            names = given(unit, entry, DATA)
            signature = unit.signature(entry.function) if names else None
            for param in signature.params if signature is not None else ():
                if param.name in names and param.type.endswith("*"):
                    sent.add(untagged(param.type.removeprefix("const ")).rstrip(" *"))
        read = guest.memory_structs.types if READER.is_in(unit.text) else frozenset()
        layouts = layouts_of(unit.environment)
        return read | {name for name in sent if layouts.of_name(name, unit.path) is not None}

    def _wanted(self, types: frozenset[str]) -> Iterator[tuple[ArrayAccess, Member, int]]:
        """The accesses whose index one member of those structs decides, with it and its greatest number."""
        guest = self._guest
        reached = guest.reached_by((*guest.entries, *guest.indirect))
        near = self._near(types)
        for name in guest.places(*ACCESSES):
            function = self._unit.lowered(name) if name in reached & near else None
            if function is None:
                continue
            for access in self._accesses.of(name, lambda index: "++" not in index and "--" not in index):
                source = source_of(guest, function, paths(access.node)) if not access.address else None
                found = self._member(*source, types) if source is not None else None
                if found is not None:
                    yield (access, *found)

    def _near(self, types: frozenset[str]) -> frozenset[str]:
        """The functions that name a member of those structs, and those that they call."""
        layouts = layouts_of(self._unit.environment)
        names: set[str] = set()
        waiting = sorted(types)
        for struct in waiting:
            layout = layouts.of_name(struct, self._unit.path) or layouts.layout(struct, self._unit.path)
            for field in layout.fields if layout is not None else ():
                names.add(field.name)
                inner = untagged(field.type)
                if len(waiting) < _MOST_STRUCTS and not field.pointer and inner not in waiting:
                    waiting.append(inner)
                names.update(one.name for one in field.fields)
        names.discard("")
        if not names:
            return frozenset()
        pattern = rb"(?:->|\.)(?:%s)\b" % b"|".join(sorted(name.encode() for name in names))
        naming = frozenset(self._guest.matching(NamedPattern(re.compile(pattern), names)))
        return naming.union(*(self._guest.called_by(name) for name in naming))

    def _member(self, function: Function, path: str, types: frozenset[str]) -> tuple[Member, int] | None:
        """The member of such a struct that a path names, and its greatest number."""
        guest = self._guest
        member, most = member_of(guest.names, function, path), greatest(guest, function, path)
        if member is None or member.index or most is None:
            return None
        if member.struct not in types and not guest.memory_structs.is_member(function, path):
            return None
        layout = layouts_of(self._unit.environment).of_name(member.struct, self._unit.path)
        field = layout.field(member.name) if layout is not None else None
        return (member, most) if field is not None and not field.bits else None
