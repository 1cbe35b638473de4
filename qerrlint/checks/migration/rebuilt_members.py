# SPDX-License-Identifier: GPL-2.0-or-later
"""The members that the callbacks of descriptions, or functions that save and load by hand, rebuild."""

from __future__ import annotations

import re
from collections.abc import Iterable

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.checks.migration.run_time_state import device_state
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.vmstate.state_members import TIMER, StateMember

FUNCTION_MACRO = lazy_re(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)\(((?:[^\n]|\\\n)*)", re.MULTILINE)


def is_rebuilt(file: AnalysedFile, member: StateMember) -> bool:
    """Whether a callback names a member, or a function that it reaches sets it, hands over its address, or
    names it as a timer."""
    own, reached = file.once(rebuilding_text)
    name = member.name.encode()
    if name in own and re.search(rb"(?:->|\.)%s\b" % name, own) is not None:
        return True
    if name not in reached:
        return False
    if member.kind == TIMER:
        return re.search(rb"(?:->|\.)%s\b" % name, reached) is not None
    setting = rb"(?:->|\.)%s\b\s*(?:\[[^\]]*\]\s*)*(?:(?:[-+*/%%&|^]|<<|>>)?=(?!=)|\+\+|--)" % name
    handing = rb"&\s*[\w>.\[\]-]*(?:->|\.)%s\b" % name
    return re.search(setting + rb"|" + handing, reached) is not None


def rebuilding_text(file: AnalysedFile) -> tuple[bytes, bytes]:
    """The text of the callbacks of descriptions and of functions that save or load by hand, and the text of
    the functions that these reach in the file."""
    unit = file.unit
    every = frozenset(unit.functions)
    # What asks whether a section is needed rebuilds nothing.
    callbacks = {
        name
        for one in file.once(vmstates)
        for slot, name in one.callbacks.items()
        if not slot.endswith("needed")
    }
    if b"set_features" in unit.data:
        # Loading a virtio device sets its features (hw/virtio/virtio.c, virtio_load()).
        types = file.once(device_state).graph.of_file(unit.path)
        stored = [one for of in types for one in of.setup.stored]
        callbacks |= {one.name for one in stored if one.slot.startswith("set_features")}
    callbacks &= every
    by_hand = {
        name
        for name, piece in unit.functions.items()
        if b"QEMUFile" in unit.data[piece.span.start : piece.body]
    }
    guest = file.once(guest_file)
    reached = {other for name in callbacks | by_hand for other in guest.reached_from(name, every)}

    macros = {found[1]: found[2] for found in FUNCTION_MACRO.finditer(unit.data)}

    def text(names: Iterable[str]) -> bytes:
        pieces = (unit.functions[name] for name in sorted(names))
        found = b"\n".join(unit.data[piece.body : piece.span.end] for piece in pieces)
        used = [body for name, body in macros.items() if re.search(rb"\b%s\s*\(" % name, found)]
        return b"\n".join((found, *used))

    return text(callbacks | by_hand), text(reached - callbacks - by_hand)
