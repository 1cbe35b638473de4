# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's monitor (QMP) and its qtest protocol over connected sockets: a line asks, a line answers."""

from __future__ import annotations

import itertools
import json
import select
import socket
import time
from typing import Any


class GoneError(Exception):
    """The other end has closed the connection."""


class SilentError(Exception):
    """No answer came in time."""


class Lines:
    """A connected socket, read by lines with a limit of time."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._rest = b""

    def send(self, line: str) -> None:
        """Send a line; raises GoneError or SilentError."""
        try:
            self._end.settimeout(10)
            self._end.sendall(line.encode() + b"\n")
        except TimeoutError:
            raise SilentError from None
        except OSError:
            raise GoneError from None

    def receive(self, deadline: float) -> str:
        """The next line, without its end; raises SilentError at `deadline` (of time.monotonic())."""
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._end], [], [], left)[0]:
                raise SilentError
            try:
                data = self._end.recv(65536)
            except OSError:
                data = b""
            if not data:
                raise GoneError
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode("utf-8", "replace").strip()

    def close(self) -> None:
        """Close the socket."""
        self._end.close()


class Monitor:
    """A QMP monitor."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._numbers = itertools.count(1)
        self.ready = False

    def negotiate(self, deadline: float) -> None:
        """Take the greeting and enter command mode; raises GoneError or SilentError."""
        self._lines.receive(deadline)
        self.ready = True
        self.ask("qmp_capabilities", {}, deadline)

    def ask(self, command: str, arguments: dict[str, Any], deadline: float) -> dict[str, Any]:
        """The answer to a command, with "return" or "error"; events are passed over."""
        number = next(self._numbers)
        question: dict[str, Any] = {"execute": command, "id": number}
        if arguments:
            question["arguments"] = arguments
        self._lines.send(json.dumps(question))
        while True:
            try:
                answer = json.loads(self._lines.receive(deadline))
            except ValueError:
                continue
            if isinstance(answer, dict) and answer.get("id") == number:
                return answer


class QTest:
    """The qtest protocol: an access a line, answered by a line that begins with OK."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def ask(self, line: str, deadline: float) -> str:
        """The answer to one access, past the lines that tell of interrupts."""
        self._lines.send(line)
        while (answer := self._lines.receive(deadline)).startswith("IRQ"):
            pass
        return answer
