# SPDX-License-Identifier: GPL-2.0-or-later
"""Zero divisors: divisions in a file whose divisor a guest can make 0.

A member of a device that a write by the guest can set to 0 is taken to hold 0, and the functions that run
later (entries of the guest, callbacks of timers and lines) are walked with that: tests of the member are then
decided, and a division that is still reached divides by 0. A division by the written value itself is found in
the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from qerrlint.c.divisions import Division, divisions
from qerrlint.c.expressions import parser
from qerrlint.c.expressions.int_types import UINT64
from qerrlint.c.expressions.parser import Node, paths
from qerrlint.c.expressions.typed import Column, Number
from qerrlint.c.lexis import WORD, bare, closing_bracket
from qerrlint.ir.code import Edge, Event, Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_tables import arguments_at
from qerrlint.qemu.guest.assumed_members import AssumedNames, AssumedWalk, EntryWalk, ReadMemory, reads_memory
from qerrlint.qemu.guest.entries import GuestEntry
from qerrlint.qemu.guest.file import GuestFile, Sample
from qerrlint.qemu.guest.members import Member, member_of
from qerrlint.qemu.guest.owners import owner
from qerrlint.qemu.guest.sample_scope import SampleScope, read
from qerrlint.qemu.guest.states import State
from qerrlint.qemu.guest.taint import paths_in
from qerrlint.qemu.guest.walk import WalkObserver
from qerrlint.qemu.guest.zeros import GuestZero, GuestZeros
from qerrlint.records import record
from qerrlint.source.span import Span

DIVIDES = {"muldiv64": 2, "muldiv64_round_up": 2, "DIV_ROUND_UP": 1, "QEMU_ALIGN_UP": 1, "QEMU_ALIGN_DOWN": 1}
"""Functions and macros that divide by an argument: its place (include/qemu/host-utils.h, osdep.h)."""
QUICK = lazy_re(
    # Alternatives that begin with a letter of their own are found without a look at each place of the text.
    rb"/(?<=[\w)\]\s]/)=?\s*[A-Za-z_(]|%(?<=[\w)\]\s]%)=?\s*[A-Za-z_(]|"
    + b"|".join(rb"%s(?<!\w%s)\s*\(" % (n.encode(), n.encode()) for n in DIVIDES)
)
"""What a file with a division has in its bytes, comments aside."""
_CALLED = lazy_re(rf"\b({'|'.join(DIVIDES)})\s*\(")
# What keeps a name from being one of its own, and what stands after one that is part of another, or called.
_BEFORE_NAME = frozenset(bytes((byte,)) for byte in WORD + b">.")
_CALL_OR_WORD = lazy_re(rb"\w|\s*\(")
_HELPER = lazy_re(r"\b([a-z_]\w*)\s*\(")
_MACRO_DEPTH = 4
_LOCAL_DEPTH = 4
_MOST_VALUES = 4
_MOST_EXPRESSIONS = 12


@record(frozen=True, slots=True)
class Site:
    """A division in a function: the offset of its operator, the divisor's place, text and expression."""

    function: str
    at: int
    span: Span
    text: str
    node: Node


@record(frozen=True, slots=True)
class _Leaf:
    """What an expression in a function reads: a member, a local that guest memory is read into (`local`), or
    a parameter."""

    function: Function
    node: Node | None
    path: str
    member: Member | None = None
    local: str = ""


@record(frozen=True, slots=True)
class _Assumption:
    """What is taken to hold `number`: a member, or a local that `function` reads guest memory into; nothing
    but what the guest writes, where neither is given."""

    member: Member | None = None
    number: int = 0
    local: str = ""
    function: str = ""


@record(frozen=True, slots=True)
class ZeroDivision:
    """A division by 0: reached from `root` (an entry of the guest, or a function that is called back), where
    `member` (None: the written value, or what `local` was read into from guest memory) holds what makes the
    divisor 0; `zero` is where the guest sets it.

    `number`: what the member or the memory holds then. `sample`: the access that reaches it. `sure`: no test
    on the path mixes what is known with what is not.
    """

    site: Site
    root: str
    entry: GuestEntry | None
    member: Member | None
    local: str
    zero: GuestZero | None
    sample: Sample | None
    sure: bool
    number: int = 0


