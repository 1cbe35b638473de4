# SPDX-License-Identifier: GPL-2.0-or-later
"""bench/mutants.py: which mutants a module has, and that those of a former run are found again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mutants
import pytest
from mutants import Mutant, found_again, mutants_of

TEXT = b"""LIMIT = 3


class Crate:
    def fits(self, size):
        return size < 4 and size < 4

    def holds(self, size):
        return size < 4
"""


def named(text: bytes, old: str, function: str) -> list[Mutant]:
    return [one for one in mutants_of("m.py", text) if (one.old, one.function) == (old, function)]


def test_each_mutant_is_one_change_of_the_text() -> None:
    found = mutants_of("m.py", TEXT)
    assert len(found) == len(set(found))
    for one in found:
        assert TEXT[one.start : one.end].decode() == one.old != one.new
        assert TEXT[: one.start].count(b"\n") + 1 == one.line
    assert {one.function for one in found} == {"", "Crate.fits", "Crate.holds"}
    assert [one.new for one in named(TEXT, "size < 4", "Crate.fits")] == ["(size <= 4)", "(size <= 4)"]


@pytest.mark.parametrize("above", [b"", b"import os\n\n", b"def fits(size):\n    return size < 4\n\n\n"])
def test_a_mutant_of_a_former_run_is_found_again(above: bytes) -> None:
    now = mutants_of("m.py", above + TEXT)
    for one in mutants_of("m.py", TEXT):
        again = found_again(one, now)
        assert again is not None
        if one.function:
            assert (again.start, again.line) == (one.start + len(above), one.line + above.count(b"\n"))


def test_what_has_gone_is_not_found() -> None:
    first, second = named(TEXT, "size < 4", "Crate.fits")
    less = mutants_of("m.py", TEXT.replace(b" and size < 4", b""))
    assert found_again(first, less) is not None
    assert found_again(second, less) is None
    assert found_again(first, mutants_of("m.py", TEXT.replace(b"fits", b"takes"))) is None


def test_without_a_function_the_nearest_line_is_taken() -> None:
    (one,) = named(TEXT, "size < 4", "Crate.holds")
    former = replace(one, function="", among=0, line=one.line + 1)
    assert found_again(former, mutants_of("m.py", TEXT)) == one


_PARENT = """
import os, sys, time
from multiprocessing import get_context
from pathlib import Path
from mutants import Copy, watch_parent

class Begun(Copy):
    def __init__(self, folder):
        self.folder = folder
        self.child = os.fork()

def work():
    begun = Begun(Path(sys.argv[1]))
    if begun.child:
        watch_parent(begun)
        print("begun", flush=True)
    time.sleep(600)

get_context("fork").Process(target=work).start()
time.sleep(600)
"""


def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    """However the parent ends: the worker, the tests that it runs and its copy go as well."""
    folder = tmp_path / "copy"
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, os.fspath(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.fspath(Path(mutants.__file__).parent)},
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"begun\n"
        parent.kill()
        try:
            # The stream ends when the last process that has it has ended.
            parent.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(parent.pid, signal.SIGKILL)
            raise
    assert not folder.exists()
