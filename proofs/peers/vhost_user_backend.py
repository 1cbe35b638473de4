# SPDX-License-Identifier: GPL-2.0-or-later
"""A vhost-user backend that hangs up: vhost_user_backend SOCKET WHEN.

WHEN is "first" (on the first message), "shmem" (on the question for its shared memory regions), or "never".
Numbers of requests and features: the vhost-user protocol, docs/interop/vhost-user.rst of QEMU.
"""

from __future__ import annotations

import socket
import struct
import sys

GET_FEATURES, GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, GET_MAX_MEM_SLOTS, GET_SHMEM_CONFIG = 1, 15, 17, 36, 44
NEED_REPLY = 1 << 3
REPLY_TO_VERSION_1 = 1 | 1 << 2
# VIRTIO_F_VERSION_1 and VHOST_USER_F_PROTOCOL_FEATURES
FEATURES = 1 << 32 | 1 << 30
# MQ, REPLY_ACK, BACKEND_REQ, CONFIG, SHMEM
PROTOCOL_FEATURES = 1 << 0 | 1 << 3 | 1 << 5 | 1 << 9 | 1 << 22


def answer(request: int, flags: int) -> bytes | None:
    """The payload of the answer to a request; None where it gets none."""
    numbers = {GET_FEATURES: FEATURES, GET_PROTOCOL_FEATURES: PROTOCOL_FEATURES}
    numbers |= {GET_QUEUE_NUM: 8, GET_MAX_MEM_SLOTS: 8}
    if request in numbers:
        return struct.pack("<Q", numbers[request])
    if request == GET_SHMEM_CONFIG:
        return bytes(8 + 8 * 256)
    return bytes(8) if flags & NEED_REPLY else None


def serve(end: socket.socket, when: str) -> None:
    """Answer until the other end closes, or until it is time to hang up."""
    while len(head := end.recv(12, socket.MSG_WAITALL)) == 12:
        request, flags, size = struct.unpack("<III", head)
        if size:
            end.recv(size, socket.MSG_WAITALL)
        if when == "first" or (when == "shmem" and request == GET_SHMEM_CONFIG):
            return
        payload = answer(request, flags)
        if payload is not None:
            end.sendall(struct.pack("<III", request, REPLY_TO_VERSION_1, len(payload)) + payload)


def main(path: str, when: str) -> None:
    """Serve one connection after the other."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(4)
        print("ready", flush=True)
        while True:
            end, _ = listening.accept()
            with end:
                serve(end, when)


if __name__ == "__main__":
    main(*sys.argv[1:])
