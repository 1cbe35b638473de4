# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits the metadata of a qcow2 image: qcow2_edit FILE large-l1|overlap.

"large-l1": the first snapshot's L1 table is moved to 1 GiB and given 4 Mi entries (32 MiB). "overlap": the
first cluster of data is said to lie where the active L1 table is. The layout: docs/interop/qcow2.rst of QEMU.
"""

from __future__ import annotations

import struct
import sys
from typing import BinaryIO

L1_TABLE, SNAPSHOTS = 40, 64
OFFSET_MASK = 0x00FFFFFFFFFFFE00
COPIED = 1 << 63


def number(stream: BinaryIO, offset: int) -> int:
    """The 64-bit number at an offset."""
    stream.seek(offset)
    value: int = struct.unpack(">Q", stream.read(8))[0]
    return value


def put(stream: BinaryIO, offset: int, data: bytes) -> None:
    """Write at an offset."""
    stream.seek(offset)
    stream.write(data)


def main(path: str, what: str) -> None:
    """Change the file."""
    with open(path, "r+b") as stream:
        if what == "large-l1":
            snapshot = number(stream, SNAPSHOTS)
            entry = number(stream, number(stream, snapshot))
            put(stream, 1 << 30, struct.pack(">Q", entry))
            put(stream, (1 << 30) + (32 << 20) - 8, bytes(8))
            put(stream, snapshot, struct.pack(">QI", 1 << 30, 4 << 20))
        else:
            table = number(stream, L1_TABLE)
            put(stream, number(stream, table) & OFFSET_MASK, struct.pack(">Q", COPIED | table))


if __name__ == "__main__":
    main(*sys.argv[1:])
