# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest entries: the functions of a file that a guest can enter, by the slots that they are stored in.

A slot says what the parameters of its function are: the offset into a region, the size of the access, what
the guest writes. Sources of the slots: include/system/memory.h, include/hw/i2c/i2c.h, include/hw/ssi/ssi.h,
include/hw/usb.h, include/hw/pci/pci_device.h, include/hw/virtio/virtio.h, include/hw/register.h,
target/arm/cpregs.h, include/hw/s390x/css.h, include/hw/ppc/ppc.h, target/riscv/cpu.h.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qerrlint.c.initialisers import LIST, Value, tables_of_type
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_tables import RegionTable, region_tables

OFFSET = "offset"
SIZE = "size"
VALUE = "value"
DATA = "data"
"""What a parameter is: where in its region the guest accesses, how many bytes, what the guest writes, or a
pointer to what it sends."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A kind of slot: which parameters of its functions (counted from 0) come from the guest.

    `access`: the word for what the guest does.
    """

    owner: str
    access: str
    roles: Mapping[int, str]


@dataclass(frozen=True, slots=True)
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


_OPS = "MemoryRegionOps"
_READ = Slot(_OPS, "read", {1: OFFSET, 2: SIZE})
_WRITE = Slot(_OPS, "write", {1: OFFSET, 2: VALUE, 3: SIZE})
_OPS_SLOTS = {
    "read": _READ,
    "write": _WRITE,
    "read_with_attrs": Slot(_OPS, "read", {1: OFFSET, 3: SIZE}),
    "write_with_attrs": Slot(_OPS, "write", {1: OFFSET, 2: VALUE, 3: SIZE}),
}
_OLD_SLOTS = {
    "read": Slot(_OPS, "read", {1: OFFSET}),
    "write": Slot(_OPS, "write", {1: OFFSET, 2: VALUE}),
}
_OLD_SIZES = (1, 2, 4)
_PORTIO = "MemoryRegionPortio"
# The place of the size among the members of a row.
_PORTIO_SIZE = 2
_PORTIO_SLOTS = {
    "read": Slot(_PORTIO, "read", {1: OFFSET}),
    "write": Slot(_PORTIO, "write", {1: OFFSET, 2: VALUE}),
}
_REGISTERS = "RegisterAccessInfo"
_REGISTER_SLOTS = {
    "pre_write": Slot(_REGISTERS, "write", {1: VALUE}),
    "post_write": Slot(_REGISTERS, "write", {1: VALUE}),
    "post_read": Slot(_REGISTERS, "read", {}),
}
_CP_REGISTERS = "ARMCPRegInfo"
_CP_SLOTS = {
    "readfn": Slot(_CP_REGISTERS, "read", {}),
    "writefn": Slot(_CP_REGISTERS, "write", {2: VALUE}),
}
_ROW_SLOTS = ((_PORTIO, _PORTIO_SLOTS), (_REGISTERS, _REGISTER_SLOTS), (_CP_REGISTERS, _CP_SLOTS))
# The slots of classes: the class struct, the casts that give a pointer to it, its members.
_CLASS_SLOTS: Mapping[str, Mapping[str, Slot]] = {
    "I2CSlaveClass": {
        "send": Slot("I2CSlaveClass", "I2C write", {1: VALUE}),
        "recv": Slot("I2CSlaveClass", "I2C read", {}),
        "event": Slot("I2CSlaveClass", "I2C event", {}),
    },
    "SSIPeripheralClass": {
        "transfer": Slot("SSIPeripheralClass", "SSI transfer", {1: VALUE}),
        "transfer_raw": Slot("SSIPeripheralClass", "SSI transfer", {1: VALUE}),
    },
    "SSISlaveClass": {
        "transfer": Slot("SSISlaveClass", "SSI transfer", {1: VALUE}),
        "transfer_raw": Slot("SSISlaveClass", "SSI transfer", {1: VALUE}),
    },
    "USBDeviceClass": {
        "handle_control": Slot("USBDeviceClass", "USB request", {2: VALUE, 3: VALUE, 4: VALUE, 5: VALUE}),
        "handle_data": Slot("USBDeviceClass", "USB transfer", {}),
    },
    "PCIDeviceClass": {
        "config_read": Slot("PCIDeviceClass", "read of configuration space", {1: OFFSET, 2: SIZE}),
        "config_write": Slot(
            "PCIDeviceClass", "write to configuration space", {1: OFFSET, 2: VALUE, 3: SIZE}
        ),
    },
    "SMBusDeviceClass": {
        "write_data": Slot("SMBusDeviceClass", "SMBus write", {1: DATA, 2: SIZE}),
        "receive_byte": Slot("SMBusDeviceClass", "SMBus read", {}),
        "quick_cmd": Slot("SMBusDeviceClass", "SMBus command", {1: VALUE}),
    },
    "SDCardClass": {
        "do_command": Slot("SDCardClass", "SD command", {1: DATA}),
        "write_byte": Slot("SDCardClass", "SD write", {1: VALUE}),
        "read_byte": Slot("SDCardClass", "SD read", {}),
    },
    "ADBDeviceClass": {"devreq": Slot("ADBDeviceClass", "ADB request", {2: DATA})},
    "HDACodecDeviceClass": {
        "command": Slot("HDACodecDeviceClass", "HDA command", {1: VALUE, 2: VALUE}),
        "stream": Slot("HDACodecDeviceClass", "HDA command", {1: VALUE, 2: VALUE}),
    },
    "VirtIOInputClass": {"handle_status": Slot("VirtIOInputClass", "status event", {1: DATA})},
    "VirtIOSerialPortClass": {"have_data": Slot("VirtIOSerialPortClass", "write to the port", {1: DATA})},
    "CCIDCardClass": {"apdu_from_guest": Slot("CCIDCardClass", "APDU", {1: DATA})},
    "SCLPEventClass": {"write_event_data": Slot("SCLPEventClass", "SCLP event", {1: DATA})},
    "VirtioDeviceClass": {
        "set_features": Slot("VirtioDeviceClass", "choice of features", {1: VALUE}),
        "set_config": Slot("VirtioDeviceClass", "write to the configuration", {}),
        "set_status": Slot("VirtioDeviceClass", "change of the status", {1: VALUE}),
    },
}
# Calls that make some of their arguments entries, in their order. The number of a device control register is
# no offset to try: those that are registered come.
_CALLS: Mapping[str, tuple[Slot, ...]] = {
    "register_ioport_read": (Slot("ioport", "read", {1: OFFSET}),),
    "register_ioport_write": (Slot("ioport", "write", {1: OFFSET, 2: VALUE}),),
    **dict.fromkeys(
        ("ppc_dcr_register", "ppc4xx_dcr_register"),
        (Slot("device control register", "read", {}), Slot("device control register", "write", {2: VALUE})),
    ),
    "riscv_cpu_set_aia_ireg_rmw_fn": (Slot("CSR", "access", {3: VALUE}),),
}
# Functions that make one of their arguments an entry.
_CALLER = re.compile(rb"\b(?:%s)\s*\(" % b"|".join(name.encode() for name in _CALLS))
_CALLED = re.compile(rb"\b(%s)\s*\(([^;{}]*?)\)\s*;" % b"|".join(name.encode() for name in _CALLS))
_CCW = Slot("SubchDev", "channel command", {})
_CCW_STORE = re.compile(rb"->\s*ccw_cb\s*=\s*([A-Za-z_]\w*)\s*;")
_QUEUE = Slot("VirtQueue", "notification of a queue", {})
_ADD_QUEUE = re.compile(rb"\bvirtio_add_queue\w*\(([^;]*?)\)\s*;")
_POINTER = re.compile(rb"\b(\w+)[ \t]*\*[ \t]*(\w+)\b")
_STORE = re.compile(rb"\b(\w+)->(\w+)[ \t]*=[ \t]*&?([A-Za-z_]\w*)[ \t]*;")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_MARKS = tuple(
    name.encode()
    for name in (_OPS, _PORTIO, _REGISTERS, _CP_REGISTERS, "virtio_add_queue", "ccw_cb", *_CALLS)
)
_CLASSES = tuple(name.encode() for name in _CLASS_SLOTS)


