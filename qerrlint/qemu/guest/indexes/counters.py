# SPDX-License-Identifier: GPL-2.0-or-later
"""Counters: members that a guest's accesses increment while they index an array, `buf[len++]`, and that
nothing keeps from the array's length.

Two walks tell that. With the counter at the last element the function returns with it at the length, so
nothing resets it; with the counter at the length the access is reached, so nothing refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.c.expressions.parser import paths
from qerrlint.c.expressions.typed import Column
from qerrlint.ir.code import Assign, Call, Edge, Event, Function, Return
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.guest.assumed_members import AssumedNames, AssumedWalk, entry_samples
from qerrlint.qemu.guest.branches import Branch
from qerrlint.qemu.guest.entries import GuestEntry
from qerrlint.qemu.guest.file import GuestFile
from qerrlint.qemu.guest.indexes.array_accesses import ArrayAccess, ArrayAccesses
from qerrlint.qemu.guest.indirect_entries import ACCESSOR
from qerrlint.qemu.guest.members import Member, member_of
from qerrlint.qemu.guest.owners import owner
from qerrlint.qemu.guest.slots import Slot
from qerrlint.qemu.guest.states import State
from qerrlint.qemu.guest.walk import WalkObserver
from qerrlint.records import record

COUNTED = lazy_re(rb"\[\s*\w+->\w+\s*\+\+\s*\]")
_STEP = lazy_re(rb"\+\+|--|[-+]=")
_COUNTER = lazy_re(r"\s*(\w+->\w+)\s*\+\+\s*\Z")


@record(frozen=True, slots=True)
class Overrun:
    """An access at `entry` whose counter `member` reaches the length of the array."""

    access: ArrayAccess
    entry: GuestEntry
    member: Member


@record(frozen=True, slots=True)
class _Counted:
    """An access that a counter indexes: `event` is what it is a part of, in `function`, and `path` is the
    counter as the function names it."""

    access: ArrayAccess
    function: Function
    event: Event | Edge
    member: Member
    path: str


class _CounterWalk(AssumedWalk):
    """A walk along the paths on which only an increment changes the counter: what else stores into it, or
    calls a function that may, ends the path. With `through` only paths count that an event lies on."""

    storing: frozenset[str] = frozenset()
    through: Event | Edge | None = None
    _around: tuple[set[int], set[int]] | None = None

    def _edges(self, function: Function, number: int, state: State) -> list[Branch]:
        edges = super()._edges(function, number, state)
        if self.through is None or self._chain:
            return edges
        if self._around is None:
            self._around = _around(function, self.through)
        before, after = self._around
        return edges if number in after else [one for one in edges if one[0].target in before]

    def _ends_in(self, function: Function, number: int) -> bool:
        return any(self._ends(function, event) for event in function.blocks[number].events)

    def _ends(self, function: Function, event: Event) -> bool:
        if isinstance(event, Call):
            return event.name in self.storing or not event.direct
        if not isinstance(event, Assign) or self._assumed.assumed(function, event.target) is None:
            return False
        text = self._names.unit.data[event.span.start : event.span.end]
        return not text.rstrip().endswith(b"++")

    def _assign(self, function: Function, columns: dict[str, Column], event: Assign) -> None:
        kept = {p: c for p, c in columns.items() if self._assumed.assumed(function, p) is not None}
        super()._assign(function, columns, event)
        if self._assumed.assumed(function, event.target) is None:
            columns.update(kept)

    def _after_call(self, function: Function, columns: dict[str, Column], call: Call) -> None:
        kept = {p: c for p, c in columns.items() if self._assumed.assumed(function, p) is not None}
        super()._after_call(function, columns, call)
        for path in [p for p in columns if self._assumed.assumed(function, p) is not None]:
            del columns[path]
        columns.update(kept)


def _around(function: Function, event: Event | Edge) -> tuple[set[int], set[int]]:
    """The blocks of a function that lead to the block of an event, and those that it leads to; it is one of
    both."""
    blocks = function.blocks
    edges = [(number, edge.target) for number, block in enumerate(blocks) for edge in block.edges]
    own = {n for n, b in enumerate(blocks) if any(one is event for one in (*b.events, *b.edges))}
    before, after = set(own), set(own)
    for known, pairs in ((before, [(b, a) for a, b in edges]), (after, edges)):
        waiting = list(known)
        while waiting:
            one = waiting.pop()
            more = {end for start, end in pairs if start == one} - known
            known |= more
            waiting += more
    return before, after


class Counters:
    """The counters of one file that nothing keeps from the length of their array."""

    def __init__(self, guest: GuestFile) -> None:
        self._guest = guest
        self._unit = guest.unit

    def found(self) -> Iterator[Overrun]:
        """The accesses, each once."""
        places = self._guest.places(COUNTED)
        if not places:
            return
        accessors = [one for one in self._guest.indirect if one.slot.owner == ACCESSOR]
        entries = {entry.function: entry for entry in (*accessors, *self._guest.entries)}
        for one in self._counted(places):
            name = one.access.function
            entry = entries.get(name) or self._entered(name, one.member)
            if entry is not None and not self._ends_by_state(one) and self._runs_over(entry, one):
                yield Overrun(one.access, entry, one.member)

    def _counted(self, places: Iterable[str]) -> Iterator[_Counted]:
        """The accesses in some functions that a member indexes as a counter."""
        accesses = ArrayAccesses(self._guest.names, {})
        for name in places:
            for one in accesses.of(name, lambda index: _COUNTER.match(index) is not None):
                function, path = self._unit.lowered(name), _COUNTER.match(one.index)
                if function is None or path is None or one.address:
                    continue
                event = owner(function, one.at, one.text)
                member = member_of(self._guest.names, function, path[1])
                if event is not None and member is not None:
                    yield _Counted(one, function, event, member, path[1])

    def _entered(self, name: str, member: Member) -> GuestEntry | None:
        """A function that a guest enters by way of others of the file, of which none names the counter."""
        guest, unit = self._guest, self._unit
        leading = guest.calling({name}) - {name}
        word = re.compile(rb"(?:->|\.)%s\b" % member.name.encode())
        for one in leading:
            piece = unit.functions[one]
            if word.search(unit.data, piece.body, piece.span.end) is not None:
                return None
        through = next((entry for entry in guest.entries if entry.function in leading), None)
        if through is None:
            return None
        return GuestEntry(name, Slot(through.slot.owner, through.slot.access, {}))

    def _ends_by_state(self, one: _Counted) -> bool:
        """Whether the device's state may end what the counter counts: a test of something else that the
        device keeps stands before the access, and a test of the counter follows it, or the function steps
        what is tested as well."""
        before: set[str] = set()
        after = False
        for edge in one.function.edges():
            if edge.span is None:
                continue
            node = self._guest.names.node(edge.span)
            read = paths(node) if node is not None else frozenset()
            after = after or (one.path in read and edge.span.start > one.access.at)
            if edge.span.start < one.access.at:
                before |= {path for path in read - {one.path} if "->" in path}
        return bool(before) and (after or not before.isdisjoint(self._stepped(one.function, one.event)))

    def _stepped(self, function: Function, event: Event | Edge) -> frozenset[str]:
        """The members that a function increments or decrements on the paths through an event."""
        data = self._unit.data
        near = set().union(*_around(function, event))
        events = [e for n, block in enumerate(function.blocks) if n in near for e in block.events]
        stepped = [e for e in events if isinstance(e, Assign)]
        return frozenset(e.target for e in stepped if _STEP.search(data, e.span.start, e.span.end))

    def _runs_over(self, entry: GuestEntry, counted: _Counted) -> bool:
        """Whether the counter gets to the length of the array and the access is made there."""
        count = counted.access.count
        reached, _ = self._walks(entry, counted, count)
        return reached and all(self._walks(entry, counted, count - 1, count))

    def _walks(
        self, entry: GuestEntry, counted: _Counted, number: int, left: int | None = None
    ) -> tuple[bool, bool]:
        """With the counter at `number`: whether the access is reached, and whether the function then returns
        with the counter at `left`."""
        guest = self._guest
        names = AssumedNames(guest, (counted.member,), number)
        there: set[int] = set()
        returns: set[int] = set()

        def reached(_function: Function, one: Event | Edge, state: State) -> None:
            if one is counted.event:
                there.update(state.alive & state.sure)

        def returned(_function: Function, _event: Return, state: State) -> None:
            value = state.columns.get(counted.path)
            if value is not None:
                returns.update(index for index in state.alive & state.sure if value.at(index) == left)

        samples = entry_samples(names, entry, frozenset())
        if not samples:
            return False, False
        observer = WalkObserver(reached=reached, returned=returned)
        walk = _CounterWalk(names, len(samples), frozenset(), observer, strict=False)
        walk.storing = guest.leading_to(names.storing)
        walk.through = counted.event
        walk.run(counted.function, guest.columns(entry, counted.function, samples))
        return bool(there), bool(there & returns)
