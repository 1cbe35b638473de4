# SPDX-License-Identifier: GPL-2.0-or-later
"""A vfio-user server that ends the connection: vfio_user_server SOCKET unread|read.

"unread": with the client's first message unread in its socket, so that the client's read fails; "read": after
it has read the message, so that the client sees the end.
"""

from __future__ import annotations

import socket
import sys
import time


def main(path: str, mode: str) -> None:
    """Take one client, and close."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(1)
        print("ready", flush=True)
        end, _ = listening.accept()
        with end:
            time.sleep(0.5)
            if mode == "read":
                end.recv(65536)
        time.sleep(30)


if __name__ == "__main__":
    main(*sys.argv[1:])
