# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest state: members of a device's struct that a guest writes and reads back, with their places.

A member is written where a function in a write slot, or one that it calls in the file, stores into it what
depends on the written value. It is read back where a function in a read slot, or one that it calls, returns
what depends on it, or stores that where the result of an access goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from qerrlint.ir.code import Assign, Function, Return, text_of
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.guest.entries import GuestEntry, given
from qerrlint.qemu.guest.file import GuestFile
from qerrlint.qemu.guest.members import aliased, member_of
from qerrlint.qemu.guest.slots import DATA, VALUE
from qerrlint.qemu.guest.taint import reads, tainted
from qerrlint.qemu.guest.value_sources import ADDRESS, THROUGH, pointed_to
from qerrlint.records import record
from qerrlint.source.span import Span

_ROUNDS = 400


@record(frozen=True, slots=True)
class GuestMember:
    """A member of a struct that a guest writes and reads back: where it is stored, where it is returned."""

    struct: str
    member: str
    writer: str
    written: Span
    reader: str
    read: Span


_CHAIN = lazy_re(r"[A-Za-z_]\w*(?:(?:->|\.)\w+)+")
_LINK = lazy_re(r"(?:->|\.)(\w+)")
_STORED = rb"\s*(?:\[[^;=]*\]\s*)*(?:(?:(?:[-+*/%&|^]|<<|>>)?=(?!=))|;)"


def written_members(
    guest: GuestFile, wanted: Mapping[str, frozenset[str]], *, sent: bool = False
) -> frozenset[tuple[str, str]]:
    """Of members (by struct) those into which functions store what depends on what the guest writes.

    With `sent` also what depends on the data of its requests, to which entries get a pointer.
    """
    roles = {VALUE, DATA} if sent else {VALUE}
    writes = [entry for entry in guest.entries if roles & set(entry.slot.roles.values())]
    names = frozenset(name for members in wanted.values() for name in members)
    stored = _mentioning(guest, writes, names, _STORED)
    return (
        frozenset(key for key, _ in _written(guest, writes, stored, wanted, names)) if stored else frozenset()
    )


def guest_members(guest: GuestFile, wanted: Mapping[str, frozenset[str]]) -> Iterator[GuestMember]:
    """The members of `wanted` (by struct) that a guest writes and reads back, each with its first places."""
    writes = [entry for entry in guest.entries if entry.writes]
    returns = [entry for entry in guest.entries if not entry.writes and entry.slot.access.endswith("read")]
    if not writes or not returns:
        return
    names = frozenset(name for members in wanted.values() for name in members)
    stored = _mentioning(guest, writes, names, _STORED)
    names &= frozenset(name for found in stored.values() for name in found)
    shown = _mentioning(guest, returns, names, rb"(?!\s*=[^=])")
    names &= frozenset(name for found in shown.values() for name in found)
    if not names:
        return
    written = dict(_written(guest, writes, stored, wanted, names))
    if not written:
        return
    found = dict(_returned(guest, shown, wanted, frozenset(name for _, name in written)))
    for key, (writer, span) in written.items():
        if key in found:
            reader, place = found[key]
            yield GuestMember(*key, writer, span, reader, place)


def _mentioning(
    guest: GuestFile, entries: Iterable[GuestEntry], names: frozenset[str], behind: bytes
) -> Mapping[str, frozenset[str]]:
    """The functions that the entries reach and whose text names one of the members, followed by `behind`."""
    if not names:
        return {}
    pattern = re.compile(rb"(?:->|\.)(\w+)\b" + behind)
    unit = guest.unit
    reached = guest.reached_by(entries)
    out: dict[str, frozenset[str]] = {}
    handed = names & {found.decode("latin-1") for found in ADDRESS.findall(unit.data)}
    through = frozenset(guest.matching(THROUGH)) if handed and behind is _STORED else frozenset()
    words = frozenset(name.encode() for name in names)
    for name in sorted(reached):
        piece = unit.functions[name]
        if name not in through and words.isdisjoint(unit.definitions.words(piece)):
            continue
        found = pattern.findall(unit.data, piece.body, piece.span.end)
        members = names & {member.decode("latin-1") for member in found}
        if name in through:
            members |= handed
        if members:
            out[name] = members
    return out


