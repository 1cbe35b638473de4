# SPDX-License-Identifier: GPL-2.0-or-later
"""What decides that a place is reached: members of the device that the guest writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file, switched
from qerrlint.ir.code import Call, Function, Result, text_of
from qerrlint.qemu.guest.branches import Decision
from qerrlint.qemu.guest.file import GuestFile, GuestVisit
from qerrlint.qemu.guest.members import Member, member_of
from qerrlint.qemu.guest.taint import paths_in
from qerrlint.qemu.guest.tried_values import feasible
from qerrlint.qemu.vmstate.guest_state import written_members

# How many assignments and calls back a name is followed.
_FARTHEST = 4


def members_decide(file: AnalysedFile, visit: GuestVisit) -> bool:
    """Whether the guest writes all members that the tests right before a place read.

    A local variable stands for what it is set from, and a parameter for what the call hands over. The last
    arm of a switch counts for a member, or for a variable that can have a value for it.
    """
    guest = file.once(guest_file)
    if any(not _can_be(guest, visit, one) for one in visit.visit.decisions if _is_last(visit, one)):
        return False
    paths = {path for decision in visit.visit.decisions for path in decision.reads}
    members = list(_members(guest, visit, visit.visit.function, len(visit.visit.chain), paths))
    wanted: dict[str, frozenset[str]] = {}
    for member in members:
        if member is None:
            return False
        wanted[member.struct] = wanted.get(member.struct, frozenset()) | {member.name}
    every = {(struct, name) for struct, names in wanted.items() for name in names}
    return bool(every) and every <= written_members(guest, wanted)


def _is_last(visit: GuestVisit, decision: Decision) -> bool:
    return decision.edge.taken is False and switched(visit, decision)


def _can_be(guest: GuestFile, visit: GuestVisit, decision: Decision) -> bool:
    """Whether the subject of a switch is a member, or a local variable that is set once, to a value that no
    case has."""
    function, span = visit.visit.function, decision.edge.span
    variables = {path for path in decision.reads if path.isidentifier()}
    if span is None or all(guest.names.constant(path) is not None for path in variables):
        return True
    subject = guest.unit.text.on_one_line(span).strip("() ")
    sets = list(function.assignments(subject))
    if len(sets) != 1 or not sets[0].stated:
        return False
    labels = {edge.case for edge in function.edges() if edge.span == span and edge.case}
    ranges = [guest.names.case(function, label) for label in labels]
    return None not in ranges and feasible(
        guest.names,
        function,
        {},
        guest.names.stored(sets[0]),
        lambda number: all(not a <= number <= b for a, b in ranges if ranges),  # type: ignore[misc]
    )


def _members(
    guest: GuestFile,
    visit: GuestVisit,
    function: Function,
    depth: int,
    paths: set[str],
    left: int = _FARTHEST,
) -> Iterator[Member | None]:
    """The members that paths stand for in the function that so many calls of the visit's chain lead to; None
    for what is none."""
    for path in sorted(paths):
        if guest.names.constant(path) is not None:
            continue
        if not path.isidentifier():
            yield member_of(guest.names, function, path)
            continue
        position = _parameter(guest, function, path)
        if position is None:
            sources = _assigned(function, path) if left else None
            if sources is None:
                yield None
            else:
                yield from _members(guest, visit, function, depth, sources, left - 1)
        elif depth and left:
            yield from _handed(guest, visit, depth, position, left)


def _handed(
    guest: GuestFile, visit: GuestVisit, depth: int, position: int, left: int
) -> Iterator[Member | None]:
    """The members that an argument of a call of the chain stands for."""
    chain: Sequence[Call] = visit.visit.chain
    call = chain[depth - 1]
    name = visit.entry.function if depth == 1 else chain[depth - 2].name
    caller = guest.unit.lowered(name)
    if caller is not None and position < len(call.args) and not isinstance(call.args[position], Result):
        given = set(paths_in(text_of(call.args[position])))
        yield from _members(guest, visit, caller, depth - 1, given, left - 1)


def _parameter(guest: GuestFile, function: Function, name: str) -> int | None:
    signature = guest.unit.signature(function.name)
    names = [param.name for param in signature.params] if signature is not None else []
    return names.index(name) if name in names else None


def _assigned(function: Function, name: str) -> set[str] | None:
    """The paths in all that a local variable is set from; None where a call sets it, or nothing does."""
    values = [event.value for event in function.assignments(name)]
    if not values or any(isinstance(value, Result) for value in values):
        return None
    return {path for value in values for path in paths_in(text_of(value))} - {name}
