# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts mutated inputs through the targets of qerrlint until the time is over, and saves those that break it.

    python -m fuzz --seconds 60                         # all targets, a seed that is drawn and printed
    python -m fuzz --target mail --inputs 1000000 --seed 7
    python -m fuzz --target mail --seed 7 --input 4711  # this one again; --save writes its bytes

An input is wrong when anything but a one-line error of the user's comes out, when it takes more than the
target's limit of CPU time, or when the process dies. Exit code: 1 if there is one.
"""

from __future__ import annotations

import argparse
import mmap
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz.mutation import made
from fuzz.targets import Target, named, run
from qerrlint.engine.gc_tuning import relax

# An input that a C library does not come back from is ended after so many times its limit of real time.
_PATIENCE = 30
_MEMORY = 3 << 30
_STOP = 20


class Slow(BaseException):
    """The input has taken more CPU time than it may; no `except Exception` of the program stops it."""


@dataclass(frozen=True, slots=True)
class Found:
    """An input that breaks a target, and what happened."""

    target: str
    number: int
    what: str


@dataclass(slots=True)
class Done:
    """What a target has been through: inputs, the slowest in CPU seconds, the peak of memory in MiB."""

    inputs: int = 0
    slowest: float = 0.0
    peak: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say; the exit code."""
    options = _options(arguments)
    relax()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**9)
    targets = named(options.target)
    if options.input is not None:
        data = made(targets[0].corpus(), targets[0].words, seed, targets[0].name, options.input)
        if options.save:
            Path(options.save).write_bytes(data)
        what = _tried(targets[0], data)
        print(what or "nothing wrong")
        return 1 if what else 0
    print(f"seed {seed}", flush=True)
    found: list[Found] = []
    for target in targets:
        done, own = fuzzed(target, seed, options.seconds / len(targets), options.inputs)
        found += own
        print(
            f"{target.name:16} {done.inputs:8} inputs, slowest {done.slowest:.2f} s of CPU time, "
            f"peak {done.peak} MiB, {len(own)} wrong",
            flush=True,
        )
    for one in found:
        data = made(
            named([one.target])[0].corpus(), named([one.target])[0].words, seed, one.target, one.number
        )
        folder = Path(options.out)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{one.target}-{seed}-{one.number}"
        file.write_bytes(data)
        print(f"\n{one.target}, input {one.number} ({file}): {one.what}")
    return 1 if found else 0


def fuzzed(target: Target, seed: int, seconds: float, most: int) -> tuple[Done, list[Found]]:
    """Inputs 0, 1, ... of a target in a child, until `seconds` are over or `most` (0: any number) are done.

    A child that dies or hangs costs the input that it was at; the next child goes on behind it.
    """
    target.corpus()
    target.prepare()
    shared = mmap.mmap(-1, 24)
    end = time.monotonic() + seconds
    done, number = Done(), 0
    found: list[Found] = []
    while time.monotonic() < end and (not most or number < most) and len(found) < _STOP:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _child(target, seed, number, end, most, shared, writer)
        os.close(writer)
        ended = _watched(child, target, shared, end)
        with os.fdopen(reader, "rb") as pipe:
            for line in pipe.read().split(b"\0"):
                if line:
                    at, _, what = line.partition(b" ")
                    found.append(Found(target.name, int(at), what.decode("utf-8", "replace")))
        number = int.from_bytes(shared[:8], "little")
        if ended:
            found.append(Found(target.name, number, ended))
            number += 1
        elif time.monotonic() < end and (not most or number < most):
            break  # it gave up after many
    done.inputs = number
    done.slowest = int.from_bytes(shared[8:16], "little") / 1000
    done.peak = int.from_bytes(shared[16:24], "little") // 1024
    return done, found


def _watched(child: int, target: Target, shared: mmap.mmap, end: float) -> str:
    """Wait for a child; what it died of, "" if it came to its end."""
    at, since = -1, time.monotonic()
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            return "" if code == 0 else f"the process ended with {code}"
        now = int.from_bytes(shared[:8], "little")
        if now != at:
            at, since = now, time.monotonic()
        elif time.monotonic() - since > _PATIENCE * max(target.limit, 1):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "it did not come to an end"
        time.sleep(0.05)


def _child(
    target: Target, seed: int, number: int, end: float, most: int, shared: mmap.mmap, writer: int
) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    wrong = 0
    corpus = target.corpus()
    while time.monotonic() < end and (not most or number < most) and wrong < _STOP:
        shared[:8] = number.to_bytes(8, "little")
        data = made(corpus, target.words, seed, target.name, number)
        before = time.process_time()
        what = _tried(target, data)
        if what:
            wrong += 1
            os.write(writer, f"{number} {what[-3000:]}\0".encode("utf-8", "replace"))
        spent = int((time.process_time() - before) * 1000)
        if spent > int.from_bytes(shared[8:16], "little"):
            shared[8:16] = spent.to_bytes(8, "little")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        shared[16:24] = peak.to_bytes(8, "little")
        number += 1
        shared[:8] = number.to_bytes(8, "little")
    os._exit(0)


def _tried(target: Target, data: bytes) -> str:
    """What is wrong with what a target does with an input; "" for nothing."""

    def late(*_: object) -> None:
        raise Slow

    signal.signal(signal.SIGPROF, late)
    try:
        signal.setitimer(signal.ITIMER_PROF, target.limit)
        run(target, data)
    except Slow:
        where = traceback.format_exc(limit=-6)
        return f"more than {target.limit:g} s of CPU time for {len(data)} bytes:\n{where}"
    except BaseException:
        return traceback.format_exc(limit=-12)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m fuzz",
        description="Mutated inputs for the parts of qerrlint that read a stranger's bytes.",
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together (default: 60)")
    parser.add_argument("--inputs", type=int, default=0, help="at most so many for each target")
    parser.add_argument("--seed", type=int, help="default: one that is drawn and printed")
    parser.add_argument("--target", action="append", default=[], help="only this one; may be repeated")
    parser.add_argument("--input", type=int, metavar="N", help="only input N of the target")
    parser.add_argument("--save", metavar="FILE", help="with --input: write its bytes there")
    parser.add_argument(
        "--out", default="build/fuzz", metavar="DIR", help="where inputs that break it are saved"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
