# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a QOM type: structs, phases, regions, state, what each phase takes and gives back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from qerrlint.c.initialisers import tables_of_type
from qerrlint.checks.devices.acquisitions import COUNTED, EMBEDDED_TIMER, Taken
from qerrlint.checks.devices.life_cycle import LifeCycle
from qerrlint.checks.devices.phase_functions import SETUP, UNDOING
from qerrlint.checks.file import AnalysedFile
from qerrlint.device_page import DeviceChange, DevicePage, Field, Held, PhaseFunction, Place, Region, State
from qerrlint.domain.ownership import Pair
from qerrlint.domain.word_lists import word_list
from qerrlint.errors import UsageError
from qerrlint.model.program import Program
from qerrlint.qemu.device_tables import (
    RegionTable,
    RegionUse,
    is_property_field,
    property_rows,
    region_tables,
    region_uses,
)
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_graph import QomType, graph_of
from qerrlint.qemu.unplugging import may_be_unplugged
from qerrlint.queries.member_access import members
from qerrlint.source.span import LineIndex

_MOST_NEAR = 5
_FLAGS = ("hotpluggable", "user_creatable")


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


def device_changes(
    before: Program, after: Program, paths: Iterable[str], pairs: tuple[Pair, ...]
) -> Iterator[DeviceChange]:
    """The types that C files define and a change adds, removes, alters or touches, by file.

    A type is touched where a function has another text that one of its phases, or a callback of one of its
    regions, reaches. `paths` are those of
    changed files, on either side; a file that was renamed counts as removed and added.
    """
    for path in paths:
        was, now = (
            {one.name: one for one in graph_of(program.environment).of_file(path)}
            for program in (before, after)
        )
        changed = _changed_functions(before, after, path)
        for name in [*now, *(name for name in was if name not in now)]:
            old, new = (
                _Reader(program, types[name], pairs) if name in types else None
                for program, types in ((before, was), (after, now))
            )
            reached = (*new.functions(), *new.guest_functions()) if new is not None else ()
            touched = tuple(dict.fromkeys(one for one in reached if one in changed))
            pages = [one.page() if one is not None else None for one in (old, new)]
            if touched or _without_lines(pages[0]) != _without_lines(pages[1]):
                yield DeviceChange(pages[0], pages[1], touched)


def _without_lines(page: DevicePage | None) -> DevicePage | None:
    """The page without what every change above a place alters."""
    if page is None:
        return None
    nowhere = Place("", 0)
    return replace(
        page,
        at=nowhere,
        phases=tuple(replace(one, at=nowhere) for one in page.phases),
        held=tuple(replace(one, at=nowhere) for one in page.held),
        regions=tuple(replace(one, at=nowhere) for one in page.regions),
        state=replace(page.state, at=None) if page.state is not None else None,
    )


