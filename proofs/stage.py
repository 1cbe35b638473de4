# SPDX-License-Identifier: GPL-2.0-or-later
"""One process of QEMU's: makes its files, starts it with its peer, does its steps, sees how it ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from proofs.channel import GoneError, Lines, Monitor, QTest, SilentError
from proofs.claim import InputFile, Stage, Step
from proofs.guest_program import ProgramError, guest_program
from proofs.process import MissingError, connect, free_port, kill, pair, resident, started
from proofs.target import Target

PEERS = Path(__file__).parent / "peers"

# What QEMU says of a machine, device, option or command that a build of it does not have.
_UNKNOWN = re.compile(
    r"not a valid (?:device model|object type) name|unsupported machine type|invalid accelerator"
    r"|CommandNotFound|invalid object type|does not accept value|[Uu]nknown driver|[Uu]nknown protocol"
    r"|Property '[^']*' not found|Parameter '[^']*' is unexpected|Invalid parameter '"
    r"|There is no option group|Parameter 'driver' expects|invalid option|unable to find CPU model"
    r"|could not load (?:PC BIOS|kernel)"
)


@dataclass(slots=True)
class Observed:
    """What a stage gave: its end ("SIGSEGV", "exit 1", "running"), its output, growth in KiB, and of its
    steps what was not shown."""

    end: str = ""
    stdout: str = ""
    stderr: str = ""
    grown: int = 0
    lacking: list[str] = field(default_factory=list)


def run_stage(
    stage: Stage, target: Target, work: Path, peers: Sequence[Path], kept: dict[str, str]
) -> Observed:
    """Run one stage in the folder `work`; `kept` takes the answers that steps keep.

    Raises MissingError where a precondition does not hold.
    """
    program = target.program(stage.binary)
    for name in (stage.binary, stage.qemu):
        if target.program(name) is None:
            raise MissingError(f"no {name} there")
    assert program is not None
    runner = _Runner(stage, target, work, peers, kept)
    runner.prepare()
    with ExitStack() as stack:
        return runner.run(program, stack)


class _Runner:
    def __init__(
        self, stage: Stage, target: Target, work: Path, peers: Sequence[Path], kept: dict[str, str]
    ) -> None:
        self._stage = stage
        self._target = target
        self._work = work
        self._peers = peers
        self._kept = kept
        inside = work if target.root is None else Path("/") / work.relative_to(target.root)
        self._names = {"port": str(free_port()), "work": str(inside)}
        self._monitor: Monitor | None = None
        self._qtest: QTest | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._observed = Observed()

    def prepare(self) -> None:
        """Make the files and run the commands that come first."""
        for item in self._stage.files:
            try:
                data = _bytes(item)
            except (ProgramError, ValueError) as error:
                raise MissingError(f"{item.name}: {error}") from None
            path = self._work / item.name
            path.write_bytes(data)
            if item.size > len(data):
                os.truncate(path, item.size)
        for command in self._stage.prepare:
            self._command(command)

    def _command(self, command: Sequence[str]) -> None:
        name, *arguments = command
        if name.startswith("@"):
            full = self._script([name[1:], *arguments])
        else:
            program = self._target.program(name)
            if program is None:
                raise MissingError(f"no {name} there")
            full = self._target.command(program, arguments, self._work, {}, seconds=120)
        try:
            done = subprocess.run(
                full, stdin=subprocess.DEVNULL, capture_output=True, cwd=self._work, timeout=120, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MissingError(f"{name}: {type(error).__name__}") from None
        if done.returncode != 0:
            raise MissingError(f"{name} failed: {_last_line(done.stderr.decode('utf-8', 'replace'))}")

    def _script(self, words: Sequence[str]) -> list[str]:
        return [sys.executable, str(self._find(f"{words[0]}.py")), *map(self._filled, words[1:])]

    def _find(self, name: str) -> Path:
        for folder in (*self._peers, PEERS):
            if (folder / name).is_file():
                return folder / name
        raise MissingError(f"no {name} among the peers")

    def _filled(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: self._names.get(match[1], match[0]), text)

    def run(self, program: str, stack: ExitStack) -> Observed:
        """Start the peer and the program, do the steps, and tell how it ended."""
        descriptors: list[int] = []
        if self._stage.socketpair:
            own, other = pair(stack)
            self._names["fd"] = str(own.fileno())
            descriptors.append(own.fileno())
            stack.enter_context(self._peer(other))
            other.close()
        elif self._stage.peer:
            stack.enter_context(self._peer(None))
        added = self._channels(stack, descriptors)
        arguments = [*map(self._filled, self._stage.arguments), *added]
        command = self._target.command(
            program,
            arguments,
            self._work,
            self._environment(),
            seconds=int(self._stage.limit) + 30,
            unprivileged=self._stage.unprivileged,
            proc=self._stage.proc,
        )
        if self._stage.session_key:
            command = [*self._script(["with_session_key", "key"]), *command]
        out = stack.enter_context((self._work / ".stdout").open("w+b"))
        err = stack.enter_context((self._work / ".stderr").open("w+b"))
        self._process = stack.enter_context(started(command, self._work, out, err, descriptors))
        for end in self._inside:
            end.close()
        self._drive()
        self._observed.stdout, self._observed.stderr = _text(out), _text(err)
        if self._observed.end == "exit 1" and (match := _UNKNOWN.search(self._observed.stderr)):
            raise MissingError(_last_line(self._observed.stderr) or match[0])
        return self._observed

    @contextmanager
    def _peer(self, end: socket.socket | None) -> Iterator[None]:
        if end is not None:
            self._names["peer"] = str(end.fileno())
        command = self._script(self._stage.peer)
        passed = [end.fileno()] if end is not None else []
        process = subprocess.Popen(
            command,
            cwd=self._work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=passed,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            if process.stdout.readline().strip() != b"ready":
                raise MissingError(f"the peer {self._stage.peer[0]} did not start")
            yield
        finally:
            kill(process)
            assert process.stdout is not None
            process.stdout.close()

    def _channels(self, stack: ExitStack, descriptors: list[int]) -> list[str]:
        """What connects the monitor and qtest, to be added to the command line."""
        self._inside: list[socket.socket] = []
        system = self._stage.binary.startswith("qemu-system-")
        named = any("{qmp}" in word for word in self._stage.arguments)
        added: list[str] = ["-display", "none"] if system else []
        if named or (self._stage.monitor and system):
            fd = self._connect(stack, descriptors, "qmp")
            self._names["qmp"] = str(fd)
            if not named:
                added += ["-chardev", f"socket,id=proofqmp,fd={fd}", "-mon", "chardev=proofqmp,mode=control"]
        if any(step.qtest for step in self._stage.steps):
            fd = self._connect(stack, descriptors, "qtest")
            added += ["-chardev", f"socket,id=proofqtest,fd={fd}", "-qtest", "chardev:proofqtest"]
            added += ["-qtest-log", "/dev/null"]
            if "-accel" not in self._stage.arguments:
                # Without its own accelerator qtest reaches the devices as well, while no CPU runs.
                own = self._target.has_qtest(self._stage.binary)
                added += ["-accel", "qtest"] if own else ["-accel", "tcg", "-S"]
        return added

    def _connect(self, stack: ExitStack, descriptors: list[int], kind: str) -> int:
        inside, outside = pair(stack)
        self._inside.append(inside)
        descriptors.append(inside.fileno())
        lines = Lines(outside)
        if kind == "qmp":
            self._monitor = Monitor(lines)
        else:
            self._qtest = QTest(lines)
        return inside.fileno()

    def _environment(self) -> dict[str, str]:
        environment = dict(self._stage.environment)
        if self._stage.preload:
            source = self._find(f"{self._stage.preload}.c")
            library = self._work / f"{self._stage.preload}.so"
            compiler = shutil.which("cc")
            if compiler is None:
                raise MissingError("no C compiler (cc) for what is to be preloaded")
            command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
            if subprocess.run(command, capture_output=True, check=False).returncode != 0:
                raise MissingError(f"{source.name} cannot be compiled")
            root = self._target.root
            inside = library if root is None else Path("/") / library.relative_to(root)
            environment["LD_PRELOAD"] = str(inside)
        return environment

    def _drive(self) -> None:
        stage, process = self._stage, self._process
        assert process is not None
        deadline = time.monotonic() + stage.limit
        started = time.monotonic()
        left = list(stage.steps)
        try:
            if self._monitor is not None and (self._qtest is None or any(s.qmp or s.hmp for s in left)):
                self._monitor.negotiate(deadline)
            while left:
                self._step(left[0], deadline)
                left.pop(0)
            if stage.expect.grows:
                self._watch_growth(deadline)
            if re.fullmatch(stage.expect.end, "running"):
                self._live(started)
        except (GoneError, SilentError):
            pass
        self._observed.lacking += [f"not shown: {step.shows}" for step in left if step.shows]
        wait = 0.5 if re.fullmatch(stage.expect.end, "running") else max(0.5, deadline - time.monotonic())
        try:
            code = process.wait(wait)
            self._observed.end = signal.Signals(-code).name if code < 0 else f"exit {code}"
        except subprocess.TimeoutExpired:
            self._observed.end = "running"

    def _live(self, started: float) -> None:
        """Give the process the time to end; with a monitor, see that it still answers."""
        assert self._process is not None
        if not self._stage.steps or self._monitor is None:
            try:
                self._process.wait(max(0.0, started + self._stage.settle - time.monotonic()))
            except subprocess.TimeoutExpired:
                return

    def _watch_growth(self, deadline: float) -> None:
        assert self._process is not None
        time.sleep(1.0)
        first = resident(self._process.pid)
        while time.monotonic() < deadline and self._process.poll() is None:
            self._observed.grown = max(self._observed.grown, resident(self._process.pid) - first)
            if self._observed.grown > self._stage.expect.grows:
                return
            time.sleep(0.5)

    def _step(self, step: Step, deadline: float) -> None:
        if step.sleep:
            self._sleep(min(step.sleep, deadline - time.monotonic()))
            return
        limit = min(deadline, time.monotonic() + step.wait)
        if step.migrate:
            self._migrate(step.migrate, deadline)
            return
        if step.loaded:
            self._await_migration(deadline)
            return
        try:
            answer = self._repeated(step, limit)
        except SilentError:
            if step.unanswered:
                return
            raise
        if step.unanswered:
            self._observed.lacking.append("it was answered")
        if step.keep:
            self._kept[step.keep] = answer
        if step.needs and re.search(step.needs, answer, re.S) is None:
            raise MissingError(f"{_named(step)}: {answer[:160]}")
        if step.shows and re.search(step.shows, answer, re.S) is None:
            self._observed.lacking.append(f"{_named(step)}: {answer[:160]}")
        refused = answer.startswith(("FAIL", "ERR")) if step.qtest else _UNKNOWN.search(answer) is not None
        if refused and not step.shows:
            raise MissingError(f"{_named(step)}: {answer[:160]}")

    def _repeated(self, step: Step, limit: float) -> str:
        answer = ""
        for _ in range(step.repeat):
            answer = self._ask(step, limit)
        while step.until and re.search(step.until, answer, re.S) is None:
            if time.monotonic() > limit:
                raise MissingError(f"{_named(step)}: {answer[:160]}")
            self._sleep(0.2)
            answer = self._ask(step, limit)
        return answer

    def _ask(self, step: Step, limit: float) -> str:
        if step.qtest:
            assert self._qtest is not None
            return self._qtest.ask(step.qtest, limit)
        if step.script:
            return self._run_script(step.script, limit)
        if step.connect:
            return self._say(step.connect, step.send, limit)
        if self._monitor is None:
            raise MissingError("no monitor for this program")
        if step.hmp:
            answer = self._monitor.ask(
                "human-monitor-command", {"command-line": self._filled(step.hmp)}, limit
            )
            return str(answer.get("return", answer)).replace("\r", "")
        answer = self._monitor.ask(step.qmp, self._values(step.arguments), limit)
        kind = "return" if "return" in answer else "error"
        return f"{kind}: {answer[kind]}"

    def _values(self, value: Any) -> Any:
        """QMP arguments with the places of names filled in; "{key}" is the number of the session key."""
        if isinstance(value, dict):
            return {key: self._values(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._values(item) for item in value]
        if value == "{key}":
            return int((self._work / "key").read_text())
        return self._filled(value) if isinstance(value, str) else value

    def _run_script(self, words: Sequence[str], limit: float) -> str:
        try:
            done = subprocess.run(
                self._script(words),
                cwd=self._work,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=max(0.1, limit - time.monotonic()),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SilentError from None
        return done.stdout.decode("utf-8", "replace").strip()

    def _say(self, name: str, text: str, limit: float) -> str:
        """Send a line to a unix socket in the work folder; its answer, or "" where it is closed instead."""
        with socket.socket(socket.AF_UNIX) as end:
            folder = os.open(self._work, os.O_PATH)
            try:
                connect(end, f"/proc/self/fd/{folder}/{name}", limit)
            finally:
                os.close(folder)
            lines = Lines(end)
            lines.send(text)
            try:
                return lines.receive(limit)
            except GoneError:
                return ""

    def _migrate(self, name: str, deadline: float) -> None:
        assert self._monitor is not None
        self._negotiated(deadline)
        answer = self._monitor.ask("migrate", {"uri": f"exec:cat > {name}"}, deadline)
        if "error" in answer:
            raise MissingError(f"migrate: {answer['error']}")
        self._await_migration(deadline)

    def _await_migration(self, deadline: float) -> None:
        assert self._monitor is not None
        self._negotiated(deadline)
        while True:
            answer = self._monitor.ask("query-migrate", {}, deadline).get("return", {})
            status = answer.get("status", "none") if isinstance(answer, dict) else "none"
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise MissingError(f"the migration {status}: {answer.get('error-desc', '')}")
            self._sleep(0.1)

    def _negotiated(self, deadline: float) -> None:
        assert self._monitor is not None
        if not self._monitor.ready:
            self._monitor.negotiate(deadline)

    def _sleep(self, seconds: float) -> None:
        """Sleep, or raise GoneError as soon as the process has ended."""
        assert self._process is not None
        try:
            self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return
        raise GoneError


def _bytes(item: InputFile) -> bytes:
    if item.accesses:
        return guest_program(item.isa, item.accesses)
    if item.words:
        return b"".join(int(word, 16).to_bytes(4, "little") for word in item.words)
    return bytes.fromhex(item.hex) if item.hex else item.text.encode()


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8", "replace")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def _named(step: Step) -> str:
    return step.qmp or step.hmp or step.qtest or " ".join(step.script) or step.connect
