# SPDX-License-Identifier: GPL-2.0-or-later
"""GuestFile: one file as a guest sees it: its entries, what they call, and walks from each entry.

A walk is done twice where that tells more: with the offsets and sizes of the accesses alone, and then with
written values for a choice of those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

from qerrlint.c.cut import Piece
from qerrlint.c.expressions.int_types import UINT64, IntType
from qerrlint.c.expressions.typed import Column
from qerrlint.ir.code import Call, Function, Return
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import NamedPattern
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_tables import RegionTable
from qerrlint.qemu.guest.branches import Decision
from qerrlint.qemu.guest.entries import GuestEntry, given, guest_entries
from qerrlint.qemu.guest.indirect_entries import indirect_entries, may_have_indirect
from qerrlint.qemu.guest.memory_structs import MemoryStructs
from qerrlint.qemu.guest.region_accesses import accesses, loose_accesses, region_size
from qerrlint.qemu.guest.sample_scope import FileNames, SampleScope, is_arithmetic, read
from qerrlint.qemu.guest.slots import DATA, OFFSET, SIZE, VALUE
from qerrlint.qemu.guest.states import State
from qerrlint.qemu.guest.taint import chosen, depends, guest_data_at, tainted_at
from qerrlint.qemu.guest.tried_values import constants_of, values
from qerrlint.qemu.guest.walk import Visit, Walk, WalkObserver
from qerrlint.records import record

# Samples of one walk, and accesses for which values are tried.
_MOST_SAMPLES = 2000
_FEW_ACCESSES = 8
_CALLED = lazy_re(r"\b([A-Za-z_]\w*)\s*\(")


# The parameters of valid.accepts (include/system/memory.h).
_IS_WRITE = "is-write"
_ACCEPTS = ("", OFFSET, SIZE, _IS_WRITE)


@record(frozen=True, slots=True)
class Sample:
    """One access of a guest; None for what does not apply or is not chosen."""

    offset: int | None
    size: int | None
    value: int | None = None


# The same accesses are tried for most regions.
_sample = lru_cache(maxsize=8192)(Sample)


@record(frozen=True, slots=True)
class GuestVisit:
    """A place that a guest can reach from `entry`: by `samples` of all `tried` ones.

    `region`: whether the size of the entry's region is known, so that the offsets of the samples are real.
    `complete`: the walk was followed to its end. `between`: the offset of one of the samples lies between
    others that do not come there, so that no greatest offset keeps it away.
    """

    entry: GuestEntry
    visit: Visit
    samples: tuple[Sample, ...]
    tried: int
    region: bool
    complete: bool
    between: bool = False

    @property
    def decided(self) -> str:
        """What decides that the place is reached: "access" (a test of what the guest chose), "state" (other
        tests only) or "always" (no test right before it). If several paths lead there, one is enough."""
        decisions = self.visit.decisions
        if not decisions:
            return "always"
        known = any(decision.known for decision in decisions)
        return "access" if known and (self.sure or self.between) else "state"

    @property
    def sure(self) -> bool:
        """Whether a sample comes there by no test that mixes what is known of it with what is not."""
        return bool(self.visit.sure)


@record(frozen=True, slots=True)
class _Search:
    """What is looked for from one entry: `function` is its function, `reached` are those that it reaches."""

    entry: GuestEntry
    function: Function
    reached: frozenset[str]
    wanted: Callable[[Call | None], bool]


_Body: TypeAlias = tuple[int, int, str, Piece]
"""Start and end of the body of a function, its name and its definition."""


class GuestFile:
    """The guest entries of a file. Nothing is parsed before a walk asks for it.

    `only`: the functions whose places count, None for all.
    """

    def __init__(self, unit: TranslationUnit, only: Collection[str] | None = None) -> None:
        self.unit = unit
        self._only = only
        self.names = FileNames(unit)
        self._sizes: dict[str, int | None] = {}

    @cached_property
    def entries(self) -> tuple[GuestEntry, ...]:
        """The slots of the file's functions that a guest can enter."""
        return guest_entries(self.unit)

    @cached_property
    def _bodies(self) -> Sequence[_Body]:
        return sorted(
            (piece.body, piece.span.end, name, piece) for name, piece in self.unit.functions.items()
        )

    @cached_property
    def _counting(self) -> Sequence[_Body]:
        """The bodies of the functions whose places count."""
        return self._bodies if self._only is None else [one for one in self._bodies if one[2] in self._only]

    def naming(self, word: str) -> Sequence[str]:
        """The functions whose text has a word, in their order."""
        wanted = word.encode("latin-1")
        if wanted not in self.unit.text.words:
            return []
        return [name for _, _, name, piece in self._bodies if wanted in self.unit.definitions.words(piece)]

    def matching(self, wanted: re.Pattern[bytes] | NamedPattern) -> Sequence[str]:
        """The functions whose text has a match of a pattern, in their order. The file is searched once."""
        return self._matching(wanted, self._bodies)

    def _matching(self, wanted: re.Pattern[bytes] | NamedPattern, bodies: Sequence[_Body]) -> Sequence[str]:
        data = self.unit.data
        if isinstance(wanted, NamedPattern):
            if not wanted.may_be_in(self.unit.text):
                return []
            words = self.unit.definitions.words
            return [
                name
                for start, end, name, piece in bodies
                if wanted.is_between(data, start, end, words(piece))
            ]
        out: list[str] = []
        found = wanted.search(data)
        for start, end, name, _ in bodies:
            if found is None:
                break
            if found.start() >= end:
                continue
            inside = start <= found.start() and found.end() <= end
            if inside or wanted.search(data, start, end) is not None:
                out.append(name)
            found = wanted.search(data, end)
        return out

    def places(self, *wanted: re.Pattern[bytes] | NamedPattern) -> Sequence[str]:
        """Those of the functions whose places count whose text has a match of one of some patterns."""
        if len(wanted) == 1:
            return self._matching(wanted[0], self._counting)
        names = {name for one in wanted for name in self._matching(one, self._counting)}
        return [name for _, _, name, _ in self._counting if name in names]

    def leading_to(self, wanted: re.Pattern[bytes] | NamedPattern) -> frozenset[str]:
        """The functions whose text has a match of a pattern, and those that call them, directly or not."""
        return self.calling(self.matching(wanted))

    def calling(self, targets: Iterable[str]) -> frozenset[str]:
        """Functions of the file and those that call them, directly or not."""
        found = set(targets)
        waiting = list(found)
        while waiting:
            for caller in self.unit.uses.callers.get(waiting.pop(), ()):
                if caller not in found:
                    found.add(caller)
                    waiting.append(caller)
        return frozenset(found)

    def called_by(self, name: str) -> frozenset[str]:
        """The functions of the file that one of them calls, by name."""
        return self.unit.uses.calls.get(name, frozenset())

    def callers(self, name: str) -> tuple[str, ...]:
        """The functions of the file that call one of them, by name."""
        return tuple(self.unit.uses.callers.get(name, ()))

    def reached_from(self, name: str, within: frozenset[str]) -> frozenset[str]:
        """The functions of `within` that are reached by calls from one of them."""
        seen = {name}
        waiting = [name]
        while waiting:
            for callee in self.unit.uses.calls.get(waiting.pop(), ()):
                if callee in within and callee not in seen:
                    seen.add(callee)
                    waiting.append(callee)
        return frozenset(seen)

    def reached_by(self, entries: Iterable[GuestEntry]) -> frozenset[str]:
        """The functions of the file that are reached by calls from some entries, these among them."""
        every = frozenset(self.unit.functions)
        return frozenset().union(*(self.reached_from(one.function, every) for one in entries))

    @cached_property
    def reached(self) -> frozenset[str]:
        """The functions that a guest enters by the entries of the file, and those that they reach."""
        return self.reached_by(self.entries)

    @cached_property
    def indirect(self) -> tuple[GuestEntry, ...]:
        """The functions that a guest can enter by way of another file, a table of functions or a callback."""
        if not may_have_indirect(self.unit):
            return ()
        return indirect_entries(self.unit, {entry.function for entry in self.entries})

    def visits(
        self,
        within: frozenset[str],
        wanted: Callable[[Call | None], bool],
        by_owner: Mapping[str, frozenset[str]] | None = None,
    ) -> Iterator[GuestVisit]:
        """The places that a guest can reach by functions of `within`, entry by entry, with a call that is
        wanted; None asks for failing assertions. `by_owner`: for indirect entries the functions instead."""
        blind: set[Any] = set()
        for entry in (*self.entries, *self.indirect):
            by = (by_owner or {}).get(entry.slot.owner, within)
            function = self.unit.lowered(entry.function) if entry.function in by else None
            if function is not None:
                yield from self._from(entry, function, by, wanted, blind)

    def _from(
        self,
        entry: GuestEntry,
        function: Function,
        within: frozenset[str],
        wanted: Callable[[Call | None], bool],
        blind: set[Any],
    ) -> Iterator[GuestVisit]:
        """The visits from one entry: first with a few values for each access, then with more where the value
        decides."""
        search = _Search(entry, function, self.reached_from(entry.function, within), wanted)
        lowered = [one for name in sorted(search.reached) if (one := self.unit.lowered(name)) is not None]
        near = constants_of(self.names, lowered)
        samples, region = self.samples(entry, near)
        if not samples:
            return
        found = self._walk(search, samples, region, blind)
        by_value = {visit.visit.span for visit in found if self._hangs_on_value(visit, function)}
        yield from (visit for visit in found if visit.visit.span not in by_value)
        if not by_value:
            return
        few = [s for visit in found if visit.visit.span in by_value for s in _examples(visit.samples)]
        chosen = list(dict.fromkeys(few))[:_FEW_ACCESSES]
        more = [Sample(s.offset, s.size, value) for s in chosen for value in values(near)]
        again = self._walk(search, more, region, set())
        yield from (visit for visit in again if visit.visit.span in by_value)

    def _hangs_on_value(self, visit: GuestVisit, entry: Function) -> bool:
        """Whether a test that is not known right before a place depends on what the guest writes."""
        if not visit.entry.writes or visit.decided == "access":
            return False
        known = tainted_at(self.unit, entry, given(self.unit, visit.entry, VALUE), visit.visit.chain)
        return any(
            depends(path, known)
            for decision in visit.visit.decisions
            if not decision.known
            for path in decision.reads
        )

    def hangs_on_data(self, visit: GuestVisit) -> bool:
        """Whether each test right before a place that is not known depends on data that the guest sends or
        keeps in its memory."""
        entry = self.unit.lowered(visit.entry.function)
        tests = [decision for decision in visit.visit.decisions if not decision.known]
        if entry is None or not tests:
            return False
        seeds = given(self.unit, visit.entry, DATA)
        read_in = self.memory_structs.read_in
        known = guest_data_at(self.unit, entry, seeds, visit.visit.chain, read_in)
        return all(any(depends(path, known) for path in test.reads) for test in tests)

    def hangs_on_access(self, visit: GuestVisit) -> bool:
        """Whether each test right before a place that is not known depends on what the guest hands over: the
        offset, the size or the value of the access, or an element of a table that these choose.

        What a function makes of that tells nothing.
        """
        entry = self.unit.lowered(visit.entry.function)
        tests = [decision for decision in visit.visit.decisions if not decision.known]
        if entry is None or not tests:
            return False
        seeds = given(self.unit, visit.entry, OFFSET, SIZE, VALUE)
        known = tainted_at(self.unit, entry, seeds, visit.visit.chain, calls=False)
        return all(
            any(depends(path, known) or chosen(path, known) for path in test.reads)
            and not self._asks_a_function(test)
            for test in tests
        )

    def _asks_a_function(self, test: Decision) -> bool:
        span = test.edge.span
        text = self.unit.data[span.start : span.end].decode("latin-1") if span is not None else ""
        return any(not name.isupper() and not is_arithmetic(name) for name in _CALLED.findall(text))

    @cached_property
    def memory_structs(self) -> MemoryStructs:
        """The structs that the file fills from guest memory."""
        return MemoryStructs(self.names, self.matching, self.naming)

    def samples(
        self, entry: GuestEntry, near: frozenset[int], region: int | None = None
    ) -> tuple[Sequence[Sample], bool]:
        """The accesses of an entry to try, without values, and whether the region's size is known.

        `near` are the constants that the functions compare with; `region` is the size of the region, where
        the caller knows it.
        """
        if entry.table is None:
            if OFFSET not in entry.slot.roles.values():
                return (Sample(None, entry.size),), False
            return [_sample(*pair) for pair in loose_accesses(near, entry.size)], False
        region = region if region is not None else self._region(entry.table)
        made = accesses(self.unit, entry.table, near, region, entry.size)
        pairs = made.pairs
        if len(pairs) > _MOST_SAMPLES:
            pairs = pairs[:: len(pairs) // _MOST_SAMPLES + 1]
        samples = [_sample(offset, size) for offset, size in pairs]
        accepts = entry.table.value.get("valid", "accepts")
        if accepts is None:
            return samples, made.region is not None
        accepted = self._accepted(accepts.text.lstrip("&").strip(), samples, entry.writes)
        return accepted or (), made.region is not None and accepted is not None

    def _region(self, table: RegionTable) -> int | None:
        if table.name not in self._sizes:
            self._sizes[table.name] = region_size(self.unit, table)
        return self._sizes[table.name]

    def _accepted(self, name: str, samples: Sequence[Sample], write: bool) -> Sequence[Sample] | None:
        """The samples that a region's valid.accepts may let through; None where its body is not known."""
        function = self.unit.lowered(name)
        signature = self.unit.signature(name)
        if function is None or signature is None or len(signature.params) < len(_ACCEPTS):
            return None
        columns: dict[str, Column] = {}
        for param, role in zip(signature.params, _ACCEPTS, strict=False):
            if role == OFFSET:
                columns[param.name] = Column(tuple(sample.offset for sample in samples), UINT64)
            elif role == SIZE:
                columns[param.name] = Column(tuple(sample.size for sample in samples), UINT64)
            elif role == _IS_WRITE:
                columns[param.name] = Column(tuple(int(write) for _ in samples), UINT64)
        accepted: set[int] = set()
        exact = True

        def returned(function: Function, event: Return, state: State) -> None:
            nonlocal exact
            text = self.unit.data[event.span.start : event.span.end].decode("latin-1")
            node = read(text.strip().removeprefix("return").rstrip(";"))
            value = SampleScope(self.names, function, state.columns).evaluated(node)
            exact = exact and state.alive <= state.sure
            exact = exact and all(value.at(index) is not None for index in state.alive)
            accepted.update(index for index in state.alive if value.at(index) != 0)

        observer = WalkObserver(returned=returned)
        Walk(self.names, len(samples), lambda _: False, observer).run(function, columns)
        return [samples[index] for index in sorted(accepted)] if exact or not accepted else None

    def _walk(
        self, search: _Search, samples: Sequence[Sample], region: bool, blind: set[Any]
    ) -> list[GuestVisit]:
        """Walk an entry with some samples; the visits at the places that are wanted. `region`: as of
        GuestVisit."""
        found: list[Visit] = []

        def visit(one: Visit) -> None:
            if search.wanted(one.call):
                found.append(one)

        observer = WalkObserver(visit, sought=search.wanted)
        walk = Walk(self.names, len(samples), search.reached.__contains__, observer, blind)
        walk.run(search.function, self.columns(search.entry, search.function, samples))
        return [
            GuestVisit(
                search.entry,
                one,
                tuple(samples[index] for index in sorted(one.samples)),
                len(samples),
                region,
                walk.complete,
                _between(samples, one.samples, one.below),
            )
            for one in found
        ]

    def columns(self, entry: GuestEntry, function: Function, samples: Sequence[Sample]) -> dict[str, Column]:
        """What the parameters of the entry hold for each sample."""
        signature = self.unit.signature(entry.function)
        columns: dict[str, Column] = {}
        for position, param in enumerate(signature.params if signature is not None else ()):
            role = entry.slot.roles.get(position)
            if role in (None, DATA) or not param.name:
                continue
            declared = self.names.int_type_of(function, param.name) or UINT64
            if role == VALUE:
                numbers = tuple(_cut(sample.value, sample.size) for sample in samples)
            elif role == OFFSET:
                numbers = tuple(sample.offset for sample in samples)
            else:
                assert role == SIZE
                numbers = tuple(sample.size for sample in samples)
            if any(number is not None for number in numbers):
                columns[param.name] = Column(numbers, UINT64).cast(declared)
        return columns


def _between(samples: Sequence[Sample], there: frozenset[int], below: frozenset[int]) -> bool:
    """Whether the offset of one of the samples that are `below` is smaller than one that is not `there`."""
    first = min((o for i in below if (o := samples[i].offset) is not None), default=None)
    if first is None:
        return False
    return any(s.offset is not None and s.offset > first for i, s in enumerate(samples) if i not in there)


def _examples(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """The first of some accesses, and the first of the widest ones, whose value has all bits."""
    return samples[0], max(samples, key=lambda one: one.size or 0)


def _cut(value: int | None, size: int | None) -> int | None:
    """A value as an access of `size` bytes hands it over."""
    return value if value is None or size is None else IntType(8 * size, False).wrap(value)
