# SPDX-License-Identifier: GPL-2.0-or-later
"""Register blocks: arrays of a device whose elements the core of registers reads and writes for the guest
(include/hw/core/register.h)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.checks.file import AnalysedFile
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_tables import arguments_at
from qerrlint.qemu.vmstate.state_members import ARRAY, StateMember
from qerrlint.source.span import Span

_BLOCK = lazy_re(rb"\bregister_init_block(?:8|16|32|64)\s*(?=\()")
# The argument that is the array, counted from 0.
_DATA = 4
_PLACE = lazy_re(r"(\w+)\s*->\s*(\w+)\Z")


def registers_of_blocks(
    file: AnalysedFile, members: Iterable[StateMember]
) -> Iterator[tuple[StateMember, Span]]:
    """Of some members those that are the registers of a block, each with the call that makes it."""
    data = file.unit.data
    listed = [one for one in members if one.kind == ARRAY and one.path == one.name]
    for call in _BLOCK.finditer(data) if listed else ():
        given = arguments_at(data, call.end()) or []
        place = _PLACE.match(given[_DATA].strip()) if len(given) > _DATA else None
        piece = file.unit.definitions.around(call.start())
        if place is None or piece is None:
            continue
        text = data[piece.span.start : call.start()].decode("latin-1")
        for one in listed:
            declared = rf"\b{re.escape(one.struct)}\s*\*\s*{place[1]}\b"
            if one.name == place[2] and re.search(declared, text) is not None:
                yield one, Span(file.unit.path, call.start(), call.end())
                break
