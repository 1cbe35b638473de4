# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes and sockets: started, connected, watched, and ended for certain."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from proofs.channel import SilentError


class MissingError(Exception):
    """A precondition that does not hold; its text says which."""


def pair(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    """Two connected sockets, closed with the stack."""
    one, other = socket.socketpair()
    stack.callback(one.close)
    stack.callback(other.close)
    return one, other


@contextmanager
def started(
    command: list[str], work: Path, out: IO[bytes], err: IO[bytes], descriptors: list[int]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, ended at the end of the block; raises MissingError."""
    try:
        process = subprocess.Popen(
            command,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=descriptors,
            start_new_session=True,
        )
    except OSError as error:
        raise MissingError(f"{command[0]}: {error.strerror}") from None
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process with all of its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def connect(end: socket.socket, path: str, limit: float) -> None:
    """Connect to a unix socket as soon as it is there; raises SilentError at `limit`."""
    while end.connect_ex(path) != 0:
        if time.monotonic() > limit:
            raise SilentError
        time.sleep(0.1)


def free_port() -> int:
    """A TCP port of this machine that nobody uses now."""
    with socket.socket() as end:
        end.bind(("127.0.0.1", 0))
        port: int = end.getsockname()[1]
        return port


def resident(pid: int) -> int:
    """Resident memory of a process in KiB; 0 where it cannot be read."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    match = re.search(r"^VmRSS:\s+(\d+)", text, re.M)
    return int(match[1]) if match else 0
