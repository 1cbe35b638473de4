# SPDX-License-Identifier: GPL-2.0-or-later
"""The fuzzer: what it has found stays mended, a seed gives the same inputs, and it sees what is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import FIXTURES

from fuzz.__main__ import fuzzed, main
from fuzz.mutation import LARGEST, made
from fuzz.targets import TARGETS, Target, Wrong, named, run
from qerrlint.errors import UsageError

SAVED = sorted(path for path in (FIXTURES / "fuzz").glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", SAVED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_found_stays_mended(path: Path) -> None:
    (target,) = named([path.parent.name])
    run(target, path.read_bytes())


@pytest.mark.parametrize("target", [one for one in TARGETS if one.name != "editor"], ids=lambda one: one.name)
def test_some_inputs_of_each_target(target: Target) -> None:
    """The same ones in every run; the editor's sessions are processes, of which those saved are enough."""
    corpus = target.corpus()
    assert corpus
    target.prepare()
    for number in range(8):
        data = made(corpus, target.words, 16, target.name, number)
        assert data == made(corpus, target.words, 16, target.name, number)
        assert len(data) <= LARGEST
        run(target, data)


def test_inputs_depend_on_seed_name_and_number() -> None:
    corpus = [b"a line of text\n" * 9]
    inputs = {made(corpus, (b"word",), *key) for key in ((1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1))}
    assert len(inputs) == 4


def planted(act: Callable[[bytes], None], limit: float = 0.2) -> Target:
    return Target("planted", lambda: [b"some bytes to change\n" * 20], (b"word",), act, limit)


def every_third(act: Callable[[], None]) -> Callable[[bytes], None]:
    count = [0]

    def run_one(_: bytes) -> None:
        count[0] += 1
        if count[0] % 3 == 0:
            act()

    return run_one


def spins() -> None:
    while True:
        pass


def refuses() -> None:
    raise UsageError("a file: in one line")


def refuses_at_length() -> None:
    raise UsageError("a file:\nin two lines")


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: os.environ["QERRLINT_NOT_SET"], "KeyError: 'QERRLINT_NOT_SET'"),
        (refuses_at_length, "an error of several lines"),
        (spins, "more than 0.2 s of CPU time"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "the process ended with -9"),
        (lambda: os._exit(3), "the process ended with 3"),
    ],
)
def test_it_sees_what_is_wrong(act: Callable[[], None], said: str) -> None:
    done, found = fuzzed(planted(every_third(act)), 1, 60, 4)
    assert done.inputs == 4
    assert [one.number for one in found] == [2]
    assert said in found[0].what


def test_errors_of_the_user_are_not_wrong() -> None:
    done, found = fuzzed(planted(every_third(refuses)), 1, 60, 7)
    assert (done.inputs, found) == (7, [])


def test_a_target_that_is_always_wrong_ends(capsys: pytest.CaptureFixture[str]) -> None:
    def act(_: bytes) -> None:
        raise Wrong("always")

    _, found = fuzzed(planted(act), 1, 60, 1000)
    assert len(found) == 20


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--target", "diff", "--inputs", "5", "--seed", "3", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("seed 3\ndiff                    5 inputs, slowest ")
    assert out.rstrip().endswith("0 wrong")
    save = tmp_path / "bytes"
    assert main(["--target", "diff", "--seed", "3", "--input", "4", "--save", str(save)]) == 0
    (target,) = named(["diff"])
    assert save.read_bytes() == made(target.corpus(), target.words, 3, "diff", 4)


def test_a_server_whose_input_ends_leaves_no_traceback() -> None:
    pytest.importorskip("pygls")
    command = [sys.executable, "-m", "qerrlint", "lsp"]
    env = {**os.environ, "PYTHONPATH": str(FIXTURES.parent)}
    done = subprocess.run(command, input=b"", capture_output=True, env=env, timeout=60, check=False)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0