def _written(
    guest: GuestFile,
    entries: Iterable[GuestEntry],
    stored: Mapping[str, frozenset[str]],
    wanted: Mapping[str, frozenset[str]],
    names: frozenset[str],
) -> Iterator[tuple[tuple[str, str], tuple[str, Span]]]:
    """The stores of what depends on a written value, by struct and member."""
    targets = frozenset(name for name, members in stored.items() if members & names)
    within = _callers(guest, targets)
    done: dict[str, frozenset[str]] = {}
    for name, seeds in handed_over(guest, entries, within):
        function = guest.unit.lowered(name)
        if function is None or seeds <= done.get(name, frozenset()):
            continue
        done[name] = done.get(name, frozenset()) | seeds
        known = tainted(function, seeds) if name in targets else frozenset()
        for event in function.events():
            if isinstance(event, Assign) and known:
                keys = _targets(guest, function, aliased(function, event.target), wanted, names)
                if keys and reads(function, event.value, known - {event.target}):
                    yield from ((key, (name, event.span)) for key in keys)


def _targets(
    guest: GuestFile,
    function: Function,
    target: str,
    wanted: Mapping[str, frozenset[str]],
    names: frozenset[str],
) -> list[tuple[str, str]]:
    """The wanted members that a store into a target changes, also by an address that callers hand over."""
    key = _member(guest, function, target, wanted)
    found = [key] if key is not None else []
    pointed = pointed_to(guest, function, target)
    found += [(one.struct, one.name) for one in pointed if one.name in wanted.get(one.struct, ())]
    return [one for one in dict.fromkeys(found) if one[1] in names]


def _callers(guest: GuestFile, targets: frozenset[str]) -> frozenset[str]:
    """The targets and the functions of the file that lead to them."""
    return guest.calling(targets)


def handed_over(
    guest: GuestFile, entries: Iterable[GuestEntry], within: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    """Functions, and those of their parameters that depend on a written value."""
    unit = guest.unit
    waiting = [(one.function, given(unit, one, VALUE, DATA)) for one in entries if one.function in within]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting and len(seen) < _ROUNDS:
        one = waiting.pop()
        if one in seen or not one[1]:
            continue
        seen.add(one)
        yield one
        function = unit.lowered(one[0])
        if function is None:
            continue
        known = tainted(function, one[1])
        for call in function.calls:
            signature = unit.signature(call.name) if call.name in within else None
            if signature is not None:
                pairs = zip(signature.params, call.args, strict=False)
                handed = frozenset(p.name for p, arg in pairs if p.name and reads(function, arg, known))
                waiting.append((call.name, handed))


def _returned(
    guest: GuestFile,
    shown: Mapping[str, frozenset[str]],
    wanted: Mapping[str, frozenset[str]],
    names: frozenset[str],
) -> Iterator[tuple[tuple[str, str], tuple[str, Span]]]:
    """The returns of what depends on a member, by struct and member."""
    for name, members in shown.items():
        function = guest.unit.lowered(name) if members & names else None
        for path in sorted(_paths(function, members & names)) if function is not None else ():
            assert function is not None
            key = _member(guest, function, path, wanted)
            place = _shows(function, path) if key is not None else None
            if key is not None and place is not None:
                yield key, (name, place)


def _paths(function: Function, members: frozenset[str]) -> frozenset[str]:
    """The paths that end in one of the members and that values of the function read."""
    chains = {
        chain
        for event in function.events()
        if isinstance(event, (Assign, Return)) and event.value is not None
        for chain in _CHAIN.findall(text_of(event.value))
    }
    ends = (max((m.end() for m in _LINK.finditer(chain) if m[1] in members), default=0) for chain in chains)
    return frozenset(chain[:end] for chain, end in zip(chains, ends, strict=True) if end)


def _shows(function: Function, path: str) -> Span | None:
    """Where the function returns, or stores through a pointer, what depends on a path."""
    known = tainted(function, {path})
    for event in function.events():
        if isinstance(event, Return) and event.value is not None and reads(function, event.value, known):
            return event.span
        if isinstance(event, Assign) and event.target.startswith("*") and reads(function, event.value, known):
            return event.span
    return None


def _member(
    guest: GuestFile, function: Function, path: str, wanted: Mapping[str, frozenset[str]]
) -> tuple[str, str] | None:
    """The struct and the member that a path names; None where it is none of the wanted."""
    member = member_of(guest.names, function, path)
    if member is None or member.name not in wanted.get(member.struct, ()):
        return None
    return member.struct, member.name
