# SPDX-License-Identifier: GPL-2.0-or-later
"""Ctrl-C: one line on standard error and exit code 130, at once and wherever the program is."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

INTERRUPTED = 130
_SHOW_CURSOR = b"\r\x1b[K\x1b[?25h"


def catch() -> None:
    """Let SIGINT end this process in one line from now on.

    No KeyboardInterrupt is raised: it could come in the middle of an import, a destructor or another library,
    each of which prints a traceback of its own or drops it. Nothing is lost by that: files are replaced as a
    whole, the store's transactions are atomic, and worker processes end with this one.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _Interrupt(os.getpid()))


class _Interrupt:
    """The handler of one process; in one forked from it, which gets the signal as well, it is silent."""

    def __init__(self, process: int) -> None:
        self._process = process

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if os.getpid() == self._process:
            # A progress bar hides the cursor and leaves its line unfinished.
            restored = _SHOW_CURSOR if os.isatty(2) and "rich.progress" in sys.modules else b""
            os.write(2, restored + b"qerrlint: interrupted\n")
        os._exit(INTERRUPTED)
