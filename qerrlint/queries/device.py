# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a QOM type: structs, phases, regions, state, what each phase takes and gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qerrlint.c.initialisers import tables_of_type
from qerrlint.checks.devices.life_cycle import SETUP, UNDOING, LifeCycle
from qerrlint.checks.file import AnalysedFile
from qerrlint.domain.ownership import Pair
from qerrlint.domain.word_lists import word_list
from qerrlint.errors import UsageError
from qerrlint.model.program import Program
from qerrlint.qemu.device_tables import property_rows, region_tables, region_uses
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_graph import QomType, graph_of
from qerrlint.qemu.unplugging import may_be_unplugged
from qerrlint.source.span import LineIndex

_MOST_NEAR = 5


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class PhaseFunction:
    """A function of a phase, the slot that it is stored in, the place of that, the type that stores it."""

    phase: str
    function: str
    slot: str
    owner: str
    at: Place


@dataclass(frozen=True, slots=True)
class Held:
    """What a setup phase takes: by which call, into what, and the functions that give it back."""

    phase: str
    function: str
    call: str
    object: str
    at: Place
    released: tuple[str, ...]
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class Region:
    """A region: the table of its callbacks, the text of its size and the number that it comes to."""

    table: str
    read: str
    write: str
    size: str
    bytes: int | None
    at: Place


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the state struct: its type, with dimensions, its offset and size where known."""

    name: str
    type: str
    offset: int | None
    size: int | None


@dataclass(frozen=True, slots=True)
class State:
    """A description of the migrated state: the variable, its name, version and place."""

    variable: str
    name: str
    version: str
    at: Place | None


@dataclass(frozen=True, slots=True)
class DevicePage:
    """One type. `parents` are its ancestors, the nearest first; `complete` whether all of them were found.

    `state` is what migrates, None where the type (and its parents) describe nothing.
    """

    name: str
    written: str
    at: Place
    abstract: bool
    macro: str
    parents: tuple[str, ...]
    complete: bool
    interfaces: tuple[str, ...]
    instance_struct: str
    class_struct: str
    bus: str
    user_creatable: bool
    unpluggable: bool
    phases: tuple[PhaseFunction, ...]
    held: tuple[Held, ...]
    regions: tuple[Region, ...]
    properties: tuple[str, ...]
    state: State | None
    fields: tuple[Field, ...]


def find_types(program: Program, wanted: str, pairs: tuple[Pair, ...]) -> list[DevicePage]:
    """The types of that name: as QOM knows it, or the macro that stands for it.

    `pairs` are the pairs of calls of the rules. Raises UsageError, with names that are near, for an unknown
    one.
    """
    every = graph_of(program.environment).everything()
    found = [one for one in every if wanted in (one.row.name, one.name)]
    if not found:
        raise UsageError(_unknown(wanted, every))
    return [_Reader(program, one, pairs).page() for one in found]


def _unknown(wanted: str, every: Sequence[QomType]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(wanted, sorted({one.name for one in every}), n=_MOST_NEAR)
    return f"no type {wanted!r} in this tree" + (f"; near: {', '.join(near)}" if near else "")


class _Reader:
    """Puts the page of one type together."""

    def __init__(self, program: Program, of: QomType, pairs: tuple[Pair, ...]) -> None:
        self._program = program
        self._of = of
        self._environment = program.environment
        unit = program.unit(of.path)
        self._data = unit.data if unit is not None else b""
        self._life = LifeCycle(AnalysedFile(unit, pairs)) if unit is not None else None
        self._lines: dict[str, LineIndex] = {}

    def page(self) -> DevicePage:
        of = self._of
        return DevicePage(
            name=of.name,
            written=of.row.name,
            at=self._place(of.path, of.row.span.start),
            abstract=of.row.abstract,
            macro=of.row.macro,
            parents=tuple(one.name for one in of.lineage[1:]),
            complete=of.complete,
            interfaces=of.row.interfaces,
            instance_struct=of.instance_struct,
            class_struct=of.class_struct,
            bus=of.bus,
            user_creatable=of.flag("user_creatable", True),
            unpluggable=may_be_unplugged(of, word_list("buses-with-unplug")),
            phases=tuple(
                PhaseFunction(
                    one.phase, one.function, one.slot, one.owner, self._place(one.path, one.span.start)
                )
                for one in of.phases
            ),
            held=self._held(),
            regions=self._regions(),
            properties=tuple(row.name.strip('"') for row in property_rows(of.path, self._data)),
            state=self._state(),
            fields=self._fields(),
        )

    def _place(self, path: str, offset: int) -> Place:
        if path not in self._lines:
            declarations = self._environment.files.file(path)
            self._lines[path] = LineIndex(declarations.data if declarations is not None else b"")
        return Place(path, self._lines[path].position(offset)[0])

    def _held(self) -> tuple[Held, ...]:
        life = self._life
        if life is None:
            return ()
        names = {one.name for one in self._of.lineage if one.path == self._of.path}
        out: dict[tuple[str, str], Held] = {}
        for one in life.taken():
            if one.type.name not in names:
                continue
            held = one.place.lstrip("&")
            out.setdefault(
                (one.pair.name, one.member or f"{one.span.start}"),
                Held(
                    one.phase,
                    one.function,
                    one.move.call,
                    held,
                    self._place(one.span.path, one.span.start),
                    life.releasing(one.pair, one.member),
                    life.is_released_elsewhere(one.pair, one.member),
                ),
            )
        return tuple(out.values())

    def _regions(self) -> tuple[Region, ...]:
        constants = layouts_of(self._environment).constants(self._of.path)
        tables = {one.table.name: one for one in region_tables(self._of.path, self._data)}
        out = []
        for use in region_uses(self._of.path, self._data):
            if not self._is_own(use.span.start):
                continue
            table = tables.get(use.table)
            out.append(
                Region(
                    use.table or use.ops,
                    table.read if table is not None else "",
                    table.write if table is not None else "",
                    use.size,
                    constants.number(use.size),
                    self._place(use.span.path, use.span.start),
                )
            )
        return tuple(out)

    def _is_own(self, offset: int) -> bool:
        """Whether a place of the file is in a function that a phase of the type, or a parent's, reaches."""
        life = self._life
        piece = life.unit.definitions.around(offset) if life is not None else None
        if life is None or piece is None:
            return False
        here = [one for one in self._of.lineage if one.path == self._of.path]
        entries = [
            entry.function for one in here for entry in life.entries(one, *SETUP, *UNDOING, "class_init")
        ]
        return piece.name in life.reached(entries)

    def _state(self) -> State | None:
        stored = self._of.stored("vmsd")
        if stored is None or not stored.name:
            return None
        for one in self._of.lineage:
            declarations = self._environment.files.file(one.path)
            data = declarations.data if declarations is not None else b""
            for table in tables_of_type(one.path, data, "VMStateDescription"):
                if table.name == stored.name:
                    name, version = (table.value.get(key) for key in ("name", "version_id"))
                    written = name.text if name is not None else ""
                    constants = layouts_of(self._environment).constants(one.path)
                    return State(
                        table.name,
                        constants.string(written) or written,
                        version.text if version is not None else "0",
                        self._place(one.path, table.name_span.start),
                    )
        return State(stored.name, "", "", None)

    def _fields(self) -> tuple[Field, ...]:
        struct = self._of.instance_struct
        layout = layouts_of(self._environment).layout(struct, self._of.path) if struct else None
        return tuple(
            Field(
                one.field.name,
                one.field.type + "".join(f"[{text}]" for text in one.field.dimensions),
                one.offset,
                one.size,
            )
            for one in (layout.fields if layout is not None else ())
        )
