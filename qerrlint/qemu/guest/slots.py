# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest slots: the tables, classes and calls by which QEMU hands functions to what a guest does.

A slot says what the parameters of its function are: the offset into a region, the size of the access, what
the guest writes. Sources: include/system/memory.h, include/hw/i2c/i2c.h, include/hw/i2c/pmbus_device.h,
include/hw/i3c/i3c.h, include/hw/ssi/ssi.h, include/hw/usb.h, hw/usb/u2f.h, include/hw/pci/pci_device.h,
include/hw/virtio/virtio.h, include/hw/register.h, include/hw/scsi/scsi.h, include/hw/ipmi/ipmi.h,
include/hw/ipack/ipack.h, include/hw/sd/sd.h, include/hw/nvram/fw_cfg.h, include/hw/i386/vmport.h,
target/arm/cpregs.h, include/hw/s390x/css.h, include/hw/s390x/event-facility.h, include/hw/ppc/ppc.h,
target/riscv/cpu.h.
"""

from __future__ import annotations

from collections.abc import Mapping

from qerrlint.records import record

OFFSET = "offset"
SIZE = "size"
VALUE = "value"
DATA = "data"
"""What a parameter is: where in its region the guest accesses, how many bytes, what the guest writes, or a
pointer to what it sends."""


@record(frozen=True, slots=True)
class Slot:
    """A kind of slot: which parameters of its functions (counted from 0) come from the guest.

    `access`: the word for what the guest does.
    """

    owner: str
    access: str
    roles: Mapping[int, str]


OPS = "MemoryRegionOps"
PORTIO = "MemoryRegionPortio"
REGISTERS = "RegisterAccessInfo"
CP_REGISTERS = "ARMCPRegInfo"
SCSI_REQUESTS = "SCSIReqOps"
"""The structs of the tables."""
_READ = Slot(OPS, "read", {1: OFFSET, 2: SIZE})
_WRITE = Slot(OPS, "write", {1: OFFSET, 2: VALUE, 3: SIZE})
OPS_SLOTS = {
    "read": _READ,
    "write": _WRITE,
    "read_with_attrs": Slot(OPS, "read", {1: OFFSET, 3: SIZE}),
    "write_with_attrs": Slot(OPS, "write", {1: OFFSET, 2: VALUE, 3: SIZE}),
}
OLD_SLOTS = {
    "read": Slot(OPS, "read", {1: OFFSET}),
    "write": Slot(OPS, "write", {1: OFFSET, 2: VALUE}),
}
_PORTIO_SLOTS = {
    "read": Slot(PORTIO, "read", {1: OFFSET}),
    "write": Slot(PORTIO, "write", {1: OFFSET, 2: VALUE}),
}
_REGISTER_SLOTS = {
    "pre_write": Slot(REGISTERS, "write", {1: VALUE}),
    "post_write": Slot(REGISTERS, "write", {1: VALUE}),
    "post_read": Slot(REGISTERS, "read", {}),
}
_CP_SLOTS = {
    "readfn": Slot(CP_REGISTERS, "read", {}),
    "writefn": Slot(CP_REGISTERS, "write", {2: VALUE}),
}
SCSI_SLOTS = {
    "send_command": Slot(SCSI_REQUESTS, "SCSI command", {1: DATA}),
    "read_data": Slot(SCSI_REQUESTS, "SCSI transfer", {}),
    "write_data": Slot(SCSI_REQUESTS, "SCSI transfer", {}),
}
ROW_SLOTS = ((PORTIO, _PORTIO_SLOTS), (REGISTERS, _REGISTER_SLOTS), (CP_REGISTERS, _CP_SLOTS))
# The slots of classes: the class struct, the casts that give a pointer to it, its members.
CLASS_SLOTS: Mapping[str, Mapping[str, Slot]] = {
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
    "PMBusDeviceClass": {
        "write_data": Slot("PMBusDeviceClass", "PMBus write", {1: DATA, 2: SIZE}),
        "receive_byte": Slot("PMBusDeviceClass", "PMBus read", {}),
        "quick_cmd": Slot("PMBusDeviceClass", "PMBus command", {1: VALUE}),
    },
    "I3CTargetClass": {
        "send": Slot("I3CTargetClass", "I3C write", {1: DATA, 2: SIZE}),
        "recv": Slot("I3CTargetClass", "I3C read", {2: SIZE}),
        "handle_ccc_write": Slot("I3CTargetClass", "I3C command", {1: DATA, 2: SIZE}),
        "handle_ccc_read": Slot("I3CTargetClass", "I3C command", {2: SIZE}),
    },
    "IPackDeviceClass": {
        **{f"{way}_read": Slot("IPackDeviceClass", "read", {1: OFFSET}) for way in ("io", "id", "int")},
        **{
            f"{way}_write": Slot("IPackDeviceClass", "write", {1: OFFSET, 2: VALUE})
            for way in ("io", "id", "int")
        },
        **{f"mem_read{bits}": Slot("IPackDeviceClass", "read", {1: OFFSET}) for bits in (8, 16)},
        **{f"mem_write{bits}": Slot("IPackDeviceClass", "write", {1: OFFSET, 2: VALUE}) for bits in (8, 16)},
    },
    "IPMIBmcClass": {"handle_command": Slot("IPMIBmcClass", "IPMI command", {1: DATA, 2: SIZE})},
    "IPMIInterfaceClass": {"handle_if_event": Slot("IPMIInterfaceClass", "IPMI event", {})},
    "SCSIDeviceClass": {"parse_cdb": Slot("SCSIDeviceClass", "SCSI command", {2: DATA})},
    "U2FKeyClass": {"recv_from_guest": Slot("U2FKeyClass", "U2F packet", {1: DATA})},
    "VMBusDeviceClass": {"chan_notify_cb": Slot("VMBusDeviceClass", "notification of a channel", {})},
    "XlnxCfiIfClass": {"cfi_transfer_packet": Slot("XlnxCfiIfClass", "CFI packet", {1: DATA})},
    "NvramClass": {
        "read": Slot("NvramClass", "read", {1: OFFSET}),
        "write": Slot("NvramClass", "write", {1: OFFSET, 2: VALUE}),
    },
    **{
        name: {
            "read": Slot(name, "read", {1: OFFSET}),
            "write": Slot(name, "write", {1: OFFSET, 2: VALUE}),
        }
        for name in ("AspeedSDMCClass", "AspeedTimerClass", "AwRtcClass", "AwWdtClass")
    },
    "SDCardClass": {
        "do_command": Slot("SDCardClass", "SD command", {1: DATA}),
        "write_data": Slot("SDCardClass", "SD write", {1: DATA, 2: SIZE}),
        "read_data": Slot("SDCardClass", "SD read", {2: SIZE}),
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
    "SCLPEventClass": {
        "write_event_data": Slot("SCLPEventClass", "SCLP event", {1: DATA}),
        "read_event_data": Slot("SCLPEventClass", "SCLP event read", {}),
    },
    "VirtioDeviceClass": {
        "set_features": Slot("VirtioDeviceClass", "choice of features", {1: VALUE}),
        "set_config": Slot("VirtioDeviceClass", "write to the configuration", {}),
        "set_status": Slot("VirtioDeviceClass", "change of the status", {1: VALUE}),
    },
}
# Calls that make some of their arguments entries, in their order. The number of a device control register is
# no offset to try: those that are registered come.
CALLS: Mapping[str, tuple[Slot, ...]] = {
    "register_ioport_read": (Slot("ioport", "read", {1: OFFSET}),),
    "register_ioport_write": (Slot("ioport", "write", {1: OFFSET, 2: VALUE}),),
    **dict.fromkeys(
        ("ppc_dcr_register", "ppc4xx_dcr_register"),
        (Slot("device control register", "read", {}), Slot("device control register", "write", {2: VALUE})),
    ),
    "riscv_cpu_set_aia_ireg_rmw_fn": (Slot("CSR", "access", {3: VALUE}),),
    "vmport_register": (Slot("VMPort", "read", {}),),
    "fw_cfg_add_file_callback": (Slot("FWCfg", "access to a file of fw_cfg", {}),) * 2,
}
CCW = Slot("SubchDev", "channel command", {})
QUEUE = Slot("VirtQueue", "notification of a queue", {})
