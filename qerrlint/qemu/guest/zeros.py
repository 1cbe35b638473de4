# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest zeros: the members of a device's structs that a write by the guest can set to 0."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from qerrlint.c.expressions.typed import Column, Number
from qerrlint.ir.code import Assign, Edge, Event, Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import NamedPattern
from qerrlint.qemu.device_tables import arguments_at
from qerrlint.qemu.guest.assumed_members import WRITTEN, AssumedNames, EntryWalk
from qerrlint.qemu.guest.entries import GuestEntry
from qerrlint.qemu.guest.file import GuestFile, Sample
from qerrlint.qemu.guest.members import Member, aliased, member_of
from qerrlint.qemu.guest.sample_scope import SampleScope, read
from qerrlint.qemu.guest.states import State
from qerrlint.qemu.guest.walk import WalkObserver
from qerrlint.records import record
from qerrlint.source.span import Span

# Where a write of all bits 0 or 1 sets a member to no 0: values of which a mask or a type leaves 0.
_WRAPPING = (1 << 8, 1 << 16, 1 << 32)
# The registers of include/hw/register.h, which the guest writes: the place of the array among the arguments.
_REGISTER_BLOCK = lazy_re(rb"\bregister_init_block\d+\s*\(")
_REGISTER_ARRAY = 4
_ROUNDS = 3
_MEMBER = lazy_re(rb"(?:->|\.)([A-Za-z_]\w*)\b(?!\s*\()")


@record(frozen=True, slots=True)
class GuestZero:
    """Where a guest sets a member to 0: in `function`, at `span`, entered at `entry` (None: by the core of
    registers) with `sample`."""

    entry: GuestEntry | None
    function: str
    span: Span
    sample: Sample | None


