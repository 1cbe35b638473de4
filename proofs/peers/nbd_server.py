# SPDX-License-Identifier: GPL-2.0-or-later
"""An NBD server whose disk is as large as one likes: nbd_server SOCKET FILE SIZE [break].

It serves the bytes of FILE and then zeros, SIZE bytes in all. "break": it hangs up on the first read of data.
The protocol: doc/proto.md of the NBD project, fixed newstyle, simple replies.
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

EXPORT_NAME_REPLY, OPTION_GO, OPTION_INFO, OPTION_ABORT = 3, 7, 6, 2
ACKNOWLEDGED, UNSUPPORTED = 1, 0x80000001
HAS_FLAGS, SEND_FLUSH = 1, 4


def exactly(end: socket.socket, count: int) -> bytes:
    """The next `count` bytes; raises EOFError where the other end is gone."""
    data = end.recv(count, socket.MSG_WAITALL) if count else b""
    if len(data) < count:
        raise EOFError
    return data


def negotiate(end: socket.socket, size: int) -> bool:
    """Agree on the export; False where the client leaves."""
    end.sendall(b"NBDMAGIC" + b"IHAVEOPT" + struct.pack(">H", 3))
    exactly(end, 4)
    while True:
        _, option, length = struct.unpack(">QII", exactly(end, 16))
        exactly(end, length)

        def reply(kind: int, data: bytes = b"", option: int = option) -> None:
            end.sendall(struct.pack(">QIII", 0x3E889045565A9, option, kind, len(data)) + data)

        if option in (OPTION_INFO, OPTION_GO):
            reply(EXPORT_NAME_REPLY, struct.pack(">HQH", 0, size, HAS_FLAGS | SEND_FLUSH))
            reply(ACKNOWLEDGED)
            if option == OPTION_GO:
                return True
        elif option == OPTION_ABORT:
            return False
        else:
            reply(UNSUPPORTED)


def serve(end: socket.socket, head: bytes, size: int, breaks: bool) -> None:
    """Answer one client."""
    if not negotiate(end, size):
        return
    while True:
        _, _, command, cookie, offset, length = struct.unpack(">IHHQQI", exactly(end, 28))
        if command == 2 or (breaks and command == 0):
            return
        data = b""
        if command == 0:
            data = head[offset : offset + length].ljust(length, b"\0")
        elif command == 1:
            exactly(end, length)
        end.sendall(struct.pack(">IIQ", 0x67446698, 0, cookie) + data)


def main(path: str, head: str, size: str, breaks: str = "") -> None:
    """Serve one client after the other."""
    data = Path(head).read_bytes()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(4)
        print("ready", flush=True)
        while True:
            end, _ = listening.accept()
            with end:
                try:
                    serve(end, data, int(size), bool(breaks))
                except (EOFError, OSError):
                    continue


if __name__ == "__main__":
    main(*sys.argv[1:])
