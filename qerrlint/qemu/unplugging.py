# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a device can go away while QEMU runs: by the buses that allow it and the flags of its class."""

from __future__ import annotations

from qerrlint.domain.word_lists import WordList
from qerrlint.qemu.type_graph import QomType


def may_be_unplugged(of: QomType, buses: WordList) -> bool:
    """Whether a device of the type, or of one that derives from it, can be plugged and unplugged at run time.

    `buses` are the types of buses that allow it. False where the bus of the type is not found.
    """
    if not of.flag("hotpluggable", True) or not of.flag("user_creatable", True):
        return False
    return buses.matches(of.bus)