class ZeroDivisors:
    """The divisions by 0 of one file."""

    def __init__(self, guest: GuestFile, setup: Callable[[], Collection[str]]) -> None:
        self._guest = guest
        self._unit = guest.unit
        self._setup = setup

    @cached_property
    def sites(self) -> Mapping[str, tuple[Site, ...]]:
        """The divisions by anything but a constant, for each function that has one."""
        out: dict[str, tuple[Site, ...]] = {}
        data = self._unit.data
        for name in self._guest.places(QUICK):
            piece = self._unit.functions[name]
            code = bare(data[piece.body : piece.span.end]).decode("latin-1")
            found = [*divisions(code), *_by_calls(code)]
            sites = tuple(site for one in found if (site := self._site(name, piece.body, one)) is not None)
            if sites:
                out[name] = sites
        return out

    def _site(self, name: str, start: int, found: Division) -> Site | None:
        node = read(found.divisor)
        if node is None or (isinstance(node, parser.Call) and node.name == "sizeof"):
            return None
        names = self._guest.names
        if all(path.isidentifier() and names.constant(path) is not None for path in paths(node)):
            return None
        span = Span(self._unit.path, start + found.start, start + found.end)
        return Site(name, start + found.at, span, found.divisor, node)

    def found(self) -> Iterator[ZeroDivision]:
        """The divisions by 0, each once, those that are sure before others."""
        leaves = {site: self._leaves(site) for sites in self.sites.values() for site in sites}
        words = {one.member.name for found in leaves.values() for one in found if one.member is not None}
        settable = GuestZeros(self._guest, words)
        seen: dict[tuple[str, int], ZeroDivision] = {}
        for assumed, sites in self._assumptions(leaves, settable):
            for one in self._reached(assumed, sites, settable):
                key = (one.site.function, one.site.at)
                if key not in seen or (one.sure, one.entry is not None) > (
                    seen[key].sure,
                    seen[key].entry is not None,
                ):
                    seen[key] = one
        yield from (seen[key] for key in sorted(seen))

    def _text(self, name: str) -> str:
        piece = self._unit.functions[name]
        return self._unit.data[piece.body : piece.span.end].decode("latin-1")

    # -- what a divisor depends on -------------------------------------------------------------------

    def _assumptions(
        self,
        leaves: Mapping[Site, Sequence[_Leaf]],
        settable: GuestZeros,
    ) -> Iterator[tuple[_Assumption, list[Site]]]:
        """What a guest can set so that a divisor is 0, each with the divisors."""
        out: dict[_Assumption, list[Site]] = {}
        for site, found in leaves.items():
            made: dict[_Assumption, None] = {}
            for one in found:
                if one.member is not None and not settable.reaches(one.member):
                    continue
                if one.member is None and not one.local:
                    made[_Assumption()] = None
                    continue
                full = one.member is not None and replace(one.member, index="") in settable.ones
                for number in self._numbers(one.function, one.node, one.path, full):
                    made[
                        _Assumption(one.member, number, one.local, one.function.name if one.local else "")
                    ] = None
            for assumed in made:
                out.setdefault(assumed, []).append(site)
        yield from out.items()

    def _leaves(self, site: Site) -> list[_Leaf]:
        """What a divisor comes from, by way of locals, macros and functions of the file."""
        out: list[_Leaf] = []
        function = self._unit.lowered(site.function)
        for within, text in self._expressions(function, site.text, 0) if function is not None else ():
            node = read(text)
            for path in sorted(paths(node) if node is not None else paths_in("".join(text.split()))):
                if not path.isidentifier():
                    member = member_of(self._guest.names, within, path)
                    if member is not None:
                        out.append(_Leaf(within, node, path, member))
                elif function is not None and within.name == function.name:
                    if _is_read_into(within, path):
                        out.append(_Leaf(within, node, path, None, path))
                    elif self._is_parameter(within, path):
                        out.append(_Leaf(within, node, path))
                        out += self._handed(within, text, path)
        return out

    def _handed(self, function: Function, text: str, parameter: str) -> Iterator[_Leaf]:
        """The members that callers in the file hand to a function as a parameter that a text reads."""
        signature = self._unit.signature(function.name)
        names = [param.name for param in signature.params] if signature is not None else []
        position = names.index(parameter)
        seen: set[str] = set()
        for caller in self._guest.callers(function.name):
            lowered = self._unit.lowered(caller)
            for call in lowered.calls if lowered is not None else ():
                if lowered is None or call.name != function.name or len(call.arg_spans) <= position:
                    continue
                argument = "".join(self._unit.text.on_one_line(call.arg_spans[position]).split())
                member = member_of(self._guest.names, lowered, argument) if argument not in seen else None
                if member is None or len(seen) >= _MOST_VALUES:
                    continue
                seen.add(argument)
                yield _Leaf(lowered, read(_with_value(text, parameter, argument)), argument, member)

    def _is_parameter(self, function: Function, path: str) -> bool:
        signature = self._unit.signature(function.name)
        return signature is not None and any(param.name == path for param in signature.params)

    def _numbers(self, function: Function, node: Node | None, path: str, full: bool) -> tuple[int, ...]:
        """The numbers of a path to try for an expression to be 0: 0, all bits that do not matter; all ones if
        `full`."""
        names = self._guest.names
        declared = names.int_type_of(function, path) or UINT64
        if node is None:
            return (0,)
        ones = declared.wrap(-1)
        bits = [declared.wrap(1 << bit) for bit in range(declared.bits)]

        def values(tried: Sequence[int]) -> list[Number]:
            column = SampleScope(names, function, {path: Column(tuple(tried), declared)}).evaluated(node)
            return [column.at(index) for index in range(len(tried))]

        base, none = values((ones, 0))
        if base is None or none is None:
            return (0,)
        if base == 0 and full:
            return (0, ones)
        matters = 0
        for bit, alone, without in zip(bits, values(bits), values([ones ^ bit for bit in bits]), strict=True):
            if alone != none or without != base:
                matters |= bit
        other = declared.wrap(~matters)
        return (0, other) if other and values((other,))[0] == 0 else (0,)

    def _expressions(self, function: Function, text: str, depth: int) -> list[tuple[Function, str]]:
        """A text with macros expanded and locals replaced by each value that is assigned to them; and what
        the functions of the file that it calls return."""
        text = self._expanded(text, 0)
        out = [(function, text)]
        if depth >= _LOCAL_DEPTH:
            return out
        for path in sorted(paths_in("".join(text.split()))):
            if path in function.locals:
                for value in self._assigned(function, path)[:_MOST_VALUES]:
                    out += self._expressions(function, _with_value(text, path, value), depth + 1)
        for name in _HELPER.findall(text):
            callee = self._unit.lowered(name) if name in self._unit.functions else None
            for value in _results(self._unit.data, callee) if callee is not None else ():
                assert callee is not None
                out += self._expressions(callee, value, depth + 1)
        return out[:_MOST_EXPRESSIONS]

    def _assigned(self, function: Function, name: str) -> list[str]:
        """The texts of what is assigned to a local as a whole."""
        out = []
        for event in function.assignments(name):
            if event.stated:
                text = self._unit.data[event.span.start : event.span.end].decode("latin-1")
                head, equals, value = text.partition("=")
                if equals and not value.startswith("=") and head[-1:] not in "+-*/%&|^<>!":
                    out.append(" ".join(value.split()))
        return out

    def _expanded(self, text: str, depth: int) -> str:
        """A text with the macros in it expanded."""
        for found in re.finditer(r"\b([A-Z_][A-Z0-9_]*)\s*\(", text) if depth < _MACRO_DEPTH else ():
            data = text.encode("latin-1", "replace")
            given = arguments_at(data, found.end() - 1)
            body = self._guest.names.macro_text(found[1], given) if given is not None else None
            if body is not None:
                whole = text[found.start() : closing_bracket(text, found.end() - 1)]
                return self._expanded(text.replace(whole, f"({body})"), depth + 1)
        return text

    # -- walks -------------------------------------------------------------------------------------

    def _reached(
        self, assumed: _Assumption, sites: Sequence[Site], settable: GuestZeros
    ) -> Iterator[ZeroDivision]:
        """The divisions at `sites` that are reached with a divisor of 0 under one assumption."""
        within = self._guest.calling({site.function for site in sites})
        member = assumed.member
        memory = ReadMemory(assumed.function, assumed.local, assumed.number) if assumed.local else None
        names = AssumedNames(self._guest, () if member is None else (member,), assumed.number, memory)
        zero = settable.place(member) if member is not None else None
        owners = {site: owner(self._unit.lowered(site.function), site.at, site.text) for site in sites}
        watch = _Watch(names, assumed, zero, owners)
        observer = WalkObserver(reached=watch.reached, towards=watch.divides)
        for entry in self._guest.entries:
            if entry.function in within:
                walking = EntryWalk(names, entry, within, observer)
                watch.begin(entry.function, entry, walking.samples)
                walking.run()
        for name in self._called_back(within) if assumed != _Assumption() else ():
            function = self._unit.lowered(name)
            if function is not None:
                watch.begin(name, None, ())
                AssumedWalk(names, 1, within, observer).run(function, {})
        yield from watch.found

    def _called_back(self, within: frozenset[str]) -> Iterator[str]:
        """The functions whose address the file hands out, but for those that set a device up or load it."""
        entries = {entry.function for entry in self._guest.entries}
        for name in sorted(within - entries - frozenset(self._setup())):
            piece = self._unit.functions[name]
            taken = _taken(self._unit.data, name.encode("latin-1"))
            if any(not piece.span.start <= at < piece.body for at in taken):
                yield name


