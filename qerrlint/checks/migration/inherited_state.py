# SPDX-License-Identifier: GPL-2.0-or-later
"""Inherited state: what the structs of parent types hold, and what becomes of it where a derived type has a
description of its own.

A class holds one description (DeviceClass.vmsd): that of a derived type replaces that of its parent, so it
has to contain the parent's part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from qerrlint.c.declarations.types import untagged
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.run_time_state import Lasting, device_state, lasting, run_time
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.domain.word_lists import word_list
from qerrlint.qemu.layouts import Layout, layouts_of
from qerrlint.qemu.type_graph import QomType
from qerrlint.qemu.vmstate.description import Description
from qerrlint.qemu.vmstate.lookup import described_elsewhere
from qerrlint.qemu.vmstate.run_time import CHANGE, STORE
from qerrlint.qemu.vmstate.state_members import StateMember, state_members
from qerrlint.records import record
from qerrlint.source.tree_folders import is_of_devices

_REGISTERS = b"vmstate_register"


@record(frozen=True, slots=True)
class Replaced:
    """A description that takes the place of that of a parent type, and leaves out `member`, the parent's part
    of `struct`."""

    struct: str
    member: str
    description: Description
    parent: Description


def parents_members(
    file: AnalysedFile,
    struct: str,
    held: Collection[str],
    described: Collection[str],
    *,
    shared: bool = False,
) -> Iterator[StateMember]:
    """The members of the parents' structs that lie in a struct, named from there, where no description of the
    struct holds any part of them.

    With `shared` those of parents that other types of the file have as well, else those of all others.
    """
    unit = file.unit
    path = ""
    for parent, first in _parents(file, struct):
        path = f"{path}{first}."
        if parent.name in described or any(f"{one}.".startswith(path) for one in held):
            return
        if _is_shared(file, struct, parent.name) is not shared or _is_registered(file, struct, parent.name):
            continue
        for one in state_members(unit, parent.name):
            yield replace(one, struct=struct, path=f"{path}{one.path}")


def shared_members(
    file: AnalysedFile, struct: str, held: Collection[str], described: Collection[str]
) -> Iterator[Lasting]:
    """The members of a parent that several types of the file have, whose value lasts and that functions which
    handle the struct set from what the guest sends."""
    state, code = file.once(device_state), file.once(run_time)
    members = list(parents_members(file, struct, held, described, shared=True))
    for one in lasting(file, members) if members else ():
        for use in one.uses if one.by_guest else ():
            text = code.text(use.function)
            if use.kind in (STORE, CHANGE) and text is not None and state.handles(text, struct):
                yield replace(one, stored=use)
                break


def is_described_by_class(file: AnalysedFile, struct: str, descriptions: Collection[Description]) -> bool:
    """Whether a class of the file stores one of the descriptions of a struct. Any other one may be a part of
    that of a parent."""
    names = {one.variable for one in descriptions}
    found = (
        of.setup.last("vmsd") for of in file.once(device_state).allocating if of.instance_struct == struct
    )
    return any(stored is not None and stored.name in names for stored in found)


def _parents(file: AnalysedFile, struct: str) -> Iterator[tuple[Layout, str]]:
    """The structs of the parents of a device's struct, innermost last, each with the name of its part."""
    unit = file.unit
    layouts = layouts_of(unit.environment)
    chain = layouts.chain(struct, unit.path)
    core = word_list("structs-of-core").words
    for outer, inner in pairwise(chain):
        around, layout = layouts.of_name(outer, unit.path), layouts.of_name(inner, unit.path)
        if inner in core or layout is None or around is None or around.first is None:
            return
        if not is_of_devices(layout.path) and layout.path != unit.path:
            return
        yield layout, around.first.name


def _is_shared(file: AnalysedFile, struct: str, parent: str) -> bool:
    """Whether another type of the file has the same parent: a pointer to that tells nothing then."""
    layouts = layouts_of(file.unit.environment)
    structs = {of.row.struct("instance_size") for of in file.once(device_state).allocating}
    return any(one != struct and parent in layouts.chain(one, file.unit.path)[1:] for one in structs)


def _is_registered(file: AnalysedFile, struct: str, parent: str) -> bool:
    """Whether the file of a parent registers a description by a call, beside that of the class."""
    graph = file.once(device_state).graph
    for of in file.once(device_state).allocating:
        for one in of.lineage if of.row.struct("instance_size") == struct else ():
            declarations = graph.file(one.path) if one.instance_struct == parent else None
            if declarations is not None and _REGISTERS in declarations.data:
                return True
    return False


def replaced(
    file: AnalysedFile, described: Mapping[str, Sequence[Description]], held: Mapping[str, Collection[str]]
) -> Iterator[Replaced]:
    """The descriptions of types of the file that take the place of those of their parents, and leave out what
    these hold."""
    own = {one.variable: one for one in file.once(vmstates)}
    for of in file.once(device_state).allocating:
        struct = of.row.struct("instance_size")
        stored = of.setup.last("vmsd")
        description = own.get(stored.name) if stored is not None else None
        if description is None or struct not in described or description not in described[struct]:
            continue
        found = _of_parent(file, of, held[struct])
        if found is not None:
            yield Replaced(struct, found[0], description, found[1])


def _of_parent(file: AnalysedFile, of: QomType, held: Collection[str]) -> tuple[str, Description] | None:
    """The part of the nearest parent that has a description, and that."""
    structs = {layout.name: first for layout, first in _parents(file, of.instance_struct)}
    path = ""
    for name, first in structs.items():
        path = f"{path}{first}."
        if any(f"{one}.".startswith(path) for one in held):
            return None
        for parent in of.lineage[1:]:
            stored = parent.setup.last("vmsd") if parent.instance_struct == name else None
            if stored is None:
                continue
            other = _described(file, stored.name)
            # One that asks whether it is needed is sent for some machines only.
            if other is None or other.unmigratable or "needed" in other.callbacks or not other.fields:
                return None
            return (path.rstrip("."), other) if _is_about(other, name) else None
    return None


def _described(file: AnalysedFile, name: str) -> Description | None:
    own = next((one for one in file.once(vmstates) if one.variable == name), None)
    return own or described_elsewhere(file.unit.environment, name, file.unit.path)


def _is_about(description: Description, struct: str) -> bool:
    """Whether a description has a field of a struct."""
    return any(field.member and untagged(field.struct) == struct for field in description.fields or ())
