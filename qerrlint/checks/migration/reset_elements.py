# SPDX-License-Identifier: GPL-2.0-or-later
"""Which elements of an array of registers the resets of a device set, and by which run-time code goes."""

from __future__ import annotations

import re
from collections.abc import Collection

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.run_time_state import device_state, run_time
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.vmstate.run_time import Use
from qerrlint.qemu.vmstate.state_members import StateMember

# An element with what stores into it, what takes its address, and what makes an index no constant.
_ELEMENT = lazy_re(r"\s*\[([^\[\]]*)\]\s*((?:[-+*/%&|^]|<<|>>)?=(?!=))?")
_ADDRESS = lazy_re(r"[(,=]\s*&\s*[\w>.-]*\Z")
_VARIABLE = lazy_re(r"\b[a-z_]\w*")
_LAST_INDEX = lazy_re(r"\w\s*\[([^\[\]]*)\]\s*\Z")


def set_elements(code: str, name: str) -> frozenset[str]:
    """The indexes of the elements of an array that a code stores into, if all that it does with the array are
    accesses to elements by constant indexes."""
    found: set[str] = set()
    for place in re.finditer(rf"(?:->|\.)\s*{re.escape(name)}\b", code):
        element = _ELEMENT.match(code, place.end())
        address = _ADDRESS.search(code, max(0, place.start() - 60), place.start())
        if element is None or address is not None or _VARIABLE.search(element[1]):
            return frozenset()
        if element[2]:
            found.add("".join(element[1].split()))
    return frozenset(found)


def other_element(file: AnalysedFile, array: StateMember, set_: Collection[str]) -> Use | None:
    """The first use by run-time code of an element of an array that is none of those that resets set."""
    unit = file.unit
    code = file.once(run_time)
    constants = layouts_of(unit.environment).constants(unit.path)
    numbers = {constants.number(index) for index in set_}
    if None in numbers:
        return None
    every = code.uses([array], unit.functions.keys()).get(array, ())
    resets = file.once(device_state).own_resets.keys()
    at_setup = {
        constants.number(_index(unit.data, use)) for use in every if use.function not in code.functions
    }
    for use in every:
        index = _index(unit.data, use) if use.function in code.functions - resets else ""
        number = constants.number(index) if index else None
        if number is not None and number not in numbers | at_setup:
            return use
    return None


def _index(data: bytes, use: Use) -> str:
    """The index of an element that is used, "" where it is no constant."""
    found = _LAST_INDEX.search(data[use.start : use.end].decode("latin-1"))
    return "" if found is None or _VARIABLE.search(found[1]) else "".join(found[1].split())
