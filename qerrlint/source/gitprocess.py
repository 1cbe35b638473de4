# SPDX-License-Identifier: GPL-2.0-or-later
"""Git as a child process that only reads: environment, options, errors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from qerrlint.errors import InputError

if TYPE_CHECKING:
    import subprocess

# What a repository's configuration could make git start or write is switched off here: the file system
# monitor, signature checks, pagers, lazy fetches from a remote, opportunistic refreshes of the index.
_OPTIONS = (
    "--no-pager",
    "--literal-pathspecs",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "log.showSignature=false",
    "-c",
    "core.quotePath=false",
)
_SETTINGS = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "LANGUAGE": "",
}
# Variables by which a hook's environment points every git at the hook's own repository.
_LOCATION = frozenset(
    ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_CEILING_DIRECTORIES")
)
_STORE = ("GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
# Variables that change what a command prints or starts.
_BEHAVIOUR = frozenset(
    (
        "GIT_EXTERNAL_DIFF",
        "GIT_DIFF_OPTS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
    )
)

# Requests in flight at once: 64 of 41 bytes fit even into a pipe of one page, so neither side can block
# while the other waits.
_IN_FLIGHT = 64


def _environment(store: dict[str, str]) -> dict[str, str]:
    dropped = _LOCATION | _BEHAVIOUR | set(_STORE)
    env = {name: value for name, value in os.environ.items() if name not in dropped}
    env.update(_SETTINGS)
    env.update(store)
    return env


def hook_store(git_dir: str) -> dict[str, str]:
    """The index and object directories a running hook was given, when they belong to `git_dir`.

    During `git commit -a` or `git commit FILE` the index to be committed is a temporary file that only
    GIT_INDEX_FILE names; a pre-receive hook has its new objects in GIT_OBJECT_DIRECTORY.
    """
    given = {name: os.environ[name] for name in _STORE if os.environ.get(name)}
    if not given:
        return {}
    own = os.environ.get("GIT_DIR")
    if own is None:
        own = _git_dir_above(os.getcwd())
    if own is None or os.path.realpath(own) != os.path.realpath(git_dir):
        return {}
    for name in ("GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        if name in given:
            given[name] = os.path.abspath(given[name])
    return given


def _git_dir_above(start: str) -> str | None:
    folder = start
    while True:
        mark = os.path.join(folder, ".git")
        if os.path.isdir(mark):
            return mark
        if os.path.isfile(mark):
            try:
                with open(mark, encoding="utf-8", errors="surrogateescape") as file:
                    text = file.readline().strip()
            except OSError:
                return None
            return os.path.join(folder, text[8:]) if text.startswith("gitdir: ") else None
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


class Git:
    """Git commands in one directory, which git itself must accept as (part of) a repository."""

    def __init__(self, directory: str, store: dict[str, str] | None = None) -> None:
        self.directory = directory
        self._store = store or {}

    def run(self, arguments: Sequence[str], *, stdin: bytes = b"") -> bytes:
        """Standard output of a command; raises InputError with git's own first line when it fails."""
        code, out, err = self.try_run(arguments, stdin=stdin)
        if code != 0:
            raise InputError(self._explain(err) or f"{self.directory}: git {arguments[0]} failed")
        return out

    def try_run(self, arguments: Sequence[str], *, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        """Exit code, standard output and error; raises InputError when git is missing or refuses access."""
        import subprocess

        try:
            done = subprocess.run(
                self._command(arguments),
                input=stdin,
                capture_output=True,
                env=_environment(self._store),
                check=False,
            )
        except OSError as error:
            raise self._missing(error) from None
        except ValueError:
            raise InputError(f"{self.directory}: a NUL byte in an argument to git") from None
        if done.returncode == 128:
            self._refuse(done.stderr)
        return done.returncode, done.stdout, done.stderr

    def start(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        """A long-lived command with pipes for standard input and output."""
        import subprocess

        try:
            return subprocess.Popen(
                self._command(arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(self._store),
            )
        except OSError as error:
            raise self._missing(error) from None

    def records(self, arguments: Sequence[str]) -> Iterator[bytes]:
        """What a command prints, cut at the bytes 1, as it comes; the command ends with the iteration."""
        process = self.start(arguments)
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdin.close()
        try:
            rest = b""
            while chunk := os.read(process.stdout.fileno(), 65536):
                *records, rest = (rest + chunk).split(b"\x01")
                yield from records
            yield rest
        finally:
            process.stdout.close()
            process.kill()
            process.wait()

    def _command(self, arguments: Sequence[str]) -> list[bytes]:
        words = ("git", "-C", self.directory, *_OPTIONS, *arguments)
        return [word.encode("utf-8", "surrogateescape") for word in words]

    def _missing(self, error: OSError) -> InputError:
        return InputError(f"{self.directory}: git cannot be started: {error.strerror or error}")

    def _refuse(self, err: bytes) -> None:
        if b"dubious ownership" in err or b"unsafe repository" in err:
            raise InputError(
                f"{self.directory}: git refuses this repository because somebody else owns it "
                "(to allow it: git config --global --add safe.directory DIR)"
            )
        if b"safe.bareRepository" in err:
            raise InputError(f"{self.directory}: git refuses bare repositories here (safe.bareRepository)")

    def _explain(self, err: bytes) -> str:
        for line in err.decode("utf-8", "replace").splitlines():
            if line.startswith(("fatal: ", "error: ")):
                return f"{self.directory}: git: {line.split(': ', 1)[1]}"
        return ""


class BlobReader:
    """Blobs by id through one long-lived `git cat-file --batch`, started at the first request."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def __getstate__(self) -> Git:
        return self._git

    def __setstate__(self, git: Git) -> None:
        self.__init__(git)  # type: ignore[misc]

    def read(self, blob: str) -> bytes | None:
        """The blob's bytes; None when the object is missing (as in a partial clone) or is no blob."""
        return next(self.read_many((blob,)))

    def read_many(self, blobs: Iterable[str]) -> Iterator[bytes | None]:
        """The bytes of each blob, in order; a bounded number of requests is under way at a time."""
        batch: list[str] = []
        for blob in blobs:
            batch.append(blob)
            if len(batch) == _IN_FLIGHT:
                yield from self._exchange(batch)
                batch = []
        if batch:
            yield from self._exchange(batch)

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._owner == os.getpid() and process.stdin and process.stdout:
            with suppress(BrokenPipeError):  # git has ended: there is no repository
                process.stdin.close()
            process.stdout.close()
            process.wait()

    def _exchange(self, blobs: Sequence[str]) -> list[bytes | None]:
        # The whole batch is read before the first blob is handed out: a caller who stops half-way must
        # not leave answers in the pipe for the next request.
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write("".join(f"{blob}\n" for blob in blobs).encode("ascii"))
            process.stdin.flush()
            return [self._answer(process) for _ in blobs]
        except BrokenPipeError:
            raise InputError(f"{self._git.directory}: git cat-file ended early") from None

    def _answer(self, process: subprocess.Popen[bytes]) -> bytes | None:
        assert process.stdout is not None
        head = process.stdout.readline()
        if not head:
            raise InputError(f"{self._git.directory}: git cat-file ended early")
        words = head.split()
        if len(words) != 3 or not words[2].isdigit():
            return None
        data = process.stdout.read(int(words[2]))
        process.stdout.read(1)
        return data if words[1] == b"blob" else None

    def _running(self) -> subprocess.Popen[bytes]:
        # After a fork the pipe is shared with the parent: a child starts a process of its own.
        if self._process is None or self._owner != os.getpid():
            self._process = self._git.start(("cat-file", "--batch"))
            self._owner = os.getpid()
        return self._process

    def __del__(self) -> None:
        self.close()
