# SPDX-License-Identifier: GPL-2.0-or-later
"""The event guest-abort: a guest can make QEMU end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from qerrlint.c.expressions.parser import Binary, paths
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.deciders import members_decide
from qerrlint.checks.guest.places import (
    FIFOS,
    PUSHES,
    access,
    ending_macros,
    guest_file,
    guest_places,
    in_last_arm,
    steps,
    within_region,
)
from qerrlint.checks.trace_steps import folded
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Call, identifiers, text_of
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.guest.assumed_members import AssumedNames
from qerrlint.qemu.guest.file import GuestVisit
from qerrlint.qemu.guest.held_failures import HeldFailures, is_dead
from qerrlint.qemu.guest.indirect_entries import ACCESSOR, CALLBACK
from qerrlint.qemu.guest.members import member_of
from qerrlint.qemu.guest.sample_scope import SampleScope
from qerrlint.qemu.guest.walk import ENDS
from qerrlint.qemu.guest.zeros import GuestZeros

_FALSE = lazy_re(r"(?:0|false|FALSE)\Z")
_ASKS_FIFO = lazy_re(rb"\bfifo\w*_(?:is_\w+|num_\w+)\s*\(")
_FIFO = lazy_re(r"\bfifo\w*_(?:is_(?:empty|full)|num_(?:used|free))\s*\(")
_MEMBER = lazy_re(r"(?:->|\.)(\w+)\s*(?:\[[^\[\]]*\])?\Z")
_TAKES = rb"\bfifo\w*_(?:pop|drop|reset)\w*\s*\([^;]*?(?:->|\.)%s\b"
_UNREACHABLE = "g_assert_not_reached"
_BOUNDS = frozenset({"<", "<=", ">", ">="})


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The ends of QEMU that a guest can reach in one file."""
    for visit in file.once(guest_places):
        form = _form(file, visit)
        certainty = _certainty(file, visit, form) if form else None
        if certainty is None:
            continue
        call = visit.visit.call
        what = (
            f"{call.name}()"
            if call is not None
            else f"the assertion of `{folded(file.unit, visit.visit.span)}`"
        )
        yield Observation(
            event="guest-abort",
            function=visit.visit.function.name,
            primary=visit.visit.span,
            key=file.unit.text.on_one_line(visit.visit.span),
            slots={"what": what, "access": access(visit), "form": form, "decided": visit.decided},
            trail=tuple(steps(file, visit)),
            certainty=certainty,
            subject=visit,
        )


def _form(file: AnalysedFile, visit: GuestVisit) -> str:
    """How the program ends there; "" where it does not."""
    call = visit.visit.call
    if call is not None:
        if call.name in FIFOS:
            if _fifo_is_asked(file, visit) or (call.name in PUSHES and _is_emptied(file, visit, call)):
                return ""
            return "full" if call.name in PUSHES else "fifo"
        if call.name not in ENDS:
            return "end" if call.name in file.once(ending_macros) else ""
        return "unreachable" if call.name == _UNREACHABLE else "end"
    if _FALSE.match(file.unit.text.on_one_line(visit.visit.span)):
        return "end"
    return "later" if visit.entry.slot.owner == CALLBACK else "assertion"


def _certainty(file: AnalysedFile, visit: GuestVisit, form: str) -> str | None:
    """How sure it is that a guest gets there; None where nothing is known but that a path leads there."""
    if visit.entry.slot.owner == CALLBACK:
        # What the device does later is for the guest to decide where it writes all that leads there.
        if form == "later":
            held = visit.complete and _compares(file, visit) and _asserts_held(file, visit)
            return "medium" if held else None
        if form != "end" or visit.decided != "state":
            return None
        return "medium" if _guest_makes(file, visit) else None
    if form in ("fifo", "full"):
        # After a test of the device's state it is mostly that state that says that there is something.
        return "medium" if visit.complete and visit.decided != "state" else None
    if form == "assertion" and visit.decided != "access":
        return "medium" if visit.complete and _asserts_held(file, visit) else None
    if form in ("assertion", "unreachable") and visit.entry.slot.owner == ACCESSOR:
        return None  # what it asks of the functions that call it
    if visit.decided == "state":
        if form == "unreachable":
            return "medium" if _is_in_guests_hands(file, visit) else None
        return "medium" if form == "end" and _is_brought_about(file, visit) else "low"
    if not visit.complete:
        return "low"
    inside = within_region(visit)
    if visit.decided == "access" and not visit.sure:
        return "medium" if form == "end" else None
    if form == "end":
        return "high" if inside else "medium"
    return "medium" if inside else "low"


def _is_brought_about(file: AnalysedFile, visit: GuestVisit) -> bool:
    """Whether the state in which the program ends is one that the author has considered, or that the guest
    sets."""
    if (_is_told(visit) and not in_last_arm(visit)) or _guest_makes(file, visit):
        return True
    here = visit.visit.function.name == visit.entry.function
    if here and visit.entry.slot.owner != ACCESSOR and (_is_told(visit) or not in_last_arm(visit)):
        # What a function that is called asks of its parameters is mostly what all callers see to.
        return file.once(guest_file).hangs_on_access(visit)
    return _empties_a_fifo(file, visit)


def _is_in_guests_hands(file: AnalysedFile, visit: GuestVisit) -> bool:
    """Whether a place that is thought never to be reached is behind a test, no last arm of a switch, which
    goes by members that the guest writes, or by a FIFO that it empties or fills."""
    if in_last_arm(visit) or not visit.complete:
        return False
    return members_decide(file, visit) or _empties_a_fifo(file, visit)