def may_have_entries(data: bytes) -> bool:
    """Whether a file names anything that holds functions for a guest to enter, by its bytes."""
    return any(mark in data for mark in _MARKS) or (
        b"Class" in data and any(name in data for name in _CLASSES)
    )


def guest_entries(unit: TranslationUnit) -> tuple[GuestEntry, ...]:
    """The functions of a file that a guest can enter, each slot once, in the order of the file's tables."""
    if not may_have_entries(unit.data):
        return ()
    found = [*_of_tables(unit), *_of_classes(unit), *_of_queues(unit), *_of_calls(unit)]
    return tuple(entry for entry in found if entry.function in unit.functions)


def _of_tables(unit: TranslationUnit) -> Iterator[GuestEntry]:
    for table in region_tables(unit.path, unit.data):
        for member, slot in _OPS_SLOTS.items():
            value = table.value.get(member)
            if value is not None:
                yield GuestEntry(_function(value), slot, table)
        for member, slot in _OLD_SLOTS.items():
            handlers = table.value.get("old_mmio", member)
            if handlers is not None and handlers.kind == LIST:
                for size, element in zip(_OLD_SIZES, handlers.elements, strict=False):
                    yield GuestEntry(_function(element.value), slot, table, size)
    for name, slots in _ROW_SLOTS:
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
    if table == _PORTIO and size is None and len(row.elements) > _PORTIO_SIZE:
        third = row.elements[_PORTIO_SIZE]
        size = third.value if not third.designators else None
    return int(size.text) if size is not None and size.text in ("1", "2", "4") else None


def _function(value: Value) -> str:
    return value.text.lstrip("&").strip()


def _of_classes(unit: TranslationUnit) -> Iterator[GuestEntry]:
    for name, slots in _CLASS_SLOTS.items():
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
            yield GuestEntry(name, _QUEUE)


def _of_calls(unit: TranslationUnit) -> Iterator[GuestEntry]:
    for call in _CALLED.finditer(unit.data) if _CALLER.search(unit.data) is not None else ():
        slots = _CALLS[call[1].decode("latin-1")]
        words = [word.decode("latin-1") for word in _WORD.findall(call[2])]
        handed = [word for word in words if word in unit.functions]
        yield from (GuestEntry(name, slot) for name, slot in zip(handed, slots, strict=False))
    for store in _CCW_STORE.finditer(unit.data) if b"ccw_cb" in unit.data else ():
        yield GuestEntry(store[1].decode("latin-1"), _CCW)
