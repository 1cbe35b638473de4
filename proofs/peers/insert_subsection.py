# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts an empty subsection into a saved migration stream: insert_subsection FILE SECTION NAME [leave].

It goes before the first subsection of the section whose name ends in SECTION. "leave": the stream is read and
written unchanged. A subsection is a byte 5, the length of its name, the name, and its version (four bytes).
"""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

SUBSECTION = b"\x05"


def main(path: str, section: str, name: str, mode: str = "") -> None:
    """Change the file."""
    data = Path(path).read_bytes()
    start = data.index(section.encode())
    match = re.compile(SUBSECTION + rb"[\x08-\x40]" + section.strip("/").partition("-")[0].encode()).search(
        data, start
    )
    if match is None:
        sys.exit("no subsection in that section")
    new = SUBSECTION + bytes([len(name)]) + name.encode() + struct.pack(">I", 0)
    if mode != "leave":
        data = data[: match.start()] + new + data[match.start() :]
    Path(path).write_bytes(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
