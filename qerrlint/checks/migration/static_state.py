# SPDX-License-Identifier: GPL-2.0-or-later
"""Static state: variables of a file in which its devices keep what a guest writes. No description can hold
them, and all devices of the type share them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.expressions.int_types import is_int_type
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.ir.code import Assign, Function, root
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.guest.taint import reads, tainted
from qerrlint.qemu.vmstate.guest_state import handed_over
from qerrlint.records import record
from qerrlint.source.span import Span

_STATIC = lazy_re(
    rb"^static[ \t]+(?!const\b|inline\b)(?:volatile[ \t]+)?([\w \t]+?)[ \t]+(\w+)"
    rb"[ \t]*(?:\[[^\]\n]*\][ \t]*)*(?:=[^;{}()]*)?;",
    re.MULTILINE,
)
# What follows a name that is only stored into.
_STORED = rb"\b%s\b(?!\s*(?:\[[^\]\n]*\]\s*)*=(?!=))"


@record(frozen=True, slots=True)
class StaticMember:
    """A variable at `declared` into which `writer` stores what the guest writes, at `written`, and that
    `reader` reads, at `read`."""

    name: str
    declared: Span
    writer: str
    written: Span
    reader: str
    read: Span


def static_members(file: AnalysedFile) -> Iterator[StaticMember]:
    """The variables of a file that a guest writes and that functions which it enters read."""
    unit, guest = file.unit, file.once(guest_file)
    found = {
        one[2].decode(): Span(unit.path, one.start(), one.end())
        for one in _STATIC.finditer(unit.data)
        if is_int_type(one[1].decode("latin-1").strip(), unit.scope.typedefs)
    }
    entries = [entry for entry in guest.entries if entry.writes] if found else []
    for name, declared in found.items() if entries else ():
        within = guest.calling(guest.naming(name))
        for function, seeds in handed_over(guest, entries, within):
            written = _written(unit.lowered(function), name, seeds)
            read = _read(file, name) if written is not None else None
            if written is not None and read is not None:
                yield StaticMember(name, declared, function, written, *read)
                break


def _written(function: Function | None, name: str, seeds: frozenset[str]) -> Span | None:
    """Where a function stores what depends on some of its parameters into a variable of the file."""
    if function is None or name in function.locals:
        return None
    known = tainted(function, seeds) - {name}
    for event in function.events():
        if isinstance(event, Assign) and root(event.target) == name and reads(function, event.value, known):
            return event.span
    return None


def _read(file: AnalysedFile, name: str) -> tuple[str, Span] | None:
    """The first function that a guest enters, or that one of these calls, which reads a variable."""
    unit, guest = file.unit, file.once(guest_file)
    pattern = re.compile(_STORED % name.encode())
    for function in sorted(guest.reached, key=lambda one: unit.functions[one].body):
        piece = unit.functions[function]
        found = pattern.search(unit.data, piece.body, piece.span.end)
        lowered = unit.lowered(function) if found is not None else None
        if found is not None and lowered is not None and name not in lowered.locals:
            return function, Span(unit.path, found.start(), found.end())
    return None
