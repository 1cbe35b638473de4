# SPDX-License-Identifier: GPL-2.0-or-later
"""Accesses beyond arrays: where the offset that a guest accesses, or the value that it writes, makes an index
greater than the array allows.

The entries of a file are walked with samples of their accesses; an access counts for samples that come there
by tests whose outcome is known. So any test that bounds the index, and any that may do so, leaves nothing to
say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial

from qerrlint.c.expressions.typed import Column
from qerrlint.ir.code import Assign, Call, Declare, Edge, Event, Function, Var
from qerrlint.qemu.guest.entries import GuestEntry, given
from qerrlint.qemu.guest.file import GuestFile, Sample
from qerrlint.qemu.guest.indexes.array_accesses import ACCESSES, ArrayAccess, ArrayAccesses
from qerrlint.qemu.guest.owners import owner
from qerrlint.qemu.guest.region_accesses import Region, regions
from qerrlint.qemu.guest.sample_scope import SampleScope
from qerrlint.qemu.guest.slots import OFFSET, VALUE
from qerrlint.qemu.guest.states import State
from qerrlint.qemu.guest.taint import depends, reads, tainted
from qerrlint.qemu.guest.tried_values import constants_of, values
from qerrlint.qemu.guest.walk import Walk, WalkObserver
from qerrlint.records import record
from qerrlint.source.span import Span

_FEW_ACCESSES = 8
# What is handed to a peripheral of a serial bus is mostly one byte, whatever its parameter's type.
_BYTE = 0xFF
_BYTEWISE = ("SSI", "I2C", "SMBus")
# The slots whose functions get what the guest wrote as it is; others get what a caller may have bounded.
_RAW = (*_BYTEWISE, "MemoryRegion", "PCIDevice")


@record(frozen=True, slots=True)
class Beyond:
    """An access beyond its array, with the index or end that `sample` gives, entered at `entry`.

    `region` is the region whose size lets the offset reach so far, None where the written value does.
    """

    access: ArrayAccess
    entry: GuestEntry
    sample: Sample
    greatest: int
    region: Region | None


class BeyondArrays:
    """The accesses of one file beyond its arrays."""

    def __init__(self, guest: GuestFile) -> None:
        self._guest = guest
        self._unit = guest.unit

    @cached_property
    def _regions(self) -> Mapping[str, Region]:
        """The largest region of each table; where classes choose the size of one, the smallest of those."""
        one_call: dict[tuple[str, Span], Region] = {}
        for region in regions(self._unit):
            key = (region.table, region.use.span)
            if key not in one_call or region.size < one_call[key].size:
                one_call[key] = region
        out: dict[str, Region] = {}
        for region in one_call.values():
            if region.table not in out or region.size > out[region.table].size:
                out[region.table] = region
        return out

    @cached_property
    def _accesses(self) -> ArrayAccesses:
        return ArrayAccesses(self._guest.names, self._opaque())

    def _opaque(self) -> Mapping[str, Sequence[str]]:
        """For each entry the opaque pointers of its regions, each after the function that makes it."""
        out: dict[str, list[str]] = {}
        for entry in self._guest.entries:
            for region in regions(self._unit) if entry.table is not None else ():
                if entry.table is not None and region.table == entry.table.table.name:
                    piece = self._unit.definitions.around(region.use.span.start)
                    text = f"{piece.name if piece is not None else ''}:{region.use.opaque}"
                    out.setdefault(entry.function, []).append(text)
        return out

    def found(self) -> Iterator[Beyond]:
        """The accesses, each once, in the order of the text."""
        best: dict[tuple[str, int], Beyond] = {}
        for entry in self._guest.entries if self._with_indexes else ():
            for one in self._of_entry(entry):
                key = (one.access.function, one.access.at)
                if key not in best or (best[key].region is None and one.region is not None):
                    best[key] = one
        yield from (best[key] for key in sorted(best))

    def _of_entry(self, entry: GuestEntry) -> Iterator[Beyond]:
        """The accesses beyond an array that the offset or the written value of an entry leads to."""
        unit = self._unit
        function = unit.lowered(entry.function) if entry.function in self._with_indexes else None
        if function is None:
            return
        region = self._regions.get(entry.table.table.name) if entry.table is not None else None
        raw = entry.writes and entry.slot.owner.startswith(_RAW)
        roles = (*((OFFSET,) if region is not None else ()), *((VALUE,) if raw else ()))
        wanted = self._depending(entry, function, roles) if roles else {}
        if not wanted:
            return
        both = len(roles) > 1
        by_value = (self._depending(entry, function, (VALUE,)) if both else wanted) if raw else {}
        reached = self._leading(entry, wanted)
        lowered = [one for name in sorted(reached) if (one := unit.lowered(name)) is not None]
        near = constants_of(self._guest.names, lowered)
        samples, known = self._guest.samples(entry, near, region.size if region is not None else None)
        # One size for each offset: the access that reaches farthest.
        widest = {one.offset: one for one in sorted(samples, key=lambda one: one.size or 0)}
        samples = list(widest.values())
        held = self._held(entry, function, samples)
        wanted = {
            one: events
            for one, events in wanted.items()
            if one in by_value or self._may_exceed(function, one, held)
        }
        there: dict[ArrayAccess, list[Sample]] = {}
        if wanted:
            found = self._walk(entry, function, samples, reached, wanted, region if known else None, there)
            yield from found
        if by_value:
            yield from self._by_value(entry, function, near, reached, by_value, there)

    def _leading(self, entry: GuestEntry, accesses: Collection[ArrayAccess]) -> frozenset[str]:
        """The functions that an entry reaches the accesses by."""
        guest = self._guest
        reached = guest.reached_from(entry.function, self._with_indexes)
        leading = {one.function for one in accesses}
        while True:
            more = {name for name in reached - leading if guest.called_by(name) & leading}
            if not more:
                return frozenset(leading)
            leading |= more

    def _held(
        self, entry: GuestEntry, function: Function, samples: Sequence[Sample]
    ) -> Sequence[Mapping[str, Column]]:
        """What the parameters of an entry, and the locals that are set once from them, hold for the samples
        wherever the function is: before and after a parameter is set anew."""
        names = self._guest.names
        start = self._guest.columns(entry, function, samples)
        walk = Walk(names, len(samples), lambda _: False, WalkObserver())
        stores: dict[str, list[Assign]] = {}
        for event in function.events():
            if isinstance(event, Assign) and (event.target in function.locals or event.target in start):
                stores.setdefault(event.target, []).append(event)
        once = [path for path in stores if path in start and len(stores[path]) == 1]
        anew = ({path: walk.assigned(function, start, stores[path][0])} for path in once)
        out = [dict(start), *({**start, **columns} for columns in anew)]
        for columns in out:
            for path, events in stores.items():
                if path not in start and len(events) == 1:
                    columns[path] = walk.assigned(function, columns, events[0])
        many = any(len(events) > 1 for path, events in stores.items() if path in start)
        return () if many else out

    def _may_exceed(
        self, function: Function, access: ArrayAccess, held: Sequence[Mapping[str, Column]]
    ) -> bool:
        """Whether an access can be beyond its array as far as that is told without a walk."""
        if access.function != function.name or not held:
            return True
        for columns in held:
            value = SampleScope(self._guest.names, function, columns).evaluated(access.node).numbers
            numbers = value if isinstance(value, tuple) else (value,)
            if any(number is None or not 0 <= number <= access.most for number in numbers):
                return True
        return False

    def _by_value(
        self,
        entry: GuestEntry,
        function: Function,
        near: frozenset[int],
        reached: frozenset[str],
        wanted: Mapping[ArrayAccess, Sequence[Event | Edge]],
        there: Mapping[ArrayAccess, Sequence[Sample]],
    ) -> Iterator[Beyond]:
        few = list(dict.fromkeys(s for one in wanted for s in there.get(one, ())[:2]))[:_FEW_ACCESSES]
        tried = values(near)
        if entry.slot.owner.startswith(_BYTEWISE):
            tried = tuple(value for value in tried if value <= _BYTE)
        more = [Sample(s.offset, s.size, value) for s in few for value in tried]
        if more:
            yield from self._walk(entry, function, more, reached, wanted, None, {})

    @cached_property
    def _with_indexes(self) -> frozenset[str]:
        return self._guest.calling(self._guest.places(*ACCESSES))

    def _depending(
        self, entry: GuestEntry, function: Function, roles: Collection[str]
    ) -> Mapping[ArrayAccess, Sequence[Event | Edge]]:
        """The accesses whose index depends on parameters of an entry, with the event each is part of.

        Of an element whose address a variable gets, these are the events that look into it.
        """
        unit, within = self._unit, self._with_indexes
        names: dict[str, frozenset[str]] = {entry.function: given(unit, entry, *roles)}
        waiting = [function]
        out: dict[ArrayAccess, Sequence[Event | Edge]] = {}
        while waiting:
            current = waiting.pop()
            known = tainted(current, names[current.name])
            for call in current.calls:
                callee = unit.lowered(call.name) if call.direct and call.name in within else None
                declared = unit.signature(call.name) if callee is not None else None
                if callee is None or declared is None:
                    continue
                handed = {
                    param.name
                    for param, arg in zip(declared.params, call.args, strict=False)
                    if param.name and reads(current, arg, known)
                }
                before = names.get(callee.name, frozenset())
                if handed - before:
                    names[callee.name] = before | handed
                    waiting.append(callee)
            for one in self._accesses.of(current.name, partial(_is_wanted, known=known)):
                event = owner(current, one.at, one.text)
                if event is not None:
                    out[one] = self._uses(current, event) if one.address else (event,)
        return out

    def _uses(self, function: Function, event: Event | Edge) -> Sequence[Event | Edge]:
        """The events that look into an element whose address an event gives to a variable; the event itself
        where it gives it to something else, or where the variable has several values."""
        target = event.target if isinstance(event, Assign) else ""
        if isinstance(event, Declare):
            target = event.path
        given = list(function.assignments(target))
        if target not in function.locals or len(given) != 1:
            return (event,)
        looked = re.compile(rb"\b%s\s*(?:->|\[)|\*\s*%s\b" % (target.encode(), target.encode()))
        data = self._unit.data
        return tuple(
            one
            for block in function.blocks
            for one in (*block.events, *block.edges)
            if one.span is not None and not isinstance(one, Declare) and one.span != event.span
            if looked.search(data, one.span.start, one.span.end)
            or (isinstance(one, Call) and Var(target) in one.args)
        )

    def _walk(
        self,
        entry: GuestEntry,
        function: Function,
        samples: Sequence[Sample],
        within: frozenset[str],
        wanted: Mapping[ArrayAccess, Sequence[Event | Edge]],
        region: Region | None,
        there: dict[ArrayAccess, list[Sample]],
    ) -> Iterator[Beyond]:
        """Walk an entry; yields the accesses that certainly go beyond an array, and adds all that are reached
        to `there`."""
        names = self._guest.names
        by_event: dict[int, list[ArrayAccess]] = {}
        for one, events in wanted.items():
            for event in events:
                by_event.setdefault(id(event), []).append(one)
        found: list[Beyond] = []
        written = any(sample.value is not None for sample in samples)

        def reached(function: Function, event: Event | Edge, state: State) -> None:
            for one in by_event.get(id(event), ()):
                sure = sorted(state.alive & state.sure)
                there.setdefault(one, []).extend(samples[index] for index in sure)
                column = SampleScope(names, function, state.columns).evaluated(one.node)
                if not isinstance(column.numbers, tuple) or not (written or region is not None):
                    continue
                numbers = [(n, i) for i in sure if (n := column.numbers[i]) is not None]
                beyond = [(n, i) for n, i in numbers if n > one.most or n < 0]
                if beyond:
                    # The farthest access of a region, the smallest value that goes too far.
                    number, index = (
                        min(beyond, key=lambda b: samples[b[1]].value or 0) if written else max(beyond)
                    )
                    found.append(Beyond(one, entry, samples[index], number, None if written else region))

        observer = WalkObserver(reached=reached, towards=lambda one: id(one) in by_event)
        walk = Walk(names, len(samples), within.__contains__, observer)
        walk.run(function, self._guest.columns(entry, function, samples))
        yield from found


def _is_wanted(index: str, known: frozenset[str]) -> bool:
    """Whether an index depends on tainted names; one that is changed there has another value before."""
    return "++" not in index and "--" not in index and depends(index, known)
