# SPDX-License-Identifier: GPL-2.0-or-later
"""Walks of a guest's accesses in which some members of structs are taken to hold a number."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from qerrlint.c.expressions.typed import UNKNOWN, Column, Number
from qerrlint.ir.code import Assign, Call, Edge, Event, Function, Result, Return, text_of
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import NamedPattern
from qerrlint.qemu.guest.branches import Branch, Branches
from qerrlint.qemu.guest.entries import GuestEntry
from qerrlint.qemu.guest.file import GuestFile, Sample
from qerrlint.qemu.guest.members import Member, member_of
from qerrlint.qemu.guest.sample_scope import Columns, FileNames, SampleScope, read
from qerrlint.qemu.guest.states import State
from qerrlint.qemu.guest.taint import READS_MEMORY, paths_in
from qerrlint.qemu.guest.tried_values import constants_of
from qerrlint.qemu.guest.walk import Visit, Walk, WalkObserver
from qerrlint.records import record

# What a guest writes in the walks: all bits 0, and all of them 1.
WRITTEN = (0, (1 << 64) - 1)
# Beginnings of the names of functions that change nothing.
_SILENT = ("trace_", "qemu_log")
_ELEMENT = lazy_re(r"(?:->|\.)(\w+)\[(\w+)\]\Z")


@record(frozen=True, slots=True)
class ReadMemory:
    """What the guest has put into memory that `function` reads into `local`."""

    function: str
    local: str
    number: int


class AssumedNames(FileNames):
    """The names of a file where some members hold `number` as long as nothing else is stored into them."""

    def __init__(
        self, guest: GuestFile, zero: Collection[Member], number: int = 0, memory: ReadMemory | None = None
    ) -> None:
        """`memory`: what a local that reads guest memory is taken to get."""
        super().__init__(guest.unit, guest.names)
        self.guest = guest
        self.memory = memory
        self.zero = {(one.struct, one.name): one.index for one in zero}
        self.number = number
        words = "|".join(sorted({one.name for one in zero})) or "(?!)"
        self._named = words
        self._words = lazy_re(rf"\b(?:{words})\b")
        self._store = lazy_re(rf"(?:->|\.)(?:{words})\b\s*(?:\[[^\]]*\]\s*)*(?:[-+*/%&|^]|<<|>>)?=(?!=)")
        self._stores: dict[str, bool] = {}
        self._paths: dict[str, frozenset[str]] = {}
        self._results: dict[str, Number] = {}

    def assumed(self, function: Function, path: str) -> Number:
        """The number that a member is taken to hold."""
        if self._words.search(path) is None:
            return None
        member = member_of(self, function, path)
        wanted = self.zero.get((member.struct, member.name)) if member is not None else None
        if member is None or wanted is None:
            return None
        if wanted and wanted != member.index:
            same = self.constant(wanted) is not None and self.constant(wanted) == self.constant(member.index)
            return self.number if same else None
        return self.number

    def reads_assumed(self, paths: Collection[str]) -> bool:
        """Whether one of the paths may name one of the members."""
        return any(self._words.search(path) and not self._is_other_element(path) for path in paths)

    def _is_other_element(self, path: str) -> bool:
        """Whether a path is an element of an array of which another one is assumed, by constant indexes."""
        found = _ELEMENT.search(path)
        if found is None:
            return False
        number = self.constant(found[2])
        wanted = [index for (_, name), index in self.zero.items() if name == found[1]]
        return number is not None and all(
            index and (known := self.constant(index)) is not None and known != number for index in wanted
        )

    def returned(self, name: str, columns: Columns) -> Number:
        """What a function of the file returns on all its paths, where that is one number."""
        if self.reads_assumed(columns):
            return None  # something else has been stored there
        if name not in self._results:
            self._results[name] = None
            function = self.unit.lowered(name) if name in self.unit.functions else None
            if function is not None and self._words.search(self._text(name)) is not None:
                self._results[name] = self._result(function)
        return self._results[name]

    @property
    def storing(self) -> NamedPattern:
        """A pattern of the stores into one of the members."""
        stepped = rb"|(?:->|\.)(?:%s)\s*(?:\+\+|--)" % self._named.encode()
        pattern = re.compile(self._store.pattern.encode() + stepped)
        return NamedPattern(pattern, (name for _, name in self.zero))

    def stores(self, name: str) -> bool:
        """Whether a function of the file stores into one of the members itself."""
        if name not in self._stores:
            known = name in self.unit.functions
            self._stores[name] = known and self._store.search(self._text(name)) is not None
        return self._stores[name]

    def paths_of(self, function: Function) -> frozenset[str]:
        """The paths in a function that name one of the members."""
        if function.name not in self._paths:
            found = paths_in("".join(self._text(function.name).split()))
            self._paths[function.name] = frozenset(p for p in found if self.assumed(function, p) is not None)
        return self._paths[function.name]

    def _text(self, name: str) -> str:
        piece = self.unit.functions[name]
        return self.unit.data[piece.body : piece.span.end].decode("latin-1")

    def _result(self, function: Function) -> Number:
        found: set[Number] = set()

        def returned(function: Function, event: Return, state: State) -> None:
            text = self.unit.data[event.span.start : event.span.end].decode("latin-1")
            node = read(text.strip().removeprefix("return").rstrip(";"))
            found.add(SampleScope(self, function, state.columns).evaluated(node).at(0))

        AssumedWalk(self, 1, frozenset(), WalkObserver(returned=returned)).run(function, {})
        return found.pop() if len(found) == 1 else None


class _AssumedBranches(Branches):
    """Branches after tests of which one that reads an assumed member, and is not decided, is no sure one."""

    def __init__(
        self, names: AssumedNames, reached: Callable[[Function, Event | Edge, State], None] | None
    ) -> None:
        super().__init__(names, reached)
        self._assumed = names

    def narrowed(
        self, edge: Edge, state: State, alive: frozenset[int], column: Column, reads: frozenset[str]
    ) -> Branch:
        """As of Branches."""
        edge, after, decision = super().narrowed(edge, state, alive, column, reads)
        if column.numbers is None and self._assumed.reads_assumed(reads):
            after = replace(after, sure=frozenset())
        return edge, after, decision


class AssumedWalk(Walk):
    """A walk in which what is stored into an assumed member ends the assumption on that path.

    A test of such a member that is not decided is no sure one. `strict`: callees are entered only where the
    members still hold what is assumed.
    """

    def __init__(
        self,
        names: AssumedNames,
        samples: int,
        within: Collection[str],
        observer: WalkObserver,
        strict: bool = True,
    ) -> None:
        super().__init__(names, samples, within.__contains__, observer)
        self._branches = _AssumedBranches(names, observer.reached)
        self._assumed = names
        self._strict = strict

    def _assign(self, function: Function, columns: dict[str, Column], event: Assign) -> None:
        checked = self._checks(function, columns, event)
        super()._assign(function, columns, event)
        if event.target not in columns and (
            checked or self._assumed.assumed(function, event.target) is not None
        ):
            columns[event.target] = UNKNOWN

    def _checks(self, function: Function, columns: Mapping[str, Column], event: Assign) -> bool:
        """Whether a local gets what a call makes of a value that is taken to be known: a test of the local
        may be one of that value."""
        if not isinstance(event.value, Result):
            return False
        args = function.calls[event.value.call].args
        read = {path for arg in args for path in paths_in(text_of(arg))}
        return not read.isdisjoint(columns) or self._assumed.reads_assumed(read)

    def _merged(self, function: Function, one: State, other: State) -> State:
        both = super()._merged(function, one, other)
        # What both paths have stored into an assumed member ends the assumption, whatever it is.
        gone = (one.columns.keys() & other.columns.keys()) - both.columns.keys()
        gone = {path for path in gone if self._assumed.assumed(function, path) is not None}
        return replace(both, columns={**both.columns, **dict.fromkeys(gone, UNKNOWN)}) if gone else both

    def _after_call(self, function: Function, columns: dict[str, Column], call: Call) -> None:
        if call.name.startswith(_SILENT):
            return
        gone = {path for path in columns if self._assumed.assumed(function, path) is not None}
        super()._after_call(function, columns, call)
        if self._assumed.stores(call.name):
            gone |= self._assumed.paths_of(function)
        columns.update(dict.fromkeys(gone, UNKNOWN))
        memory = self._assumed.memory
        if memory is not None and function.name == memory.function and reads_memory(call, memory.local):
            columns[memory.local] = Column(memory.number)

    def _called(
        self, function: Function, call: Call, state: State, visits: Mapping[tuple[int, int], Visit]
    ) -> None:
        alive = state.alive
        for path, column in state.columns.items() if self._strict else ():
            number = self._assumed.assumed(function, path)
            if number is not None:  # stored before the call: the callee finds what the store has left
                alive = frozenset(index for index in alive if column.at(index) == number)
        if alive:
            super()._called(function, call, replace(state, alive=alive), visits)


def reads_memory(call: Call, path: str) -> bool:
    """Whether a call reads guest memory into a local."""
    if call.name not in READS_MEMORY:
        return False
    # A cast before the address does not matter.
    return any(text_of(arg).rpartition(")")[2] == f"&{path}" for arg in call.args)


class EntryWalk:
    """A walk from an entry of the guest, with the accesses that it gets and the values `written`.

    `samples` is empty where the entry has no body or no access; run() then does nothing.
    """

    def __init__(
        self,
        names: AssumedNames,
        entry: GuestEntry,
        within: frozenset[str],
        observer: WalkObserver,
        strict: bool = True,
        written: Collection[int] = WRITTEN,
    ) -> None:
        self._guest = names.guest
        self._entry = entry
        self.samples = entry_samples(names, entry, within, written)
        self.walk = AssumedWalk(names, len(self.samples), within, observer, strict)

    def run(self) -> None:
        """Walk the function of the entry, and what it calls."""
        function = self._guest.unit.lowered(self._entry.function)
        if function is not None and self.samples:
            self.walk.run(function, self._guest.columns(self._entry, function, self.samples))


def entry_samples(
    names: AssumedNames, entry: GuestEntry, within: frozenset[str], written: Collection[int] = WRITTEN
) -> Sequence[Sample]:
    """The accesses that an entry gets, a write with each of the values `written`; none without a body."""
    guest = names.guest
    if guest.unit.lowered(entry.function) is None:
        return ()
    every, _ = guest.samples(entry, names_near(guest, entry.function, within))
    # One size for each offset will do: what is stored depends little on it.
    accesses = {one.offset: one for one in sorted(every, key=lambda one: one.size or 0)}.values()
    values = tuple(dict.fromkeys((*written, names.number))) if entry.writes else (None,)
    return [Sample(one.offset, one.size, value) for one in accesses for value in values]


def names_near(guest: GuestFile, name: str, within: frozenset[str]) -> frozenset[int]:
    """The constants that the functions of `within` which one of them reaches compare with."""
    lowered = [guest.unit.lowered(one) for one in sorted(guest.reached_from(name, within))]
    return constants_of(guest.names, [one for one in lowered if one is not None])
