#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands in for qemu-system-*: a monitor and qtest whose commands do what the tests of proofs/ need."""

from __future__ import annotations

import json
import os
import re
import resource
import select
import socket
import sys
import time
from pathlib import Path

REGISTERS: dict[str, str] = {"0x10": "0x0", "0x20": "0x0"}
KEPT = ("0x20",)
HOARD: list[bytes] = []


def monitor(end: socket.socket, line: str) -> None:
    """Answer one command of the monitor."""
    asked = json.loads(line)
    command, arguments = asked["execute"], asked.get("arguments", {})
    answer: dict[str, object] = {"return": {}}
    if command == "crash":
        sys.stderr.write("fake: an assertion\n")
        sys.stderr.flush()
        os.abort()
    elif command == "leave":
        sys.exit(arguments["code"])
    elif command == "refuse":
        answer = {"error": {"class": "GenericError", "desc": "refused"}}
    elif command == "sleep":
        time.sleep(60)
    elif command == "hoard":
        HOARD.append(bytes(arguments["size"]).replace(b"\0", b"x"))
    elif command == "write":
        Path(arguments["name"]).write_text("abc")
    elif command == "migrate":
        name = arguments["uri"].split("> ")[1]
        Path(name).write_text(json.dumps({key: REGISTERS[key] for key in KEPT}))
    elif command == "query-migrate":
        answer = {"return": {"status": "completed"}}
    elif command not in ("qmp_capabilities", "echo"):
        answer = {"error": {"class": "CommandNotFound", "desc": command}}
    if command == "echo":
        answer = {"return": arguments}
    end.sendall(b'{"event": "NOISE"}\n')
    end.sendall(json.dumps({**answer, "id": asked.get("id")}).encode() + b"\n")


def qtest(end: socket.socket, line: str) -> None:
    """Answer one access."""
    words = line.split()
    if words[0].startswith("write"):
        REGISTERS[words[1]] = words[2]
        end.sendall(b"IRQ raise 1\nOK\n")
    else:
        end.sendall(f"OK {REGISTERS[words[1]]}\n".encode())


def serve(ends: dict[str, socket.socket]) -> None:
    """Answer on both until they close."""
    streams = {name: end.makefile("r") for name, end in ends.items()}
    if "qmp" in ends:
        ends["qmp"].sendall(b'{"QMP": {}}\n')
    while ends:
        for end in select.select(list(ends.values()), [], [])[0]:
            name = next(key for key, value in ends.items() if value is end)
            line = streams[name].readline()
            if not line:
                return
            (monitor if name == "qmp" else qtest)(end, line)


def main() -> None:
    """Do what the arguments say."""
    arguments = sys.argv[1:]
    if "--version" in arguments:
        print("QEMU emulator version 5.4.3 (fake)")
        return
    if "nosuchmachine" in arguments:
        sys.exit("fake: unsupported machine type")
    if "crash-at-start" in arguments:
        os.abort()
    if resource.getrlimit(resource.RLIMIT_CORE)[0] != 0:
        sys.exit("fake: core files are wanted")
    for word in arguments:
        if word.startswith("exec:cat "):
            REGISTERS.update(json.loads(Path(word.removeprefix("exec:cat ")).read_text()))
    text = " ".join(arguments)
    found = {name: re.search(rf"id=proof{name},fd=(\d+)", text) for name in ("qmp", "qtest")}
    ends = {name: socket.socket(fileno=int(match[1])) for name, match in found.items() if match}
    if "tell" in arguments:
        print("told", flush=True)
    serve(ends)


if __name__ == "__main__":
    main()
