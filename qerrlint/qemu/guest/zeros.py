# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest zeros: the members of a device's structs that a write by the guest can set to 0, and walks in which
some of them are taken to hold 0."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from qerrlint.c.expressions.typed import UNKNOWN, Column, Number
from qerrlint.ir.code import Addr, Assign, Call, Edge, Event, Function, Result, Return, text_of
from qerrlint.qemu.device_tables import arguments_at
from qerrlint.qemu.guest.branches import Branch, Branches
from qerrlint.qemu.guest.entries import GuestEntry
from qerrlint.qemu.guest.file import GuestFile, Sample
from qerrlint.qemu.guest.sample_scope import Columns, FileNames, SampleScope, read
from qerrlint.qemu.guest.states import State
from qerrlint.qemu.guest.taint import READS_MEMORY, paths_in
from qerrlint.qemu.guest.tried_values import constants_of
from qerrlint.qemu.guest.walk import Visit, Walk
from qerrlint.source.span import Span

# What a guest writes in the walks: all bits 0, and all of them 1; ...
_WRITTEN = (0, (1 << 64) - 1)
# ... and, where that sets a member to no 0, values of which a mask or a type leaves 0.
_WRAPPING = (1 << 8, 1 << 16, 1 << 32)
# The registers of include/hw/register.h, which the guest writes: the place of the array among the arguments.
_REGISTER_BLOCK = re.compile(rb"\bregister_init_block\d+\s*\(")
_REGISTER_ARRAY = 4
_ROUNDS = 3
# Beginnings of the names of functions that change nothing.
_SILENT = ("trace_", "qemu_log")
_MEMBER = re.compile(rb"(?:->|\.)([A-Za-z_]\w*)\b(?!\s*\()")
_ELEMENT = re.compile(r"(?:->|\.)(\w+)\[(\w+)\]\Z")
_INDEX = re.compile(r"\[([^\[\]]*)\]\Z")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a struct, by the name of both; `index` is the text of the element of an array that counts,
    "" for the member itself, or any element."""

    struct: str
    name: str
    index: str = ""


@dataclass(frozen=True, slots=True)
class GuestZero:
    """Where a guest sets a member to 0: in `function`, at `span`, entered at `entry` (None: by the core of
    registers) with `sample`."""

    entry: GuestEntry | None
    function: str
    span: Span
    sample: Sample | None


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
    struct = names.type_of(function, head).removeprefix("const ").removeprefix("struct ").rstrip(" *")
    return Member(struct, member, index) if struct and member.isidentifier() else None


class AssumedNames(FileNames):
    """The names of a file where some members hold `number` as long as nothing else is stored into them."""

    def __init__(self, names: FileNames, zero: Collection[Member], number: int = 0) -> None:
        super().__init__(names.unit, names)
        self.zero = {(one.struct, one.name): one.index for one in zero}
        self.number = number
        words = "|".join(sorted({one.name for one in zero})) or "(?!)"
        self._named = words
        self._words = re.compile(rf"\b(?:{words})\b")
        self._store = re.compile(rf"(?:->|\.)(?:{words})\b\s*(?:\[[^\]]*\]\s*)*(?:[-+*/%&|^]|<<|>>)?=(?!=)")
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
    def storing(self) -> re.Pattern[bytes]:
        """A pattern of the stores into one of the members."""
        return re.compile(
            self._store.pattern.encode() + rb"|(?:->|\.)(?:%s)\s*(?:\+\+|--)" % self._named.encode()
        )

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

        AssumedWalk(self, 1, frozenset(), lambda *_: None, returned).run(function, {})
        return found.pop() if len(found) == 1 else None


class _AssumedBranches(Branches):
    """Branches behind tests of which one that reads an assumed member, and is not decided, is no sure one."""

    def __init__(self, names: AssumedNames, reached: Callable[[Function, Event | Edge, State], None]) -> None:
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

    A test of such a member that is not decided is no sure one. `memory`: a function, a local that it reads
    guest memory into, and what the guest has put there. `strict`: callees are entered only where the members
    still hold what is assumed.
    """

    def __init__(
        self,
        names: AssumedNames,
        samples: int,
        within: Collection[str],
        reached: Callable[[Function, Event | Edge, State], None],
        returned: Callable[[Function, Return, State], None] | None = None,
        memory: tuple[str, str, int] | None = None,
        strict: bool = True,
        towards: Callable[[Event | Edge], bool] | None = None,
    ) -> None:
        super().__init__(
            *(names, samples, within.__contains__, lambda _: None, returned, reached), towards=towards
        )
        self._branches = _AssumedBranches(names, reached)
        self._assumed = names
        self._memory = memory
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
        if (
            self._memory is not None
            and function.name == self._memory[0]
            and reads_memory(call, self._memory[1])
        ):
            columns[self._memory[1]] = Column(self._memory[2])

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