def _guest_makes(file: AnalysedFile, visit: GuestVisit) -> bool:
    """Whether members that the guest writes, or its data, decide that the program ends. The last arm of a
    switch over data is mostly for what has been refused before."""
    if members_decide(file, visit):
        return True
    return (_is_told(visit) or not in_last_arm(visit)) and file.once(guest_file).hangs_on_data(visit)


def _is_told(visit: GuestVisit) -> bool:
    call = visit.visit.call
    # Ends that come with a message: the author has considered the state that leads there.
    told = word_list("ends-with-message")
    return call is not None and (told.matches(call.name) or call.name not in ENDS)


def _asserts_held(file: AnalysedFile, visit: GuestVisit) -> bool:
    """Whether an assertion fails by what the guest has written before, or keeps in its memory."""
    if _asserts_registers(file, visit):
        return True
    place = visit.visit
    return visit.entry.slot.owner != ACCESSOR and file.once(held_failures).fails(place.function, place.span)


def _compares(file: AnalysedFile, visit: GuestVisit) -> bool:
    """Whether an assertion holds a number against a bound. Any other one in a callback is mostly about what
    the device does: that it would not run were it switched off."""
    node = file.once(guest_file).names.node(visit.visit.span)
    return isinstance(node, Binary) and node.sign in _BOUNDS


def held_failures(file: AnalysedFile) -> HeldFailures:
    """The assertions of a file that fail by what a guest has put somewhere before."""
    return HeldFailures(file.once(guest_file))


def _asserts_registers(file: AnalysedFile, visit: GuestVisit) -> bool:
    """Whether an assertion fails where the guest has set all members that it reads to 0, each by a value that
    it writes, and no test on the way there reads one of them."""
    place, function = visit.visit, visit.visit.function
    guest = file.once(guest_file)
    edges = [edge for edge in function.edges() if edge.span is not None]
    node = guest.names.node(place.span)
    read = {path for path in (paths(node) if node is not None else ()) if not path.isidentifier()}
    members = {path: member_of(guest.names, function, path) for path in read}
    known = [member for member in members.values() if member is not None]
    failing = [edge for edge in edges if edge.span == place.span and is_dead(function, edge)]
    if any(one.index and guest.names.constant(one.index) is None for one in known):
        return False
    if not known or len(known) < len(members) or len(failing) != 1 or not members_decide(file, visit):
        return False
    if any(member.name in _asked_before(file, visit) for member in known):
        return False
    found = GuestZeros(guest, {member.name for member in known}).found
    settable = {(one.struct, one.name) for one in found}
    if any((one.struct, one.name) not in settable for one in known):
        return False
    names = AssumedNames(guest, [replace(member, index="") for member in known])
    value = SampleScope(names, function, place.columns).evaluated(names.node(place.span))
    return isinstance(value.numbers, int) and bool(value.numbers) is failing[0].taken


def _asked_before(file: AnalysedFile, visit: GuestVisit) -> set[str]:
    """The words of the tests before a place, in its function and in those that lead there."""
    callers = [visit.entry.function, *(call.name for call in visit.visit.chain)]
    lowered = [*map(file.unit.lowered, callers[:-1]), visit.visit.function]
    places = [*(call.span for call in visit.visit.chain), visit.visit.span]
    words: set[str] = set()
    for function, place in zip(lowered, places, strict=True):
        for block in function.blocks if function is not None else ():
            for edge in block.edges:
                if edge.span is not None and edge.span.start < place.start:
                    words.update(identifiers(file.unit.text.on_one_line(edge.span)))
    return words


def _fifo_is_asked(file: AnalysedFile, visit: GuestVisit) -> bool:
    """Whether a function asks a FIFO how full it is, before the place or the call that leads there."""
    unit = file.unit
    functions = [visit.entry.function, *(call.name for call in visit.visit.chain)]
    places = [*(call.span for call in visit.visit.chain), visit.visit.span]
    for name, place in zip(functions, places, strict=True):
        piece = unit.functions.get(name)
        if piece is None or _ASKS_FIFO.search(unit.data, piece.body, place.start) is not None:
            return True
    return False


def _is_emptied(file: AnalysedFile, visit: GuestVisit, push: Call) -> bool:
    """Whether what pushes into a FIFO is no write, or takes from the FIFO in the same access, or by way of a
    function that is handed the FIFO."""
    guest = file.once(guest_file)
    member = _MEMBER.search(text_of(push.args[0])) if push.args else None
    if not visit.entry.writes or member is None:
        return True
    taken = re.compile(_TAKES % member[1].encode())
    unit = file.unit
    reached = guest.reached_from(visit.entry.function, frozenset(unit.functions))
    pieces = (unit.functions[name] for name in reached)
    return any(taken.search(unit.data, piece.body, piece.span.end) is not None for piece in pieces)


def _empties_a_fifo(file: AnalysedFile, visit: GuestVisit) -> bool:
    """Whether it ends where a FIFO of the device is empty or full, which the guest decides."""
    texts = (
        file.unit.text.on_one_line(d.edge.span) for d in visit.visit.decisions if d.edge.span is not None
    )
    return any(_FIFO.search(text) for text in texts)


CHECKS = (
    # access: what the guest does, as words. decided: whether a test of what the guest chose leads there, none
    # at all, or a test of the device's state.
    FileCheck(
        "guest-abort",
        "guest",
        (
            event(
                "guest-abort",
                *("what", "access"),
                form="end unreachable assertion later fifo full",
                decided="access always state",
            ),
        ),
        run,
    ),
)