class _Watch:
    """What walks under one assumption find: the divisions that they reach with a divisor of 0."""

    def __init__(
        self,
        names: AssumedNames,
        assumed: _Assumption,
        zero: GuestZero | None,
        owners: Mapping[Site, Event | Edge | None],
    ) -> None:
        """`owners`: the divisions to look for, each with the event or edge that it is a part of."""
        self.found: list[ZeroDivision] = []
        self._names = names
        self._assumed = assumed
        self._zero = zero
        self._owners = owners
        self._events = {id(event) for event in owners.values()}
        self._by_function: dict[str, list[Site]] = {}
        for site in owners:
            self._by_function.setdefault(site.function, []).append(site)
        self.begin("", None, ())

    def begin(self, root: str, entry: GuestEntry | None, samples: Sequence[Sample]) -> None:
        """A walk begins: at which function and entry, and with which accesses."""
        self._root, self._entry, self._samples = root, entry, samples

    def divides(self, one: Event | Edge) -> bool:
        """Whether one of the divisions is a part of an event or edge."""
        return id(one) in self._events

    def reached(self, function: Function, event: Event | Edge, state: State) -> None:
        """Note the divisions in an event or edge that a walk has reached."""
        for site in self._by_function.get(function.name, ()):
            if self._owners[site] != event:
                continue
            value = SampleScope(self._names, function, state.columns).evaluated(site.node)
            if value.numbers is None or (isinstance(value.numbers, int) and self._assumed == _Assumption()):
                continue
            index = next((i for i in sorted(state.alive) if value.at(i) == 0), None)
            if index is not None:
                self.found.append(
                    ZeroDivision(
                        site,
                        self._root,
                        self._entry,
                        self._assumed.member,
                        self._assumed.local,
                        self._zero,
                        self._samples[index] if self._samples else None,
                        index in state.sure,
                        self._assumed.number,
                    )
                )


