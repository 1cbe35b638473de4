# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest entries: the functions of a file that a guest can enter, by the slots that they are stored in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from qerrlint.c.initialisers import LIST, Value, tables_of_type
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import calls_of
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_tables import RegionTable, region_tables
from qerrlint.qemu.guest.slots import (
    CALLS,
    CCW,
    CLASS_SLOTS,
    CP_REGISTERS,
    OLD_SLOTS,
    OPS,
    OPS_SLOTS,
    PORTIO,
    QUEUE,
    REGISTERS,
    ROW_SLOTS,
    SCSI_REQUESTS,
    SCSI_SLOTS,
    VALUE,
    Slot,
)
from qerrlint.records import record


@record(frozen=True, slots=True)
class GuestEntry:
    """A function that a guest can enter. `table` is the MemoryRegionOps that it stands in, None elsewhere.

    `size`: the size of the access where the slot fixes it (the byte, word and long handlers of old_mmio).
    """

    function: str
    slot: Slot
    table: RegionTable | None = None
    size: int | None = None

    @property
    def writes(self) -> bool:
        """Whether the guest hands the function a value."""
        return VALUE in self.slot.roles.values()


def given(unit: TranslationUnit, entry: GuestEntry, *roles: str) -> frozenset[str]:
    """The names of the parameters of an entry that have one of the roles."""
    signature = unit.signature(entry.function)
    return frozenset(
        param.name
        for position, param in enumerate(signature.params if signature is not None else ())
        if entry.slot.roles.get(position) in roles and param.name
    )


_OLD_SIZES = (1, 2, 4)
# The place of the size among the members of a row.
_PORTIO_SIZE = 2
# Functions that make one of their arguments an entry.
_CALLER = calls_of(CALLS)
_CALLED = lazy_re(rb"\b(%s)\s*\(([^;{}]*?)\)\s*;" % b"|".join(name.encode() for name in CALLS))
_CCW_STORE = lazy_re(rb"->\s*ccw_cb\s*=\s*([A-Za-z_]\w*)\s*;")
_ADD_QUEUE = lazy_re(rb"\bvirtio_add_queue\w*\(([^;]*?)\)\s*;")
_POINTER = lazy_re(rb"\b(\w+)[ \t]*\*[ \t]*(\w+)\b")
_STORE = lazy_re(rb"\b(\w+)->(\w+)[ \t]*=[ \t]*&?([A-Za-z_]\w*)[ \t]*;")
_WORD = lazy_re(rb"[A-Za-z_]\w*")
_MARKS = tuple(
    name.encode()
    for name in (
        OPS,
        PORTIO,
        REGISTERS,
        CP_REGISTERS,
        SCSI_REQUESTS,
        "virtio_add_queue",
        "ccw_cb",
        *CALLS,
    )
)
_CLASSES = tuple(name.encode() for name in CLASS_SLOTS)


@lru_cache(maxsize=4)
def may_have_entries(data: bytes) -> bool:
    """Whether a file names anything that holds functions for a guest to enter, by its bytes."""
    return any(mark in data for mark in _MARKS) or (
        b"Class" in data and any(name in data for name in _CLASSES)
    )


def guest_entries(unit: TranslationUnit) -> tuple[GuestEntry, ...]:
    """The functions of a file that a guest can enter, each slot once, in the order of the file's tables."""
    if not may_have_entries(unit.data):
        return ()
    found = [
        *(*_of_regions(unit), *_of_requests(unit), *_of_rows(unit)),
        *(*_of_classes(unit), *_of_queues(unit), *_of_calls(unit)),
    ]
    return tuple(entry for entry in found if entry.function in unit.functions)


def _of_regions(unit: TranslationUnit) -> Iterator[GuestEntry]:
    for table in region_tables(unit.path, unit.data):
        for member, slot in OPS_SLOTS.items():
            value = table.value.get(member)
            if value is not None:
                yield GuestEntry(_function(value), slot, table)
        for member, slot in OLD_SLOTS.items():
            handlers = table.value.get("old_mmio", member)
            if handlers is not None and handlers.kind == LIST:
                for size, element in zip(_OLD_SIZES, handlers.elements, strict=False):
                    yield GuestEntry(_function(element.value), slot, table, size)


def _of_requests(unit: TranslationUnit) -> Iterator[GuestEntry]:
    for requests in tables_of_type(unit.path, unit.data, SCSI_REQUESTS):
        for member, slot in SCSI_SLOTS.items():
            value = requests.value.get(member)
            if value is not None:
                yield GuestEntry(_function(value), slot)


def _of_rows(unit: TranslationUnit) -> Iterator[GuestEntry]:
    for name, slots in ROW_SLOTS:
        if name.encode() not in unit.data:
            continue
        for other in tables_of_type(unit.path, unit.data, name):
            for row in other.rows:
                for member, slot in slots.items():
                    value = row.value.get(member) if row.value.kind == LIST else None
                    if value is not None:
                        yield GuestEntry(_function(value), slot, size=_portio_size(row.value, name))


def _portio_size(row: Value, table: str) -> int | None:
    """The size of the accesses of a row of MemoryRegionPortio (include/exec/ioport.h)."""
    size = row.get("size")
    if table == PORTIO and size is None and len(row.elements) > _PORTIO_SIZE:
        third = row.elements[_PORTIO_SIZE]
        size = third.value if not third.designators else None
    return int(size.text) if size is not None and size.text in ("1", "2", "4") else None


def _function(value: Value) -> str:
    return value.text.lstrip("&").strip()


def _of_classes(unit: TranslationUnit) -> Iterator[GuestEntry]:
    for name, slots in CLASS_SLOTS.items():
        if name.encode() not in unit.data:
            continue
        for piece in unit.definitions.functions:
            body = unit.data[piece.body : piece.span.end]
            if name.encode() not in body:
                continue
            variables = {m[2] for m in _POINTER.finditer(body) if m[1] == name.encode()}
            for store in _STORE.finditer(body):
                slot = slots.get(store[2].decode("latin-1"))
                if slot is not None and store[1] in variables:
                    yield GuestEntry(store[3].decode("latin-1"), slot)


def _of_queues(unit: TranslationUnit) -> Iterator[GuestEntry]:
    seen = set()
    for call in _ADD_QUEUE.finditer(unit.data) if b"virtio_add_queue" in unit.data else ():
        words = _WORD.findall(call[1])
        name = words[-1].decode("latin-1") if words else ""
        if name not in seen:
            seen.add(name)
            yield GuestEntry(name, QUEUE)


def _of_calls(unit: TranslationUnit) -> Iterator[GuestEntry]:
    for call in _CALLED.finditer(unit.data) if _CALLER.is_in(unit.text) else ():
        slots = CALLS[call[1].decode("latin-1")]
        words = [word.decode("latin-1") for word in _WORD.findall(call[2])]
        handed = [word for word in words if word in unit.functions]
        yield from (GuestEntry(name, slot) for name, slot in zip(handed, slots, strict=False))
    for store in _CCW_STORE.finditer(unit.data) if b"ccw_cb" in unit.data else ():
        yield GuestEntry(store[1].decode("latin-1"), CCW)
