# SPDX-License-Identifier: GPL-2.0-or-later
"""Held indexes: accesses that reach beyond their array where a member holds a number that the guest has put
there, and which entries of the guest lead to them by tests that are known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from qerrlint.ir.code import Edge, Event, Function
from qerrlint.qemu.guest.assumed_members import AssumedNames, EntryWalk
from qerrlint.qemu.guest.entries import GuestEntry
from qerrlint.qemu.guest.file import GuestFile, Sample
from qerrlint.qemu.guest.indexes.array_accesses import ArrayAccess
from qerrlint.qemu.guest.members import Member
from qerrlint.qemu.guest.owners import owner
from qerrlint.qemu.guest.sample_scope import SampleScope
from qerrlint.qemu.guest.states import State
from qerrlint.qemu.guest.walk import WalkObserver
from qerrlint.records import record


@record(frozen=True, slots=True)
class HeldIndex:
    """An access beyond its array at `entry`, with the index `greatest`, where `member` holds `number`.

    `writer`, `written`: the access by which the guest puts the number there; None where it lies in guest
    memory or is sent with a request.
    """

    access: ArrayAccess
    entry: GuestEntry
    sample: Sample
    greatest: int
    member: Member
    number: int
    writer: GuestEntry | None = None
    written: Sample | None = None


def held_indexes(
    guest: GuestFile,
    entries: Collection[GuestEntry],
    accesses: Mapping[tuple[Member, int], Sequence[ArrayAccess]],
) -> Iterator[HeldIndex]:
    """The accesses that entries reach with an index beyond the array, by what a member holds; each once, with
    the first member and number that lead there, in the order of the text."""
    best: dict[tuple[str, int], HeldIndex] = {}
    for (member, number), listed in accesses.items():
        for access, entry, sample, greatest in _beyond(guest, entries, member, number, listed):
            key = (access.function, access.at)
            best.setdefault(key, HeldIndex(access, entry, sample, greatest, member, number))
    yield from (best[key] for key in sorted(best))


def _beyond(
    guest: GuestFile,
    entries: Collection[GuestEntry],
    member: Member,
    number: int,
    accesses: Sequence[ArrayAccess],
) -> Iterator[tuple[ArrayAccess, GuestEntry, Sample, int]]:
    """Those of some accesses that entries reach with an index beyond the array, where a member holds a
    number."""
    names = AssumedNames(guest, (member,), number)
    within = guest.calling({one.function for one in accesses})
    owners = {one: owner(guest.unit.lowered(one.function), one.at, one.text) for one in accesses}
    events = {id(event) for event in owners.values() if event is not None}
    found: list[tuple[ArrayAccess, GuestEntry, Sample, int]] = []
    samples: Sequence[Sample] = ()

    def reached(function: Function, event: Event | Edge, state: State) -> None:
        for one in accesses if id(event) in events else ():
            if owners[one] is not event:
                continue
            value = SampleScope(names, function, state.columns).evaluated(one.node)
            if value.numbers is None:
                continue
            for i in sorted(state.alive & state.sure):
                index = value.at(i)
                if index is not None and (index > one.most or index < 0):
                    found.append((one, entry, samples[i], index))
                    break

    observer = WalkObserver(reached=reached, towards=lambda one: id(one) in events)
    for entry in entries:
        if entry.function in within:
            walking = EntryWalk(names, entry, within, observer)
            samples = walking.samples
            walking.run()
    yield from found