def aliased(function: Function, target: str) -> str:
    """The place that a target `*p` is, where the function sets p to one address only; else the target."""
    name = target[1:]
    if not target.startswith("*") or name not in function.locals:
        return target
    assigned = [e for b in function.blocks for e in b.events if isinstance(e, Assign) and e.target == name]
    only = assigned[0].value if len(assigned) == 1 else None
    return only.path if isinstance(only, Addr) else target


class GuestZeros:
    """The members, of some names, that a write by the guest can set to 0, with the place of one store."""

    def __init__(self, guest: GuestFile, words: Collection[str]) -> None:
        self._guest = guest
        self._wanted = frozenset(words)
        self._words = _with_sources(guest.unit.data, self._wanted)
        named = b"|".join(sorted(word.encode() for word in self._words))
        member = rb"(?:->|\.)(?:" + named + rb")\b\s*(?:\[[^\]]*\]\s*)*"
        self._store = re.compile(
            member + rb"(?:(?:[-+*/%&|^]|<<|>>)?=(?!=)|\+\+|--)|=\s*&\w+(?:(?:->|\.)\w+)*" + member + rb";"
        )
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
            names = AssumedNames(guest.names, self.found)
            for entry in guest.entries:
                if entry.writes and entry.function in within:
                    self._walk(entry, names, within)
            if len(self.found) == before:
                break
        within = self._masking()
        names = AssumedNames(guest.names, self.found)
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
        return self._guest.leading_to(re.compile(member % every))

    def _walk(
        self,
        entry: GuestEntry,
        names: AssumedNames,
        within: frozenset[str],
        written: Collection[int] = _WRITTEN,
    ) -> None:
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
            value = walk.assigned(function, columns, event)
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
                    self._places[place] = GuestZero(entry, function.name, event.span, samples[i])
            index = zero[0] if zero else None
            if index is not None and whole not in self.found:
                self.found[whole] = GuestZero(entry, function.name, event.span, samples[index])

        started = walked(
            *(self._guest, entry, names, within, reached),
            strict=False,
            towards=lambda one: isinstance(one, Assign) and any(w in one.target for w in words),
            written=written,
        )
        if started is not None:
            walk, samples, start = started
            start()


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


def walked(
    guest: GuestFile,
    entry: GuestEntry,
    names: AssumedNames,
    within: frozenset[str],
    reached: Callable[[Function, Event | Edge, State], None],
    memory: tuple[str, str, int] | None = None,
    strict: bool = True,
    towards: Callable[[Event | Edge], bool] | None = None,
    written: Collection[int] = _WRITTEN,
) -> tuple[AssumedWalk, Sequence[Sample], Callable[[], None]] | None:
    """A walk from an entry with the accesses that it gets and the values `written`, its samples, and what
    starts it; None where the entry has no body or no access."""
    function = guest.unit.lowered(entry.function)
    if function is None:
        return None
    near = names_near(guest, entry.function, within)
    every, _ = guest.samples(entry, near)
    # One size for each offset will do: what is stored depends little on it.
    accesses = {one.offset: one for one in sorted(every, key=lambda one: one.size or 0)}.values()
    values = tuple(dict.fromkeys((*written, names.number))) if entry.writes else (None,)
    samples = [Sample(one.offset, one.size, value) for one in accesses for value in values]
    if not samples:
        return None
    walk = AssumedWalk(names, len(samples), within, reached, memory=memory, strict=strict, towards=towards)
    return walk, samples, lambda: walk.run(function, guest.columns(entry, function, samples))


def names_near(guest: GuestFile, name: str, within: frozenset[str]) -> frozenset[int]:
    """The constants that the functions of `within` which one of them reaches compare with."""
    lowered = [guest.unit.lowered(one) for one in sorted(guest.reached_from(name, within))]
    return constants_of(guest.names, [one for one in lowered if one is not None])
