# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command with a key in a session keyring of its own: with_session_key FILE COMMAND...

The key's number is written to FILE. The calls are keyctl(2) and add_key(2), by number on x86-64 and arm64.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path

CALLS = {"x86_64": (248, 250), "aarch64": (217, 219)}
JOIN_SESSION_KEYRING = 1
SESSION_KEYRING = -3


def main(path: str, *command: str) -> None:
    """Add the key and become the command."""
    add_key, keyctl = CALLS[platform.machine()]
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall(keyctl, JOIN_SESSION_KEYRING, None)
    key = library.syscall(add_key, b"user", b"proof", b"abc", 3, ctypes.c_int(SESSION_KEYRING))
    if key < 0:
        sys.exit(f"add_key: {os.strerror(ctypes.get_errno())}")
    Path(path).write_text(str(key), encoding="ascii")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
