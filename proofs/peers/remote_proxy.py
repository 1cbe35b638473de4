# SPDX-License-Identifier: GPL-2.0-or-later
"""The proxy of a remote device process: remote_proxy FD COMMAND SIZE leave|stay.

Sends one request (2, 3: write and read of the configuration; 4, 5: of a BAR) for SIZE bytes over the
connected socket FD; "leave": takes no answer and closes, "stay": waits for the answer. The message is
that of include/hw/remote/mpqemu-link.h: command, number of bytes, payload.
"""

from __future__ import annotations

import socket
import struct
import sys
import time


def main(descriptor: str, command: str, size: str, mode: str) -> None:
    """Send the request."""
    number, length = int(command), int(size)
    if number in (2, 3):
        payload = struct.pack("<IIi", 0, 0, length)
    else:
        payload = struct.pack("<QQI?3x", 0, 0, length, False)
    with socket.socket(fileno=int(descriptor)) as end:
        print("ready", flush=True)
        time.sleep(2)
        if mode == "leave":
            # Whatever the other end writes from now on fails, however soon it does.
            end.shutdown(socket.SHUT_RD)
        end.sendall(struct.pack("<iiQ", number, 0, len(payload)) + payload)
        if mode == "stay":
            end.recv(65536)
            time.sleep(30)
    time.sleep(30)


if __name__ == "__main__":
    main(*sys.argv[1:])
