# SPDX-License-Identifier: GPL-2.0-or-later
"""Claims: a defect's place, and the scenario that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TRIGGERS = ("guest", "peer", "migration", "monitor", "start", "tool", "agent")
"""Who brings the defect about: the guest's code, the other end of a connection, a migration, a command of the
monitor (QMP or HMP), the command line, one of QEMU's tools, or the guest agent's client."""

SUPPORTED = {
    "aarch64": ("virt",),
    "i386": ("microvm", "xenfv", "xenpv", "xenpvh", "pc", "q35"),
    "x86_64": ("microvm", "xenfv", "xenpv", "xenpvh", "pc", "q35"),
    "s390x": ("s390-ccw-virtio",),
    "loongarch64": ("virt",),
    "ppc64": ("pseries",),
    "riscv32": ("virt",),
    "riscv64": ("virt",),
}
"""The machines of the virtualization use case, by target: docs/system/security.rst of QEMU 11.1."""

_DEFAULT_MACHINE = {"i386": "pc", "x86_64": "pc", "s390x": "s390-ccw-virtio", "ppc64": "pseries"}


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file in the work folder: its bytes by one of `text`, `hex`, `words`, `accesses`; its `size` in bytes.

    `words` are 32-bit little-endian instruction words; `accesses` make a guest program for `isa`. A file that
    is larger than its bytes ends in zeros.
    """

    name: str
    text: str = ""
    hex: str = ""
    words: tuple[str, ...] = ()
    isa: str = ""
    accesses: tuple[str, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do while QEMU runs: the first key that is set says what.

    `qmp` with `arguments`, `hmp`, `qtest`: ask, `repeat` times. `script`: run a program of peers/ to its end.
    `connect`: send `send` to a unix socket and read a line. `sleep`: seconds. `migrate`: save to that file
    and wait until it is done; `loaded`: wait until an incoming migration is.
    `shows`: a regular expression that the answer must match, or the defect was not shown. `needs`: the same,
    for a precondition. `unanswered`: no answer comes within `wait` seconds. `until`: ask again until the
    answer matches, at most `wait` seconds. `keep`: the answer is kept under that name.
    """

    qmp: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    hmp: str = ""
    qtest: str = ""
    script: tuple[str, ...] = ()
    connect: str = ""
    send: str = ""
    sleep: float = 0.0
    migrate: str = ""
    loaded: bool = False
    repeat: int = 1
    shows: str = ""
    needs: str = ""
    unanswered: bool = False
    until: str = ""
    wait: float = 10.0
    keep: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What shows the defect (for a control: that it is absent). All that is set must hold.

    `end`: a regular expression for the end: "SIGABRT", "exit 1", or "running" at the end of the steps.
    `stderr`, `stdout` match; `silent` does not match stderr. `leaves`: a pattern of a file that is there
    afterwards. `content`: a file and the hexadecimal digits that it begins with. `grows`: resident memory
    grows by so many KiB. `differs`, `same`: pairs of kept answers.
    """

    end: str = "running"
    stderr: str = ""
    stdout: str = ""
    silent: str = ""
    leaves: str = ""
    content: tuple[str, ...] = ()
    grows: int = 0
    differs: tuple[tuple[str, ...], ...] = ()
    same: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One process of QEMU's: how it is prepared, started and driven, and what is expected of it.

    `files` are made and the commands of `prepare` run first ("@NAME" is a program of peers/). `peer` is a
    program of peers/ that runs beside it. `preload` names a C file of peers/ to be preloaded. `limit`:
    seconds that it may take; `settle`: seconds it must live before it counts as running.
    """

    binary: str
    arguments: tuple[str, ...] = ()
    files: tuple[InputFile, ...] = ()
    prepare: tuple[tuple[str, ...], ...] = ()
    peer: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    preload: str = ""
    limit: float = 20.0
    settle: float = 2.0
    unprivileged: bool = False
    session_key: bool = False
    socketpair: bool = False
    proc: bool = False
    monitor: bool = True
    expect: Expectation = Expectation()

    @property
    def qemu(self) -> str:
        """The program of QEMU's that is run: the binary, or what it runs in its turn."""
        words = (self.binary, *self.arguments)
        return next((word for word in words if word.startswith("qemu-")), self.binary)


@dataclass(frozen=True, slots=True)
class Claim:
    """A defect: its place in the source at the revision of docs/found.md, and how it is shown.

    `line` is 0 where the defect is in no single line. `since`: the first version that has it; `fixed`: the
    first that has it no longer. `boundary` says why a defect that a guest or a peer triggers on a machine of
    the virtualization use case is none of QEMU's security process. `withheld`: it is (or may be) one, and no
    scenario is kept here; `shown`: the versions on which it was run. `unprovable`: why it cannot be run here.
    """

    id: str
    subject: str
    title: str
    path: str
    function: str
    line: int
    rule: str
    fingerprint: str
    trigger: str
    since: str = ""
    fixed: str = ""
    boundary: str = ""
    withheld: str = ""
    shown: tuple[str, ...] = ()
    unprovable: str = ""
    stages: tuple[Stage, ...] = ()
    control: tuple[Stage, ...] = ()
    uncontrolled: str = ""
    folder: Path = Path()

    @property
    def place(self) -> str:
        """Path and line."""
        return f"{self.path}:{self.line}" if self.line else self.path


def in_use_case(claim: Claim) -> bool:
    """Whether a guest or a peer triggers it on a machine of the virtualization use case."""
    return claim.trigger in ("guest", "peer") and any(map(_supported, claim.stages))


def _supported(stage: Stage) -> bool:
    target = stage.binary.removeprefix("qemu-system-")
    if target == stage.binary:
        return not stage.binary.startswith("qemu-ga")
    arguments = stage.arguments
    named = [arguments[i + 1] for i, word in enumerate(arguments[:-1]) if word in ("-M", "-machine")]
    machine = named[-1].split(",")[0] if named else _DEFAULT_MACHINE.get(target, "")
    return machine in SUPPORTED.get(target, ())
