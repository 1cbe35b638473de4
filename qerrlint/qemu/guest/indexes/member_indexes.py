# SPDX-License-Identifier: GPL-2.0-or-later
"""Member indexes: members that a guest writes and that index an array of the device some other time, where a
value that they can have is beyond it.

A first walk tells which numbers a write of all ones leaves in a member, a second one takes the member to hold
such a number and asks which accesses are reached by tests that are known.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

from qerrlint.c.expressions.parser import paths
from qerrlint.c.expressions.typed import Column
from qerrlint.ir.code import Assign, Edge, Event, Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import NamedPattern
from qerrlint.qemu.guest.assumed_members import AssumedNames, EntryWalk
from qerrlint.qemu.guest.entries import GuestEntry
from qerrlint.qemu.guest.file import GuestFile, Sample
from qerrlint.qemu.guest.indexes.array_accesses import MOVED, ArrayAccess, ArrayAccesses
from qerrlint.qemu.guest.indexes.held_indexes import HeldIndex, held_indexes
from qerrlint.qemu.guest.members import Member, aliased, member_of
from qerrlint.qemu.guest.sample_scope import SampleScope, read
from qerrlint.qemu.guest.states import State
from qerrlint.qemu.guest.value_sources import ADDRESS, THROUGH, pointed_to, source_of
from qerrlint.qemu.guest.walk import WalkObserver
from qerrlint.records import record

# An index of a member, or of a local alone.
_INDEX = lazy_re(rb"\[\s*(?:([a-z_]\w*)\s*\]|[^\]\[;]*(?:->|\.))")
# A number of bytes that a local holds.
_COUNTS = lazy_re(rb",\s*([a-z_]\w*)\s*[,)]")
_DIRECT = lazy_re(r"(?:->|\.)\s*(\w+)")
_FROM_MEMBER = lazy_re(rb"\b([a-z_]\w*)\s*=\s*([^;={}]*->[^;={}]*);")
_STORE = lazy_re(rb"(?:->|\.)\s*(\w+)\s*(?:\[[^\]]*\]\s*)*[|^+]?=(?!=)[^;]*[a-z]")


@record(frozen=True, slots=True)
class StoredNumber:
    """A number that a write leaves in a member, or in its element `index` (None: any)."""

    number: int
    index: int | None
    entry: GuestEntry
    sample: Sample
    most: int
    """The greatest number that can be written as well: that of the type where all ones come through."""
    zero: bool
    """Whether a write of 0 there leaves 0 in it."""


class MemberIndexes:
    """The accesses of one file that members decide which the guest has written."""

    def __init__(self, guest: GuestFile) -> None:
        self._guest = guest
        self._unit = guest.unit
        self._accesses = ArrayAccesses(guest.names, {})

    def found(self) -> Iterator[HeldIndex]:
        """The accesses, each once, in the order of the text."""
        wanted = self._wanted()
        if not wanted:
            return
        stored = self.stored({member.name for members in wanted.values() for member in members})
        by_member: dict[tuple[Member, int], list[ArrayAccess]] = {}
        origin: dict[tuple[Member, int], StoredNumber] = {}
        for access, members in wanted.items():
            for member in members:
                for one in self.numbers(member, stored):
                    if member.index and self._guest.names.constant(member.index) is None:
                        member = replace(member, index="")
                    # The end of several bytes lies beyond the array before their first one does.
                    least = (access.most + 1, *((access.most - 1,) if access.bytes else ()))
                    least = least if access.most < one.most else ()
                    for number in (one.number, *least):
                        by_member.setdefault((member, number), []).append(access)
                        origin.setdefault((member, number), one)
        for index in held_indexes(self._guest, self._guest.entries, by_member):
            put = origin[index.member, index.number]
            written = put.sample if index.number == put.number else replace(put.sample, value=index.number)
            yield replace(index, writer=put.entry, written=written)

    # -- which accesses, which members ---------------------------------------------------------------

    def _wanted(self) -> Mapping[ArrayAccess, Sequence[Member]]:
        """The accesses that a guest can come to whose index one member decides."""
        guest = self._guest
        moving = frozenset(guest.places(MOVED))
        named = dict.fromkeys((*guest.places(_INDEX), *sorted(moving)))
        if not named:
            return {}
        reached = guest.reached
        out: dict[ArrayAccess, Sequence[Member]] = {}
        data = self._unit.data
        written = self.written
        for name in named if written else ():
            piece = self._unit.functions[name]
            found = set(_INDEX.findall(data, piece.body, piece.span.end)) if name in reached else set()
            if name in reached and name in moving:
                found |= {b"", *_COUNTS.findall(data, piece.body, piece.span.end)}
            known = {
                local.decode()
                for local, value in (_FROM_MEMBER.findall(data, piece.body, piece.span.end) if found else ())
                if local in found and not written.isdisjoint(_DIRECT.findall(value.decode("latin-1")))
            }
            signature = self._unit.signature(name) if self._guest.callers(name) else None
            known |= {
                param.name
                for param in (signature.params if signature is not None else ())
                if param.name and param.name.encode() in found
            }
            if not known and b"" not in found:
                continue
            for access in self._accesses.of(name, partial(_by_member, members=written, known=known)):
                member = self._member(name, access, written)
                if member is not None and not access.address:
                    out[access] = (member,)
        return out

    @cached_property
    def written(self) -> frozenset[str]:
        """The names of the members that functions store something into which is no constant, or whose address
        they hand on."""
        found = set(ADDRESS.findall(self._unit.data))
        for name in self._guest.reached:
            piece = self._unit.functions[name]
            found.update(_STORE.findall(self._unit.data, piece.body, piece.span.end))
        return frozenset(word.decode() for word in found)

    def _member(self, name: str, access: ArrayAccess, written: Collection[str]) -> Member | None:
        """The only member that an index depends on, one of some names, whose type allows more than the
        array."""
        function = self._unit.lowered(name)
        names = self._guest.names
        read = paths(access.node)
        source = source_of(self._guest, function, read) if function is not None else None
        if function is None or source is None:
            return None
        origin, path = source
        declared = names.int_type_of(origin, path)
        member = member_of(names, origin, path) if declared is not None else None
        if member is None or declared is None or declared.bits == 1 or member.name not in written:
            return None
        if path not in read:
            return member
        most = SampleScope(names, function, {path: Column(declared.wrap(-1), declared)})
        number = most.evaluated(access.node).numbers
        return member if isinstance(number, int) and (number > access.most or number < 0) else None

    # -- what a guest puts there ---------------------------------------------------------------------

    def stored(self, words: set[str]) -> Mapping[Member, Sequence[StoredNumber]]:
        """The numbers that writes of all ones leave in members of some names, and writes of 0 do not."""
        guest = self._guest
        named = b"|".join(sorted(w.encode() for w in words))
        pattern = re.compile(rb"(?:->|\.)(?:%s)\b\s*(?:\[[^\]]*\]\s*)*[|^+]?=(?!=)" % named)
        within = guest.leading_to(NamedPattern(pattern, words))
        if re.search(rb"&\s*\w+(?:(?:->|\.)\w+)*(?:->|\.)(?:%s)\s*[,)]" % named, self._unit.data) is not None:
            within |= guest.leading_to(THROUGH)
        names = AssumedNames(guest, ())
        out: dict[Member, dict[tuple[int, int | None], StoredNumber]] = {}
        for entry in guest.entries:
            if entry.writes and entry.function in within:
                self._walk(entry, names, within, words, out)
        return {member: tuple(found.values()) for member, found in out.items()}

    def _walk(
        self,
        entry: GuestEntry,
        names: AssumedNames,
        within: frozenset[str],
        words: set[str],
        out: dict[Member, dict[tuple[int, int | None], StoredNumber]],
    ) -> None:
        """Walk an entry that writes, and add the numbers that it stores into members to `out`."""

        def is_named(event: Assign) -> bool:
            return any(word in event.target for word in words) or event.target.startswith("*")

        def reached(function: Function, event: Event | Edge, state: State) -> None:
            if not isinstance(event, Assign) or not is_named(event):
                return
            target = aliased(function, event.target)
            own = member_of(names, function, target)
            pointed = pointed_to(self._guest, function, target)
            for member in (*pointed, *((own,) if own is not None else ())):
                put(function, event, state, member, target)

        def put(function: Function, event: Assign, state: State, member: Member, target: str) -> None:
            samples = walking.samples
            value = walking.walk.assigned(function, state.columns, event)
            whole = isinstance(value.numbers, tuple)
            if not whole:
                # Bits that a store keeps are taken to be 0 before it.
                value = walking.walk.assigned(function, {event.target: Column(0), **state.columns}, event)
            if member.name not in words or not isinstance(value.numbers, tuple):
                return
            declared = names.int_type_of(function, target)
            element = SampleScope(names, function, state.columns).evaluated(read(member.index or "0"))
            plain = {value.at(i) for i in state.alive if samples[i].value == 0}
            for i in sorted(state.alive & state.sure):
                number = value.at(i)
                if number is None or number in plain or samples[i].value == 0 or declared is None:
                    continue
                at = element.at(i) if member.index else None
                key = (declared.wrap(number), at)
                full = (1 << (declared.bits - declared.signed)) - 1
                most = full if key[0] == declared.wrap(-1) else -1
                found = out.setdefault(replace(member, index=""), {})
                found.setdefault(key, StoredNumber(key[0], at, entry, samples[i], most, whole and 0 in plain))

        def towards(one: Event | Edge) -> bool:
            return isinstance(one, Assign) and is_named(one)

        observer = WalkObserver(reached=reached, towards=towards)
        walking = EntryWalk(names, entry, within, observer, strict=False)
        walking.run()

    def numbers(self, member: Member, stored: Mapping[Member, Sequence[StoredNumber]]) -> list[StoredNumber]:
        """The greatest number that the guest puts into a member, or into the element that counts; into any
        element where a variable says which."""
        constant = self._guest.names.constant(member.index) if member.index else None
        every = stored.get(replace(member, index=""), ())
        found = [one for one in every if constant is None or one.index == constant]
        return sorted(found, key=lambda one: -one.number)[:1]


def _by_member(index: str, members: frozenset[str], known: Collection[str]) -> bool:
    """Whether a member, or a local that one is assigned to, decides an index; one that is changed there has
    another value before."""
    if "++" in index or "--" in index:
        return False
    return not members.isdisjoint(_DIRECT.findall(index)) or index.strip() in known
