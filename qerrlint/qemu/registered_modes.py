# SPDX-License-Identifier: GPL-2.0-or-later
"""The registrations of blockers and notifiers in a whole tree that name given migration modes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.model.translation_unit import TranslationUnit, WholeProgram
from qerrlint.qemu.registrations import API, registrations
from qerrlint.records import record
from qerrlint.source.span import Span


@record(frozen=True, slots=True)
class Registered:
    """A registration somewhere in the tree: of which kind, in which function, its call."""

    kind: str
    function: str
    span: Span

    @property
    def path(self) -> str:
        """The file."""
        return self.span.path

    @property
    def start(self) -> int:
        """The offset of the call."""
        return self.span.start


def modes_named(unit: TranslationUnit) -> frozenset[str]:
    """The migration modes that a file names: registered_for() may search the tree for them."""
    return frozenset(word.decode() for word in unit.text.words if word.startswith(b"MIG_MODE_"))


def registered_for(modes: frozenset[str], seen_from: TranslationUnit) -> tuple[Registered, ...]:
    """The registrations that name all of the modes: in the tree, or without one in the file itself."""
    program = seen_from.program
    if program.environment.reach == "patch":
        return tuple(_registered(seen_from, modes))
    return program.once(("registered", modes), lambda seen: tuple(_in_tree(seen, modes)))


def _in_tree(program: WholeProgram, modes: frozenset[str]) -> Iterator[Registered]:
    # Most files that name a mode register nothing, and an edit of them is no concern of this.
    for path in program.containing(sorted(modes)):
        if not path.endswith(".c") or not program.holds(path, API.pattern.encode()):
            continue
        unit = program.separate_unit(path)
        if unit is not None:
            yield from _registered(unit, modes)
            unit.close()


def _registered(unit: TranslationUnit, modes: frozenset[str]) -> Iterable[Registered]:
    call = re.compile(API.pattern.encode())
    for piece in unit.definitions.functions:
        if not call.search(unit.data, piece.body, piece.span.end):
            continue
        function = unit.lowering.function(piece)
        seen_from = unit.with_definition(piece)
        for one in registrations(seen_from, function) if function is not None else ():
            if modes <= one.sure and not one.every and one.object.kind != "parameter":
                yield Registered(one.kind, piece.name, one.call.span)
