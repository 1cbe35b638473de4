# SPDX-License-Identifier: GPL-2.0-or-later
"""Where QEMU's programs are, and how one is started there: on this system, in a folder, or in a chroot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

NOBODY = 65534
_VERSION = re.compile(r"(\d+\.\d+\.\d+)")


class TargetError(Exception):
    """A place where no QEMU can be run; its text is one line for the user."""


@dataclass(slots=True)
class Target:
    """The QEMU that is tried: `root` is a chroot, `folder` one with the programs; neither: PATH has them."""

    root: Path | None = None
    folder: Path | None = None
    _versions: dict[str, str | None] = field(default_factory=dict)
    _qtest: dict[str, bool] = field(default_factory=dict)

    def check(self) -> None:
        """Raises TargetError where this cannot work at all."""
        if self.root is not None and not (self.root / "usr/bin/env").exists():
            raise TargetError(f"{self.root}: no chroot with a system in it (make prove-chroot CHROOT=DIR)")
        if self.root is not None and os.geteuid() != 0:
            raise TargetError("CHROOT: only root may use chroot")
        if self.folder is not None and not self.folder.is_dir():
            raise TargetError(f"{self.folder}: no such folder")

    def program(self, name: str) -> str | None:
        """What to start for a program: its name in a chroot, else its path; None where it is not there."""
        if self.root is not None:
            folders = ("usr/bin", "usr/sbin", "bin")
            return name if any((self.root / folder / name).exists() for folder in folders) else None
        if self.folder is not None and (self.folder / name).exists():
            return str((self.folder / name).absolute())
        return shutil.which(name) if self.folder is None or not name.startswith("qemu") else None

    def version(self, name: str) -> str | None:
        """The version that a program tells, three numbers; None where it is not there or tells none."""
        if name not in self._versions:
            self._versions[name] = self._ask_version(name)
        return self._versions[name]

    def has_qtest(self, name: str) -> bool:
        """Whether a system emulator has the accelerator of QEMU's own tests, which not every package has."""
        if name not in self._qtest:
            # The list of accelerators leaves out those in modules, so one is tried.
            words = ("-M", "none", "-display", "none", "-accel", "qtest", "-monitor", "stdio")
            self._qtest[name] = "invalid accelerator" not in self._ask(name, *words)
        return self._qtest[name]

    def _ask_version(self, name: str) -> str | None:
        match = _VERSION.search(self._ask(name, "--version"))
        return match[1] if match else None

    def _ask(self, name: str, *arguments: str) -> str:
        """What a program prints, on both streams; nothing where it is not there."""
        program = self.program(name)
        if program is None:
            return ""
        prefix = ["chroot", str(self.root)] if self.root is not None else []
        try:
            done = subprocess.run(
                [*prefix, program, *arguments],
                input="quit\n",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=30,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout

    def work_folder(self) -> Path:
        """A new folder for one run, as this process sees it; whoever asks for it removes it."""
        base = self.root / "tmp" if self.root is not None else None
        folder = Path(tempfile.mkdtemp(prefix="proof-", dir=base))
        folder.chmod(0o755)
        return folder

    def command(
        self,
        program: str,
        arguments: Sequence[str],
        work: Path,
        environment: Mapping[str, str],
        *,
        seconds: int,
        unprivileged: bool = False,
        proc: bool = False,
    ) -> list[str]:
        """The command that runs a program in `work`, with no core file and a limit of CPU time.

        `unprivileged`: as the user nobody, if this process is root. `proc`: the chroot has /proc, mounted in
        a mount namespace of the command's own.
        """
        named = [f"{key}={value}" for key, value in environment.items()]
        limits = ["setpriv", "--pdeathsig", "KILL", "prlimit", "--core=0", f"--cpu={seconds}"]
        as_root = os.geteuid() == 0
        if self.root is None:
            user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            dropped = ["setpriv", *user] if unprivileged and as_root else []
            return [*limits, *dropped, "env", "-C", str(work), *named, program, *arguments]
        inside = "/" + str(work.relative_to(self.root))
        user = [f"--userspec={NOBODY}:{NOBODY}"] if unprivileged else []
        command = ["chroot", *user, str(self.root), "/usr/bin/env", "-C", inside, *named, program, *arguments]
        if proc:
            mount = 'mount -t proc proc "$0/proc" && exec "$@"'
            command = ["unshare", "-m", "sh", "-c", mount, str(self.root), *command]
        return [*limits, *command]