class GuestZeros:
    """The members, of some names, that a write by the guest can set to 0, with the place of one store."""

    def __init__(self, guest: GuestFile, words: Collection[str]) -> None:
        self._guest = guest
        self._wanted = frozenset(words)
        self._words = _with_sources(guest.unit.data, self._wanted)
        named = b"|".join(sorted(word.encode() for word in self._words))
        member = rb"(?:->|\.)(?:" + named + rb")\b\s*(?:\[[^\]]*\]\s*)*"
        store = rb"(?:(?:[-+*/%&|^]|<<|>>)?=(?!=)|\+\+|--)|=\s*&\w+(?:(?:->|\.)\w+)*"
        self._store = NamedPattern(lazy_re(member + store + member + rb";"), self._words)
        self.found: dict[Member, GuestZero] = {}
        self.ones: set[Member] = set()
        """The members that a write can set to all ones as well."""
        self._elements: dict[Member, set[Number]] = {}
        self._places: dict[tuple[Member, Number], GuestZero] = {}
        if self._words:
            self._registers()
            self._entries()

    def reaches(self, member: Member) -> bool:
        """Whether a write can set a member to 0, or that element of it whose constant index it names."""
        whole = replace(member, index="")
        if whole not in self.found:
            return any((one.struct, one.name) == (member.struct, member.name) for one in self.found)
        number = self._guest.names.constant(member.index) if member.index else None
        elements = self._elements.get(whole, {None})
        return number is None or None in elements or number in elements

    def place(self, member: Member) -> GuestZero | None:
        """Where a write sets a member to 0, the element that it names if there is such a place."""
        whole = replace(member, index="")
        number = self._guest.names.constant(member.index) if member.index else None
        same = (z for m, z in self.found.items() if (m.struct, m.name) == (member.struct, member.name))
        return self._places.get((whole, number)) or self.found.get(whole) or next(same, None)

    def _registers(self) -> None:
        unit = self._guest.unit
        for found in _REGISTER_BLOCK.finditer(unit.data) if b"register_init_block" in unit.data else ():
            given = arguments_at(unit.data, found.end() - 1)
            piece = unit.definitions.around(found.start())
            function = unit.lowered(piece.name) if piece is not None else None
            if function is None or given is None or len(given) <= _REGISTER_ARRAY:
                continue
            member = member_of(self._guest.names, function, given[_REGISTER_ARRAY])
            if member is not None and member.name in self._words:
                place = Span(unit.path, found.start(), found.end() - 1)
                self.found[member] = GuestZero(None, function.name, place, None)

    def _entries(self) -> None:
        guest = self._guest
        within = guest.leading_to(self._store)
        for _ in range(_ROUNDS):
            before = len(self.found)
            if self._words <= {one.name for one in self.found}:
                return
            names = AssumedNames(guest, self.found)
            for entry in guest.entries:
                if entry.writes and entry.function in within:
                    self._walk(entry, names, within)
            if len(self.found) == before:
                break
        within = self._masking()
        names = AssumedNames(guest, self.found)
        for entry in guest.entries:
            if entry.writes and entry.function in within:
                self._walk(entry, names, within, _WRAPPING)

    def _masking(self) -> frozenset[str]:
        """The functions that lead to stores of a masked value into members that no write of 0 has reached, or
        into elements of arrays, of which others may have been."""
        left = self._wanted - {one.name for one in self.found}
        wanted, missed = (b"|".join(sorted(w.encode() for w in words)) for words in (self._wanted, left))
        element = rb"(?:%s)\b\s*\[[^\]]*\]\s*" % wanted
        member = rb"(?:->|\.)(?:%s)=(?!=)[^;]*\w\s*&\s*\w"
        every = element + rb"|(?:%s)\b\s*" % missed if left else element
        return self._guest.leading_to(NamedPattern(re.compile(member % every), self._wanted))

    def _walk(
        self,
        entry: GuestEntry,
        names: AssumedNames,
        within: frozenset[str],
        written: Collection[int] = WRITTEN,
    ) -> None:
        """Walk an entry that writes, and record the members that a store of it leaves 0."""
        # A store through a pointer that is set to the address of a member counts.
        words = (*self._words, "*")

        def reached(function: Function, event: Event | Edge, state: State) -> None:
            if not isinstance(event, Assign):
                return
            target = aliased(function, event.target)
            if not any(word in target for word in self._words):
                return
            member = member_of(names, function, target)
            whole = replace(member, index="") if member is not None else None
            if member is None or whole is None or whole.name not in self._words:
                return
            if whole in self.found and whole in self.ones and not member.index:
                return
            # Bits that a store keeps are taken to be 0 before it.
            columns = {event.target: Column(0), **state.columns}
            value = walking.walk.assigned(function, columns, event)
            declared = names.int_type_of(function, target)
            stored = {value.at(i) for i in state.alive}
            if declared is not None and declared.wrap(-1) in {n and declared.wrap(n) for n in stored}:
                self.ones.add(whole)
            zero = [i for i in sorted(state.alive) if value.at(i) == 0]
            element = SampleScope(names, function, columns).evaluated(read(member.index or "0"))
            self._elements.setdefault(whole, set()).update(element.at(i) for i in zero)
            for i in zero if member.index else ():
                place = (whole, element.at(i))
                if place not in self._places:
                    self._places[place] = GuestZero(entry, function.name, event.span, walking.samples[i])
            index = zero[0] if zero else None
            if index is not None and whole not in self.found:
                self.found[whole] = GuestZero(entry, function.name, event.span, walking.samples[index])

        def towards(one: Event | Edge) -> bool:
            return isinstance(one, Assign) and any(word in one.target for word in words)

        observer = WalkObserver(reached=reached, towards=towards)
        walking = EntryWalk(names, entry, within, observer, strict=False, written=written)
        walking.run()


def _with_sources(data: bytes, words: frozenset[str]) -> frozenset[str]:
    """The names of members, and of those whose value a file stores into them."""
    for _ in range(_ROUNDS if words else 0):
        named = b"|".join(sorted(word.encode() for word in words))
        stores = re.compile(rb"(?:->|\.)(?:" + named + rb")\b\s*(?:\[[^\]]*\]\s*)*=(?!=)([^;]*);")
        more = {name.decode() for found in stores.finditer(data) for name in _MEMBER.findall(found[1])}
        if more <= words:
            break
        words |= more
    return words
