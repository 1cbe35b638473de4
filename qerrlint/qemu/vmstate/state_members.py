# SPDX-License-Identifier: GPL-2.0-or-later
"""State members: what lies in a device's struct, and in those that it embeds, and could have to migrate.

An embedded object of QOM has a description of its own and is left out; so is whatever a pointer leads to,
other than a timer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from qerrlint.c.declarations.struct_body import Field
from qerrlint.c.expressions.int_types import is_int_type
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.layouts import Layout, layouts_of
from qerrlint.records import record
from qerrlint.source.tree_folders import is_of_devices

_DEEPEST = 3
# The structs of include/qom/object.h and include/hw/qdev-core.h: what embeds one of them first is an object.
_OBJECTS = frozenset({"Object", "DeviceState", "BusState", "SysBusDevice", "PCIDevice", "MemoryRegion"})
# include/system/memory.h
_REGIONS = frozenset({"MemoryRegion", "IOMMUMemoryRegion", "struct MemoryRegion"})
# Their state is described by their own macros (include/migration/vmstate.h).
_TIMERS = frozenset({"QEMUTimer", "QEMUTimer *", "QEMUTimer **", "ptimer_state *"})
_TAG = lazy_re(r"\A(?:const )?(?:struct )?")
NUMBER = "number"
ARRAY = "array"
TIMER = "timer"


@record(frozen=True, slots=True)
class StateMember:
    """A member of `struct` that holds a number or a timer, or an array of these (`kind`).

    `path` is how it is named from there ("fifo.level"); `owner` and `name` are the struct that declares it,
    "" where that is written out in place, and the name that it has in it. `union` is the union that it is a
    part of, by its place in the struct, "" for none. `twice`: the struct embeds its owner at several places,
    so that a pointer to the owner does not tell which is meant.
    """

    struct: str
    path: str
    owner: str
    name: str
    kind: str
    union: str = ""
    twice: bool = False


def state_members(unit: TranslationUnit, struct: str, without: Collection[str] = ()) -> Iterator[StateMember]:
    """The members of a struct as a file sees it; embedded structs that `without` names are left out."""
    members = list(_Reader(unit, struct, {struct, *without}).members())
    counted = Counter((one.owner, one.name) for one in members if one.owner)
    for one in members:
        yield replace(one, twice=True) if counted[one.owner, one.name] > 1 else one


class _Reader:
    """Reads the members of one struct."""

    def __init__(self, unit: TranslationUnit, struct: str, without: Collection[str]) -> None:
        self._unit = unit
        self._struct = struct
        self._without = frozenset(without)
        self._layouts = layouts_of(unit.environment)

    def members(self) -> Iterator[StateMember]:
        """All of them, in order."""
        layout = self._layouts.of_name(self._struct, self._unit.path)
        if layout is None:
            return
        for field in layout.fields:
            yield from self._of(field, "", self._struct, _whole(layout), self._without)

    def _of(
        self, field: Field, before: str, owner: str, union: str, seen: frozenset[str]
    ) -> Iterator[StateMember]:
        path = f"{before}{field.name}" if field.name else before.removesuffix(".")
        if field.fields:
            if field.type == "union":
                union = union or f"{before}{field.start}"
            inner = f"{path}." if field.name else before
            for one in field.fields if not field.pointer else ():
                # What an inner struct without a name declares belongs to the one round it.
                yield from self._of(one, inner, "" if field.name else owner, union, seen)
            return
        kind = _kind(self._unit, field)
        if kind:
            yield StateMember(self._struct, path, owner, field.name, kind, union)
        elif not field.pointer and path.count(".") < _DEEPEST:
            yield from self._embedded(field, path, union, seen)

    def _embedded(self, field: Field, path: str, union: str, seen: frozenset[str]) -> Iterator[StateMember]:
        name = re.sub(r"^(?:const|struct|union)\s+", "", field.type).strip()
        layout = self._layouts.of_name(field.type, self._unit.path)
        if layout is None or name in seen or is_object(self._unit, layout) or self._is_pointer(name):
            return
        if not is_of_devices(layout.path) and layout.path != self._unit.path:
            return
        whole = union or _whole(layout, path)
        for inner in layout.fields:
            yield from self._of(inner, f"{path}.", name, whole, seen | {name})

    def _is_pointer(self, name: str) -> bool:
        """Whether a typedef stands for a pointer, such as qemu_irq."""
        entry = self._unit.environment.typedef(name, self._unit.path)
        return entry is not None and entry.target.endswith("*")


def _whole(layout: Layout, path: str = "") -> str:
    """What stands for the union where all members of a layout at a path are parts of one, "" for a struct."""
    return f"{path}." if layout.union else ""


def is_object(unit: TranslationUnit, layout: Layout) -> bool:
    """Whether a struct is an object of QOM, whatever bus it may be for: it has a description of its own."""
    first = layout.first
    types = [layout.name]
    if first is not None and first.type == "union":
        types += [one.type for one in first.fields]
    layouts = layouts_of(unit.environment)
    return any(_is_derived(layouts.chain(one, layout.path)) for one in types)


def _is_derived(chain: Sequence[str]) -> bool:
    """Whether the first struct of a chain is an object. One that begins with its memory region is none."""
    if "MemoryRegion" in chain and chain[0] not in _REGIONS:
        return False
    return bool(_OBJECTS & set(chain))


def _kind(unit: TranslationUnit, field: Field) -> str:
    plain = field.type.removeprefix("const ").strip()
    if _TAG.sub("", plain) in _TIMERS:
        return TIMER
    if field.pointer or not field.name:
        return ""
    if is_int_type(plain, unit.scope.typedefs) or _is_enum(unit, plain):
        return ARRAY if field.dimensions else NUMBER
    return ""


def _is_enum(unit: TranslationUnit, name: str) -> bool:
    if name == "enum" or name.startswith("enum "):
        return True
    entry = unit.environment.typedef(name, unit.path) if name.isidentifier() else None
    return entry is not None and (entry.kind == "enum" or entry.target.startswith("enum "))
