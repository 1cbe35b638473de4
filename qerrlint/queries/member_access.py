# SPDX-License-Identifier: GPL-2.0-or-later
"""State by access: who writes and reads each member of a state struct, what migrates, what a reset sets.

The uses are those in the file that defines the type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from posixpath import dirname

from qerrlint.c.declarations.types import untagged
from qerrlint.checks.devices.phase_functions import SETUP, UNDOING
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.checks.migration.run_time_state import device_state, run_time
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.device_page import Access, Member
from qerrlint.qemu.device_state import clears_all, names_member
from qerrlint.qemu.function_text import FunctionText
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_graph import QomType
from qerrlint.qemu.vmstate.description import Description, descriptions
from qerrlint.qemu.vmstate.run_time import ADDRESS, CHANGE, READ, STORE, Use
from qerrlint.qemu.vmstate.state_members import StateMember, state_members


def members(file: AnalysedFile, of: QomType) -> tuple[Member, ...]:
    """The members of the state struct of a type that the file defines, in their order, with their uses."""
    struct = of.instance_struct
    every = list(state_members(file.unit, struct)) if struct else []
    uses = file.once(run_time).uses(every, file.unit.functions)
    when = _when(file, of)
    held = _held(file, of)
    resets = _resets(file, of)
    properties = file.once(device_state).properties
    out = []
    for one in every:
        written, read, address = (
            _accesses(uses.get(one, ()), kinds, when)
            for kinds in ((STORE, CHANGE), (READ, CHANGE), (ADDRESS,))
        )
        reset = _is_set(resets, one) if resets else None
        description = _description(one.path, held)
        is_property = one.path in properties
        out.append(Member(one.path, one.kind, description, reset, is_property, written, read, address))
    return tuple(out)


def _accesses(
    uses: Iterable[Use], kinds: tuple[str, ...], when: Mapping[str, tuple[str, ...]]
) -> tuple[Access, ...]:
    names = dict.fromkeys(use.function for use in uses if use.kind in kinds)
    return tuple(Access(name, when.get(name, ())) for name in names)


def _when(file: AnalysedFile, of: QomType) -> Mapping[str, tuple[str, ...]]:
    """For each function of the file what leads to it."""
    guest = file.once(guest_file)
    every = frozenset(file.unit.functions)
    phases = {name: [one.function for one in of.phases if one.phase in name] for name in (SETUP, UNDOING)}
    callbacks = [name for one in file.once(vmstates) for name in one.callbacks.values()]
    starts = {
        "guest": [entry.function for entry in guest.entries],
        "setup": phases[SETUP],
        "reset": list(file.once(device_state).own_resets),
        "undoing": phases[UNDOING],
        "migration": callbacks,
    }
    out: dict[str, tuple[str, ...]] = {}
    for reason, names in starts.items():
        reached = {one for name in names if name in every for one in (name, *guest.reached_from(name, every))}
        for one in sorted(reached):
            out[one] = (*out.get(one, ()), reason)
    return out


def _held(file: AnalysedFile, of: QomType) -> Mapping[str, str]:
    """The paths of the members that descriptions hold, with the variables of these: those of the file, and of
    the files of its ancestors in the same folder."""
    unit = file.unit
    structs = set(layouts_of(unit.environment).chain(of.instance_struct, unit.path))
    beside = [one.path for one in of.lineage if dirname(one.path) == dirname(unit.path)]
    found: list[Description] = [*file.once(vmstates)]
    for path in dict.fromkeys(path for path in beside if path != unit.path):
        declarations = unit.environment.files.file(path)
        if declarations is not None:
            found += descriptions(unit.environment, path, declarations.data)
    out: dict[str, str] = {}
    for one in found:
        for field in one.fields or ():
            if untagged(field.struct) in structs:
                out.setdefault(re.sub(r"\[[^\]]*\]", "", field.member), one.variable)
    return out


def _description(path: str, held: Mapping[str, str]) -> str:
    """The description that holds a member, what it lies in, or a part of it."""
    inside = (name for one, name in held.items() if f"{path}.".startswith(f"{one}."))
    return next(inside, "") or next((name for one, name in held.items() if one.startswith(f"{path}.")), "")


def _resets(file: AnalysedFile, of: QomType) -> list[FunctionText]:
    """The functions that a reset of the type runs, as far as they are found."""
    state = file.once(device_state)
    reached = [text for one in state.resets(of) for text in state.reached(one.path, one.function).values()]
    return [*state.own_resets.values(), *reached]


def _is_set(resets: Iterable[FunctionText], one: StateMember) -> bool:
    """Whether a reset names a member, or what it lies in, or clears a whole object of its struct."""
    names = one.path.split(".")
    return any(
        any(names_member(text.code, name) for name in names)
        or (one.struct in text.head + text.code and clears_all(text.code))
        for text in resets
    )