def _changed_functions(before: Program, after: Program, path: str) -> frozenset[str]:
    """The functions of a file whose text is another one after the change."""
    old, new = (
        {
            (name, unit.text.of(piece.span))
            for name, pieces in unit.definitions.by_name.items()
            for piece in pieces
        }
        if (unit := program.unit(path)) is not None
        else set()
        for program in (before, after)
    )
    return frozenset(name for name, _ in new - old)


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
        self._file = AnalysedFile(unit, pairs) if unit is not None else None
        self._life = LifeCycle(self._file) if self._file is not None else None
        self._lines: dict[str, LineIndex] = {}

    def functions(self) -> tuple[str, ...]:
        """The functions of the file that phases of the type, and of its parents in the file, reach."""
        life = self._life
        if life is None:
            return ()
        here = [one for one in self._of.lineage if one.path == self._of.path]
        entries = [
            entry.function for one in here for entry in life.entries(one, *SETUP, *UNDOING, "class_init")
        ]
        return life.reached(entries)

    def guest_functions(self) -> tuple[str, ...]:
        """The functions of the file that the callbacks of the type's regions reach."""
        tables = {one.table.name: one for one in region_tables(self._of.path, self._data)}
        used = [
            tables[use.table]
            for use in region_uses(self._of.path, self._data)
            if use.table in tables and self._is_own(use.span.start)
        ]
        entries = [name for one in used for name in (one.read, one.write) if name]
        return self._life.reached(entries) if self._life is not None else ()

    def page(self) -> DevicePage:
        """What is known of the type."""
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
            properties=self._properties(),
            class_helpers=of.setup.handed,
            state=self._state(),
            fields=self._fields(),
            members=members(self._file, of) if self._file is not None else (),
            conditional=tuple(
                flag for flag in _FLAGS if (stored := of.stored(flag)) is not None and stored.conditional
            ),
        )

    def _properties(self) -> tuple[str, ...]:
        """The properties of the tables of this file that the class of the type, or of a parent, is given.

        Of a macro that stands for several of them it is the name.
        """
        tables = {
            stored.name
            for one in self._of.lineage
            if one.path == self._of.path
            for stored in one.setup.stored
            if stored.slot == "props"
        }
        return tuple(
            dict.fromkeys(
                row.name.strip('"') for row in property_rows(self._of.path, self._data) if row.table in tables
            )
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
                    self._releasing(life, one),
                    life.is_released_elsewhere(one.pair, one.member),
                    one.pair.name != COUNTED
                    and is_property_field(self._environment, self._of.path, self._data, one.member),
                ),
            )
        return tuple(out.values())

    @staticmethod
    def _releasing(life: LifeCycle, one: Taken) -> tuple[str, ...]:
        """The functions that release it; a timer in the struct is stopped for good when the object goes."""
        releasing = life.releasing(one)
        if one.pair.name != EMBEDDED_TIMER:
            return releasing
        return tuple(name for name in releasing if life.may_undo(name, one.type))

    def _regions(self) -> tuple[Region, ...]:
        constants = layouts_of(self._environment).constants(self._of.path)
        tables = {one.table.name: one for one in region_tables(self._of.path, self._data)}
        out = []
        for use in region_uses(self._of.path, self._data):
            if not self._is_own(use.span.start):
                continue
            names = [use.table] if use.table else self._chosen(use)
            for name in names or [use.ops]:
                table = tables.get(name) or self._table_beside(name)
                out.append(
                    Region(
                        name,
                        table.read if table is not None else "",
                        table.write if table is not None else "",
                        use.size,
                        constants.number(use.size),
                        self._place(use.span.path, use.span.start),
                        table is not None,
                    )
                )
        return tuple(out)

    def _chosen(self, use: RegionUse) -> list[str]:
        """The tables whose addresses a variable gets that is handed over as the table."""
        life = self._life
        piece = life.unit.definitions.around(use.span.start) if life is not None else None
        if piece is None or not use.ops.isidentifier():
            return []
        body = self._data[piece.body : piece.span.end].decode("latin-1")
        stores = re.findall(rf"\b{use.ops}\s*=(?!=)([^;]*);", body)
        return list(dict.fromkeys(name for store in stores for name in re.findall(r"&\s*(\w+)", store)))

    def _table_beside(self, name: str) -> RegionTable | None:
        """A table that another file of the folder defines."""
        life = self._life
        if life is None or not name.isidentifier():
            return None
        files = self._environment.files
        for path in life.graph.beside(self._of.path, name.encode()):
            declarations = files.file(path) if files.contains(path, name.encode()) else None
            for one in region_tables(path, declarations.data) if declarations is not None else ():
                if one.table.name == name:
                    return one
        return None

    def _is_own(self, offset: int) -> bool:
        """Whether a place of the file is in a function that a phase of the type, or a parent's, reaches."""
        life = self._life
        piece = life.unit.definitions.around(offset) if life is not None else None
        return piece is not None and piece.name in self.functions()

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
                    blocked = table.value.get("unmigratable")
                    written = name.text if name is not None else ""
                    constants = layouts_of(self._environment).constants(one.path)
                    return State(
                        table.name,
                        constants.string(written) or written,
                        version.text if version is not None else "0",
                        self._place(one.path, table.name_span.start),
                        blocked is not None and blocked.text in ("1", "true"),
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
            for one in (layout.placed if layout is not None else ())
        )
