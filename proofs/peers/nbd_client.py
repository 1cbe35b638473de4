# SPDX-License-Identifier: GPL-2.0-or-later
"""An NBD client that writes: nbd_client SOCKET EXPORT cut|whole.

"cut": it sends the request without the data and stays connected; "whole": with the data. It prints "sent" and
leaves its connection to a child process, which keeps it open for some seconds.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import time


def exactly(end: socket.socket, count: int) -> bytes:
    """The next `count` bytes."""
    data = end.recv(count, socket.MSG_WAITALL) if count else b""
    if len(data) < count:
        raise EOFError
    return data


def main(path: str, export: str, mode: str) -> None:
    """Connect, agree on the export, and send the request."""
    end = socket.socket(socket.AF_UNIX)
    while end.connect_ex(path) != 0:
        time.sleep(0.2)
    exactly(end, 18)
    end.sendall(struct.pack(">I", 3))
    name = export.encode()
    option = struct.pack(">I", len(name)) + name + struct.pack(">H", 0)
    end.sendall(struct.pack(">QII", 0x49484156454F5054, 7, len(option)) + option)
    while True:
        _, _, kind, length = struct.unpack(">QIII", exactly(end, 20))
        exactly(end, length)
        if kind == 1:
            break
    end.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 1, 7, 0, 4096))
    if mode == "whole":
        end.sendall(bytes(4096))
        exactly(end, 16)
    print("sent", flush=True)
    if os.fork() == 0:
        for stream in (0, 1, 2):
            os.close(stream)
        time.sleep(8)
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
