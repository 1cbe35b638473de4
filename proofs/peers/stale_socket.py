# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a folder with a socket that nobody listens to: stale_socket FOLDER/NAME [open].

The folder is read-only afterwards, so that another user (or the same one) cannot remove the socket; "open":
it may be written by everybody.
"""

from __future__ import annotations

import os
import socket
import sys


def main(path: str, mode: str = "") -> None:
    """Make both."""
    folder = os.path.dirname(path)
    os.mkdir(folder)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(path)
    os.chmod(path, 0o777)
    os.chmod(folder, 0o777 if mode == "open" else 0o555)


if __name__ == "__main__":
    main(*sys.argv[1:])
