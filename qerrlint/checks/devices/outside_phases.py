# SPDX-License-Identifier: GPL-2.0-or-later
"""The setup phases of types of other files that run functions of this one: a core that several devices share.

The files of one folder are looked at. A phase is entered at the function that the type stores for it; what it
calls in its own file is followed to the calls of the functions that are asked about.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from qerrlint.qemu.type_graph import Phase, QomType, TypeGraph
from qerrlint.records import record

_DEEPEST = 3


@record(frozen=True, slots=True)
class OutsidePhase:
    """A function of this file that a phase of a type of another file calls."""

    function: str
    entry: Phase
    type: QomType


def outside_phases(
    graph: TypeGraph, path: str, names: Collection[str], phases: Collection[str]
) -> Iterator[OutsidePhase]:
    """The calls of functions of the file at `path` in phases of the types of the files beside it."""
    if not names:
        return
    words = [name.encode() for name in sorted(names)]
    called = rb"\b(?:%s)\s*\(" % b"|".join(map(re.escape, words))
    for other in graph.beside(path, called):
        if other == path or not graph.environment.files.contains(other, called, words):
            continue
        for of in graph.of_file(other):
            for entry in of.phases:
                if entry.phase in phases and entry.path == other and entry.owner == of.name:
                    for name in sorted(_called(graph, other, entry.function) & set(names)):
                        yield OutsidePhase(name, entry, of)


def _called(graph: TypeGraph, path: str, name: str) -> frozenset[str]:
    """What a function of a file calls, itself and through the functions of the file."""
    out: set[str] = set()
    level = {name}
    seen: set[str] = set()
    for _ in range(_DEEPEST):
        following: set[str] = set()
        for one in sorted(level - seen):
            text = graph.function(path, one)
            following |= text.called() if text is not None else frozenset()
        seen |= level
        out |= following
        level = following
    return frozenset(out)