def _with_value(text: str, name: str, value: str) -> str:
    """A text with a value in the place of a variable."""
    return re.sub(rf"(?<![\w.>]){name}\b", lambda _: f"({value})", text)


def _taken(data: bytes, name: bytes) -> Iterator[int]:
    """Where a text names a function without a call of it; a member of that name does not count."""
    at = data.find(name)
    while at >= 0:
        end = at + len(name)
        if data[at - 1 : at] not in _BEFORE_NAME and _CALL_OR_WORD.match(data, end) is None:
            yield at
        at = data.find(name, end)


def _by_calls(code: str) -> Iterator[Division]:
    for found in _CALLED.finditer(code):
        given = arguments_at(code.encode("latin-1"), found.end() - 1)
        place = DIVIDES[found[1]]
        if given is not None and len(given) > place:
            start = (
                code.find(given[place], found.end()) if given[place] in code[found.end() :] else found.end()
            )
            yield Division(found.start(), given[place], start, start + len(given[place]))


def _is_read_into(function: Function, path: str) -> bool:
    """Whether a function reads guest memory into a local."""
    return any(reads_memory(call, path) for call in function.calls)


def _results(data: bytes, function: Function) -> list[str]:
    return [
        data[event.span.start : event.span.end].decode("latin-1").strip().removeprefix("return").rstrip(";")
        for event in function.returns()
    ]
