# SPDX-License-Identifier: GPL-2.0-or-later
"""Types whose bus gives them state that a guest sets, such as PCI configuration space, and that nothing
describes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.run_time_state import device_state
from qerrlint.domain.word_lists import word_list
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_graph import QomType

_CLASS = re.compile(r"\bObjectClass\s*\*\s*(\w+)")
_OF_CORE = ("object_class_", "device_class_", "resettable_class_")
# pci_device_save() and the like.
_SAVES = re.compile(rb"\b\w+_device_(?:save|load)\s*\(")


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
    names = {call[1] for call in handed if not call[1].startswith(_OF_CORE)}
    return any(of.graph.function(of.path, name) is None for name in names)


def _saves(of: QomType) -> bool:
    """Whether the file of a type saves the state of the bus by hand."""
    declared = of.graph.file(of.path)
    return declared is not None and _SAVES.search(declared.data) is not None
