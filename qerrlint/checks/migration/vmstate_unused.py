# SPDX-License-Identifier: GPL-2.0-or-later
"""The event vmstate-unused: a file defines a description for itself, and nothing registers or nests it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.c.declarations.types import untagged
from qerrlint.c.lexis import bare, occurrences
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.run_time_state import device_state
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.vmstate.description import Description
from qerrlint.source.span import Span

_DEFINED = lazy_re(rb"\bVMStateDescription\s+(\w+)\s*=")
_STATIC = lazy_re(rb"\bstatic\b[^;{}]{0,80}\Z")


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The static descriptions of one file that are named nowhere else, or only to take them back."""
    if not file.once(vmstates):
        return
    data = bare(file.unit.data)
    definitions: dict[bytes, re.Match[bytes]] = {}
    for found in _DEFINED.finditer(data):
        definitions.setdefault(found[1], found)
    unregisters = b"vmstate_unregister" in data
    for one in file.once(vmstates):
        defined = definitions.get(one.variable.encode())
        if defined is None or _STATIC.search(data, max(0, defined.start() - 80), defined.start()) is None:
            continue
        mentions = sum(1 for _ in occurrences(data, one.variable.encode()))
        name = re.escape(one.variable.encode())
        undone = rb"\bvmstate_unregister\s*\([^;]*?&\s*(%s)\b" % name
        taken_back = {found.start(1) for found in re.finditer(undone, data)} if unregisters else set()
        if mentions - len(taken_back) <= 1:
            place = Span(file.unit.path, defined.start(), defined.end())
            yield from _observation(file, one, place, "realize" if taken_back else "class_init")


def _observation(file: AnalysedFile, one: Description, defined: Span, phase: str) -> Iterator[Observation]:
    """The description at the class_init, or realize, of the type of the file whose instances it describes."""
    unit = file.unit
    structs = {untagged(struct) for struct in one.structs}
    types = file.once(device_state).allocating
    of = next((of for of in types if of.row.struct("instance_size") in structs), None)
    entries = [entry for entry in of.phases if entry.phase == phase] if of is not None else []
    function = next((entry.function for entry in entries if entry.path == unit.path), "")
    piece = unit.functions.get(function)
    if piece is None or of is None or of.setup.last("vmsd") is not None:
        return
    end = piece.span.end
    yield Observation(
        event="vmstate-unused",
        function=function,
        primary=Span(unit.path, piece.span.start, piece.body),
        key=one.variable,
        slots={"description": one.variable},
        trail=(
            Step(defined, f"{one.variable} is defined here, and nothing else names it"),
            Step(Span(unit.path, end - 1, end), f"{function}() ends without it"),
        ),
        certainty="high",
        subject=one,
    )


CHECKS = (FileCheck("vmstate-unused", "migration", (event("vmstate-unused", "description"),), run),)
