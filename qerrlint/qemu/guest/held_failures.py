# SPDX-License-Identifier: GPL-2.0-or-later
"""Held failures: assertions that fail where a member holds what the guest has written there, or what it keeps
in its memory.

A member that a write of all ones sets to some number is taken to hold it, or 0 where a write of 0 leaves that
there; a member of a struct that the file fills from guest memory to hold all ones or 0. An assertion counts
that fails then by tests that are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from qerrlint.c.expressions.parser import paths
from qerrlint.ir.code import Assign, Edge, Event, Function
from qerrlint.qemu.guest.assumed_members import AssumedNames, EntryWalk
from qerrlint.qemu.guest.file import GuestFile
from qerrlint.qemu.guest.indexes.member_indexes import MemberIndexes, StoredNumber
from qerrlint.qemu.guest.members import Member, member_of
from qerrlint.qemu.guest.sample_scope import SampleScope
from qerrlint.qemu.guest.states import State
from qerrlint.qemu.guest.value_sources import greatest, source_of
from qerrlint.qemu.guest.walk import WalkObserver
from qerrlint.source.span import Span

# So many members are tried for one assertion.
_MOST_MEMBERS = 4


def is_dead(function: Function, edge: Edge) -> bool:
    """Whether an edge leads to where a failing assertion ends."""
    target = function.blocks[edge.target]
    return not target.events and not target.edges


class HeldFailures:
    """The assertions of one file that fail by what a guest has put somewhere before."""

    def __init__(self, guest: GuestFile) -> None:
        self._guest = guest
        self._names = guest.names
        self._indexes = MemberIndexes(guest)
        self._done: dict[tuple[str, Span], bool] = {}
        self._stored: dict[frozenset[str], Mapping[Member, Sequence[StoredNumber]]] = {}

    def fails(self, function: Function, span: Span) -> bool:
        """Whether the assertion at a place of a function fails so."""
        key = (function.name, span)
        if key not in self._done:
            self._done[key] = self._fails(function, span)
        return self._done[key]

    def _fails(self, function: Function, span: Span) -> bool:
        failing = [edge for edge in function.edges() if edge.span == span and is_dead(function, edge)]
        candidates = list(self._candidates(function, span)) if failing else []
        if not candidates:
            return False
        words = {member.name for member, _, in_memory in candidates if not in_memory}
        stored = self._put(frozenset(words)) if words else {}
        for member, most, in_memory in candidates:
            put = self._indexes.numbers(member, stored) if not in_memory else ()
            numbers = {most, 0} if in_memory else {one.number for one in put}
            if any(one.zero for one in put):
                numbers.add(0)
            if any(self._walks(function, failing, member, number) for number in sorted(numbers)):
                return True
        return False

    def _put(self, words: frozenset[str]) -> Mapping[Member, Sequence[StoredNumber]]:
        if words not in self._stored:
            self._stored[words] = self._indexes.stored(set(words))
        return self._stored[words]

    def _candidates(self, function: Function, span: Span) -> Iterator[tuple[Member, int, bool]]:
        """The members that may decide an assertion: the one that it reads, or those by which tests choose
        what it reads; with the greatest number of each, and whether it lies in guest memory."""
        node = self._names.node(span)
        read = paths(node) if node is not None else frozenset()
        source = source_of(self._guest, function, read)
        sources = [source] if source is not None else []
        if not sources and read and all(path in function.locals for path in read):
            sources = list(self._tested(function, span) if self._are_chosen(function, read) else ())
        for origin, path in sources[:_MOST_MEMBERS]:
            member, most = member_of(self._names, origin, path), greatest(self._guest, origin, path)
            if member is None or most is None:
                continue
            in_memory = self._guest.memory_structs.is_member(origin, path)
            if in_memory or member.name in self._indexes.written:
                yield member, most, in_memory

    def _are_chosen(self, function: Function, read: frozenset[str]) -> bool:
        """Whether all that some locals are set to is constant."""
        values = [
            self._names.stored(event)
            for event in function.events()
            if isinstance(event, Assign) and event.target in read
        ]
        return bool(values) and all(
            value is not None and all(self._names.constant(path) is not None for path in paths(value))
            for value in values
        )

    def _tested(self, function: Function, span: Span) -> Iterator[tuple[Function, str]]:
        """The paths that the tests before a place go by."""
        seen = set()
        for edge in function.edges():
            if edge.span is None or edge.span.start >= span.start:
                continue
            node = self._names.node(edge.span)
            source = source_of(self._guest, function, paths(node)) if node is not None else None
            if source is not None and (source[0].name, source[1]) not in seen:
                seen.add((source[0].name, source[1]))
                yield source

    def _walks(self, function: Function, failing: list[Edge], member: Member, number: int) -> bool:
        """Whether an entry of the guest comes to a failing edge where a member holds a number."""
        guest = self._guest
        names = AssumedNames(guest, (member,), number)
        within = guest.calling({function.name})
        edges = {id(edge): edge for edge in failing}
        found = False

        def reached(where: Function, event: Event | Edge, state: State) -> None:
            nonlocal found
            edge = edges.get(id(event))
            if edge is None or edge.span is None or found:
                return
            value = SampleScope(names, where, state.columns).evaluated(names.node(edge.span))
            found = any(
                (known := value.at(i)) is not None and bool(known) is bool(edge.taken)
                for i in state.alive & state.sure
            )

        observer = WalkObserver(reached=reached, towards=lambda one: id(one) in edges)
        for entry in (*guest.entries, *guest.indirect) if member.name else ():
            if entry.function in within and not found:
                EntryWalk(names, entry, within, observer).run()
        return found
