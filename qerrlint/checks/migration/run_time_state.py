# SPDX-License-Identifier: GPL-2.0-or-later
"""Which state of a file's structs lasts from one call to the next while a device runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.domain.word_lists import word_list
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_state import DeviceState
from qerrlint.qemu.device_tables import property_calls
from qerrlint.qemu.type_graph import RESET_SLOTS
from qerrlint.qemu.vmstate.guest_state import written_members
from qerrlint.qemu.vmstate.run_time import ADDRESS, CHANGE, READ, STORE, RunTime, Use
from qerrlint.qemu.vmstate.state_members import TIMER, StateMember
from qerrlint.records import record

# Members of types and classes whose functions do not run while the device does.
_OWN_SETUP = ("class_init", "instance_init", "instance_post_init", "instance_finalize")
_SETUP = frozenset({"realize", "init", "unrealize", "exit"})
# DeviceListener (include/hw/core/qdev.h): asked before the user's devices are made.
_LISTENER = lazy_re(rb"(?:\.|->)hide_device\s*=\s*&?\s*(\w+)")
_MACHINE_DONE = lazy_re(rb"\bqemu_add_machine_init_done_notifier\s*\(\s*&[^;()]*?(\w+)\s*\)")
_BLOCK = lazy_re(r"[{}]|\b(?:case|default)\b")
_NOTHING = ("0", "false")
_RUN_STATE_HANDLER = rb"_add_vm_change_state_handler\w*\s*\([^;]*\b%s\b"
_COMPARED = lazy_re(rb"\s*(?:[=!]=|>)\s*0\s*(?:[)?:;]|&&|\|\|)")
_TESTED = (lazy_re(rb"(?:[!(]|&&|\|\|)\s*\Z"), lazy_re(rb"\s*(?:\)|&&|\|\|)"))
_ARMED = lazy_re(r"\b(?:timer_mod\w*|timer_advance\w*|qemu_mod_timer\w*|ptimer_run)\s*\(\s*&?\s*\Z")


def device_state(file: AnalysedFile) -> DeviceState:
    """The state of the file's types."""
    return DeviceState(file.unit)


def not_at_run_time(file: AnalysedFile) -> frozenset[str]:
    """The functions of the file that its types store for setup, reset and the monitor, and the callbacks of
    its descriptions."""
    state = file.once(device_state)
    shown = word_list("monitor-callbacks")
    names = {name for one in file.once(vmstates) for name in one.callbacks.values()}
    for of in state.graph.of_file(file.unit.path):
        names |= {of.row.function(member) for member in _OWN_SETUP}
        names |= {
            stored.name
            for stored in of.setup.stored
            if stored.slot in _SETUP | RESET_SLOTS or shown.matches(stored.slot)
        }
    if b"hide_device" in file.unit.data:
        names |= {found[1].decode() for found in _LISTENER.finditer(file.unit.data)}
    for done in _MACHINE_DONE.finditer(file.unit.data):
        stored = re.search(rb"\b%s\.notify\s*=\s*(\w+)" % done[1], file.unit.data)
        names |= {stored[1].decode()} if stored is not None else set()
    return frozenset(names - {""})


def run_time(file: AnalysedFile) -> RunTime:
    """The functions of the file by when they run."""
    unit = file.unit
    words = word_list("setup-functions")
    named = {name for name in unit.functions if words.matches(name)}
    exported = word_list("exported-setup")
    named |= {name for name in unit.functions if exported.matches(name) and not unit.is_static(name)}
    # What saves or loads by hand is a part of the migration.
    named |= {
        name
        for name, piece in (unit.functions.items() if b"QEMUFile" in unit.data else ())
        if b"QEMUFile" in unit.data[piece.span.start : piece.body]
    }
    for _, _, handed in property_calls(unit.data):
        named |= unit.functions.keys() & set(handed)
    return RunTime(unit, not_at_run_time(file) | named)


@record(frozen=True, slots=True)
class Lasting:
    """A member that run-time code stores into and that it reads in a later call.

    `stored`, `read`: a place of each. `uses` is all that run-time code does with the member. `by_guest`:
    whether what is stored depends on what the guest writes.
    """

    member: StateMember
    stored: Use
    read: Use
    uses: tuple[Use, ...]
    by_guest: bool


def lasting(file: AnalysedFile, members: Iterable[StateMember], *, ask_guest: bool = True) -> list[Lasting]:
    """Of some members those whose value lasts from one call of run-time code to the next.

    Whether the guest sets it is only worked out with `ask_guest`: that lowers functions.
    """
    code = file.once(run_time)
    used = code.uses(members, code.functions)
    found = [one for member, uses in used.items() if (one := _lasting(code, member, uses)) is not None]
    if not ask_guest:
        return found
    by_guest = {one.member for one in of_guest(file, found)}
    return [replace(one, by_guest=one.member in by_guest) for one in found]


