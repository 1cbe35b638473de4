# SPDX-License-Identifier: GPL-2.0-or-later
"""Types whose bus gives them state that a guest sets, such as PCI configuration space, and that nothing
describes, or not the description of their class."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

from qerrlint.c.declarations.types import untagged
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.run_time_state import device_state
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.domain.word_lists import word_list
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_graph import QomType
from qerrlint.qemu.vmstate.description import Description, VMField
from qerrlint.records import record

_CLASS = lazy_re(r"\bObjectClass\s*\*\s*(\w+)")
# pci_device_save() and the like.
_SAVES = lazy_re(rb"\b\w+_device_(?:save|load)\s*\(")


def with_state_of_bus(file: AnalysedFile) -> Iterator[tuple[QomType, str]]:
    """The types of a file that an ancestor on a bus gives state, each with the struct that holds it.

    Left out are types that a user cannot create, which machines make for themselves, and those of which it is
    not known what their class_init stores.
    """
    state = file.once(device_state)
    structs = word_list("buses-with-state").words
    if not any(struct.encode() in file.unit.data for struct in structs):
        return
    layouts = layouts_of(file.unit.environment)
    for of in state.allocating:
        # What the type's own class_init stores is known without a look at other files.
        if of.row.abstract or of.setup.last("vmsd") is not None:
            continue
        if not of.complete or not of.flag("user_creatable", default=True):
            continue
        chain = layouts.chain(of.instance_struct, file.unit.path)
        held = next((struct for struct in chain if struct in structs), None)
        if held is None:
            continue
        if not is_saved_elsewhere(of, held):
            yield of, held


@record(frozen=True, slots=True)
class LeftOut:
    """A description of a class that leaves out `member` of `struct`, which its bus gives each device as a
    `bus`."""

    description: Description
    struct: str
    member: str
    bus: str
    type: QomType


def left_out(file: AnalysedFile) -> Iterator[LeftOut]:
    """The descriptions of classes of the file without the state that a bus gives the devices."""
    structs = word_list("buses-with-state").words
    own = {one.variable: one for one in file.once(vmstates)}
    told: set[str] = set()
    for of in file.once(device_state).graph.of_file(file.unit.path) if own else ():
        stored = of.setup.last("vmsd")
        description = own.get(stored.name) if stored is not None else None
        if description is None or description.variable in told or not _is_known(description):
            continue
        part = _left_out(of, _fields(description, own), structs)
        if part is not None:
            told.add(description.variable)
            yield LeftOut(description, untagged(of.instance_struct), *part, of)


def _is_known(description: Description) -> bool:
    """Whether all rows of a description are read, and it is one for devices that migrate."""
    return description.fields is not None and not description.unknown and not description.unmigratable


def _fields(description: Description, own: Mapping[str, Description]) -> list[VMField]:
    """The fields of a description and of its subsections in the file."""
    sections = [own[name] for name, _ in description.sections if name in own]
    return [field for one in (description, *sections) for field in one.fields or ()]


def _left_out(of: QomType, fields: Sequence[VMField], given: Collection[str]) -> tuple[str, str] | None:
    """The member that lies first in a type's struct and that its bus gives it, and its struct; None where
    there is none, or the fields hold it, or something around it, or are about other structs."""
    layouts = layouts_of(of.graph.environment)
    chain = layouts.chain(of.instance_struct, of.path)
    if not {struct for field in fields if (struct := untagged(field.struct))}.issubset(chain):
        return None
    # A row of a part of the bus's state names the whole.
    parts = word_list("parts-of-bus-state")
    whole = (field for field in fields if not parts.matches(field.vmsd))
    held = {(untagged(field.struct), field.member) for field in whole}
    # The struct that a macro names may be one that the type's struct begins with.
    paths: dict[str, str] = {}
    for outer, inner in pairwise(chain):
        around = layouts.of_name(outer, of.path)
        if around is None or around.first is None:
            return None
        first = around.first.name
        paths = {struct: f"{path}.{first}" for struct, path in paths.items()} | {outer: first}
        if any((struct, path) in held for struct, path in paths.items()):
            return None
        if inner in given:
            return None if is_saved_elsewhere(of, inner) else (paths[chain[0]], inner)
    return None


def is_saved_elsewhere(of: QomType, held: str) -> bool:
    """Whether a type or an ancestor whose struct begins with what the bus gives (`held`) saves that by hand,
    or hands its class to a function of another file, which may see to it."""
    layouts = layouts_of(of.graph.environment)
    below = [one for one in of.lineage if held in layouts.chain(one.instance_struct, one.path)[1:]]
    return any(_is_set_elsewhere(one) or _saves(one) for one in below)


def _is_set_elsewhere(of: QomType) -> bool:
    """Whether the class_init of a type hands the class to a function of another file."""
    text = of.graph.function(of.path, of.row.function("class_init"))
    found = _CLASS.search(text.head) if text is not None else None
    if text is None or found is None:
        return False
    handed = re.finditer(rf"\b([a-z]\w*)\s*\(\s*{re.escape(found[1])}\s*[,)]", text.code)
    known = word_list("class-setters")
    names = {call[1] for call in handed if not known.matches(call[1])}
    return any(of.graph.function(of.path, name) is None for name in names)


def _saves(of: QomType) -> bool:
    """Whether the file of a type saves the state of the bus by hand."""
    declared = of.graph.file(of.path)
    return declared is not None and _SAVES.search(declared.data) is not None