def of_guest(file: AnalysedFile, found: Iterable[Lasting], *, sent: bool = True) -> list[Lasting]:
    """Of members whose value lasts those into which what the guest writes goes, or with `sent` what it sends
    with a request."""
    asked = [one for one in found if one.member.kind != TIMER]
    written = _by_guest(file, [one.member for one in asked], sent=sent)
    return [replace(one, by_guest=True) for one in asked if (one.member.owner, one.member.name) in written]


def _lasting(code: RunTime, member: StateMember, uses: list[Use]) -> Lasting | None:
    if member.kind == TIMER:
        armed = next((use for use in uses if use.kind in (ADDRESS, READ) and is_armed(code, use)), None)
        return Lasting(member, armed, armed, tuple(uses), by_guest=False) if armed is not None else None
    stored = [use for use in uses if use.kind in (STORE, CHANGE)]
    # What a function stores before it reads it does not last.
    read = [use for use in uses if use.kind == READ and not stored_before(code, use, stored)]
    if not stored or not read or _never_changes(stored) or _is_run_state(code, stored):
        return None
    return Lasting(member, stored[0], read[0], tuple(uses), by_guest=False)


def stored_before(code: RunTime, read: Use, stored: list[Use]) -> bool:
    """Whether a function stores into the member on the path to a place that reads it, by its braces."""
    text = code.text(read.function)
    assert text is not None
    for use in stored:
        if use.kind != STORE or use.function != read.function or use.end > read.start:
            continue
        depth = lowest = 0
        for found in _BLOCK.finditer(text.code, use.end - text.start, read.start - text.start):
            depth += {"{": 1, "}": -1}.get(found[0], 0)
            # Another case of the switch that the store is in is another path.
            lowest = min(lowest, depth if found[0] in "{}" else depth - 1)
        if lowest >= 0:
            return True
    return False


def is_armed(code: RunTime, use: Use) -> bool:
    """Whether a use of a timer is the argument of a call that arms it."""
    text = code.text(use.function)
    assert text is not None
    at = use.start - text.start
    return _ARMED.search(text.code, max(0, at - 60), at) is not None


def _never_changes(stored: list[Use]) -> bool:
    """Whether run-time code stores one constant only."""
    return (
        all(use.constant for use in stored)
        and len({use.value for use in stored}) == 1
        and (stored[0].value not in ("true", "1"))
    )


def _is_run_state(code: RunTime, stored: list[Use]) -> bool:
    """Whether run-time code stores only whether the machine runs, which the new process knows by itself."""
    words, data = word_list("run-state"), code.unit.data
    return all(
        words.matches(use.value.strip(" ()"))
        and ("(" in use.value or re.search(_RUN_STATE_HANDLER % use.function.encode(), data) is not None)
        for use in stored
    )


def ends_with_nothing(file: AnalysedFile, uses: Iterable[Use]) -> bool:
    """Whether run-time code counts a member, begins with a value, and goes by its being 0.

    It sets the member to 0 where what is counted is given up, and functions that begin nothing ask whether
    there is anything left.
    """
    data = file.unit.data
    listed = tuple(uses)
    stored = [use for use in listed if use.kind == STORE]
    begun = {use.function for use in stored if use.value.strip(" ()") not in _NOTHING}
    ended = any(use.value.strip(" ()") in _NOTHING for use in stored)
    if not begun or not ended or not any(use.kind == CHANGE for use in listed):
        return False
    return any(
        use.kind == READ and use.function not in begun and _asks_for_nothing(data, use) for use in listed
    )


def _asks_for_nothing(data: bytes, use: Use) -> bool:
    """Whether a place that reads a member asks whether it is 0."""
    before, behind = _TESTED
    return _COMPARED.match(data, use.end) is not None or (
        before.search(data, max(0, use.start - 20), use.start) is not None
        and behind.match(data, use.end) is not None
    )


def _by_guest(
    file: AnalysedFile, members: Iterable[StateMember], *, sent: bool
) -> frozenset[tuple[str, str]]:
    wanted: dict[str, set[str]] = {}
    for member in members:
        if member.owner and not member.twice:
            wanted.setdefault(member.owner, set()).add(member.name)
    guest = file.once(guest_file)
    if not wanted or not guest.entries:
        return frozenset()
    names: Mapping[str, frozenset[str]] = {owner: frozenset(found) for owner, found in wanted.items()}
    return written_members(guest, names, sent=sent)
